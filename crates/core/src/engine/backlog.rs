//! The contexts that wait for their vector, by what this process knows.
//!
//! The store alone decides which contexts are pending. This is a guide to it: which tenants may have any, so that searches
//! need not ask the store, and where their next ones are, so that the worker need not search for them. A context leaves the
//! guide only after the store has shown it no more.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use crate::context::ContextId;
use crate::{Cursor, TenantId};

/// Maximum number of queued ids of all tenants, some megabyte. The store lists those beyond it.
const QUEUED: usize = 50_000;
/// Interval of looking for tenants in the store, where other processes may have stored contexts without their vectors. Texts
/// that the embedder refused are due then, too.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Guide to the pending contexts.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Time of the last look at the store. Before the first one every tenant may have pending contexts.
    looked: Option<Instant>,
    /// Changes whenever everything known is forgotten.
    generation: u64,
    tenants: BTreeMap<TenantId, Waiting>,
    queued: usize,
    /// Number of announced contexts since [`Backlog::take_arrivals`].
    arrivals: usize,
}

/// Pending contexts of a tenant.
#[derive(Debug, Default)]
struct Waiting {
    /// The next contexts to embed, in their order.
    queue: VecDeque<ContextId>,
    /// Position in the store's list from which on contexts are not queued; `None` if the queue has all.
    rest: Option<Position>,
    /// Set if contexts arrived that are neither in the queue nor sure to be in the rest.
    unqueued: bool,
    /// Set if contexts stay pending that were tried in vain.
    left: bool,
    /// Set while contexts taken from the queue are embedded.
    taken: bool,
    /// Time of the first arrival since nothing waited, if it is known.
    since: Option<Timestamp>,
}

/// Position in the list of a tenant's pending contexts, oldest first.
type Position = Option<Cursor>;

/// Source of a tenant's next pending contexts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// These contexts, unless they changed since.
    Queued(Vec<ContextId>),
    /// The store's list after this position, to be passed to [`Backlog::listed`].
    Listed(Position),
    /// There are none to try now.
    Nothing,
}

