//! JSON bodies, and errors that name the field.

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use context_manager_client::wire;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_path_to_error::{Segment, Track};

use super::problem::{Code, Problem, code_of};
use super::strict::{Others, Strict};
use crate::expected::in_words;

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

/// The second part of a body, whose fields are known to the reader of the first.
pub(crate) trait SecondPart: DeserializeOwned {
    /// Their names.
    const FIELDS: &'static [&'static str];
}

impl SecondPart for wire::Layout {
    const FIELDS: &'static [&'static str] = Self::FIELDS;
}

impl<S: Send + Sync, A: DeserializeOwned, B: SecondPart> FromRequest<S> for JsonParts<A, B> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        parse_parts(&bytes_of(request, state).await?)
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
        .map_err(|rejection| Problem::new(code_of(rejection.status())))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Returns whether a body is JSON by its media type.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads JSON; an error names the field by its JSON pointer and never repeats a value.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    read(
        "",
        serde_json::Deserializer::from_slice(without_mark(bytes)),
        Others::Refused,
    )
}

/// Reads JSON whose fields are those of two types.
pub(crate) fn parse_parts<A: DeserializeOwned, B: SecondPart>(bytes: &[u8]) -> Result<JsonParts<A, B>, Problem> {
    let json = || serde_json::Deserializer::from_slice(without_mark(bytes));
    let first = read("", json(), Others::Except(B::FIELDS))?;
    Ok(JsonParts(first, read("", json(), Others::PassedOver)?))
}

/// Reads a JSON text that is a part of something larger; pointers in errors start with `prefix`.
pub(crate) fn read_text<'a, T: Deserialize<'a>>(prefix: &str, text: &'a str) -> Result<T, Problem> {
    read(prefix, serde_json::Deserializer::from_str(text), Others::Refused)
}

/// Without the byte order mark that some programs write first, as RFC 8259 allows readers.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn read<'de, T, R>(prefix: &str, mut json: serde_json::Deserializer<R>, others: Others) -> Result<T, Problem>
where
    T: Deserialize<'de>,
    R: serde_json::de::Read<'de>,
{
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let value = T::deserialize(Strict::new(tracked, others));
    let value = value.map_err(|error| problem(&format!("{prefix}{}", pointer(&track.path())), &error))?;
    json.end().map_err(|error| problem(prefix, &error))?;
    Ok(value)
}

const ROUNDED: &str = "holds a number that would be rounded, as it is beyond 64 bits; send it as a string";

fn problem(pointer: &str, error: &serde_json::Error) -> Problem {
    let detail = detail(error);
    match (error.classify(), detail.as_str()) {
        (Category::Data, _) => match detail.strip_prefix(MISSING) {
            Some(field) => Problem::invalid_field(format!("{pointer}/{field}"), "is required"),
            None => Problem::invalid_field(pointer, detail),
        },
        // By its grammar it is JSON.
        (Category::Syntax, ROUNDED | HALF_CHARACTER | TOO_DEEP) => Problem::invalid_field(pointer, detail),
        (Category::Syntax | Category::Eof | Category::Io, _) => Problem::new(Code::InvalidJson).with_detail(format!(
            "the body is not JSON: {detail}, at line {} column {}",
            error.line(),
            error.column()
        )),
    }
}

const MISSING: &str = "missing field ";
const HALF_CHARACTER: &str =
    "has half of a surrogate pair (such as \\ud83d), as is left of a character that was cut in two";
const TOO_DEEP: &str = "is nested too deeply";

