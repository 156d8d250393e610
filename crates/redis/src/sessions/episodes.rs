//! Servers that cannot reach Redis, and those that can: who writes without Redis has all others stop using it first.
//!
//! Such a server begins an episode, a document in the store that all share, and waits until every other server has seen it,
//! or knows that it has not read the documents for too long. As long as an episode lasts, working memory is read from the
//! store. All entries from before it stay out of use for good: the names of episodes are part of the name of the key space,
//! and a document outlives every entry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use context_manager_core::ports::{
    Clock, MAX_LISTED_DOCUMENTS, SharedDocuments, StoreError, StoreErrorKind, SystemClock,
};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::Connection;

/// Kind of the documents.
const KIND: &str = "working-memory-without-redis";
/// Beginning of the text of an episode that lasts, and of one that is over.
const LASTS: &str = "lasts";
const OVER: &str = "over";

/// Time after which a write that did not end counts as abandoned. Longer than every call to the store.
pub(super) const ABANDONED: Duration = Duration::from_mins(1);

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
/// Minimum time of an episode, and the time for which it may wait for its writes to end.
const SHORTEST: Duration = Duration::from_secs(2);
const DRAINING: Duration = Duration::from_secs(2);
/// Number of attempts to read or write documents that change meanwhile, or are slow.
const ATTEMPTS: usize = 3;
/// Time after which the document of an episode is deleted: longer than any entry lives.
const KEPT: Duration = Duration::from_hours(26);

/// The episodes of all servers on a store. Each process has one document, with its last episode.
#[derive(Debug)]
pub(super) struct Episodes {
    documents: Arc<dyn SharedDocuments>,
    /// Name of the document of this process.
    process: Uuid,
    state: Mutex<State>,
    /// Held while the own episode begins or ends.
    change: tokio::sync::Mutex<()>,
    /// Held by who reads the documents.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Beginning of the last reading that succeeded.
    read_at: Option<Instant>,
    /// Set while another server writes without Redis, or may do so.
    is_disturbed: bool,
    /// Name of the key space, and the time from which all servers know it.
    space: u64,
    safe_at: Option<Instant>,
    /// Version of each document whose episode lasts, and the time at which this server first read it.
    lasting: HashMap<Uuid, (Uuid, Instant)>,
    /// Version of the document of this process.
    document: Option<Uuid>,
    own: Option<Own>,
    /// Number of own episodes that are over.
    ended: u64,
}

/// The episode of this server.
#[derive(Debug)]
struct Own {
    episode: Uuid,
    began_at: Instant,
    /// Time from which no other server uses Redis.
    ready_at: Instant,
    renewed_at: Instant,
    /// Writes under way without Redis, and their beginnings.
    writes: HashMap<u64, Instant>,
}

