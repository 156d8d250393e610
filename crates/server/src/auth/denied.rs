//! Reasons for turning a caller away.

use std::time::Duration;

use super::permission::{Permission, Permissions};
use super::principal::Principal;
use crate::http::{Code, Problem};

/// Counter of callers that were turned away; label `reason`.
pub(crate) const AUTH_FAILURES: &str = "context_manager_auth_failures_total";

/// Pause after which a caller may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Reason for not knowing a caller. Holders of a key learn how to mend it; others learn nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// No key came.
    Missing,
    /// Two different keys came.
    Ambiguous,
    /// The key has the form of our keys, but was cut or mistyped.
    Damaged,
    /// The header does not hold a key.
    Malformed,
    /// Nobody knows the key.
    Unknown,
    /// The key or token has expired.
    Expired,
    /// The key was revoked.
    Revoked,
    /// It is an invalid token of an identity provider, for this reason.
    Token(&'static str),
    /// It may be a token, but the identity provider's keys are not known yet.
    NotNow,
    /// The keys in the store are not known yet, and may include it, or ask for one.
    TooEarly,
}

impl Denied {
    /// Its name in metrics.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ambiguous => "ambiguous",
            Self::Damaged => "damaged",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Token(_) => "token",
            Self::NotNow => "no_token_keys",
            Self::TooEarly => "no_shared_keys",
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let detail = match denied {
            Denied::Missing => "a key is needed: send it as `Authorization: Bearer KEY` or as `X-API-Key: KEY`",
            Denied::Ambiguous => "two different keys were sent; send one",
            Denied::Damaged => "the key's checksum does not fit: it was cut or mistyped",
            Denied::Malformed => {
                "the header does not hold a key; it is `Authorization: Bearer KEY` or `X-API-Key: KEY`"
            }
            Denied::Unknown => "the key is not known here",
            Denied::Expired => "the key or token has expired",
            Denied::Revoked => "the key was revoked",
            Denied::Token(why) => {
                return Self::new(Code::Unauthenticated).with_detail(format!("the token is not accepted: {why}"));
            }
            Denied::NotNow => {
                return Self::new(Code::ServiceUnavailable)
                    .with_detail("the identity provider's keys are not known yet, so the token cannot be checked");
            }
            Denied::TooEarly => {
                return Self::new(Code::ServiceUnavailable)
                    .with_detail("the keys in the store could not be read yet; try again later")
                    .with_retry_after(RETRY_AFTER);
            }
        };
        Self::new(Code::Unauthenticated).with_detail(detail)
    }
}

/// Explains to a caller which permission its key or token lacks.
pub(crate) fn lacks(permission: Permission, principal: &Principal) -> String {
    let bound = if principal.user().is_some() && !Permissions::of_one_user().allow(permission) {
        "; one that is bound to a user has `read` and `write` at most"
    } else {
        ""
    };
    match principal.claim() {
        None => format!("this call needs a key with the permission `{permission}`{bound}"),
        Some(claim) => format!(
            "this call needs a token with the permission `{permission}`: `{}{permission}` was looked for in the claim \
             `{}`; a token may have {} at most (auth.jwt.max_permissions){bound}",
            claim.prefix, claim.name, claim.most
        ),
    }
}
