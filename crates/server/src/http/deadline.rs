//! No request runs longer than the server allows, or than its client wants to wait.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use context_manager_resilience::Deadline;

use super::problem::{Code, Problem};

const HEADER: &str = "x-request-timeout-ms";

/// Ends a request with 504 when its time has run out. The client's header can shorten the time, not lengthen it.
pub(crate) async fn limit_time(State(longest): State<Duration>, request: Request, next: Next) -> Response {
    let wanted = match request
        .headers()
        .get(HEADER)
        .map(|value| value.to_str().unwrap_or_default().parse::<u64>())
    {
        None => longest,
        Some(Ok(millis)) if millis > 0 => longest.min(Duration::from_millis(millis)),
        Some(_) => {
            return Problem::new(Code::InvalidRequest)
                .with_detail("the header X-Request-Timeout-Ms must be a whole number of at least 1")
                .into_response();
        }
    };
    match Deadline::after(wanted).run(next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Code::DeadlineExceeded).into_response(),
    }
}
