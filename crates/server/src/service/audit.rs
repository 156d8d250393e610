//! The audit log: destructive calls and those of operators, with their caller, time and object, as events of the target
//! `audit`, never with a stored text.

use std::sync::{Mutex, MutexGuard, PoisonError};

use context_manager_core::Filter;
use context_manager_observability::AUDIT_TARGET;

use crate::auth::Principal;

/// Origin of a call, for the audit log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    /// Path of the request. It names no person: the audit log outlives the person's data.
    pub(crate) path: String,
    pub(crate) request_id: String,
}

/// Effect of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Affected {
    /// Number of contexts that were changed or deleted.
    pub(super) contexts: u64,
    /// Ids and names of conditions that select them.
    pub(super) what: String,
}

impl Affected {
    /// Effect of a deletion.
    pub(super) fn deleted(contexts: u64, filter: &Filter) -> Self {
        Self {
            contexts,
            what: filter.outline(),
        }
    }
}

/// Record of one call, written when the call ends, also when its client goes away first.
#[derive(Debug)]
pub(super) struct AuditRecord {
    action: &'static str,
    caller: Principal,
    origin: Origin,
    /// `None` once the record is written.
    open: Mutex<Option<Effect>>,
}

type Effect = Option<Affected>;

impl AuditRecord {
    /// Opens the record of an authenticated call.
    pub(super) fn new(action: &'static str, caller: Principal, origin: Origin) -> Self {
        Self {
            action,
            caller,
            origin,
            open: Mutex::new(Some(None)),
        }
    }

    /// Notes the effect of the call.
    pub(super) fn affected(&self, affected: Affected) {
        if let Some(effect) = &mut *self.lock() {
            *effect = Some(affected);
        }
    }

    /// Leaves the call out of the log.
    pub(super) fn discard(&self) {
        self.lock().take();
    }

    /// Writes the record of a call that was answered with this HTTP status.
    pub(super) fn end(&self, status: u16) {
        let outcome = match status {
            403 => "forbidden",
            200..=399 => "done",
            400..=499 => "refused",
            _ => "failed",
        };
        self.write(outcome, Some(status));
    }

    fn write(&self, outcome: &str, status: Option<u16>) {
        let Some(effect) = self.lock().take() else { return };
        tracing::info!(
            target: AUDIT_TARGET,
            action = self.action,
            who = %self.caller.key_id(),
            tenant = self.caller.scope().tenant().as_str(),
            path = self.origin.path,
            what = effect.as_ref().map(|affected| affected.what.as_str()),
            contexts = effect.as_ref().map(|affected| affected.contexts),
            outcome,
            status,
            request_id = self.origin.request_id,
            "audited call",
        );
    }

    fn lock(&self) -> MutexGuard<'_, Option<Effect>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AuditRecord {
    fn drop(&mut self) {
        self.write("unfinished", None);
    }
}
