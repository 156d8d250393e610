//! The contexts of one user in memory.

use context_manager_core::ports::{BoxError, Record, StoreQuery};
use uuid::Uuid;

use super::change::{Change, Columns, Dense};
use super::compact;
use super::plan::{Counts, Plan};
use super::postings::Postings;
use super::vectors::{Vectors, make_room};

/// Row of contexts without a vector.
const NO_ROW: u32 = u32::MAX;

/// Number of removed contexts from which their places are cleared, and their share of all: one in this many.
const REMOVED: usize = 64;
const ONE_IN: usize = 4;

/// A user's contexts, each at a number of its own.
#[derive(Debug, Default)]
pub(super) struct Partition {
    user: Option<Box<str>>,
    entries: Vec<Entry>,
    vectors: Vectors,
    postings: Postings,
    counts: Counts,
    superseded: usize,
    removed: usize,
    /// No context expires before this.
    earliest: i64,
    body_bytes: usize,
}

/// A context, or the place of one that was removed.
#[derive(Debug)]
struct Entry {
    point: Uuid,
    /// `None` for one that was removed.
    columns: Option<Columns>,
    row: u32,
    /// Encoded terms, hashes of facts, and then the context.
    body: Box<[u8]>,
    terms_end: u32,
    facts_end: u32,
}

impl Entry {
    fn terms(&self) -> &[u8] {
        &self.body[..self.terms_end as usize]
    }

    fn facts(&self) -> &[u8] {
        &self.body[self.terms_end as usize..self.facts_end as usize]
    }

    fn context(&self) -> &[u8] {
        &self.body[self.facts_end as usize..]
    }

    fn set_body(&mut self, terms: &[u8], facts: &[u32], context: &[u8]) {
        let facts: Vec<u8> = facts.iter().flat_map(|fact| fact.to_le_bytes()).collect();
        // A text has at most a million bytes, and each of its terms and facts some.
        self.terms_end = u32::try_from(terms.len()).unwrap_or(0);
        self.facts_end = u32::try_from(terms.len() + facts.len()).unwrap_or(0);
        self.body = [terms, &facts, context].concat().into_boxed_slice();
    }

    fn may_match(&self, plan: &Plan<'_>) -> bool {
        let columns = self.columns.as_ref();
        columns.is_some_and(|columns| plan.may_match(self.point, columns, self.facts()))
    }
}

/// Match of a search: the number of the context, and its scores.
#[derive(Debug, Default)]
pub(super) struct Hits {
    pub(super) dense: Vec<(f32, u32)>,
    pub(super) lexical: Vec<(f32, u32)>,
}

