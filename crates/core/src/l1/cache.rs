//! The in-memory level 1 as a cache of sessions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::L1;
use crate::TenantId;
use crate::ports::{Affected, Announced, Cached, Change, Record, SessionCache, SessionKey, StoreError, Ticket};

#[async_trait]
impl SessionCache for L1 {
    async fn get(&self, key: &SessionKey) -> Cached {
        if let Some(entries) = self.snapshot(key) {
            return Cached::Hit(entries);
        }
        Cached::Miss(Ticket {
            session: self.read(key),
            tenant: 0,
            space: 0,
        })
    }

    async fn fill(&self, key: &SessionKey, ticket: Ticket, records: &[Arc<Record>]) -> bool {
        L1::fill(self, key, ticket.session, records)
    }

    /// Takes the generations of the sessions, 0 for one that is not in memory. Nobody else writes to the store, and a crash
    /// ends this memory too: entries are served until the commit.
    async fn begin(&self, tenant: &TenantId, affected: Affected) -> Result<Announced, StoreError> {
        let marks = sessions(tenant, &affected).map(|key| self.generation(&key).unwrap_or(0));
        let marks = marks.collect();
        Ok(Announced {
            tenant: tenant.clone(),
            affected,
            marks,
        })
    }

    async fn commit(&self, announced: Announced, changes: Vec<Change>) {
        let tenant = &announced.tenant;
        let mut added: HashMap<Option<String>, Vec<Arc<Record>>> = HashMap::new();
        for change in changes {
            match change {
                Change::Added(record) => {
                    let session = record.context.session_id.clone();
                    added.entry(session).or_default().push(Arc::new(record));
                }
                Change::Replaced(record) => self.changed(tenant, &record.context, Some(&record)),
                Change::Updated(context) => self.changed(tenant, &context, None),
                Change::Embedded(context, vector) => self.embedded(tenant, &context, &vector),
                Change::Deleted(filter) => self.deleted(tenant, &filter),
                Change::Unknown => self.forget_affected(tenant, &announced.affected),
            }
        }
        for (key, generation) in sessions(tenant, &announced.affected).zip(&announced.marks) {
            let Some(records) = added.remove(&key.session) else {
                continue;
            };
            // A session that changed meanwhile, or is not in memory, is read from the store, the new contexts included.
            if !self.push(&key, records, *generation) {
                self.forget(&key);
            }
        }
    }

    async fn clear(&self) {
        self.forget_all();
    }

    fn unused_for(&self, key: &SessionKey) -> Option<Duration> {
        L1::unused_for(self, key)
    }

    fn evict_idle(&self, idle: Duration) -> usize {
        L1::evict_idle(self, idle)
    }

    fn contexts(&self) -> usize {
        self.len()
    }
}

impl L1 {
    fn forget_affected(&self, tenant: &TenantId, affected: &Affected) {
        match affected {
            Affected::Tenant => self.forget_tenant(tenant),
            Affected::Sessions(_) => sessions(tenant, affected).for_each(|key| self.forget(&key)),
        }
    }
}

/// Returns the keys of the affected sessions; none if the whole tenant is affected.
fn sessions(tenant: &TenantId, affected: &Affected) -> impl Iterator<Item = SessionKey> {
    let sessions = match affected {
        Affected::Sessions(sessions) => sessions.as_slice(),
        Affected::Tenant => &[],
    };
    sessions.iter().map(|session| SessionKey {
        tenant: tenant.clone(),
        session: session.clone(),
    })
}
