//! The states of a bounded number of callers.

use std::hash::Hash;

use dashmap::DashMap;
use governor::nanos::Nanos;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::state::{InMemoryState, NotKeyed, StateStore};

/// States by caller.
#[derive(Debug)]
pub(super) struct States<K: Hash + Eq> {
    callers: DashMap<K, InMemoryState>,
    max_callers: usize,
    /// State shared by callers beyond the maximum. An attacker with many addresses exhausts this one; earlier callers
    /// keep their own.
    shared: InMemoryState,
}

impl<K: Hash + Eq> States<K> {
    pub(super) fn new(max_callers: usize) -> Self {
        Self {
            callers: DashMap::new(),
            max_callers,
            shared: InMemoryState::default(),
        }
    }
}

impl<K: Hash + Eq + Clone> StateStore for States<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if let Some(state) = self.callers.get(key) {
            return state.measure_and_replace(&NotKeyed::NonKey, decide);
        }
        // Concurrent calls may exceed the maximum by one caller per thread, which does no harm.
        if self.callers.len() >= self.max_callers {
            return self.shared.measure_and_replace(&NotKeyed::NonKey, decide);
        }
        let state = self.callers.entry(key.clone()).or_default();
        state.measure_and_replace(&NotKeyed::NonKey, decide)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for States<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.callers
            .retain(|_, state| last_arrival(state).is_some_and(|last| last > drop_below));
    }

    fn shrink_to_fit(&self) {
        self.callers.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.callers.len()
    }

    fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }
}

/// Reads the state: a decision that refuses leaves it unchanged.
fn last_arrival(state: &InMemoryState) -> Option<Nanos> {
    let refuse = |last| Err::<((), Nanos), Option<Nanos>>(last);
    state.measure_and_replace(&NotKeyed::NonKey, refuse).err().flatten()
}
