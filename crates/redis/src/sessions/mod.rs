//! Working memory that servers share: the immediate contexts of each session, in Redis.
//!
//! Each read asks Redis, so that no server answers from what another one has changed; if nothing has, the answer is a few
//! bytes, and the contexts come from the memory of this server. The scripts in `lua/` hold the protocol.

mod entry;
mod episodes;
mod key;
mod near;
mod scripts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::TenantId;
use context_manager_core::ports::{
    Affected, Announced, Cached, Change, Record, SessionCache, SessionKey, SharedDocuments, StoreError, Ticket,
};
use futures::future;

use crate::{Config, Connection, Error, metrics};
use episodes::{ABANDONED, Episodes};
use key::Keys;
use near::{Near, NearCopies};
use scripts::{Answer, Scripts};

/// Number of attempts to announce a write to Redis before all servers go without it.
const ANNOUNCEMENTS: usize = 2;

/// Cache of working memory on Redis. [`RedisSessions::keep`] must run, or the store answers.
#[derive(Debug)]
pub struct RedisSessions {
    connection: Arc<Connection>,
    scripts: Scripts,
    prefix: String,
    near: NearCopies,
    episodes: Episodes,
}

/// Sizes of working memory.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Number of contexts of a session; pinned ones may exceed it.
    pub session: usize,
    /// Maximum number of contexts in the memory of this server.
    pub near: usize,
    /// Time after which a session that is not used leaves the memory of this server.
    pub near_idle: Duration,
}

impl RedisSessions {
    /// Creates a cache on a connection. `documents` are those of the store whose contexts it holds.
    pub fn new(
        connection: Arc<Connection>,
        documents: Arc<dyn SharedDocuments>,
        config: &Config,
        sizes: Sizes,
    ) -> Self {
        Self {
            connection,
            scripts: Scripts::new(Duration::from_secs(config.session_ttl_secs), sizes.session),
            prefix: config.key_prefix.clone(),
            near: NearCopies::new(sizes.near, sizes.near_idle),
            episodes: Episodes::new(documents),
        }
    }

    /// Follows which servers can reach Redis. Never returns; must run once.
    pub async fn keep(&self) {
        self.episodes.keep(&self.connection).await;
    }

    /// Puts all entries out of use.
    async fn discard(&self) {
        if let Err(error) = self.episodes.discard_all().await {
            tracing::warn!(%error, "working memory on Redis may be stale until it expires: other servers cannot be told");
        }
    }

    fn keys(&self, tenant: &TenantId, space: u64) -> Keys {
        Keys::new(&self.prefix, tenant, space)
    }

    async fn look_up(&self, key: &SessionKey) -> Result<(Cached, &'static str), Error> {
        let Some(space) = self.episodes.trusted() else {
            let without = self.episodes.is_own();
            return Ok(if without {
                (Cached::Unavailable, "unavailable")
            } else {
                (Cached::Busy, "untrusted")
            });
        };
        let keys = self.keys(&key.tenant, space);
        let near = self.near.get(key);
        let known = near.as_ref().map_or((0, 0), |near| (near.version, near.tenant));
        let answer = self
            .scripts
            .get(&self.connection, &keys, key.session.as_deref(), known)
            .await?;
        if self.episodes.trusted() != Some(space) {
            return Ok((Cached::Busy, "untrusted"));
        }
        Ok(match (answer, near) {
            // A near copy that was asked about is there.
            (Answer::Busy, _) | (Answer::Near, None) => (Cached::Busy, "busy"),
            (Answer::Miss(ticket), _) => (Cached::Miss(ticket), "miss"),
            (Answer::Near, Some(near)) => (Cached::Hit(near.records), "near"),
            (
                Answer::Hit {
                    version,
                    tenant,
                    fields,
                },
                _,
            ) => {
                let Some(records) = entry::decode(&key.tenant, fields) else {
                    tracing::warn!("a shared working memory cannot be read; the store answers");
                    return Ok((Cached::Busy, "unreadable"));
                };
                self.near.insert(
                    key,
                    Near {
                        version,
                        tenant,
                        records: records.clone(),
                    },
                );
                (Cached::Hit(records), "hit")
            }
        })
    }

    async fn commit_session(
        &self,
        keys: &Keys,
        key: SessionKey,
        (name, before): (u64, u64),
        changes: &[Change],
    ) -> Result<(), Error> {
        let operations = entry::operations(&key.tenant, changes).unwrap_or_else(|| {
            tracing::warn!("a context cannot be encoded for the shared working memory; the store answers");
            entry::unknown()
        });
        let tenant = self
            .scripts
            .commit(&self.connection, keys, &key, (name, before), &operations)
            .await?;
        match tenant {
            Some(tenant) => self.near.follow(&key, (before, tenant), name, changes),
            None => self.near.remove(&key),
        }
        Ok(())
    }

