//! Time limit of a request: the server's, or a shorter one that the client asks for.

use std::time::Duration;

use axum::http::HeaderMap;

use super::problem::{Code, Problem};

const HEADER: &str = "x-request-timeout-ms";

/// Returns the time that a request with these headers may take. The client can shorten the time, not lengthen it.
///
/// # Errors
/// The header does not hold a time.
pub(crate) fn time_limit(headers: &HeaderMap, longest: Duration) -> Result<Duration, Problem> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(longest);
    };
    match value.to_str().unwrap_or_default().parse::<u64>() {
        Ok(millis) if millis > 0 => Ok(longest.min(Duration::from_millis(millis))),
        _ => Err(Problem::new(Code::InvalidRequest)
            .with_detail("the header X-Request-Timeout-Ms must be a whole number of at least 1")),
    }
}
