//! Limits on the size of a request's head.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::{Code, Problem};
use crate::config::ConnectionsConfig;

/// Limits on the size of a request's head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadLimits {
    uri_bytes: usize,
    header_bytes: usize,
    headers: usize,
}

impl HeadLimits {
    pub(crate) fn new(config: &ConnectionsConfig) -> Self {
        Self {
            uri_bytes: config.max_uri_bytes,
            header_bytes: config.max_header_bytes,
            headers: config.max_headers,
        }
    }

    fn check(self, request: &Request) -> Result<(), Problem> {
        let uri = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
        if uri > self.uri_bytes {
            let detail = format!("the path and query have {uri} bytes; the maximum is {}", self.uri_bytes);
            return Err(Problem::new(Code::UriTooLong).with_detail(detail));
        }
        let headers = request.headers();
        if headers.len() > self.headers {
            let detail = format!("there are {} headers; the maximum is {}", headers.len(), self.headers);
            return Err(Problem::new(Code::HeadersTooLarge).with_detail(detail));
        }
        let sizes = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        let bytes: usize = sizes.sum();
        if bytes > self.header_bytes {
            let detail = format!("the headers have {bytes} bytes; the maximum is {}", self.header_bytes);
            return Err(Problem::new(Code::HeadersTooLarge).with_detail(detail));
        }
        Ok(())
    }
}

/// Turns away a request whose head is larger than allowed.
pub(crate) async fn limit_head(State(limits): State<HeadLimits>, request: Request, next: Next) -> Response {
    match limits.check(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
