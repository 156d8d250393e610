//! Every error as `application/problem+json` (RFC 9457), in one form and from one place.
//!
//! Handlers return a [`Problem`]; the [`super::observe`] middleware writes its body, as only there the request's id is
//! known. An error response that carries no problem, such as the router's own 404 and 405, gets one there.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use context_manager_core::context::Problem as FieldProblem;
use context_manager_core::ports::StoreErrorKind;
use context_manager_core::{Error, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;

/// When to try again after an error that says nothing better.
const RETRY_AFTER_SECS: NonZeroU32 = NonZeroU32::MIN;
const NO_STORE: &str = "the vector store is unavailable; retry after the time in Retry-After";

/// What kind of error it is, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
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
}

impl Code {
    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidJson | Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::MisdirectedRequest => StatusCode::MISDIRECTED_REQUEST,
            Self::DimensionMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Self::InsufficientStorage => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    /// The URI of the kind of error, and the words usual for it.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidJson => ("urn:context-manager:problem:invalid_json", "the body is not JSON"),
            Self::InvalidRequest => (
                "urn:context-manager:problem:invalid_request",
                "the request is not valid",
            ),
            Self::Unauthenticated => ("urn:context-manager:problem:unauthenticated", "a valid key is needed"),
            Self::Forbidden => (
                "urn:context-manager:problem:forbidden",
                "the key does not have the permission for this call",
            ),
            Self::NotFound => (
                "urn:context-manager:problem:not_found",
                "no such path; the API is under /api/v1, see /openapi.json",
            ),
            Self::MethodNotAllowed => (
                "urn:context-manager:problem:method_not_allowed",
                "this path does not answer to that method; see the Allow header",
            ),
            Self::NotAcceptable => (
                "urn:context-manager:problem:not_acceptable",
                "no representation fits the Accept header",
            ),
            Self::RequestTimeout => (
                "urn:context-manager:problem:request_timeout",
                "the request was not sent in time",
            ),
            Self::Conflict => (
                "urn:context-manager:problem:conflict",
                "another context already has this id; change it with PATCH, or replace it with `supersedes`",
            ),
            Self::PayloadTooLarge => ("urn:context-manager:problem:payload_too_large", "the body is too large"),
            Self::UriTooLong => ("urn:context-manager:problem:uri_too_long", "the URI is too long"),
            Self::UnsupportedMediaType => (
                "urn:context-manager:problem:unsupported_media_type",
                "the body must be sent as application/json",
            ),
            Self::MisdirectedRequest => (
                "urn:context-manager:problem:misdirected_request",
                "a server that asks for no key answers only to `localhost` and to IP addresses; name others in \
                 server.allowed_hosts or server.public_url",
            ),
            Self::DimensionMismatch => (
                "urn:context-manager:problem:dimension_mismatch",
                "a vector's size is not the store's",
            ),
            Self::RateLimited => (
                "urn:context-manager:problem:rate_limited",
                "too many calls; see the Retry-After header",
            ),
            Self::HeadersTooLarge => (
                "urn:context-manager:problem:headers_too_large",
                "the headers are too large",
            ),
            Self::Internal => (
                "urn:context-manager:problem:internal",
                "something went wrong in the server; its log knows more under the request id",
            ),
            Self::NotImplemented => (
                "urn:context-manager:problem:not_implemented",
                "the server cannot do this as it is configured",
            ),
            Self::ServiceUnavailable => (
                "urn:context-manager:problem:service_unavailable",
                "a part of the server that this call needs is unavailable; retry after the time in Retry-After",
            ),
            Self::DeadlineExceeded => (
                "urn:context-manager:problem:deadline_exceeded",
                "the request's time ran out; a write may have been applied",
            ),
            Self::InsufficientStorage => (
                "urn:context-manager:problem:insufficient_storage",
                "the disk is too small; nothing was changed",
            ),
        }
    }

    /// The code for an error response that came without one.
    pub(super) fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthenticated,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::NOT_ACCEPTABLE => Self::NotAcceptable,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::CONFLICT => Self::Conflict,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::URI_TOO_LONG => Self::UriTooLong,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::MISDIRECTED_REQUEST => Self::MisdirectedRequest,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::HeadersTooLarge,
            StatusCode::NOT_IMPLEMENTED => Self::NotImplemented,
            StatusCode::SERVICE_UNAVAILABLE => Self::ServiceUnavailable,
            StatusCode::INSUFFICIENT_STORAGE => Self::InsufficientStorage,
            StatusCode::GATEWAY_TIMEOUT => Self::DeadlineExceeded,
            status if status.is_client_error() => Self::InvalidRequest,
            _ => Self::Internal,
        }
    }
}

/// A field that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// RFC 6901 JSON pointer to the field, or `/` and the name of a query parameter.
    #[schema(example = "/contexts/3/text")]
    pub(crate) pointer: String,
    /// What is expected.
    pub(crate) detail: String,
}

/// An error, as RFC 9457 has it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// A URI for the kind of error; a name, not a page.
    #[serde(rename = "type")]
    #[schema(example = "urn:context-manager:problem:invalid_request")]
    kind: &'static str,
    /// What the status means.
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// What happened this time.
    detail: String,
    /// The kind of error, for programs.
    code: Code,
    /// The request's id, which the server's logs name too.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Every field that is not as it must be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip)]
    #[schema(ignore)]
    retry_after_secs: Option<NonZeroU32>,
    #[serde(skip)]
    #[schema(ignore)]
    headers: Option<Box<HeaderMap>>,
}

impl Problem {
    /// A problem of this kind with the words usual for it.
    pub(crate) fn new(code: Code) -> Self {
        let (status, (kind, detail)) = (code.status(), code.words());
        Self {
            kind,
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.to_owned(),
            code,
            request_id: None,
            errors: Vec::new(),
            retry_after_secs: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECS),
            headers: None,
        }
    }

    /// The same, to be tried again after this time.
    pub(crate) fn with_retry_after(self, time: Duration) -> Self {
        Self {
            retry_after_secs: Some(whole_secs(time)),
            ..self
        }
    }

    /// The same with another header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.get_or_insert_default().insert(name, value);
        self
    }

    /// The same with other words.
    pub(crate) fn with_detail(self, detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            ..self
        }
    }

    /// A request with these bad fields.
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

    /// A request with one bad field.
    pub(crate) fn invalid_field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        }])
    }

    /// The same, for the request of this id.
    pub(crate) fn with_request_id(self, request_id: &str) -> Self {
        Self {
            request_id: Some(request_id.to_owned()),
            ..self
        }
    }

    /// What happened.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
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
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
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
            ErrorKind::Conflict => Self::new(Code::Conflict),
            ErrorKind::DimensionMismatch => Self::new(Code::DimensionMismatch),
            ErrorKind::Unavailable => {
                let problem = Self::new(Code::ServiceUnavailable);
                let problem = match &error {
                    Error::Store(store) if store.kind == StoreErrorKind::DiskFull => {
                        problem.with_detail("the disk is full: nothing can be stored until there is room on it again")
                    }
                    Error::Store(_) => problem.with_detail(NO_STORE),
                    Error::Embedding(_) | Error::Invalid(_) | Error::NotFound(_) | Error::Conflict(_) => problem,
                };
                match error.retry_after() {
                    Some(time) => problem.with_retry_after(time),
                    None => problem,
                }
            }
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
