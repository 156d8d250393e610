//! Servers that cannot reach Redis, and those that can: who writes without Redis has all others stop using it first.
//!
//! Such a server begins an episode, a document in the store that all share, and waits until every other server has seen it,
//! or knows that it has not read the documents for too long. As long as an episode lasts, working memory is read from the
//! store. All entries from before it stay out of use for good: the names of episodes are part of the name of the key space,
//! and a document outlives every entry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use context_manager_core::ports::{SharedDocuments, StoreError};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::Connection;

/// Kind of the documents.
const KIND: &str = "working-memory-without-redis";
/// Texts of an episode that lasts, and of one that is over.
const LASTS: &str = "lasts";
const OVER: &str = "over";

/// Interval of reading the documents.
const POLL: Duration = Duration::from_millis(300);
/// Time from the beginning of a reading for which a server trusts Redis.
const TRUST: Duration = Duration::from_secs(1);
/// Time after which every other server has seen a new episode, or trusts Redis no more.
const SEEN: Duration = Duration::from_millis(1_100);
/// Interval of renewing the own episode, and the time without renewal after which others take its server for dead, and after
/// which the server itself begins another one.
const RENEWAL: Duration = Duration::from_secs(10);
const DEAD: Duration = Duration::from_secs(30);
const OVERDUE: Duration = Duration::from_secs(20);
/// Minimum time of an episode.
const SHORTEST: Duration = Duration::from_secs(2);
/// Time after which the document of an episode is deleted: longer than any entry lives.
const KEPT: Duration = Duration::from_hours(26);

/// The episodes of all servers on a store.
#[derive(Debug)]
pub(super) struct Episodes {
    documents: Arc<dyn SharedDocuments>,
    state: Mutex<State>,
    /// Held while the own episode begins or ends.
    change: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Beginning of the last reading that succeeded.
    read_at: Option<Instant>,
    /// Set while another server writes without Redis.
    is_disturbed: bool,
    /// Name of the key space, and the time from which writes to it are safe.
    space: u64,
    safe_at: Option<Instant>,
    /// Version of each episode that lasts, and the time at which this server first read it.
    lasting: HashMap<Uuid, (Uuid, Instant)>,
    own: Option<Own>,
}

/// The episode of this server.
#[derive(Debug)]
struct Own {
    name: Uuid,
    version: Uuid,
    began_at: Instant,
    renewed_at: Instant,
    /// Writes under way without Redis, and their beginnings.
    writes: HashMap<u64, Instant>,
}

