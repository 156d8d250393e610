//! The contexts of one tenant in memory, by user.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{BoxError, Candidate, Record, StoreQuery};
use context_manager_core::{Filter, TenantId};
use uuid::Uuid;

use super::change::{Change, Dense};
use super::compact;
use super::partition::Partition;
use super::plan::Plan;
use super::vectors::best;
use crate::embedded::accesses::Accesses;

/// Approximate size of a context's places in memory, in bytes.
const PLACE_BYTES: usize = 80;

/// Number of a partition, and of a context in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place {
    partition: u32,
    number: u32,
}

/// All contexts of a tenant.
#[derive(Debug, Default)]
pub(super) struct TenantIndex {
    partitions: Vec<Partition>,
    of_users: HashMap<Option<Box<str>>, u32>,
    places: HashMap<Uuid, Place>,
    /// Contexts by their offset in a session.
    slots: BTreeSet<(i64, Place)>,
    /// Approximate size of the partitions in memory, in bytes.
    size: usize,
}

/// A change of a context that is not in memory.
#[derive(Debug, thiserror::Error)]
#[error("a context that was changed is missing in memory")]
pub(super) struct Missing;

impl TenantIndex {
    /// Returns the approximate size in memory.
    pub(super) fn size(&self) -> usize {
        self.size + self.partitions.capacity() * size_of::<Partition>() + self.places.len() * PLACE_BYTES
    }

    /// Returns the number of contexts.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Inserts, replaces or changes a context.
    pub(super) fn put(&mut self, mut change: Change) -> Result<(), Missing> {
        if let Some(place) = self.places.get(&change.point).copied() {
            let partition = &mut self.partitions[place.partition as usize];
            let terms = partition.terms(place.number);
            let keeps_terms = change.terms.as_deref().is_none_or(|new| new == terms);
            if keeps_terms && partition.user() == change.user.as_deref() {
                let slot = change.columns.slot;
                let size = partition.size();
                let before = partition.change(place.number, &change);
                self.size = self.size + partition.size() - size;
                self.move_slot(place, before, slot);
                return Ok(());
            }
            change.terms.get_or_insert_with(|| terms.to_vec());
            if let Dense::Kept = change.dense {
                change.dense = Dense::Is(partition.dense(place.number));
            }
            self.remove(change.point);
        }
        let terms = change.terms.take().ok_or(Missing)?;
        let (point, slot) = (change.point, change.columns.slot);
        let number = self.partition(&change);
        let partition = &mut self.partitions[number as usize];
        let size = partition.size();
        let place = Place {
            partition: number,
            number: partition.push(&change, &terms),
        };
        self.size = self.size + partition.size() - size;
        self.places.insert(point, place);
        self.move_slot(place, None, slot);
        Ok(())
    }

    pub(super) fn remove(&mut self, point: Uuid) {
        let Some(place) = self.places.remove(&point) else {
            return;
        };
        let partition = &mut self.partitions[place.partition as usize];
        let size = partition.size();
        let columns = partition.remove(place.number);
        self.size = self.size + partition.size() - size;
        let is_sparse = partition.is_sparse();
        self.move_slot(place, columns.and_then(|columns| columns.slot), None);
        if is_sparse {
            self.compact(place.partition);
        }
    }

    /// Returns the best matches by vector and by terms.
    pub(super) fn search(
        &self,
        tenant: &TenantId,
        query: &StoreQuery,
        accesses: &Accesses,
    ) -> Result<Vec<Candidate>, BoxError> {
        let plan = Plan::of(tenant, &query.filter);
        let (mut dense, mut lexical) = (Vec::new(), Vec::new());
        for partition in self.partitions_of(plan.user()) {
            let hits = self.partitions[partition as usize].search(query, &plan);
            let at = |number| Place { partition, number };
            dense.extend(hits.dense.into_iter().map(|(score, number)| (score, at(number))));
            lexical.extend(hits.lexical.into_iter().map(|(score, number)| (score, at(number))));
        }
        best(&mut dense, query.limit);
        best(&mut lexical, query.limit);
        let mut scores: HashMap<Place, (Option<f32>, Option<f32>)> =
            HashMap::with_capacity(dense.len() + lexical.len());
        for (score, place) in dense {
            scores.entry(place).or_default().0 = Some(score);
        }
        for (score, place) in lexical {
            scores.entry(place).or_default().1 = Some(score);
        }
        let mut candidates = Vec::with_capacity(scores.len());
        for (place, (dense, lexical)) in scores {
            let record = self.record(place, accesses)?;
            if plan.matches(&record.context) {
                let record = Arc::new(record);
                candidates.push(Candidate { record, dense, lexical });
            }
        }
        Ok(candidates)
    }

