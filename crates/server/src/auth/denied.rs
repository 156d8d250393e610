//! Why a caller is turned away.

use super::{Permission, Principal};
use crate::http::{Code, Problem};

/// Why a caller is not known. To whoever holds a key it says what to do about it; to others it tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// No key came.
    Missing,
    /// Two different keys came.
    Ambiguous,
    /// What came looks like a key of ours, but was cut or mistyped.
    Damaged,
    /// What came cannot be read as a key at all.
    Malformed,
    /// Nobody knows the key.
    Unknown,
    /// The time of the key or token is over.
    Expired,
    /// The key was revoked.
    Revoked,
    /// It is a token of an identity provider that is not right, for this reason.
    Token(&'static str),
    /// It may be a token, but the identity provider's keys are not known yet.
    NotNow,
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
        };
        Self::new(Code::Unauthenticated).with_detail(detail)
    }
}

/// The problem of a caller whose key or token lacks a permission.
pub(crate) fn lacks(permission: Permission, principal: &Principal) -> Problem {
    let detail = match principal.claim() {
        None => format!("this call needs a key with the permission `{permission}`"),
        Some(claim) => format!(
            "this call needs a token with the permission `{permission}`: `{}{permission}` was looked for in the claim \
             `{}`; a token may have {} at most (auth.jwt.max_permissions)",
            claim.prefix, claim.name, claim.most
        ),
    };
    Problem::new(Code::Forbidden).with_detail(detail)
}
