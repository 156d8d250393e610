//! Interleavings of reads, stores, changes and deletes by several processes: once none is under way, caches equal the store.
//!
//! Each call is split into the steps that others may interleave. As in the engine, the reads and stores of one process lock
//! their session, a change locks its context, and a deletion locks nothing; processes do not lock each other.

use std::sync::Arc;

use super::fixture::{key, record};
use crate::Filter;
use crate::context::ContextId;
use crate::ports::{Affected, Announced, Cached, Change, Record, SessionCache, SessionKey, Ticket};

/// Number of contexts; context `n` is of session `n` modulo the number of sessions.
const CONTEXTS: u64 = 6;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Call {
    Read,
    Store,
    Change,
    Delete,
    /// A store whose outcome its process does not know.
    Fail,
}

/// Call of one process about a context, or about its session.
#[derive(Debug)]
struct Running {
    call: Call,
    process: usize,
    number: u64,
    key: SessionKey,
    steps: usize,
    is_done: bool,
    ticket: Option<Ticket>,
    announced: Option<Announced>,
    seen: Vec<Record>,
}

/// Stored records in order of creation.
#[derive(Debug, Default)]
struct Store {
    records: Vec<(SessionKey, Record)>,
    sequence: u64,
}

impl Store {
    fn of(&self, key: &SessionKey) -> Vec<Record> {
        let of_session = self.records.iter().filter(|(of, _)| of == key);
        of_session.map(|(_, record)| record.clone()).collect()
    }

    fn position(&self, id: ContextId) -> Option<usize> {
        self.records.iter().position(|(_, record)| record.context.id == id)
    }

    fn add(&mut self, key: &SessionKey, number: u64) -> Record {
        self.sequence += 1;
        let mut new = record(key, number);
        new.context.sequence = self.sequence;
        self.records.push((key.clone(), new.clone()));
        new
    }
}

/// Number of orders that are tried.
const ORDERS: u64 = 1000;

/// Caches equal a model of the store after random calls by their processes, in many orders.
pub async fn caches_equal_the_store(caches: &[Arc<dyn SessionCache>]) {
    for seed in 0..ORDERS {
        run(caches, seed).await;
    }
}

/// Runs random calls, in the order that `seed` names.
async fn run(caches: &[Arc<dyn SessionCache>], seed: u64) {
    let mut random = Random(seed.wrapping_mul(2).wrapping_add(1));
    let tenant = format!("tenant-{seed}");
    let other = format!("other-{seed}");
    let keys = [key(&tenant, Some("a")), key(&tenant, Some("b")), key(&other, Some("a"))];
    let mut store = Store::default();
    let mut running: Vec<Running> = (0..random.below(12) + 2)
        .map(|_| {
            let number = random.below(CONTEXTS);
            Running {
                call: [Call::Read, Call::Store, Call::Change, Call::Delete, Call::Fail]
                    [usize::try_from(random.below(5)).unwrap()],
                process: usize::try_from(random.below(caches.len() as u64)).unwrap(),
                number,
                key: keys[usize::try_from(number).unwrap() % keys.len()].clone(),
                steps: 0,
                is_done: false,
                ticket: None,
                announced: None,
                seen: Vec::new(),
            }
        })
        .collect();
    while running.iter().any(|call| !call.is_done) {
        let at = usize::try_from(random.below(running.len() as u64)).unwrap();
        let call = &running[at];
        let is_kept_out = running.iter().any(|other| other.is_under_way() && call.excludes(other));
        if call.is_done || (call.steps == 0 && is_kept_out) {
            continue;
        }
        let process = running[at].process;
        running[at].step(&*caches[process], &mut store).await;
        if !running.iter().any(Running::is_under_way) {
            for key in &keys {
                check(caches, &store, key, seed).await;
            }
        }
    }
}

async fn check(caches: &[Arc<dyn SessionCache>], store: &Store, key: &SessionKey, seed: u64) {
    for cache in caches {
        if let Cached::Hit(entries) = cache.get(key).await {
            let entries: Vec<Record> = entries.iter().map(|entry| (**entry).clone()).collect();
            assert_eq!(entries, store.of(key), "seed {seed}");
        }
    }
}

impl Running {
    fn is_under_way(&self) -> bool {
        self.steps > 0 && !self.is_done
    }

    /// Returns `true` if the locks of a process exclude that both run at once.
    fn excludes(&self, other: &Self) -> bool {
        let holds_session = |call| matches!(call, Call::Read | Call::Store | Call::Fail);
        let same_session = holds_session(self.call) && holds_session(other.call) && self.key == other.key;
        let same_context = self.number == other.number && self.call == Call::Change && other.call == Call::Change;
        self.process == other.process && (same_session || same_context)
    }

    async fn step(&mut self, cache: &dyn SessionCache, store: &mut Store) {
        let id = record(&self.key, self.number).context.id;
        self.steps += 1;
        match (self.call, self.steps) {
            (Call::Read, 1) => match cache.get(&self.key).await {
                Cached::Miss(ticket) => self.ticket = Some(ticket),
                Cached::Hit(_) | Cached::Busy | Cached::Unavailable => self.is_done = true,
            },
            (Call::Read, 2) => self.seen = store.of(&self.key),
            (Call::Read, _) => {
                let seen: Vec<Arc<Record>> = self.seen.drain(..).map(Arc::new).collect();
                if let Some(ticket) = self.ticket.take() {
                    cache.fill(&self.key, ticket, &seen).await;
                }
                self.is_done = true;
            }
            (_, 1) => {
                let affected = match self.call {
                    Call::Delete if self.number.is_multiple_of(2) => Affected::Tenant,
                    Call::Read | Call::Store | Call::Change | Call::Delete | Call::Fail => {
                        Affected::Sessions(vec![self.key.session.clone()])
                    }
                };
                self.announced = Some(cache.begin(&self.key.tenant, affected).await.unwrap());
            }
            (_, 2) => match (self.call, store.position(id)) {
                (Call::Store | Call::Fail, None) => self.seen.push(store.add(&self.key, self.number)),
                (Call::Change, Some(at)) => {
                    store.records[at].1.context.text += ", changed";
                    self.seen.push(store.records[at].1.clone());
                }
                (Call::Delete, Some(at)) => drop(store.records.remove(at)),
                _ => {}
            },
            (_, _) => {
                let changes = match self.call {
                    Call::Store => self.seen.drain(..).map(Change::Added).collect(),
                    Call::Change => self.seen.drain(..).map(|new| Change::Updated(new.context)).collect(),
                    Call::Delete => vec![Change::Deleted(Filter::by_ids(vec![id]))],
                    Call::Read | Call::Fail => vec![Change::Unknown],
                };
                if let Some(announced) = self.announced.take() {
                    cache.commit(announced, changes).await;
                }
                self.is_done = true;
            }
        }
    }
}

/// Numbers that are the same for the same seed: the generator of Steele, Lea and Flood (`SplitMix64`).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