    /// Commits a write that was announced in a key space. Returns `false` if entries of another one may have missed it.
    async fn commit_in(&self, space: u64, name: u64, before: &[u64], write: Write) -> Result<bool, Error> {
        let Write {
            tenant,
            affected,
            changes,
        } = write;
        let keys = self.keys(&tenant, space);
        match affected {
            Affected::Tenant => self.scripts.commit_tenant(&self.connection, &keys, name).await?,
            Affected::Sessions(sessions) => {
                let mut changes = by_session(changes, &sessions);
                let commits = sessions.into_iter().zip(before).map(|(session, before)| {
                    let changes = changes.remove(&session).unwrap_or_default();
                    let key = SessionKey {
                        tenant: tenant.clone(),
                        session,
                    };
                    let keys = &keys;
                    async move { self.commit_session(keys, key, (name, *before), &changes).await }
                });
                let commits = future::join_all(commits.collect::<Vec<_>>()).await;
                commits.into_iter().collect::<Result<(), Error>>()?;
            }
        }
        // Entries of another space may have been filled while only this one knew of the write.
        match self.episodes.space().await {
            Ok(now) if now == space => Ok(true),
            Ok(now) => self.invalidate(&tenant, now).await.map(|()| true),
            Err(_unknown) => Ok(false),
        }
    }

    /// Makes all sessions of a tenant stale in a key space.
    async fn invalidate(&self, tenant: &TenantId, space: u64) -> Result<(), Error> {
        let (keys, name) = (self.keys(tenant, space), fastrand::u64(1..));
        let affected = Affected::Tenant;
        self.scripts
            .begin(&self.connection, &keys, &affected, name, ABANDONED)
            .await?;
        self.scripts.commit_tenant(&self.connection, &keys, name).await
    }
}

/// Write to be committed.
#[derive(Debug)]
struct Write {
    tenant: TenantId,
    affected: Affected,
    changes: Vec<Change>,
}

#[async_trait]
impl SessionCache for RedisSessions {
    async fn get(&self, key: &SessionKey) -> Cached {
        let (cached, outcome) = self.look_up(key).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "working memory is read from the store");
            (Cached::Unavailable, "unavailable")
        });
        ::metrics::counter!(metrics::SESSION_READS, "outcome" => outcome).increment(1);
        cached
    }

    async fn fill(&self, key: &SessionKey, ticket: Ticket, records: &[Arc<Record>]) -> bool {
        let (Some(space), Some(fields)) = (self.episodes.trusted(), entry::encode(&key.tenant, records)) else {
            return false;
        };
        let (keys, version) = (self.keys(&key.tenant, space), fastrand::u64(1..));
        let filled = self.scripts.fill(
            &self.connection,
            &keys,
            key.session.as_deref(),
            ticket,
            version,
            &fields,
        );
        match filled.await {
            Ok(Some(tenant)) => {
                let records = records.to_vec();
                self.near.insert(
                    key,
                    Near {
                        version,
                        tenant,
                        records,
                    },
                );
                true
            }
            Ok(None) => false,
            Err(error) => {
                tracing::debug!(%error, "a working memory was not shared");
                false
            }
        }
    }

    /// Marks are the name of the write, the key space and the state of each session before; the name alone if Redis could not
    /// be told.
    async fn begin(&self, tenant: &TenantId, affected: Affected) -> Result<Announced, StoreError> {
        let name = fastrand::u64(1..);
        let mut marks = vec![name];
        loop {
            let (space, ended) = (self.episodes.writable().await?, self.episodes.ended());
            let keys = self.keys(tenant, space);
            for _ in 0..ANNOUNCEMENTS {
                if self.episodes.is_own() || marks.len() > 1 {
                    break;
                }
                let begun = self
                    .scripts
                    .begin(&self.connection, &keys, &affected, name, ABANDONED)
                    .await;
                match begun {
                    Ok(before) => marks.extend([space].into_iter().chain(before)),
                    Err(error) => tracing::debug!(%error, "a write cannot be announced to Redis"),
                }
            }
            if marks.len() > 1 || self.episodes.begin_without(name, ended).await? {
                break;
            }
        }
        if marks.len() == 1 {
            ::metrics::counter!(metrics::UNANNOUNCED).increment(1);
        }
        Ok(Announced {
            tenant: tenant.clone(),
            affected,
            marks,
        })
    }

    async fn commit(&self, announced: Announced, changes: Vec<Change>) {
        let Announced {
            tenant,
            affected,
            marks,
        } = announced;
        let (name, space, before) = match marks.as_slice() {
            [name, space, before @ ..] => (*name, *space, before),
            [name] => {
                if !self.episodes.end_without(*name) {
                    self.discard().await;
                }
                return;
            }
            [] => return,
        };
        let write = Write {
            tenant,
            affected,
            changes,
        };
        let is_followed = self
            .commit_in(space, name, before, write)
            .await
            .unwrap_or_else(|error| {
                tracing::debug!(%error, "a write was not committed to Redis");
                false
            });
        if !is_followed {
            // Redis may have lost the announcement, and been filled since with what was before the write.
            self.discard().await;
        }
    }

    async fn clear(&self) {
        self.near.clear();
        self.discard().await;
    }

    fn contexts(&self) -> usize {
        self.near.contexts()
    }
}

/// Returns the changes of each session. What is not of one session makes all of them unknown.
fn by_session(changes: Vec<Change>, sessions: &[Option<String>]) -> BTreeMap<Option<String>, Vec<Change>> {
    let mut of: BTreeMap<Option<String>, Vec<Change>> = BTreeMap::new();
    for change in changes {
        let session = match &change {
            Change::Added(record) | Change::Replaced(record) => record.context.session_id.clone(),
            Change::Updated(context) | Change::Embedded(context, _) => context.session_id.clone(),
            Change::Deleted(_) | Change::Unknown => {
                return sessions
                    .iter()
                    .map(|session| (session.clone(), vec![Change::Unknown]))
                    .collect();
            }
        };
        of.entry(session).or_default().push(change);
    }
    of
}
