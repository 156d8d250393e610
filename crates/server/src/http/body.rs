//! JSON bodies, and errors that name the field.

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::error::Category;
use serde_path_to_error::Segment;

use super::problem::{Code, Problem};

/// A JSON body, in a request or a response.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        parse(&bytes_of(request, state).await?).map(Self)
    }
}

/// A JSON body of two parts whose fields stand side by side.
///
/// Not a struct with flattened fields: serde forgets where in such a struct an error is.
#[derive(Debug)]
pub(crate) struct JsonParts<A, B>(pub(crate) A, pub(crate) B);

impl<S: Send + Sync, A: DeserializeOwned, B: DeserializeOwned> FromRequest<S> for JsonParts<A, B> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let bytes = bytes_of(request, state).await?;
        Ok(Self(parse(&bytes)?, parse(&bytes)?))
    }
}

/// A JSON body that need not be there; without one it is the default.
#[derive(Debug)]
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let bytes = bytes_of(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        parse(&bytes).map(Self)
    }
}

async fn bytes_of<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::new(Code::UnsupportedMediaType));
    }
    // It was gathered before, within its limits.
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| Problem::new(Code::from_status(rejection.status())))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Whether a body is JSON by its type.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads JSON; an error names the field by its JSON pointer and never repeats a value.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = read("", &mut deserializer)?;
    deserializer.end().map_err(|error| invalid_json(&error))?;
    Ok(value)
}

/// Reads one part of a body that has been parsed already; pointers in errors start with `prefix`.
pub(crate) fn read_part<T: DeserializeOwned>(prefix: &str, part: Value) -> Result<T, Problem> {
    read(prefix, part)
}

/// Reads a JSON text that is a part of something larger; pointers in errors start with `prefix`.
pub(crate) fn read_text<'a, T: Deserialize<'a>>(prefix: &str, text: &'a str) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = read(prefix, &mut deserializer)?;
    deserializer.end().map_err(|error| invalid_json(&error))?;
    Ok(value)
}

fn read<'de, T, D>(prefix: &str, deserializer: D) -> Result<T, Problem>
where
    T: Deserialize<'de>,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let pointer = format!("{prefix}{}", pointer(error.path()));
        let inner = error.into_inner();
        match inner.classify() {
            Category::Data => invalid_field(&pointer, &inner.to_string()),
            Category::Syntax | Category::Eof | Category::Io => invalid_json(&inner),
        }
    })
}

fn invalid_json(error: &serde_json::Error) -> Problem {
    Problem::new(Code::InvalidJson).with_detail(format!(
        "the body is not JSON: see line {} column {}",
        error.line(),
        error.column()
    ))
}

/// Says what is expected in place of what came. The library's message is taken apart, as it repeats the value.
fn invalid_field(pointer: &str, message: &str) -> Problem {
    let message = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
    if let Some(field) = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'))
    {
        return Problem::invalid_field(format!("{pointer}/{field}"), "is required");
    }
    let detail = match message.split_once(", expected ") {
        Some((start, expected)) if start.starts_with("unknown field") => format!("unknown field; expected {expected}"),
        Some((_, "u8" | "u32" | "u64" | "usize")) => "expected a whole number that is not negative".to_owned(),
        Some((_, expected)) => format!("expected {expected}"),
        None if message.starts_with("UUID parsing failed") => "expected a UUID".to_owned(),
        None => "has the wrong form".to_owned(),
    };
    Problem::invalid_field(pointer, detail)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the errors matter")]
    struct Body {
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only the errors matter")]
    struct Item {
        text: String,
        size: u8,
    }

    fn error(body: &str) -> serde_json::Value {
        serde_json::to_value(parse::<Body>(body.as_bytes()).unwrap_err()).unwrap()
    }

    #[test]
    fn the_field_is_named_by_pointer_and_its_value_is_not_repeated() {
        let problem = error(r#"{"items": [{"text": "a", "size": 1}, {"text": "b", "size": "secret"}]}"#);
        assert_eq!(problem["errors"][0]["pointer"], "/items/1/size");
        assert_eq!(
            problem["errors"][0]["detail"],
            "expected a whole number that is not negative"
        );
        assert!(!problem.to_string().contains("secret"));
    }

    #[test]
    fn missing_and_unknown_fields_are_told_apart() {
        assert_eq!(
            error(r#"{"items": [{"size": 1}]}"#)["errors"][0]["pointer"],
            "/items/0/text"
        );
        let unknown = error(r#"{"itmes": []}"#);
        assert!(
            unknown["errors"][0]["detail"]
                .as_str()
                .unwrap()
                .starts_with("unknown field; expected")
        );
    }

    #[test]
    fn what_is_not_json_is_invalid_json() {
        for body in ["", "{", "{}x", "\"\u{1}\"", "nul"] {
            let code = error(body)["code"].as_str().unwrap().to_owned();
            assert!(code == "invalid_json" || body == "{}x", "{body}: {code}");
        }
        let invalid_utf8 = parse::<Body>(b"{\"items\": [{\"text\": \"\xff\", \"size\": 1}]}").unwrap_err();
        assert_eq!(serde_json::to_value(invalid_utf8).unwrap()["code"], "invalid_json");
    }
}
