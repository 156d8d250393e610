//! Query parameters and ids in paths, with errors that name them.

use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use context_manager_core::ContextId;
use data_encoding::HEXLOWER_PERMISSIVE;
use uuid::Uuid;

use super::problem::{FieldError, Problem};
use crate::expected::unknown;

/// The query parameters of a request.
#[derive(Debug)]
pub(crate) struct Params {
    values: BTreeMap<String, String>,
    errors: Vec<FieldError>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        // Its errors were found before, by [`check_query`].
        let pairs = parts.uri.query().into_iter().flat_map(pairs);
        let values = pairs.filter_map(|(name, value)| Some((name.ok()?, value.ok()?)));
        Ok(Self {
            values: values.collect(),
            errors: Vec::new(),
        })
    }
}

/// Checks the parameters of a query.
///
/// # Errors
/// Every parameter that is not one of `known`, is given twice, or is not UTF-8.
pub(crate) fn check_query(query: Option<&str>, known: &[String]) -> Result<(), Problem> {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let (mut seen, mut errors) = (HashSet::new(), Vec::new());
    for (name, value) in query.into_iter().flat_map(pairs) {
        let name = name.unwrap_or_else(|lossy| lossy);
        let detail = if !known.contains(&name.as_str()) {
            unknown("parameter", &name, &known)
        } else if value.is_err() {
            "is not UTF-8".to_owned()
        } else if seen.contains(&name) {
            "is given twice".to_owned()
        } else {
            seen.insert(name);
            continue;
        };
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        errors.push(FieldError { pointer, detail });
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(errors))
    }
}

/// Name and value, each decoded; an error holds a lossy form of text that is not UTF-8.
type Pair = (Result<String, String>, Result<String, String>);

fn pairs(query: &str) -> impl Iterator<Item = Pair> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = after
            .first_chunk::<2>()
            .filter(|_| *first == b'%')
            .and_then(|digits| HEXLOWER_PERMISSIVE.decode(digits).ok());
        rest = if let Some(byte) = escaped {
            bytes.extend(byte);
            &after[2..]
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
            after
        };
    }
    String::from_utf8(bytes).map_err(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl Params {
    /// Takes a parameter as it was sent.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    /// Takes a parameter of type `T`; an unreadable one is noted as an error.
    pub(crate) fn parse<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let value = self.values.remove(name)?;
        let parsed = value.parse().ok();
        if parsed.is_none() {
            self.error(name, expected);
        }
        parsed
    }

    /// Takes `limit`, a whole number from 1 to `maximum`, or `default`.
    pub(crate) fn limit(&mut self, default: usize, maximum: usize) -> usize {
        let expected = format!("must be a whole number from 1 to {maximum}");
        let limit = self.parse("limit", &expected).unwrap_or(default);
        if !(1..=maximum).contains(&limit) {
            self.error("limit", &expected);
        }
        limit
    }

    /// Returns every error at once.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.errors))
        }
    }

    pub(crate) fn error(&mut self, name: &str, expected: &str) {
        self.errors.push(FieldError {
            pointer: format!("/{name}"),
            detail: expected.to_owned(),
        });
    }
}

/// The id of a context at the end of a path.
#[derive(Debug)]
pub(crate) struct PathId(pub(crate) ContextId);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(id)| id.parse::<Uuid>().ok());
        id.map(|id| Self(ContextId(id)))
            .ok_or_else(|| Problem::invalid_field("/id", "must be a UUID"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_as_forms_are() {
        for (text, meant) in [
            ("a+b%20c", "a b c"),
            ("%C3%a4", "\u{e4}"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("", ""),
        ] {
            assert_eq!(decoded(text), Ok(meant.to_owned()), "{text}");
        }
        assert!(decoded("a%FF").is_err());
    }

    #[test]
    fn what_is_wrong_whatever_it_is_for_is_told_at_once() {
        let known = ["limit", "user_id"].map(str::to_owned);
        assert!(check_query(Some("limit=1&&user_id=%C3%A4"), &known).is_ok());
        assert!(check_query(None, &known).is_ok());
        let problem = check_query(Some("limt=1&user_id=%FF&limit=1&limit=2&a/b"), &known).unwrap_err();
        let problem = serde_json::to_value(problem).unwrap();
        let errors: Vec<[&str; 2]> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| ["pointer", "detail"].map(|key| error[key].as_str().unwrap()))
            .collect();
        let expected = [
            ["/limt", "unknown parameter; did you mean `limit`?"],
            ["/user_id", "is not UTF-8"],
            ["/limit", "is given twice"],
            ["/a~1b", "unknown parameter; expected one of `limit`, `user_id`"],
        ];
        assert_eq!(errors, expected);
    }
}
