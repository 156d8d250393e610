//! The latest events of the tenants that somebody follows.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use crate::context::{Context, ContextId, Level};
use crate::{Scope, TenantId};

/// Maximum number of events that are kept of a tenant, each of some 150 bytes.
const KEPT: usize = 10_000;
/// Time that the events of a tenant are kept after the last of its followers left.
const KEPT_FOR: Duration = Duration::from_mins(10);

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Place among the events of the tenant.
    pub resume: Resume,
    /// Kind of the write.
    pub kind: EventKind,
    /// Context.
    pub id: ContextId,
    /// Its level.
    pub level: Level,
    /// Its scope.
    pub scope: Option<String>,
    /// User to whom it belongs.
    pub user_id: Option<String>,
}

/// Kind of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A new context.
    Stored,
    /// A change of a context: of its text, its fields or its level.
    Changed,
    /// A deletion by a call.
    Deleted,
    /// A deletion by garbage collection.
    Expired,
}

impl EventKind {
    /// Returns the name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
            Self::Expired => "expired",
        }
    }
}

/// Place among the events of a tenant, from which a follower resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resume {
    /// Run of the tenant's log: numbers of another run mean nothing.
    run: u64,
    number: u64,
}

impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.run, self.number)
    }
}

/// Error for a text that is no place.
#[derive(Debug, thiserror::Error)]
#[error("a place among events is the id of an event")]
pub struct InvalidResume;

impl FromStr for Resume {
    type Err = InvalidResume;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (run, number) = text.split_once('-').ok_or(InvalidResume)?;
        Ok(Self {
            run: u64::from_str_radix(run, 16).map_err(|_| InvalidResume)?,
            number: number.parse().map_err(|_| InvalidResume)?,
        })
    }
}

/// The events of all followed tenants.
#[derive(Debug, Default)]
pub(in crate::engine) struct EventLog {
    /// Number of followed tenants; writes to others cost no more than reading it.
    followed: AtomicUsize,
    closed: AtomicBool,
    tenants: Mutex<HashMap<TenantId, Tenant>>,
}

#[derive(Debug)]
struct Tenant {
    /// Differs from that of any other log of the tenant, before or after it.
    run: u64,
    events: VecDeque<Event>,
    /// Number of the next event.
    next: u64,
    followers: usize,
    /// Time since which nobody follows.
    left_at: Option<Instant>,
    arrived: Arc<Notify>,
}

impl Default for Tenant {
    fn default() -> Self {
        Self {
            run: Uuid::new_v4().as_u64_pair().0,
            events: VecDeque::new(),
            next: 1,
            followers: 0,
            left_at: None,
            arrived: Arc::default(),
        }
    }
}

impl EventLog {
    /// Returns `true` if somebody follows the tenant, or did lately.
    pub(in crate::engine) fn follows(&self, tenant: &TenantId) -> bool {
        self.followed.load(Ordering::Acquire) > 0 && self.lock().contains_key(tenant)
    }

    /// Adds events about contexts.
    pub(in crate::engine) fn add<'c>(
        &self,
        tenant: &TenantId,
        kind: EventKind,
        contexts: impl IntoIterator<Item = &'c Context>,
    ) {
        if self.followed.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut tenants = self.lock();
        let Some(log) = tenants.get_mut(tenant) else { return };
        for context in contexts {
            let number = log.next;
            log.next += 1;
            log.events.push_back(Event {
                resume: Resume { run: log.run, number },
                kind,
                id: context.id,
                level: context.level,
                scope: context.scope.clone(),
                user_id: context.user_id.clone(),
            });
        }
        let excess = log.events.len().saturating_sub(KEPT);
        log.events.drain(..excess);
        log.arrived.notify_waiters();
    }

    /// Follows a tenant from now on, or from behind an event.
    pub(in crate::engine) fn follow(self: &Arc<Self>, scope: &Scope, after: Option<Resume>) -> Follower {
        let mut tenants = self.lock();
        tenants.retain(|_, log| log.followers > 0 || log.left_at.is_none_or(|left| left.elapsed() < KEPT_FOR));
        let log = tenants.entry(scope.tenant().clone()).or_default();
        log.followers += 1;
        log.left_at = None;
        let follower = Follower {
            log: Arc::clone(self),
            tenant: scope.tenant().clone(),
            next: match after {
                None => Some(log.next),
                Some(after) if after.run == log.run && after.number < log.next => Some(after.number + 1),
                Some(_) => None,
            },
            arrived: Arc::clone(&log.arrived),
        };
        self.followed.store(tenants.len(), Ordering::Release);
        follower
    }

    /// Ends all followers.
    pub(in crate::engine) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for log in self.lock().values() {
            log.arrived.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Tenant>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follower of one tenant.
#[derive(Debug)]
pub struct Follower {
    log: Arc<EventLog>,
    tenant: TenantId,
    /// Number of the next event; `None` if events before it may be lost.
    next: Option<u64>,
    arrived: Arc<Notify>,
}

/// Message to a follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// Events, in order.
    Events(Vec<Event>),
    /// Events before this place are lost: the follower must read the tenant's contexts again.
    Gap(Resume),
}