impl Episodes {
    pub(super) fn new(documents: Arc<dyn SharedDocuments>) -> Self {
        Self {
            documents,
            process: Uuid::now_v7(),
            state: Mutex::default(),
            change: tokio::sync::Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the key space while no server writes without Redis.
    pub(super) fn trusted(&self) -> Option<u64> {
        let state = self.state();
        let is_known = state.is_recent() && state.wait().is_none();
        (is_known && !state.is_disturbed && state.own.is_none()).then_some(state.space)
    }

    /// Returns `true` while this server writes without Redis.
    pub(super) fn is_own(&self) -> bool {
        self.state().own.is_some()
    }

    /// Returns the number of own episodes that are over, for [`Episodes::begin_without`].
    pub(super) fn ended(&self) -> u64 {
        self.state().ended
    }

    /// Returns the key space once a write to it is safe.
    ///
    /// # Errors
    /// [`StoreError`] when the documents cannot be read, or not in time.
    pub(super) async fn writable(&self) -> Result<u64, StoreError> {
        for _ in 0..ATTEMPTS {
            let space = self.space().await?;
            let wait = self.state().wait();
            match wait {
                Some(safe_at) => sleep_until(safe_at).await,
                None if self.state().is_recent() => return Ok(space),
                None => {}
            }
        }
        Err(undecided())
    }

    /// Returns the key space as it was less than [`TRUST`] ago.
    ///
    /// # Errors
    /// [`StoreError`] when the documents cannot be read.
    pub(super) async fn space(&self) -> Result<u64, StoreError> {
        if !self.state().is_recent() {
            self.read().await?;
        }
        Ok(self.state().space)
    }

    /// Registers a write without Redis once all other servers have stopped using it. Returns `false` if an own episode has
    /// ended since `ended`: Redis answers again.
    ///
    /// # Errors
    /// [`StoreError`] when the others cannot be told.
    pub(super) async fn begin_without(&self, write: u64, ended: u64) -> Result<bool, StoreError> {
        let change = self.change.lock().await;
        if self.ended() != ended {
            return Ok(false);
        }
        let joined = {
            let mut state = self.state();
            let own = state.own.as_mut().filter(|own| own.renewed_at.elapsed() < OVERDUE);
            own.map(|own| {
                own.writes.insert(write, Instant::now());
                own.ready_at
            })
        };
        let ready_at = match joined {
            Some(ready_at) => ready_at,
            None => self.begin(write).await?,
        };
        drop(change);
        sleep_until(ready_at).await;
        Ok(true)
    }

    /// Begins an episode with a write, and returns the time from which no other server uses Redis.
    async fn begin(&self, write: u64) -> Result<Instant, StoreError> {
        let (episode, began_at) = (Uuid::now_v7(), Instant::now());
        self.tell(LASTS, episode).await?;
        tracing::warn!("Redis cannot be used: working memory is read from the store by all servers");
        let ready_at = Instant::now() + SEEN;
        let mut state = self.state();
        let mut writes = state.own.take().map_or_else(HashMap::new, |own| own.writes);
        writes.insert(write, began_at);
        state.own = Some(Own {
            episode,
            began_at,
            ready_at,
            renewed_at: began_at,
            writes,
        });
        Ok(ready_at)
    }

    /// Ends a write without Redis. Returns `false` if the episode was not renewed in time, so that others may use Redis.
    pub(super) fn end_without(&self, write: u64) -> bool {
        let mut state = self.state();
        let Some(own) = &mut state.own else { return false };
        own.writes.remove(&write);
        own.renewed_at.elapsed() < OVERDUE
    }

    /// Puts all entries of before out of use, as Redis may have missed a write: the own episode, if it lasts, has done so.
    ///
    /// # Errors
    /// [`StoreError`] when the other servers cannot be told.
    pub(super) async fn discard_all(&self) -> Result<(), StoreError> {
        let write = fastrand::u64(1..);
        while !(self.begin_without(write, self.ended()).await? && self.end_without(write)) {}
        Ok(())
    }

    /// Reads the documents at intervals, and ends the own episode once Redis can be used. Never returns.
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

    /// Reads the documents, or waits for a reading that begins after this call.
    async fn read(&self) -> Result<(), StoreError> {
        let asked_at = Instant::now();
        let _reading = self.reading.lock().await;
        if self.state().read_at.is_some_and(|read_at| read_at >= asked_at) {
            return Ok(());
        }
        let read_at = Instant::now();
        let documents = self.documents.documents(KIND).await?;
        let is_full = documents.len() >= MAX_LISTED_DOCUMENTS;
        let (mut space, mut lasting, mut old, mut disturbed) = (0, HashMap::new(), Vec::new(), is_full);
        {
            let mut state = self.state();
            for (process, document) in documents {
                let told = document.text.split_once(' ').and_then(|(kind, episode)| {
                    let episode: Uuid = episode.parse().ok()?;
                    Some((kind == LASTS, episode, process.parse::<Uuid>().ok()?))
                });
                let Some((lasts, episode, process)) = told else {
                    continue;
                };
                space ^= folded(episode);
                if is_older(document.version, KEPT) {
                    old.push(process);
                } else if lasts {
                    let known = state.lasting.get(&process);
                    let known = known.filter(|(version, _)| *version == document.version);
                    let since = known.map_or(read_at, |(_, since)| *since);
                    lasting.insert(process, (document.version, since));
                    disturbed |= process != self.process && read_at.duration_since(since) < DEAD;
                }
            }
            state.is_disturbed = disturbed;
            state.lasting = lasting;
            if state.space != space {
                state.space = space;
                state.safe_at = Some(Instant::now() + SEEN);
            }
            state.read_at = Some(read_at);
        }
        for process in old {
            self.documents.delete_document(KIND, &process.to_string()).await?;
        }
        Ok(())
    }

    async fn renew_or_end(&self, connection: &Connection) -> Result<(), StoreError> {
        let _change = self.change.lock().await;
        let (episode, may_end, unrenewed) = {
            let state = self.state();
            let Some(own) = &state.own else { return Ok(()) };
            (own.episode, own.began_at.elapsed() > SHORTEST, own.renewed_at.elapsed())
        };
        if unrenewed > OVERDUE {
            // Others may take this server for dead: they have to see another episode before the next write.
            let write = fastrand::u64(1..);
            self.begin(write).await?;
            self.end_without(write);
            return Ok(());
        }
        if may_end && connection.ping().await.is_ok() && self.drained().await {
            self.tell(OVER, episode).await?;
            let mut state = self.state();
            state.own = None;
            state.ended += 1;
            tracing::info!("Redis is used again");
        } else if unrenewed > RENEWAL {
            let renewed_at = Instant::now();
            self.tell(LASTS, episode).await?;
            if let Some(own) = &mut self.state().own {
                own.renewed_at = renewed_at;
            }
        }
        Ok(())
    }

    /// Waits until no write without Redis is under way; new ones wait for the caller. Returns `false` if that takes too long.
    async fn drained(&self) -> bool {
        let start = Instant::now();
        while start.elapsed() < DRAINING {
            {
                let mut state = self.state();
                let Some(own) = &mut state.own else { return true };
                // A write whose call was given up never ends here.
                own.writes.retain(|_, began_at| began_at.elapsed() < ABANDONED);
                if own.writes.is_empty() {
                    return true;
                }
            }
            sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// Writes the document of this process.
    async fn tell(&self, kind: &str, episode: Uuid) -> Result<(), StoreError> {
        let (name, text) = (self.process.to_string(), format!("{kind} {episode}"));
        for _ in 0..ATTEMPTS {
            let expected = self.state().document;
            let told = self.documents.replace_document(KIND, &name, expected, &text).await?;
            if told.is_some() {
                self.state().document = told;
                return Ok(());
            }
            // An outage hid that an earlier call succeeded, or the document was deleted.
            let version = self.documents.document_version(KIND, &name).await?;
            self.state().document = version;
        }
        Err(undecided())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_recent(&self) -> bool {
        self.read_at.is_some_and(|read_at| read_at.elapsed() < TRUST)
    }

    /// Returns the time from which all servers know the key space, if it is to come.
    fn wait(&self) -> Option<Instant> {
        self.safe_at.filter(|safe_at| *safe_at > Instant::now())
    }
}

fn folded(name: Uuid) -> u64 {
    let (high, low) = name.as_u64_pair();
    high ^ low
}

/// Returns `true` if a version is older than `age` by this machine's clock.
fn is_older(version: Uuid, age: Duration) -> bool {
    let made = version.get_timestamp().map_or(0, |made| made.to_unix().0);
    let now = u64::try_from(SystemClock.now().as_second()).unwrap_or(0);
    now > made + age.as_secs()
}

/// Failure of an agreement with the other servers in time.
fn undecided() -> StoreError {
    StoreError {
        operation: "replace_document",
        kind: StoreErrorKind::Unavailable(None),
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use context_manager_vector_store::MemoryStore;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_did_not_renew_an_episode_in_time_begins_another_before_a_write_is_over() {
        let documents = Arc::new(MemoryStore::new(3));
        let (cut_off, other) = (Episodes::new(documents.clone()), Episodes::new(documents));
        assert!(cut_off.begin_without(1, cut_off.ended()).await.unwrap());
        other.read().await.unwrap();
        let during = other.space().await.unwrap();
        assert!(other.state().is_disturbed);

        // As after a pause of the process: others take it for dead.
        advance(DEAD + SEEN).await;
        other.read().await.unwrap();
        assert!(!other.state().is_disturbed);
        assert!(!cut_off.end_without(1), "the write may have been missed");
        cut_off.discard_all().await.unwrap();
        other.read().await.unwrap();
        assert!(other.state().is_disturbed, "nobody uses Redis again");
        assert_ne!(other.space().await.unwrap(), during, "nor what was filled meanwhile");
    }
}
