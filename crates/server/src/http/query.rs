//! Query parameters and ids in paths, with errors that name them.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use context_manager_core::ContextId;
use uuid::Uuid;

use super::problem::{Code, FieldError, Problem};

/// The query parameters of a request. A parameter given twice keeps its last value.
#[derive(Debug)]
pub(crate) struct Params {
    values: BTreeMap<String, String>,
    errors: Vec<FieldError>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::new(Code::InvalidRequest).with_detail("the query string cannot be read"))?;
        Ok(Self {
            values: pairs.into_iter().collect(),
            errors: Vec::new(),
        })
    }
}

impl Params {
    /// A parameter as it was given.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    /// A parameter of type `T`; what cannot be read is remembered as an error.
    pub(crate) fn parse<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let value = self.values.remove(name)?;
        let parsed = value.parse().ok();
        if parsed.is_none() {
            self.error(name, expected);
        }
        parsed
    }

    /// A whole number from 1 to `maximum`, or `default`.
    pub(crate) fn limit(&mut self, default: usize, maximum: usize) -> usize {
        let expected = format!("must be a whole number from 1 to {maximum}");
        let limit = self.parse("limit", &expected).unwrap_or(default);
        if !(1..=maximum).contains(&limit) {
            self.error("limit", &expected);
        }
        limit
    }

    /// Nothing, or every error at once.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.errors))
        }
    }

    fn error(&mut self, name: &str, expected: &str) {
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
