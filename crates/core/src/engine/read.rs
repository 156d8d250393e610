//! Reading without ranking: by id, as a list, as sessions, as counts.

use super::ContextEngine;
use crate::context::{Context, ContextId, Level};
use crate::ports::{ListRequest, ModelFingerprint, SessionSummary};
use crate::{Cursor, Error, Filter, Page, Scope, Visibility};

/// What a tenant has stored, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Contexts at each level, as in [`Level::ALL`].
    pub contexts: [u64; Level::ALL.len()],
    /// Contexts whose vector is still to come.
    pub pending: u64,
    /// Bytes of the whole store.
    pub store_bytes: u64,
    /// The embedding model.
    pub model: ModelFingerprint,
}

/// How much a tenant keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Contexts, superseded ones too.
    pub contexts: u64,
    /// What their text, tags and metadata serialise to; 0 when it was not asked for.
    pub bytes: u64,
}

/// How many contexts are read at once to measure them.
const MEASURED_AT_ONCE: usize = 1000;

impl ContextEngine {
    /// One context, superseded or not, unless it has expired.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn get(&self, scope: &Scope, id: ContextId) -> Result<Context, Error> {
        let found = self.store.get(scope, &[id]).await?.pop();
        found
            .filter(|context| context.is_live(self.clock.now()))
            .ok_or(Error::NotFound(id))
    }

    /// One page of contexts, newest first; expired ones never, superseded ones only when asked for.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list(
        &self,
        scope: &Scope,
        filter: Filter,
        include_superseded: bool,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Context>, Error> {
        let now = self.clock.now();
        let visibility = if include_superseded {
            Visibility::Live(now)
        } else {
            Visibility::Current(now)
        };
        let filter = Filter { visibility, ..filter };
        let page = self
            .store
            .list(
                scope,
                ListRequest {
                    filter,
                    after,
                    limit,
                    ..ListRequest::default()
                },
            )
            .await?;
        Ok(Page {
            items: page.items.into_iter().map(|record| record.context).collect(),
            next: page.next,
        })
    }

    /// One page of the tenant's sessions, by id: those with contexts that are served, which alone count.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sessions(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, Error> {
        let visibility = Visibility::Current(self.clock.now());
        Ok(self.store.sessions(scope, visibility, after, limit).await?)
    }

    /// Damage and failures of a store that works all the same, each as a sentence for operators.
    pub async fn store_troubles(&self) -> Vec<String> {
        self.store.troubles().await
    }

    /// What the tenant has stored; expired contexts do not count.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn stats(&self, scope: &Scope) -> Result<Stats, Error> {
        let live = Filter {
            visibility: Visibility::Live(self.clock.now()),
            ..Filter::default()
        };
        let mut contexts = [0; Level::ALL.len()];
        for level in Level::ALL {
            let filter = Filter {
                levels: vec![level],
                ..live.clone()
            };
            contexts[level.index()] = self.store.count(scope, &filter).await?;
        }
        let pending = self
            .store
            .count(
                scope,
                &Filter {
                    embedded: Some(false),
                    ..live
                },
            )
            .await?;
        let store_bytes = self.store.size_bytes().await?;
        Ok(Stats {
            contexts,
            pending,
            store_bytes,
            model: self.model.read().await.fingerprint().clone(),
        })
    }

    /// How much the tenant keeps; expired contexts do not count. Bytes are measured by reading every context.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn usage(&self, scope: &Scope, bytes: bool) -> Result<Usage, Error> {
        if !bytes {
            let live = Filter {
                visibility: Visibility::Live(self.clock.now()),
                ..Filter::default()
            };
            let contexts = self.store.count(scope, &live).await?;
            return Ok(Usage { contexts, bytes: 0 });
        }
        let mut usage = Usage::default();
        let mut after = None;
        loop {
            let page = self
                .list(scope, Filter::default(), true, after, MEASURED_AT_ONCE)
                .await?;
            for context in &page.items {
                usage.contexts += 1;
                usage.bytes += context.content_bytes() as u64;
            }
            if page.next.is_none() {
                return Ok(usage);
            }
            after = page.next;
        }
    }
}
