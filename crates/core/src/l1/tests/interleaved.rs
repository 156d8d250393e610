//! Interleavings of reads, stores, changes and deletes: after all of them, memory equals the store.
//!
//! Each call is split into steps that others may interleave. As in the engine, reads and stores lock their session, a
//! change locks its context, and a deletion locks nothing.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// Sessions of contexts 0 to 5 in turn: two of one tenant, and one of another tenant with the same name.
const SESSIONS: [(&str, &str); 3] = [("t", "a"), ("t", "b"), ("u", "a")];

fn session_of(number: usize) -> SessionKey {
    let (tenant, session) = SESSIONS[number % SESSIONS.len()];
    SessionKey {
        tenant: TenantId::try_new(tenant).unwrap(),
        session: Some(session.to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Call {
    Read,
    Store,
    Change,
    Delete,
}

/// Call about a context, or about its session.
struct Running<'a> {
    call: Call,
    number: usize,
    key: &'a SessionKey,
    /// Number of completed steps.
    steps: usize,
    is_done: bool,
    generation: Option<u64>,
    reading: Option<Reading<'a>>,
    seen: Vec<Record>,
}

/// Stored records in order of creation.
type Store = Vec<(SessionKey, Record)>;

fn stored(store: &Store, key: &SessionKey) -> Vec<Record> {
    let of_session = store.iter().filter(|(of, _)| of == key);
    of_session.map(|(_, record)| record.clone()).collect()
}

impl<'a> Running<'a> {
    fn is_under_way(&self) -> bool {
        self.steps > 0 && !self.is_done
    }

    /// Returns `true` if locks exclude that both run at once.
    fn excludes(&self, other: &Self) -> bool {
        let holds_session = |call| matches!(call, Call::Read | Call::Store);
        (holds_session(self.call) && holds_session(other.call) && self.key == other.key)
            || (self.call == Call::Change && other.call == Call::Change && self.number == other.number)
    }

    fn step(&mut self, l1: &'a L1, store: &mut Store) {
        let id = ContextId(Uuid::from_u128(self.number as u128));
        let at = store.iter().position(|(_, record)| record.context.id == id);
        let tenant = &self.key.tenant;
        self.steps += 1;
        match (self.call, self.steps) {
            (Call::Read, 1) if l1.snapshot(self.key).is_some() => self.is_done = true,
            (Call::Read, 1) => self.reading = Some(l1.read(self.key)),
            (Call::Read, 2) => self.seen = stored(store, self.key),
            (Call::Read, _) => {
                if let Some(reading) = self.reading.take() {
                    reading.fill(std::mem::take(&mut self.seen));
                }
                self.is_done = true;
            }
            (Call::Store, 1) => self.generation = l1.generation(self.key),
            (Call::Store, 2) if at.is_some() => self.is_done = true,
            (Call::Store, 2) => {
                let mut new = record(self.key.session.as_deref().unwrap(), "as stored");
                new.context.id = id;
                self.seen = vec![new.clone()];
                store.push((self.key.clone(), new));
            }
            (Call::Store, _) => {
                let new = &self.seen[0];
                if self
                    .generation
                    .is_some_and(|generation| l1.push(self.key, &[new], generation))
                {
                    self.is_done = true;
                } else {
                    // Read again, as part of the same call.
                    l1.forget(self.key);
                    (self.call, self.steps) = (Call::Read, 0);
                    self.step(l1, store);
                }
            }
            (Call::Change, 1) => match at {
                None => self.is_done = true,
                Some(at) => {
                    store[at].1.context.text += ", changed";
                    self.seen = vec![store[at].1.clone()];
                }
            },
            (Call::Change, _) => {
                l1.changed(tenant, &self.seen[0].context, None);
                self.is_done = true;
            }
            (Call::Delete, 1) => {
                if let Some(at) = at {
                    store.remove(at);
                }
            }
            (Call::Delete, _) => {
                l1.deleted(tenant, &Filter::by_ids(vec![id]));
                self.is_done = true;
            }
        }
    }
}

fn check(l1: &L1, store: &Store) -> Result<(), TestCaseError> {
    let mut total = 0;
    for number in 0..SESSIONS.len() {
        let key = session_of(number);
        let Some(remembered) = l1.snapshot(&key) else { continue };
        total += remembered.len();
        let remembered: Vec<Record> = remembered.iter().map(|record| (**record).clone()).collect();
        prop_assert_eq!(remembered, stored(store, &key));
    }
    prop_assert_eq!(l1.len(), total);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn memory_equals_the_store(
        calls in prop::collection::vec((0..4_usize, 0..6_usize), 1..14),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
    ) {
        let kinds = [Call::Read, Call::Store, Call::Change, Call::Delete];
        let keys: Vec<SessionKey> = calls.iter().map(|(_, number)| session_of(*number)).collect();
        let l1 = L1::new(100, 1000);
        let mut store = Store::new();
        let start = |((kind, number), key): (&(usize, usize), _)| Running {
            call: kinds[*kind],
            number: *number,
            key,
            steps: 0,
            is_done: false,
            generation: None,
            reading: None,
            seen: Vec::new(),
        };
        let mut running: Vec<Running<'_>> = calls.iter().zip(&keys).map(start).collect();
        // Every call runs to its end.
        let rest = (0..running.len()).cycle().take(80 * running.len());
        let order: Vec<usize> = order.iter().map(|at| at.index(running.len())).chain(rest).collect();
        for at in order {
            let call = &running[at];
            let is_kept_out = running.iter().any(|other| other.is_under_way() && call.excludes(other));
            if call.is_done || (call.steps == 0 && is_kept_out) {
                continue;
            }
            running[at].step(&l1, &mut store);
            if !running.iter().any(Running::is_under_way) {
                check(&l1, &store)?;
            }
        }
        prop_assert!(running.iter().all(|call| call.is_done));
    }
}
