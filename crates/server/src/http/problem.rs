//! Every error as `application/problem+json` (RFC 9457), in one form and from one place.
//!
//! Handlers return a [`Problem`]; the [`super::observe`] middleware writes its body, as only there the request's id is
//! known. An error response that carries no problem, such as the router's own 404 and 405, gets one there.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use context_manager_client::wire;
pub(crate) use context_manager_client::wire::{Code, FieldError};
use context_manager_core::context::Problem as FieldProblem;
use context_manager_core::ports::StoreErrorKind;
use context_manager_core::{Error, ErrorKind};
use serde::{Serialize, Serializer};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Value of `Retry-After` where the error names no other.
const RETRY_AFTER_SECS: NonZeroU32 = NonZeroU32::MIN;
const NO_STORE: &str = "the vector store is unavailable; retry after the time in Retry-After";

/// Status and usual detail of a kind of error.
fn usual(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::InvalidJson => (StatusCode::BAD_REQUEST, "the body is not JSON"),
        Code::InvalidRequest => (StatusCode::BAD_REQUEST, "the request is not valid"),
        Code::Unauthenticated => (StatusCode::UNAUTHORIZED, "a valid key is needed"),
        Code::Forbidden => (
            StatusCode::FORBIDDEN,
            "the key does not have the permission for this call",
        ),
        Code::NotFound => (
            StatusCode::NOT_FOUND,
            "no such path; the API is under /api/v1, see /openapi.json",
        ),
        Code::MethodNotAllowed => (
            StatusCode::METHOD_NOT_ALLOWED,
            "this path does not answer to that method; see the Allow header",
        ),
        Code::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "no representation fits the Accept header"),
        Code::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "the request was not sent in time"),
        Code::Conflict => (
            StatusCode::CONFLICT,
            "another context already has this id; change it with PATCH, or replace it with `supersedes`",
        ),
        Code::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
        Code::UriTooLong => (StatusCode::URI_TOO_LONG, "the URI is too long"),
        Code::UnsupportedMediaType => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be sent as application/json",
        ),
        Code::MisdirectedRequest => (
            StatusCode::MISDIRECTED_REQUEST,
            "a server that asks for no key answers only to `localhost` and to IP addresses; name others in \
                 server.allowed_hosts or server.public_url",
        ),
        Code::DimensionMismatch => (StatusCode::UNPROCESSABLE_ENTITY, "a vector's size is not the store's"),
        Code::RateLimited => (
            StatusCode::TOO_MANY_REQUESTS,
            "too many calls; see the Retry-After header",
        ),
        Code::HeadersTooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large"),
        Code::NotImplemented => (
            StatusCode::NOT_IMPLEMENTED,
            "the server cannot do this as it is configured",
        ),
        Code::ServiceUnavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "a part of the server that this call needs is unavailable; retry after the time in Retry-After",
        ),
        Code::DeadlineExceeded => (
            StatusCode::GATEWAY_TIMEOUT,
            "the request's time ran out; a write may have been applied",
        ),
        Code::InsufficientStorage => (
            StatusCode::INSUFFICIENT_STORAGE,
            "the disk is too small; nothing was changed",
        ),
        Code::Internal | Code::Unknown => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "something went wrong in the server; its log knows more under the request id",
        ),
    }
}

/// Code for an error response that came without one.
pub(super) fn code_of(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::Forbidden,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::NOT_ACCEPTABLE => Code::NotAcceptable,
        StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
        StatusCode::CONFLICT => Code::Conflict,
        StatusCode::PAYLOAD_TOO_LARGE => Code::PayloadTooLarge,
        StatusCode::URI_TOO_LONG => Code::UriTooLong,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        StatusCode::MISDIRECTED_REQUEST => Code::MisdirectedRequest,
        StatusCode::TOO_MANY_REQUESTS => Code::RateLimited,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::HeadersTooLarge,
        StatusCode::NOT_IMPLEMENTED => Code::NotImplemented,
        StatusCode::SERVICE_UNAVAILABLE => Code::ServiceUnavailable,
        StatusCode::INSUFFICIENT_STORAGE => Code::InsufficientStorage,
        StatusCode::GATEWAY_TIMEOUT => Code::DeadlineExceeded,
        status if status.is_client_error() => Code::InvalidRequest,
        _ => Code::Internal,
    }
}

/// An error on its way to the client, with headers that only the server knows.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    code: Code,
    request_id: Option<String>,
    errors: Vec<FieldError>,
    retry_after_secs: Option<NonZeroU32>,
    headers: Option<Box<HeaderMap>>,
}

