//! What sessions were served lately, to recognise it when it comes back as something new.
//!
//! Kept in memory alone: after a restart an agent's own output is taken for news for some minutes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use moka::sync::Cache;
use tokio::time::Duration;

use super::ContextEngine;
use super::search::SearchRequest;
use crate::context::{Context, ContextId, MAX_TAGS};
use crate::lifecycle::{ECHO_TAG, echoed};
use crate::{Scope, TenantId};

/// How many of the texts served last are remembered for a session.
const FOR_EACH_SESSION: usize = 100;
/// How many bytes of texts are remembered for all sessions.
const BYTES: u64 = 16 * 1024 * 1024;

type Texts = Arc<Mutex<VecDeque<(ContextId, Arc<str>)>>>;

/// The texts that sessions were served lately.
#[derive(Debug)]
pub(super) struct Served(Option<Cache<(TenantId, String), Texts>>);

impl Served {
    /// Remembers for so many seconds after a session was last served; with 0 nothing.
    pub(super) fn new(secs: u64) -> Self {
        Self((secs > 0).then(|| {
            let bytes = |_: &(TenantId, String), texts: &Texts| {
                let texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
                let total: usize = texts.iter().map(|(_, text)| text.len() + 64).sum();
                u32::try_from(total).unwrap_or(u32::MAX)
            };
            Cache::builder()
                .weigher(bytes)
                .max_capacity(BYTES)
                .time_to_live(Duration::from_secs(secs))
                .build()
        }))
    }

    /// Remembers what the session of a search was served.
    pub(super) fn remember<'a>(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        served: impl Iterator<Item = &'a Context>,
    ) {
        let (Some(sessions), Some(session)) = (&self.0, request.working_memory()) else {
            return;
        };
        let key = (scope.tenant().clone(), session.to_owned());
        let texts = sessions.get(&key).unwrap_or_default();
        {
            let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
            for context in served {
                texts.retain(|(id, _)| *id != context.id);
                texts.push_back((context.id, context.text.as_str().into()));
            }
            while texts.len() > FOR_EACH_SESSION {
                texts.pop_front();
            }
        }
        // Put in again, so that it is weighed anew and its time starts from now.
        sessions.insert(key, texts);
    }

    /// Forgets contexts of the scope's tenant, whatever session was served them.
    pub(super) fn forget(&self, scope: &Scope, ids: &[ContextId]) {
        for (key, texts) in self.0.iter().flatten() {
            if key.0 == *scope.tenant() {
                let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
                texts.retain(|(id, _)| !ids.contains(id));
            }
        }
    }

    /// Forgets everything.
    pub(super) fn forget_all(&self) {
        self.0.iter().for_each(Cache::invalidate_all);
    }

    fn of_session(&self, scope: &Scope, session: &str) -> Vec<(ContextId, Arc<str>)> {
        let texts = self
            .0
            .as_ref()
            .and_then(|sessions| sessions.get(&(scope.tenant().clone(), session.to_owned())));
        texts.map_or_else(Vec::new, |texts| {
            texts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .cloned()
                .collect()
        })
    }
}

impl ContextEngine {
    /// Marks a new context that repeats what its session was just served, with [`ECHO_TAG`] and where it comes from.
    pub(super) fn mark_echo(&self, scope: &Scope, context: &mut Context) {
        let Some(session) = &context.session_id else { return };
        let served = self.served.of_session(scope, session);
        if served.is_empty() {
            return;
        }
        let texts: Vec<&str> = served.iter().map(|(_, text)| &**text).collect();
        let repeated = echoed(&self.preparer.analyzer, &context.text, &texts);
        context.derived_from.extend(repeated.iter().map(|at| served[*at].0));
        let is_new = !context.tags.iter().any(|tag| tag == ECHO_TAG);
        if !repeated.is_empty() && is_new && context.tags.len() < MAX_TAGS {
            context.tags.push(ECHO_TAG.to_owned());
            metrics::counter!(crate::metrics::ECHOES).increment(1);
        }
    }
}
