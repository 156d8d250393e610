//! The log of answers that point to wrong settings.

use std::sync::atomic::{AtomicU16, Ordering};

use reqwest::Url;

use super::endpoint::shown;
use super::failure::Failure;

/// Last status that points to wrong settings, or 0: a repeated one is logged once.
#[derive(Debug, Default)]
pub(crate) struct Misconfigured(AtomicU16);

impl Misconfigured {
    /// Notes the end of a call to the `service` at `url`.
    pub(crate) fn note(&self, service: &str, url: &Url, failure: Option<&Failure>) {
        let status = failure.and_then(Failure::misconfigured);
        let code = status.map_or(0, |status| status.as_u16());
        if self.0.swap(code, Ordering::Relaxed) != code
            && let Some(status) = status
        {
            tracing::error!(
                http.status = code,
                "the {service} at {} answered {status}: check `api_url`, `api_token` and `model`; redirects are not followed",
                shown(url)
            );
        }
    }
}