impl Backlog {
    /// Follows contexts that were stored without their vectors.
    pub(super) fn announce(&self, tenant: &TenantId, ids: impl Iterator<Item = ContextId>, now: Timestamp) {
        let mut ids = ids.peekable();
        if ids.peek().is_none() {
            return;
        }
        let mut state = self.state();
        let State {
            looked,
            tenants,
            queued,
            arrivals,
            ..
        } = &mut *state;
        let waiting = tenants.entry(tenant.clone()).or_insert_with(|| Waiting {
            rest: looked.is_none().then_some(None),
            since: looked.map(|_| now),
            ..Waiting::default()
        });
        for id in ids {
            *arrivals += 1;
            if waiting.rest.is_none() && !waiting.unqueued && *queued < QUEUED {
                waiting.queue.push_back(id);
                *queued += 1;
            } else {
                waiting.unqueued = true;
            }
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Follows a change of everything that is stored.
    pub(super) fn forget_all(&self) {
        let mut state = self.state();
        *state = State {
            generation: state.generation + 1,
            ..State::default()
        };
        drop(state);
        self.arrived.notify_one();
    }

    /// Returns the number of contexts announced since the last time.
    pub(super) fn take_arrivals(&self) -> usize {
        std::mem::take(&mut self.state().arrivals)
    }

    /// Completes when contexts are announced, at once if they were since the last time.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Returns `false` if no context of the tenant is pending.
    pub(super) fn may_wait(&self, tenant: &TenantId) -> bool {
        let state = self.state();
        state.looked.is_none() || state.tenants.contains_key(tenant)
    }

    /// Returns the tenants that may have pending contexts; `None` if the store has to be asked.
    pub(super) fn tenants(&self) -> Option<Vec<TenantId>> {
        let state = self.state();
        let known = || state.tenants.keys().cloned().collect();
        state.looked.map(|_| known())
    }

    /// Returns the time since which contexts of a tenant wait at most, if it is known.
    pub(super) fn since(&self, tenant: &TenantId) -> Option<Timestamp> {
        self.state().tenants.get(tenant)?.since
    }

    /// Returns the ticket for [`Self::looked`] if it is time to look for tenants in the store.
    pub(super) fn look_is_due(&self) -> Option<u64> {
        let state = self.state();
        let is_due = state.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY);
        is_due.then_some(state.generation)
    }

    /// Follows a look for tenants in the store.
    pub(super) fn looked(&self, ticket: u64, found: Vec<TenantId>) {
        let mut state = self.state();
        if state.generation != ticket {
            return;
        }
        state.looked = Some(Instant::now());
        for tenant in found {
            let waiting = state.tenants.entry(tenant).or_default();
            waiting.unqueued |= waiting.queue.is_empty();
        }
    }

    /// Takes up to `batch` of a tenant's contexts, oldest first, to be embedded until [`Self::settle`].
    pub(super) fn take(&self, tenant: &TenantId, batch: usize) -> Next {
        let mut state = self.state();
        let State { tenants, queued, .. } = &mut *state;
        let Some(waiting) = tenants.get_mut(tenant) else {
            return Next::Nothing;
        };
        if std::mem::take(&mut waiting.taken) {
            // The last ones were not settled, and may be anywhere.
            *queued -= waiting.queue.len();
            waiting.queue.clear();
            waiting.rest = Some(None);
        }
        if !waiting.queue.is_empty() {
            let taken: Vec<ContextId> = waiting.queue.drain(..waiting.queue.len().min(batch)).collect();
            *queued -= taken.len();
            waiting.taken = true;
            return Next::Queued(taken);
        }
        if waiting.rest.is_none() && (waiting.unqueued || !waiting.left) {
            waiting.rest = Some(None);
        }
        let Some(position) = waiting.rest else {
            return Next::Nothing;
        };
        if position.is_none() {
            waiting.unqueued = false;
            waiting.left = false;
        }
        Next::Listed(position)
    }

    /// Follows a page of the store's list after `position`: `fresh` come next, and `others` is set if it had more than those.
    pub(super) fn listed(
        &self,
        tenant: &TenantId,
        position: Position,
        fresh: Vec<ContextId>,
        others: bool,
        next: Option<Cursor>,
    ) {
        let mut state = self.state();
        let State { tenants, queued, .. } = &mut *state;
        let Some(waiting) = tenants.get_mut(tenant) else { return };
        waiting.left |= others;
        waiting.rest = next.map(Some);
        *queued += fresh.len();
        waiting.queue.extend(fresh);
        if position.is_none() && waiting.is_done() {
            tenants.remove(tenant);
        }
    }

    /// Ends what [`Self::take`] began: `again` come next, in their order, and `left` is set if others stay pending.
    pub(super) fn settle(&self, tenant: &TenantId, again: Vec<ContextId>, left: bool) {
        let mut state = self.state();
        let State { tenants, queued, .. } = &mut *state;
        let Some(waiting) = tenants.get_mut(tenant) else { return };
        waiting.taken = false;
        waiting.left |= left;
        *queued += again.len();
        for id in again.into_iter().rev() {
            waiting.queue.push_front(id);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every method leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_done(&self) -> bool {
        self.queue.is_empty() && self.rest.is_none() && !self.unqueued && !self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> TenantId {
        TenantId::try_new("a").unwrap()
    }

    fn ids(count: usize) -> Vec<ContextId> {
        (0..count).map(|_| ContextId::generate()).collect()
    }

    fn announce(backlog: &Backlog, ids: &[ContextId]) {
        backlog.announce(&tenant(), ids.iter().copied(), Timestamp::UNIX_EPOCH);
    }

    /// A backlog after a look that found `tenants`.
    fn looked(tenants: Vec<TenantId>) -> Backlog {
        let backlog = Backlog::default();
        backlog.looked(backlog.look_is_due().unwrap(), tenants);
        backlog
    }

    /// Takes one context at a time and settles it, listing nothing but `listed`, and returns the order.
    fn drain(backlog: &Backlog, mut listed: Vec<ContextId>) -> Vec<ContextId> {
        let mut order = Vec::new();
        loop {
            match backlog.take(&tenant(), 1) {
                Next::Queued(ids) => {
                    order.extend(ids);
                    backlog.settle(&tenant(), Vec::new(), false);
                }
                Next::Listed(position) => {
                    backlog.listed(&tenant(), position, std::mem::take(&mut listed), false, None);
                }
                Next::Nothing => return order,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn until_the_store_was_looked_at_everybody_may_wait() {
        let backlog = Backlog::default();
        assert!(backlog.may_wait(&tenant()) && backlog.tenants().is_none());
        let ticket = backlog.look_is_due().unwrap();
        backlog.looked(ticket, Vec::new());
        assert!(!backlog.may_wait(&tenant()) && backlog.look_is_due().is_none());
        tokio::time::advance(LOOK_EVERY).await;
        let ticket = backlog.look_is_due().expect("other processes store, too");
        // A restored snapshot: what was found before it says nothing.
        backlog.forget_all();
        backlog.looked(ticket, Vec::new());
        assert!(backlog.may_wait(&tenant()));
    }

    #[test]
    fn contexts_come_in_their_order_and_a_tenant_leaves_when_the_store_has_none() {
        let backlog = looked(Vec::new());
        let written = ids(3);
        announce(&backlog, &written[..2]);
        announce(&backlog, &written[2..]);
        assert_eq!(backlog.take(&tenant(), 2), Next::Queued(written[..2].to_vec()));
        backlog.settle(&tenant(), vec![written[1]], false);
        assert_eq!(
            drain(&backlog, Vec::new()),
            written[1..],
            "what was put back comes first"
        );
        assert!(!backlog.may_wait(&tenant()));
    }

    #[test]
    fn what_arrives_while_the_store_is_listed_is_not_lost() {
        let backlog = looked(vec![tenant()]);
        let [old, new] = ids(2)[..] else { panic!() };
        assert_eq!(backlog.take(&tenant(), 1), Next::Listed(None));
        announce(&backlog, &[new]);
        backlog.listed(&tenant(), None, vec![old], false, None);
        assert_eq!(drain(&backlog, vec![new]), [old, new], "it is listed again");
        assert!(!backlog.may_wait(&tenant()));
    }

    #[test]
    fn beyond_the_queue_the_store_is_listed_page_by_page() {
        let backlog = looked(Vec::new());
        announce(&backlog, &ids(QUEUED + 1));
        assert_eq!(backlog.state().queued, QUEUED);
        while matches!(backlog.take(&tenant(), QUEUED), Next::Queued(_)) {
            backlog.settle(&tenant(), Vec::new(), false);
        }
        backlog.listed(&tenant(), None, ids(1), false, Some(Cursor(7)));
        assert!(matches!(backlog.take(&tenant(), 1), Next::Queued(_)));
        backlog.settle(&tenant(), Vec::new(), false);
        assert_eq!(
            backlog.take(&tenant(), 1),
            Next::Listed(Some(Cursor(7))),
            "not from the start"
        );
        assert_eq!(backlog.state().queued, 0);
    }

    #[test]
    fn what_was_taken_and_not_settled_is_found_in_the_store() {
        let backlog = looked(Vec::new());
        let written = ids(3);
        announce(&backlog, &written);
        // The store failed, or the call was cancelled.
        assert_eq!(backlog.take(&tenant(), 1), Next::Queued(written[..1].to_vec()));
        assert_eq!(drain(&backlog, written.clone()), written, "each once");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_refused_stays_known_and_is_tried_again_after_a_look() {
        let backlog = looked(Vec::new());
        let refused = ids(1);
        announce(&backlog, &refused);
        assert!(matches!(backlog.take(&tenant(), 1), Next::Queued(_)));
        backlog.settle(&tenant(), Vec::new(), true);
        assert_eq!(
            backlog.take(&tenant(), 1),
            Next::Nothing,
            "the store is not asked again and again"
        );
        assert!(backlog.may_wait(&tenant()));
        tokio::time::advance(LOOK_EVERY).await;
        backlog.looked(backlog.look_is_due().unwrap(), vec![tenant()]);
        assert_eq!(drain(&backlog, refused.clone()), refused);
    }

    #[test]
    fn the_wait_begins_with_the_first_of_a_backlog() {
        let backlog = looked(Vec::new());
        announce(&backlog, &ids(1));
        let later = Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(9);
        backlog.announce(&tenant(), ids(1).into_iter(), later);
        assert_eq!(backlog.since(&tenant()), Some(Timestamp::UNIX_EPOCH));
        assert_eq!(looked(vec![tenant()]).since(&tenant()), None, "from before the start");
    }
}
