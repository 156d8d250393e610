//! Callers of tools: the call that the gate let through, and the owner from credential, configuration and headers.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::request::Parts;
use context_manager_core::context::MAX_ID_BYTES;
use context_manager_mcp::{Fault, Memory, Owner, Visit};

use super::memory::CallMemory;
use crate::http::TimeLimit;
use crate::service::Call;

const USER: &str = "x-user-id";
const AGENT: &str = "x-agent-id";
const PROJECT: &str = "x-project";

/// Callers of tools over HTTP.
#[derive(Debug)]
pub(super) struct Callers {
    configured: Owner,
}

impl Callers {
    /// Creates the callers of a server whose configuration binds them to `configured`.
    pub(super) fn new(configured: Owner) -> Self {
        Self { configured }
    }

    /// Returns the owner that a request's headers name, within the configuration and the user of the credential.
    fn owner(&self, user: Option<&str>, headers: &HeaderMap) -> Result<Owner, Fault> {
        let configured = self.configured.user_id.as_ref();
        if let (Some(user), Some(configured)) = (user, configured)
            && user != configured
        {
            return Err(Fault::new(
                "forbidden: the key or token is bound to another user than the tools of this server",
            ));
        }
        let user = user.map(str::to_owned);
        Ok(Owner {
            user_id: bound(user.as_ref().or(configured), headers, USER)?,
            agent_id: bound(self.configured.agent_id.as_ref(), headers, AGENT)?,
            project: bound(self.configured.project.as_ref(), headers, PROJECT)?,
        })
    }
}

impl Visit for Callers {
    fn visit(&self, head: Option<&Parts>) -> Result<(Arc<dyn Memory>, Owner), Fault> {
        let head = head.ok_or_else(|| Fault::new("unauthenticated: the request has no head"))?;
        let (call, limit) = (head.extensions.get::<Call>(), head.extensions.get::<TimeLimit>());
        let (Some(call), Some(limit)) = (call, limit) else {
            return Err(Fault::new("unauthenticated: the request has no caller"));
        };
        let owner = self.owner(call.user(), &head.headers)?;
        Ok((Arc::new(CallMemory::new(call.clone(), *limit)), owner))
    }
}

/// Returns the value that a call is bound to. A header can narrow what the configuration leaves open, and nothing else.
fn bound(configured: Option<&String>, headers: &HeaderMap, name: &str) -> Result<Option<String>, Fault> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(configured.cloned());
    };
    let value = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    if values.next().is_some() || !(1..=MAX_ID_BYTES).contains(&value.len()) {
        return Err(Fault::new(format!(
            "invalid_request: the header {name} must be sent once, with 1 to {MAX_ID_BYTES} bytes of UTF-8"
        )));
    }
    if configured.is_some_and(|configured| configured != value) {
        return Err(Fault::new(format!(
            "forbidden: the header {name} is not what the call is bound to"
        )));
    }
    Ok(Some(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn owner(configured: Option<&str>, headers: &[(&'static str, &'static str)]) -> Result<Option<String>, Fault> {
        let pairs = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        });
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, value);
        }
        let callers = Callers::new(Owner {
            user_id: configured.map(ToOwned::to_owned),
            ..Owner::default()
        });
        callers.owner(None, &map).map(|owner| owner.user_id)
    }

    #[test]
    fn a_header_narrows_what_the_configuration_leaves_open() {
        assert_eq!(owner(None, &[]), Ok(None));
        assert_eq!(owner(None, &[(USER, "jörg")]), Ok(Some("jörg".to_owned())));
        assert_eq!(owner(Some("ann"), &[]), Ok(Some("ann".to_owned())));
        assert_eq!(owner(Some("ann"), &[(USER, "ann")]), Ok(Some("ann".to_owned())));
        for (configured, headers) in [
            (Some("ann"), &[(USER, "bob")][..]),
            (Some("ann"), &[(USER, "ann"), (USER, "bob")]),
            (None, &[(USER, "ann"), (USER, "ann")]),
            (None, &[(USER, "")]),
        ] {
            assert!(owner(configured, headers).is_err(), "{configured:?} {headers:?}");
        }
    }
}
