//! Headers that tell a client its limits: `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers, both
//! lists of structured fields.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use context_manager_resilience::Rate;

use crate::http::{Code, Problem, whole_secs};
use crate::limits::{RateLimitShare, Refusal};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Returns the answer to a call that came too early.
pub(super) fn limited(refusal: &Refusal) -> Problem {
    let (name, cause) = (refusal.name, &refusal.cause);
    let wait = whole_secs(cause.retry_after);
    Problem::new(Code::RateLimited)
        .with_detail(format!("the limit {name} is exceeded; try again in {wait} s"))
        .with_retry_after(cause.retry_after)
        .with_header(RATE_LIMIT_POLICY, policy(name, cause.rate))
        .with_header(RATE_LIMIT, value(format!("\"{name}\";r=0;t={wait}")))
}

/// Adds the remainder of each limit that a call was counted under, and the seconds until all of it is available again.
pub(super) fn add_shares(headers: &mut HeaderMap, shares: &[RateLimitShare]) {
    for (name, allowance) in shares {
        headers.append(RATE_LIMIT_POLICY, policy(name, allowance.rate));
        let (left, whole) = (allowance.remaining, whole_secs(allowance.whole_after()));
        headers.append(RATE_LIMIT, value(format!("\"{name}\";r={left};t={whole}")));
    }
}

/// A limit as its policy: `q` calls in a window of `w` seconds.
fn policy(name: &str, rate: Rate) -> HeaderValue {
    value(format!("\"{name}\";q={};w={}", rate.burst, whole_secs(rate.window())))
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
