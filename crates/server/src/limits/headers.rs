//! What a client is told about its limits: `RateLimit` and `RateLimit-Policy`, as draft-ietf-httpapi-ratelimit-headers
//! has them, both lists of structured fields.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use context_manager_resilience::Rate;

use super::rates::{Refusal, Standing};
use crate::http::{Code, Problem, whole_secs};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A limit as its policy: `q` calls in a window of `w` seconds.
pub(super) fn policy(name: &str, rate: Rate) -> HeaderValue {
    let policy = format!("\"{name}\";q={};w={}", rate.burst, whole_secs(rate.window()));
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(""))
}

/// The answer to a call that came too early.
pub(crate) fn limited(refusal: &Refusal) -> Problem {
    let wait = whole_secs(refusal.cause.retry_after);
    let detail = format!("the limit {} is exceeded; try again in {wait} s", refusal.name);
    Problem::new(Code::RateLimited)
        .with_detail(detail)
        .with_retry_after(refusal.cause.retry_after)
        .with_header(RATE_LIMIT_POLICY, refusal.policy.clone())
        .with_header(RATE_LIMIT, value(format!("\"{}\";r=0;t={wait}", refusal.name)))
}

/// The answer to a call that was counted: what is left of each limit, and in how many seconds all of it is there again.
pub(crate) fn with_headers(mut response: Response, standing: &Standing) -> Response {
    // A batch is counted again once its contexts are, and knows better.
    let later = response.extensions_mut().remove::<Standing>();
    for (policy, name, allowance) in later.as_ref().unwrap_or(standing) {
        let left = format!(
            "\"{name}\";r={};t={}",
            allowance.remaining,
            whole_secs(allowance.whole_after())
        );
        response.headers_mut().append(RATE_LIMIT_POLICY, policy.clone());
        response.headers_mut().append(RATE_LIMIT, value(left));
    }
    response
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
