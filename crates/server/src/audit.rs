//! Who did which operator's or destructive call, when, on what: events of the target `audit`, never with a stored text.
//!
//! Routes are marked when they are registered (`api::access`), so that no handler can forget; it only adds what it knows
//! better, by [`Affected`].

use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use context_manager_core::{Filter, TenantId};
use context_manager_observability::AUDIT_TARGET;

use crate::auth::Principal;
use crate::http::RequestId;

/// What a call did, for the audit log. A handler puts it into its response's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Affected {
    /// How many contexts it changed or deleted.
    pub(crate) contexts: u64,
    /// Which ones were meant: ids and the names of conditions.
    pub(crate) what: String,
}

impl Affected {
    /// What a deletion did.
    pub(crate) fn deleted(contexts: u64, filter: &Filter) -> Self {
        Self {
            contexts,
            what: filter.outline(),
        }
    }
}

/// Where the call went. Not who a person is: the audit log outlives them being forgotten.
fn path(request: &Request) -> String {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let of_person = matched.filter(|path| path.contains("{user_id}"));
    of_person.unwrap_or(request.uri().path()).to_owned()
}

/// A call that goes into the audit log when it ends, also when its client goes away before: what it began goes on.
#[derive(Debug)]
pub(crate) struct AuditedCall {
    action: String,
    who: Arc<str>,
    tenant: TenantId,
    path: String,
    request_id: String,
    ended: bool,
}

impl AuditedCall {
    /// A call that has been authenticated.
    pub(crate) fn begin(action: &str, principal: &Principal, request: &Request) -> Self {
        let id = request.extensions().get::<RequestId>();
        Self {
            action: action.to_owned(),
            who: Arc::clone(principal.key_id()),
            tenant: principal.scope().tenant().clone(),
            path: path(request),
            request_id: id.map(|id| id.0.clone()).unwrap_or_default(),
            ended: false,
        }
    }

    /// Writes down how it ended.
    pub(crate) fn end(mut self, response: &Response) {
        self.ended = true;
        let status = response.status();
        let outcome = match status.as_u16() {
            403 => "forbidden",
            200..=399 => "done",
            400..=499 => "refused",
            _ => "failed",
        };
        self.write(outcome, Some(status.as_u16()), response.extensions().get::<Affected>());
    }

    fn write(&self, outcome: &str, status: Option<u16>, affected: Option<&Affected>) {
        tracing::info!(
            target: AUDIT_TARGET,
            action = self.action,
            who = %self.who,
            tenant = self.tenant.as_str(),
            path = self.path,
            what = affected.map(|affected| affected.what.as_str()),
            contexts = affected.map(|affected| affected.contexts),
            outcome,
            status,
            request_id = self.request_id,
            "audited call",
        );
    }
}

impl Drop for AuditedCall {
    fn drop(&mut self) {
        if !self.ended {
            self.write("unfinished", None, None);
        }
    }
}
