//! Users that credentials are bound to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use context_manager_core::Violations;
use context_manager_core::context::MAX_ID_BYTES;
use serde::{Deserialize, Serialize};

/// User that a credential is bound to: the `user_id` of all that it stores and reaches.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BoundUser(Arc<str>);

/// A text that is no `user_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user has 1 to {MAX_ID_BYTES} bytes, not blank, without control characters")]
pub struct InvalidUser;

impl BoundUser {
    /// Returns the `user_id`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BoundUser {
    type Err = InvalidUser;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut found = Violations::default();
        found.word("/user_id", text, MAX_ID_BYTES);
        found.into_result().map_err(|_| InvalidUser)?;
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for BoundUser {
    type Error = InvalidUser;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<BoundUser> for String {
    fn from(user: BoundUser) -> Self {
        user.as_str().to_owned()
    }
}

/// Without the id: it names a person.
impl fmt::Debug for BoundUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoundUser")
    }
}
