//! Who did which operator's or destructive call, when, on what: events of the target `audit`, never with a stored text.
//!
//! Routes are marked when they are registered (`api::access`), so that no handler can forget; it only adds what it knows
//! better, by [`Affected`].

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use context_manager_core::{Filter, TenantId};
use context_manager_observability::AUDIT_TARGET;

use crate::auth::Principal;
use crate::http::RequestId;

/// The most ids that one event names.
const MAX_IDS: usize = 100;

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
            what: outline(filter),
        }
    }
}

/// A filter in words, without what tags and metadata say.
fn outline(filter: &Filter) -> String {
    let mut outline = Vec::new();
    for (name, id) in [
        ("user_id", &filter.user_id),
        ("agent_id", &filter.agent_id),
        ("session_id", &filter.session_id),
    ] {
        outline.extend(id.as_ref().map(|id| format!("{name}={id}")));
    }
    outline.extend(filter.levels.iter().map(|level| format!("level={level}")));
    for (name, count) in [
        ("tags_any", filter.tags_any.len()),
        ("tags_all", filter.tags_all.len()),
        ("metadata", filter.metadata.len()),
    ] {
        outline.extend((count > 0).then(|| format!("{name}({count})")));
    }
    outline.extend(filter.occurred_after.map(|time| format!("occurred_after={time}")));
    outline.extend(filter.occurred_before.map(|time| format!("occurred_before={time}")));
    outline.extend(filter.min_importance.map(|least| format!("min_importance={least}")));
    if let Some(ids) = &filter.ids {
        let mut text = format!("ids({})=", ids.len());
        for (at, id) in ids.iter().take(MAX_IDS).enumerate() {
            let _ = write!(text, "{}{id}", if at == 0 { "" } else { "," });
        }
        outline.push(text);
    }
    outline.join(" ")
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use context_manager_core::{ContextId, Level};

    use super::*;

    #[test]
    fn a_filter_is_outlined_without_what_was_said() {
        let filter = Filter {
            user_id: Some("mira".to_owned()),
            levels: vec![Level::LongTerm],
            tags_any: vec!["hush".to_owned()],
            metadata: BTreeMap::from([("hush".to_owned(), vec!["hush".into()])]),
            ids: Some(vec![ContextId(uuid::Uuid::nil()); MAX_IDS + 1]),
            ..Filter::default()
        };
        let outline = outline(&filter);
        assert!(
            outline.starts_with("user_id=mira level=long_term tags_any(1) metadata(1) ids(101)=0000"),
            "{outline}"
        );
        assert_eq!(outline.matches("00000000-").count(), MAX_IDS);
        assert!(!outline.contains("hush"));
    }
}
