//! Errors as RFC 9457 has them.

use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StringDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

/// Kind of an error, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "docs/api.md lists them, and their names are those of HTTP")]
pub enum Code {
    InvalidJson,
    InvalidRequest,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    RequestTimeout,
    Conflict,
    PayloadTooLarge,
    UriTooLong,
    UnsupportedMediaType,
    MisdirectedRequest,
    DimensionMismatch,
    RateLimited,
    HeadersTooLarge,
    Internal,
    NotImplemented,
    ServiceUnavailable,
    DeadlineExceeded,
    InsufficientStorage,
    /// A code that this version does not know. No server sends it.
    #[serde(skip)]
    Unknown,
}

impl Code {
    /// Reads any text: a newer server may have codes of its own.
    fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: StringDeserializer<ValueError> = String::deserialize(deserializer)?.into_deserializer();
        Ok(Self::deserialize(text).unwrap_or(Self::Unknown))
    }
}

/// A field that is not valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// RFC 6901 JSON pointer to the field, or `/` and the name of a query parameter.
    #[cfg_attr(feature = "openapi", schema(example = "/contexts/3/text"))]
    pub pointer: String,
    /// The expected value.
    pub detail: String,
}

/// An error, as defined by RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// URI of the kind of error; a name, not a page.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(example = "urn:context-manager:problem:invalid_request"))]
    pub kind: String,
    /// Name of the HTTP status.
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(example = 400))]
    pub status: u16,
    /// Description of this error.
    pub detail: String,
    /// Kind of error, for programs.
    #[serde(deserialize_with = "Code::lenient")]
    pub code: Code,
    /// Id of the request, which the server's logs name too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Every field that is not valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}