/// Describes the error in the API's words. It takes the library's message apart, as that repeats the value.
fn detail(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(before, _)| before);
    if let Some(field) = message.strip_prefix("missing field `") {
        return format!("{MISSING}{}", field.trim_end_matches('`'));
    }
    let of_a_type = ["invalid type", "invalid value", "invalid length", "unknown variant"];
    match message {
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => HALF_CHARACTER.to_owned(),
        "number out of range" => ROUNDED.to_owned(),
        "recursion limit exceeded" => TOO_DEEP.to_owned(),
        "invalid unicode code point" => "it is not UTF-8".to_owned(),
        _ if message.starts_with("UUID parsing failed") => "must be a UUID".to_owned(),
        _ if of_a_type.iter().any(|start| message.starts_with(start)) => {
            let expected = message.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
            format!("must be {}", in_words(expected))
        }
        _ => message.to_owned(),
    }
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
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only the errors matter")]
    struct Item {
        text: String,
        size: u8,
        id: Option<uuid::Uuid>,
        word: Option<Word>,
        more: Option<serde_json::Map<String, Value>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        One,
        Two,
    }

    #[derive(Debug, Deserialize)]
    struct Second {
        order: Option<Word>,
    }

    impl SecondPart for Second {
        const FIELDS: &'static [&'static str] = &["order"];
    }

    fn error(body: &str) -> serde_json::Value {
        serde_json::to_value(parse::<Body>(body.as_bytes()).unwrap_err()).unwrap()
    }

    #[test]
    fn the_field_is_named_by_pointer_and_its_value_is_not_repeated() {
        let problem =
            error(r#"{"items": [{"text": "a", "size": 1}, {"text": "b", "size": "a, expected secret at line 1"}]}"#);
        assert_eq!(problem["errors"][0]["pointer"], "/items/1/size");
        assert_eq!(problem["errors"][0]["detail"], "must be a whole number from 0 to 255");
        assert!(!problem.to_string().contains("secret"));
    }

    /// Bodies, or the fields of an item after its text; the pointer; the detail. `half`: half of a surrogate pair.
    const FIELD_ERRORS: &str = r#"
        [] => => must be an object
        7 => => must be an object
        {"items": {}} => /items => must be an array
        {"items": [["a", 1]]} => /items/0 => must be an object
        {"items": [{"size": 1}]} => /items/0/text => is required
        {"itmes": []} => /itmes => unknown field; did you mean `items`?
        {"items": [], "zzz": 1} => /zzz => unknown field; expected one of `items`
        {"items": [], "items": []} => /items => is given twice
        "size": 20.5 => /items/0/size => must be a whole number from 0 to 255
        "size": 256.0 => /items/0/size => must be a whole number from 0 to 255
        "size": -1 => /items/0/size => must be a whole number from 0 to 255
        "size": 1e999 => /items/0/size => rounded
        "size": 1, "id": 5 => /items/0/id => must be a UUID
        "size": 1, "id": "5" => /items/0/id => must be a UUID
        "size": 1, "word": {"one": null} => /items/0/word => must be one of `one`, `two`
        "size": 1, "word": "three, expected secret" => /items/0/word => must be one of `one`, `two`
        "size": 1, "word": 1 => /items/0/word => must be one of `one`, `two`
        "size": 1, "more": {"a": {"b": [1, "\ud83d"]}} => /items/0/more/a/b/1 => half
        "size": 1, "more": {"a": 1, "a": 1} => /items/0/more/a => is given twice
        "size": 1, "more": {"\udc00": 1} => /items/0/more => half
        {"items": [{"text": "\ud83dx"}]} => /items/0/text => half
        {"items": [{"text": "\ud83d\ud83d"}]} => /items/0/text => half
        {"items": [{"text": "\ude00\ud83d"}]} => /items/0/text => half
    "#;

    #[test]
    fn every_field_error_is_told_in_the_words_of_the_api() {
        for case in FIELD_ERRORS.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let [body, pointer, detail] = case.split("=>").map(str::trim).collect::<Vec<_>>()[..] else {
                panic!("{case}");
            };
            let detail = match detail {
                "half" => HALF_CHARACTER,
                "rounded" => ROUNDED,
                detail => detail,
            };
            let item = format!(r#"{{"items": [{{"text": "a", {body}}}]}}"#);
            let problem = error(if body.starts_with('"') { &item } else { body });
            let found = &problem["errors"][0];
            assert_eq!(
                (&found["pointer"], &found["detail"]),
                (&pointer.into(), &detail.into()),
                "{body}"
            );
        }
        let cut = error(r#"{"items": [{"text": "a", "size": 1, "id": "5}]}"#);
        assert_eq!(cut["code"], "invalid_json", "{cut}");
    }

    #[test]
    fn what_json_allows_is_read() {
        for (body, size) in [
            (
                r#"{"items": [{"text": "\ud83d\ude00", "size": 20.0, "word": "two"}]}"#,
                20,
            ),
            ("\u{feff}{\"items\": [{\"size\": 2e1, \"text\": \"\"}]}", 20),
            (
                r#"{"items": [{"text": "", "size": -0.0, "id": null, "more": {"a": {"b": 1}}}]}"#,
                0,
            ),
        ] {
            let body: Body = parse(body.as_bytes()).unwrap();
            assert_eq!(body.items[0].size, size);
        }
    }

    #[test]
    fn what_is_not_json_is_invalid_json_and_says_where() {
        for body in ["", "{", "{}x", "\"\u{1}\"", "nul", r#"{"items": ["\u12"]}"#] {
            let code = error(body)["code"].as_str().unwrap().to_owned();
            assert!(code == "invalid_json" || body == "{}x", "{body}: {code}");
        }
        let invalid_utf8 = parse::<Body>(b"{\"items\": [{\"text\": \"\xff\", \"size\": 1}]}").unwrap_err();
        let invalid_utf8 = serde_json::to_value(invalid_utf8).unwrap();
        assert_eq!(invalid_utf8["code"], "invalid_json");
        let detail = invalid_utf8["detail"].as_str().unwrap();
        assert!(detail.contains("UTF-8, at line 1 column "), "{detail}");
    }

    #[test]
    fn the_fields_of_two_parts_stand_side_by_side() {
        let JsonParts(body, second): JsonParts<Body, Second> =
            parse_parts(br#"{"items": [], "order": "two"}"#).unwrap();
        assert!(body.items.is_empty() && matches!(second.order, Some(Word::Two)));
        for (body, pointer) in [
            (r#"{"items": [], "odrer": "two"}"#, "/odrer"),
            (r#"{"items": [], "order": "three"}"#, "/order"),
            (r#"{"items": [], "order": "two", "order": "one"}"#, "/order"),
        ] {
            let problem = parse_parts::<Body, Second>(body.as_bytes()).unwrap_err();
            assert_eq!(
                serde_json::to_value(problem).unwrap()["errors"][0]["pointer"],
                pointer,
                "{body}"
            );
        }
    }
}