impl Episodes {
    pub(super) fn new(documents: Arc<dyn SharedDocuments>) -> Self {
        Self {
            documents,
            state: Mutex::default(),
            change: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the key space while no server writes without Redis.
    pub(super) fn trusted(&self) -> Option<u64> {
        let state = self.state();
        let is_recent = state.read_at.is_some_and(|read_at| read_at.elapsed() < TRUST);
        (is_recent && !state.is_disturbed && state.own.is_none()).then_some(state.space)
    }

    /// Returns `true` while this server writes without Redis.
    pub(super) fn is_own(&self) -> bool {
        self.state().own.is_some()
    }

    /// Returns the key space once a write to it is safe.
    ///
    /// # Errors
    /// [`StoreError`] when the documents cannot be read.
    pub(super) async fn writable(&self) -> Result<u64, StoreError> {
        loop {
            let (is_recent, space, safe_at) = {
                let state = self.state();
                let is_recent = state.read_at.is_some_and(|read_at| read_at.elapsed() < TRUST);
                (is_recent, state.space, state.safe_at)
            };
            match safe_at.filter(|safe_at| *safe_at > Instant::now()) {
                Some(safe_at) if is_recent => sleep_until(safe_at).await,
                None if is_recent => return Ok(space),
                Some(_) | None => self.read().await?,
            }
        }
    }

    /// Returns the key space as last read.
    pub(super) fn space(&self) -> u64 {
        self.state().space
    }

    /// Registers a write without Redis once all other servers have stopped using it.
    ///
    /// # Errors
    /// [`StoreError`] when the others cannot be told.
    pub(super) async fn begin_without(&self, write: u64) -> Result<(), StoreError> {
        let _change = self.change.lock().await;
        let lasts = |own: &mut Own| {
            let lasts = own.renewed_at.elapsed() < OVERDUE;
            if lasts {
                own.writes.insert(write, Instant::now());
            }
            lasts
        };
        if self.state().own.as_mut().is_some_and(lasts) {
            return Ok(());
        }
        let (name, began_at) = (Uuid::now_v7(), Instant::now());
        let made = self
            .documents
            .replace_document(KIND, &name.to_string(), None, LASTS)
            .await?;
        let Some(version) = made else {
            // A name of its own: an outage hid that the document was written.
            return Err(undecided());
        };
        tracing::warn!("Redis cannot be reached: working memory is read from the store by all servers");
        self.state().own = Some(Own {
            name,
            version,
            began_at,
            renewed_at: began_at,
            writes: HashMap::from([(write, began_at)]),
        });
        sleep(SEEN).await;
        Ok(())
    }

    /// Ends a write without Redis.
    pub(super) fn end_without(&self, write: u64) {
        if let Some(own) = &mut self.state().own {
            own.writes.remove(&write);
        }
    }

    /// Reads the documents at intervals, and ends the own episode once Redis answers. Never returns.
    pub(super) async fn keep(&self, connection: &Connection) {
        loop {
            if let Err(error) = self.read().await {
                tracing::debug!(%error, "working memory is read from the store: what servers agree on cannot be read");
            }
            if let Err(error) = self.renew_or_end(connection).await {
                tracing::debug!(%error, "the time without Redis was not renewed");
            }
            sleep(POLL).await;
        }
    }

    /// Reads the documents.
    async fn read(&self) -> Result<(), StoreError> {
        let read_at = Instant::now();
        let documents = self.documents.documents(KIND).await?;
        let episodes = documents.into_iter().filter_map(|(name, document)| {
            let name: Uuid = name.parse().ok()?;
            Some((name, document))
        });
        let (mut space, mut lasting, mut old) = (0, HashMap::new(), Vec::new());
        {
            let state = self.state();
            for (name, document) in episodes {
                space ^= folded(name);
                if is_older(document.version, KEPT) {
                    old.push(name);
                } else if document.text == LASTS {
                    let known = state
                        .lasting
                        .get(&name)
                        .filter(|(version, _)| *version == document.version);
                    lasting.insert(name, (document.version, known.map_or(read_at, |known| known.1)));
                }
            }
        }
        {
            let mut state = self.state();
            let own = state.own.as_ref().map(|own| own.name);
            let lives = |(name, (_, since)): (&Uuid, &(Uuid, Instant))| {
                Some(*name) != own && read_at.duration_since(*since) < DEAD
            };
            state.is_disturbed = lasting.iter().any(lives);
            state.lasting = lasting;
            if state.space != space {
                state.space = space;
                state.safe_at = Some(Instant::now() + SEEN);
            }
            state.read_at = Some(read_at);
        }
        for name in old {
            self.documents.delete_document(KIND, &name.to_string()).await?;
        }
        Ok(())
    }

    async fn renew_or_end(&self, connection: &Connection) -> Result<(), StoreError> {
        let _change = self.change.lock().await;
        let (name, version, can_end, is_due) = {
            let mut state = self.state();
            let Some(own) = &mut state.own else { return Ok(()) };
            // A write whose call was given up never ends here.
            own.writes.retain(|_, began_at| began_at.elapsed() < super::ABANDONED);
            let can_end = own.writes.is_empty() && own.began_at.elapsed() > SHORTEST;
            (own.name, own.version, can_end, own.renewed_at.elapsed() > RENEWAL)
        };
        if can_end && connection.ping().await.is_ok() {
            self.documents
                .replace_document(KIND, &name.to_string(), Some(version), OVER)
                .await?;
            self.state().own = None;
            tracing::info!("Redis is used again");
        } else if is_due {
            let renewed_at = Instant::now();
            let renewed = self
                .documents
                .replace_document(KIND, &name.to_string(), Some(version), LASTS)
                .await?;
            let Some(version) = renewed else {
                return Err(undecided());
            };
            if let Some(own) = &mut self.state().own {
                (own.version, own.renewed_at) = (version, renewed_at);
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn folded(name: Uuid) -> u64 {
    let (high, low) = name.as_u64_pair();
    high ^ low
}

/// Returns `true` if a version is older than `age` by this machine's clock.
fn is_older(version: Uuid, age: Duration) -> bool {
    let made = version
        .get_timestamp()
        .map(|made| Duration::from_secs(made.to_unix().0));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    matches!((made, now), (Some(made), Ok(now)) if now > made + age)
}

/// Failure of a replacement by another version than this server knows of.
fn undecided() -> StoreError {
    StoreError {
        operation: "replace_document",
        kind: context_manager_core::ports::StoreErrorKind::Unavailable(None),
        source: None,
    }
}