impl Partition {
    pub(super) fn of(user: Option<Box<str>>) -> Self {
        Self {
            user,
            earliest: i64::MAX,
            ..Self::default()
        }
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the approximate size in memory.
    pub(super) fn size(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.body_bytes + self.vectors.size() + self.postings.size()
    }

    /// Adds a context, and returns its number.
    pub(super) fn push(&mut self, change: &Change, terms: &[u8]) -> u32 {
        let number = u32::try_from(self.entries.len()).unwrap_or(NO_ROW);
        let vector = change.dense.vector();
        let row = vector.and_then(|vector| self.vectors.push(number, vector));
        self.postings.add(number, compact::terms(terms));
        let mut entry = Entry {
            point: change.point,
            columns: Some(change.columns),
            row: row.unwrap_or(NO_ROW),
            body: Box::default(),
            terms_end: 0,
            facts_end: 0,
        };
        entry.set_body(terms, &change.facts, &change.context);
        self.count(&change.columns, entry.body.len());
        make_room(&mut self.entries, 1);
        self.entries.push(entry);
        number
    }

    /// Changes a context whose terms stay, and returns its slot before that.
    pub(super) fn change(&mut self, number: u32, change: &Change) -> Option<i64> {
        let entry = &mut self.entries[number as usize];
        let (terms, old) = (entry.terms().to_vec(), entry.body.len());
        let before = entry.columns.replace(change.columns);
        entry.set_body(&terms, &change.facts, &change.context);
        let (bytes, row) = (entry.body.len(), entry.row);
        if let Some(before) = before {
            self.uncount(&before, old);
        }
        self.count(&change.columns, bytes);
        if let Dense::Is(vector) = &change.dense {
            self.clear_row(row);
            let row = vector.as_ref().and_then(|vector| self.vectors.push(number, vector));
            self.entries[number as usize].row = row.unwrap_or(NO_ROW);
        }
        before.and_then(|before| before.slot)
    }

    /// Removes a context and returns its columns.
    pub(super) fn remove(&mut self, number: u32) -> Option<Columns> {
        let entry = &mut self.entries[number as usize];
        let columns = entry.columns.take()?;
        let bytes = std::mem::take(&mut entry.body).len();
        (entry.terms_end, entry.facts_end) = (0, 0);
        let row = std::mem::replace(&mut entry.row, NO_ROW);
        self.removed += 1;
        self.uncount(&columns, bytes);
        self.clear_row(row);
        Some(columns)
    }

    /// Returns `true` if the places of removed contexts take too much.
    pub(super) fn is_sparse(&self) -> bool {
        self.removed >= REMOVED && self.removed * ONE_IN > self.entries.len()
    }

    /// Returns the same contexts without places of removed ones, with the point and the slot of each.
    pub(super) fn compacted(self) -> (Self, Vec<(Uuid, Option<i64>)>) {
        let mut new = Self::of(self.user);
        let mut order = Vec::with_capacity(self.entries.len() - self.removed);
        for entry in self.entries {
            let Some(columns) = entry.columns else { continue };
            let number = u32::try_from(new.entries.len()).unwrap_or(NO_ROW);
            let row = (entry.row != NO_ROW).then(|| self.vectors.get(entry.row));
            let row = row.and_then(|vector| new.vectors.push(number, &vector));
            new.postings.add(number, compact::terms(entry.terms()));
            new.count(&columns, entry.body.len());
            order.push((entry.point, columns.slot));
            new.entries.push(Entry {
                row: row.unwrap_or(NO_ROW),
                ..entry
            });
        }
        (new, order)
    }

    /// Returns the encoded terms of a context.
    pub(super) fn terms(&self, number: u32) -> &[u8] {
        self.entries[number as usize].terms()
    }

    /// Returns the vector of a context.
    pub(super) fn dense(&self, number: u32) -> Option<Vec<f32>> {
        let row = self.entries[number as usize].row;
        (row != NO_ROW).then(|| self.vectors.get(row))
    }

    /// Returns `false` if the context cannot match.
    pub(super) fn may_match(&self, number: u32, plan: &Plan<'_>) -> bool {
        self.entries[number as usize].may_match(plan)
    }

    /// Decodes a context, and returns it with its point.
    pub(super) fn record(&self, number: u32) -> Result<(Uuid, Record), BoxError> {
        let entry = &self.entries[number as usize];
        let record = Record {
            context: compact::decode(self.user(), entry.context())?,
            dense: self.dense(number),
            terms: compact::decode_terms(entry.terms()),
        };
        Ok((entry.point, record))
    }

    /// Iterates over the points of the contexts, with their numbers.
    pub(super) fn points(&self) -> impl Iterator<Item = (Uuid, u32)> {
        let numbered = self.entries.iter().zip(0..);
        let entries = numbered.filter(|(entry, _)| entry.columns.is_some());
        entries.map(|(entry, number)| (entry.point, number))
    }

    /// Returns the best matches of either kind.
    pub(super) fn search(&self, query: &StoreQuery, plan: &Plan<'_>) -> Hits {
        let matching = self.matching(plan);
        let allowed = matching.as_deref();
        let (dense, terms) = (query.dense.as_ref(), query.terms.as_ref());
        Hits {
            dense: dense.map_or_else(Vec::new, |vector| self.vectors.nearest(vector, query.limit, allowed)),
            lexical: terms.map_or_else(Vec::new, |terms| {
                self.postings.best(terms, query.limit, self.entries.len(), allowed)
            }),
        }
    }

    /// Returns which contexts match; `None` for all.
    fn matching(&self, plan: &Plan<'_>) -> Option<Vec<bool>> {
        if self.removed == 0 && self.superseded == 0 && plan.matches_all(&self.counts, self.earliest) {
            return None;
        }
        Some(self.entries.iter().map(|entry| entry.may_match(plan)).collect())
    }

    fn count(&mut self, columns: &Columns, body: usize) {
        self.counts.levels[columns.level.index()] += 1;
        self.counts.origins[columns.origin.index()] += 1;
        self.superseded += usize::from(columns.is_superseded);
        self.earliest = self.earliest.min(columns.expires);
        self.body_bytes += body;
    }

    fn uncount(&mut self, columns: &Columns, body: usize) {
        self.counts.levels[columns.level.index()] -= 1;
        self.counts.origins[columns.origin.index()] -= 1;
        self.superseded -= usize::from(columns.is_superseded);
        self.body_bytes -= body;
    }

    fn clear_row(&mut self, row: u32) {
        if row != NO_ROW
            && let Some(moved) = self.vectors.swap_remove(row)
        {
            self.entries[moved as usize].row = row;
        }
    }
}