impl From<Problem> for wire::Problem {
    fn from(problem: Problem) -> Self {
        let code = serde_json::to_value(problem.code).unwrap_or_default();
        Self {
            kind: format!("urn:context-manager:problem:{}", code.as_str().unwrap_or("internal")),
            title: problem.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: problem.status.as_u16(),
            detail: problem.detail,
            code: problem.code,
            request_id: problem.request_id,
            errors: problem.errors,
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        wire::Problem::from(self.clone()).serialize(serializer)
    }
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        wire::Problem::schema()
    }
}

impl ToSchema for Problem {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        wire::Problem::schemas(schemas);
    }
}

impl Problem {
    /// Creates a problem of this kind with its usual detail.
    pub(crate) fn new(code: Code) -> Self {
        let (status, detail) = usual(code);
        Self {
            status,
            detail: detail.to_owned(),
            code,
            request_id: None,
            errors: Vec::new(),
            retry_after_secs: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECS),
            headers: None,
        }
    }

    /// Returns the problem with this `Retry-After`.
    pub(crate) fn with_retry_after(self, time: Duration) -> Self {
        Self {
            retry_after_secs: Some(whole_secs(time)),
            ..self
        }
    }

    /// Returns the problem with another header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.get_or_insert_default().insert(name, value);
        self
    }

    /// Returns the problem with another detail.
    pub(crate) fn with_detail(self, detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            ..self
        }
    }

    /// Creates the problem of a request with these invalid fields.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] if one.pointer.is_empty() && one.detail.starts_with("must ") => format!("the body {}", one.detail),
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} fields are not valid", many.len()),
        };
        Self {
            errors,
            ..Self::new(Code::InvalidRequest)
        }
        .with_detail(detail)
    }

    /// Creates the problem of a request with one invalid field.
    pub(crate) fn invalid_field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        }])
    }

    /// Returns the problem of the request with this id.
    pub(crate) fn with_request_id(self, request_id: &str) -> Self {
        Self {
            request_id: Some(request_id.to_owned()),
            ..self
        }
    }

    /// Returns the description of this error.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The response with its body, built on `response`, whose other headers stay.
    pub(super) fn write(&self, mut response: Response) -> Response {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs.get()));
        }
        if let Some(more) = self.headers.as_deref() {
            headers.extend(more.clone());
        }
        if self.code == Code::Unauthenticated {
            headers
                .entry(header::WWW_AUTHENTICATE)
                .or_insert(HeaderValue::from_static("Bearer"));
        }
        *response.body_mut() = body.into();
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if let Error::Invalid(violations) = &error {
            let too_large = violations
                .iter()
                .all(|v| matches!(v.problem, FieldProblem::TooLarge { .. }));
            let errors = violations
                .iter()
                .map(|violation| FieldError {
                    pointer: violation.pointer.clone(),
                    detail: violation.detail.clone(),
                })
                .collect();
            let problem = Self::invalid(errors);
            let code = if too_large {
                Code::PayloadTooLarge
            } else {
                Code::InvalidRequest
            };
            return Self {
                detail: problem.detail,
                errors: problem.errors,
                ..Self::new(code)
            };
        }
        match error.kind() {
            ErrorKind::Invalid => Self::new(Code::InvalidRequest),
            ErrorKind::NotFound => Self::new(Code::NotFound).with_detail("there is no such context"),
            ErrorKind::Conflict if matches!(error, Error::NothingToUndo(_)) => {
                Self::new(Code::Conflict).with_detail("the context has no earlier version")
            }
            ErrorKind::Conflict => Self::new(Code::Conflict),
            ErrorKind::DimensionMismatch => Self::new(Code::DimensionMismatch),
            ErrorKind::Unavailable => {
                let problem = Self::new(Code::ServiceUnavailable);
                let problem = match &error {
                    Error::Store(store) if store.kind == StoreErrorKind::DiskFull => {
                        problem.with_detail("the disk is full: nothing can be stored until there is room on it again")
                    }
                    Error::Store(_) => problem.with_detail(NO_STORE),
                    Error::Embedding(_)
                    | Error::Invalid(_)
                    | Error::NotFound(_)
                    | Error::Conflict(_)
                    | Error::NothingToUndo(_)
                    | Error::DeadlineExceeded => problem,
                };
                match error.retry_after() {
                    Some(time) => problem.with_retry_after(time),
                    None => problem,
                }
            }
            ErrorKind::DeadlineExceeded => Self::new(Code::DeadlineExceeded),
            ErrorKind::Internal => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                let cause = std::error::Error::source(&error)
                    .and_then(std::error::Error::source)
                    .map(ToString::to_string);
                tracing::error!(%error, source, cause, "request failed");
                Self::new(Code::Internal)
            }
        }
    }
}

/// Rounded up, and at least 1: a client that comes too early is turned away again.
pub(crate) fn whole_secs(time: Duration) -> NonZeroU32 {
    let secs = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let secs = u32::try_from(secs).unwrap_or(u32::MAX);
    NonZeroU32::new(secs).unwrap_or(NonZeroU32::MIN)
}
