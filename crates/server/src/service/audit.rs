//! The audit log: destructive calls and those of operators, with their caller, time and object, as events of the target
//! `audit`, never with a stored text. The newest ones are kept in memory too, for operators who call the API.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use context_manager_core::Filter;
use context_manager_core::ports::{Clock, SystemClock};
use context_manager_observability::AUDIT_TARGET;
use jiff::Timestamp;

use crate::auth::Principal;

/// Number of audited calls that are kept in memory.
const KEPT: usize = 1000;

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

/// An audited call that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Audited {
    pub(crate) at: Timestamp,
    pub(crate) action: &'static str,
    pub(crate) who: Arc<str>,
    pub(crate) tenant: String,
    pub(crate) path: String,
    pub(crate) what: Option<String>,
    pub(crate) contexts: Option<u64>,
    pub(crate) outcome: &'static str,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: String,
}

/// The last audited calls.
#[derive(Debug)]
pub(super) struct AuditTrail {
    began: Timestamp,
    ended: Mutex<VecDeque<Audited>>,
}

impl Default for AuditTrail {
    fn default() -> Self {
        Self {
            began: SystemClock.now(),
            ended: Mutex::default(),
        }
    }
}

impl AuditTrail {
    /// Returns up to `limit` calls, newest first, and the time since which all are kept.
    pub(super) fn newest(&self, limit: usize) -> (Vec<Audited>, Timestamp) {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match ended.front() {
            Some(oldest) if ended.len() == KEPT => oldest.at,
            Some(_) | None => self.began,
        };
        (ended.iter().rev().take(limit).cloned().collect(), since)
    }

    fn add(&self, audited: Audited) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.len() == KEPT {
            ended.pop_front();
        }
        ended.push_back(audited);
    }
}

/// Record of one call, written when the call ends, also when its client goes away first.
#[derive(Debug)]
pub(super) struct AuditRecord {
    action: &'static str,
    caller: Principal,
    origin: Origin,
    trail: Arc<AuditTrail>,
    /// `None` once the record is written.
    open: Mutex<Option<Effect>>,
}

type Effect = Option<Affected>;

impl AuditRecord {
    /// Opens the record of an authenticated call.
    pub(super) fn new(action: &'static str, caller: Principal, origin: Origin, trail: Arc<AuditTrail>) -> Self {
        Self {
            action,
            caller,
            origin,
            trail,
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

    fn write(&self, outcome: &'static str, status: Option<u16>) {
        let Some(effect) = self.lock().take() else { return };
        let (what, contexts) = match effect {
            Some(Affected { what, contexts }) => (Some(what), Some(contexts)),
            None => (None, None),
        };
        let audited = Audited {
            at: SystemClock.now(),
            action: self.action,
            who: Arc::clone(self.caller.key_id()),
            tenant: self.caller.scope().tenant().as_str().to_owned(),
            path: self.origin.path.clone(),
            what,
            contexts,
            outcome,
            status,
            request_id: self.origin.request_id.clone(),
        };
        tracing::info!(
            target: AUDIT_TARGET,
            action = audited.action,
            who = %audited.who,
            tenant = audited.tenant,
            path = audited.path,
            what = audited.what,
            contexts = audited.contexts,
            outcome,
            status,
            request_id = audited.request_id,
            "audited call",
        );
        self.trail.add(audited);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::default_tenant;

    #[test]
    fn the_newest_calls_are_kept_and_no_more() {
        let trail = Arc::new(AuditTrail::default());
        for number in 0..KEPT + 5 {
            let origin = Origin {
                path: format!("/{number}"),
                request_id: String::new(),
            };
            let caller = Principal::anonymous(default_tenant().unwrap());
            let record = AuditRecord::new("delete_context", caller, origin, Arc::clone(&trail));
            assert_eq!(number == 0, trail.newest(1).0.is_empty(), "written when it ends");
            record.end(204);
        }
        let (newest, since) = trail.newest(usize::MAX);
        assert_eq!(newest.len(), KEPT);
        assert_eq!(
            (newest[0].path.as_str(), newest[KEPT - 1].path.as_str()),
            ("/1004", "/5")
        );
        assert_eq!((newest[0].outcome, newest[0].status), ("done", Some(204)));
        assert_eq!(since, newest[KEPT - 1].at);
        assert_eq!(trail.newest(2).0.len(), 2);
    }
}