impl Follower {
    /// Waits for events; `None` once the server ends.
    pub async fn next(&mut self) -> Option<Followed> {
        loop {
            let arrived = Arc::clone(&self.arrived);
            let mut arrived = std::pin::pin!(arrived.notified());
            // Before looking, so that nothing is missed that comes in between.
            arrived.as_mut().enable();
            if self.log.closed.load(Ordering::Acquire) {
                return None;
            }
            if let Some(followed) = self.take() {
                return Some(followed);
            }
            arrived.await;
        }
    }

    fn take(&mut self) -> Option<Followed> {
        let tenants = self.log.lock();
        let log = tenants.get(&self.tenant)?;
        let first = log.next - log.events.len() as u64;
        let Some(next) = self.next.filter(|next| *next >= first) else {
            self.next = Some(log.next);
            return Some(Followed::Gap(Resume {
                run: log.run,
                // The place of the event before the next one.
                number: log.next - 1,
            }));
        };
        let behind = usize::try_from(next - first).unwrap_or(usize::MAX);
        let events: Vec<Event> = log.events.iter().skip(behind).cloned().collect();
        self.next = Some(log.next);
        (!events.is_empty()).then_some(Followed::Events(events))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(log) = self.log.lock().get_mut(&self.tenant) {
            log.followers -= 1;
            log.left_at = (log.followers == 0).then(Instant::now);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn scope(name: &str) -> Scope {
        Scope::authenticated(TenantId::try_new(name).unwrap())
    }

    fn texts(count: usize) -> Vec<Context> {
        (0..count).map(|number| Context::new(number.to_string())).collect()
    }

    /// Returns the events that a follower has at once.
    fn events(follower: &mut Follower) -> Vec<Event> {
        match follower.next().now_or_never().flatten() {
            Some(Followed::Events(events)) => events,
            gap_or_nothing => panic!("{gap_or_nothing:?}"),
        }
    }

    #[test]
    fn followers_get_what_comes_after_them_and_resume_where_they_were() {
        let log = Arc::new(EventLog::default());
        let (acme, other) = (scope("acme"), scope("other"));
        let contexts = texts(4);
        log.add(acme.tenant(), EventKind::Stored, &contexts[..1]);
        let mut follower = log.follow(&acme, None);
        assert!(follower.next().now_or_never().is_none());
        log.add(other.tenant(), EventKind::Stored, &contexts);
        log.add(acme.tenant(), EventKind::Stored, &contexts[1..3]);
        let got = events(&mut follower);
        assert_eq!(
            got.iter().map(|event| event.id).collect::<Vec<_>>(),
            [contexts[1].id, contexts[2].id]
        );
        drop(follower);

        log.add(acme.tenant(), EventKind::Deleted, &contexts[3..]);
        let place: Resume = got[0].resume.to_string().parse().unwrap();
        let mut resumed = log.follow(&acme, Some(place));
        let got = events(&mut resumed);
        assert_eq!(
            got.iter().map(|event| event.kind).collect::<Vec<_>>(),
            [EventKind::Stored, EventKind::Deleted]
        );
        assert!(resumed.next().now_or_never().is_none());
    }

    #[test]
    fn lost_events_are_said() {
        let log = Arc::new(EventLog::default());
        let acme = scope("acme");
        let mut slow = log.follow(&acme, None);
        log.add(acme.tenant(), EventKind::Stored, &texts(KEPT + 1));
        assert!(matches!(slow.next().now_or_never(), Some(Some(Followed::Gap(_)))));
        let elsewhere = Resume { run: 1, number: 0 };
        let Some(Some(Followed::Gap(place))) = log.follow(&acme, Some(elsewhere)).next().now_or_never() else {
            panic!("numbers of another run mean nothing")
        };
        log.add(acme.tenant(), EventKind::Stored, &texts(1));
        assert_eq!(events(&mut log.follow(&acme, Some(place))).len(), 1);
    }

    #[tokio::test]
    async fn a_waiting_follower_wakes_up_and_ends_with_the_log() {
        let log = Arc::new(EventLog::default());
        let acme = scope("acme");
        let mut follower = log.follow(&acme, None);
        let waiting = tokio::spawn(async move { (follower.next().await, follower.next().await) });
        tokio::task::yield_now().await;
        log.add(acme.tenant(), EventKind::Stored, &texts(1));
        tokio::task::yield_now().await;
        log.close();
        let (first, second) = waiting.await.unwrap();
        assert!(matches!(first, Some(Followed::Events(events)) if events.len() == 1));
        assert_eq!(second, None);
    }

    #[tokio::test(start_paused = true)]
    async fn tenants_that_nobody_follows_are_forgotten() {
        let log = Arc::new(EventLog::default());
        drop(log.follow(&scope("acme"), None));
        assert!(log.follows(scope("acme").tenant()));
        tokio::time::advance(KEPT_FOR).await;
        let _other = log.follow(&scope("other"), None);
        assert!(!log.follows(scope("acme").tenant()));
    }
}