    /// Returns the matching contexts at these offsets of sessions.
    pub(super) fn at_offsets(
        &self,
        tenant: &TenantId,
        offsets: &[i64],
        filter: &Filter,
        accesses: &Accesses,
    ) -> Result<Vec<Arc<Record>>, BoxError> {
        let plan = Plan::of(tenant, filter);
        let offsets: BTreeSet<i64> = offsets.iter().copied().collect();
        let mut found = Vec::with_capacity(offsets.len());
        for offset in &offsets {
            for (_, place) in self.slots.range((*offset, Place::FIRST)..=(*offset, Place::LAST)) {
                let partition = &self.partitions[place.partition as usize];
                if plan.user().is_none_or(|user| partition.user() == Some(user))
                    && partition.may_match(place.number, &plan)
                {
                    found.push(self.record(*place, accesses)?);
                }
            }
        }
        found.retain(|record| plan.matches(&record.context));
        Ok(found.into_iter().map(Arc::new).collect())
    }

    /// Returns the terms of the `limit` contexts of a user, or of all, with the lowest points: those that the engine takes.
    pub(super) fn sample(&self, user: Option<&str>, limit: usize) -> Vec<SparseVector> {
        let partitions = self
            .partitions_of(user)
            .map(|partition| &self.partitions[partition as usize]);
        let points = partitions.flat_map(|partition| {
            partition
                .points()
                .map(move |(point, number)| (point, partition, number))
        });
        let mut points: Vec<(Uuid, &Partition, u32)> = points.collect();
        if points.len() > limit {
            points.select_nth_unstable_by_key(limit, |(point, ..)| *point);
            points.truncate(limit);
        }
        points.sort_unstable_by_key(|(point, ..)| *point);
        let terms = points.into_iter().map(|(_, partition, number)| partition.terms(number));
        terms.map(compact::decode_terms).collect()
    }

    /// Returns the numbers of the partitions of a user, or of all.
    fn partitions_of(&self, user: Option<&str>) -> impl Iterator<Item = u32> + Clone {
        let all = 0..u32::try_from(self.partitions.len()).unwrap_or(u32::MAX);
        let one = user.map(|user| self.of_users.get(&Some(Box::from(user))).copied());
        let (one, all) = match one {
            Some(one) => (one, 0..0),
            None => (None, all),
        };
        one.into_iter().chain(all)
    }

    fn record(&self, place: Place, accesses: &Accesses) -> Result<Record, BoxError> {
        let (point, mut record) = self.partitions[place.partition as usize].record(place.number)?;
        accesses.merge(point, &mut record.context);
        Ok(record)
    }

    /// Returns the number of the partition to which a context belongs.
    fn partition(&mut self, change: &Change) -> u32 {
        let next = u32::try_from(self.partitions.len()).unwrap_or(u32::MAX);
        let number = *self.of_users.entry(change.user.clone()).or_insert(next);
        if number == next {
            self.partitions.push(Partition::of(change.user.clone()));
        }
        number
    }

    fn move_slot(&mut self, place: Place, before: Option<i64>, after: Option<i64>) {
        if before != after {
            before.map(|slot| self.slots.remove(&(slot, place)));
            after.map(|slot| self.slots.insert((slot, place)));
        }
    }

    fn compact(&mut self, partition: u32) {
        let old = std::mem::take(&mut self.partitions[partition as usize]);
        let size = old.size();
        let (new, contexts) = old.compacted();
        self.size = self.size + new.size() - size;
        self.partitions[partition as usize] = new;
        self.slots.retain(|(_, place)| place.partition != partition);
        for ((point, slot), number) in contexts.into_iter().zip(0..) {
            let place = Place { partition, number };
            self.places.insert(point, place);
            self.move_slot(place, None, slot);
        }
    }
}

impl Place {
    const FIRST: Self = Self {
        partition: 0,
        number: 0,
    };
    const LAST: Self = Self {
        partition: u32::MAX,
        number: u32::MAX,
    };
}

#[cfg(test)]
mod tests;
