//! Names of keys.

use context_manager_core::TenantId;

/// Names of a tenant's keys in a key space, with the tenant as their hash tag.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    tag: String,
    space: u64,
}

impl Keys {
    pub(super) fn new(prefix: &str, tenant: &TenantId, space: u64) -> Self {
        Self {
            tag: format!("{{{prefix}:{}}}", tenant.as_str()),
            space,
        }
    }

    /// Returns the name of the key space in a run of the server: what either of them ends is out of use.
    pub(super) fn space(&self, run: u64) -> u64 {
        self.space ^ run
    }

    /// Returns the key of one kind for a session.
    pub(super) fn session(&self, run: u64, kind: &str, session: Option<&str>) -> String {
        let space = self.space(run);
        match session {
            Some(session) => format!("{}:{space:016x}:session-{kind}:{session}", self.tag),
            None => format!("{}:{space:016x}:no-session-{kind}", self.tag),
        }
    }

    /// Returns the key of one kind for all sessions of the tenant.
    pub(super) fn tenant(&self, run: u64, kind: &str) -> String {
        format!("{}:{:016x}:tenant-{kind}", self.tag, self.space(run))
    }
}
