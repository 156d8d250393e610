//! Whether what was collected is missed.
//!
//! Of what a collection deletes, the id, the hash, the time and a small form of the vector are remembered for a while. A
//! text that is stored again, or a question that a collected context would have answered best, is a sign that too much is
//! forgotten. Searches are compared later, off their path. Kept in memory alone, and bounded: it is a gauge, not a
//! promise.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::ContextEngine;
use super::search::SearchRequest;
use crate::context::{ContentKey, Context, ContextId};
use crate::metrics::GC_REGRET;
use crate::ports::Record;
use crate::rank::cosine;
use crate::{Filter, Scope, TenantId};

/// How many searches wait to be compared with what was collected; more are not compared.
const MAX_ASKED: usize = 256;
/// A collected context is nothing to regret unless it is this near to the question, as cosine.
const NEAR: f32 = 0.5;

/// What is remembered of a collected context.
#[derive(Debug)]
struct Tombstone {
    tenant: TenantId,
    id: ContextId,
    key: ContentKey,
    user: Option<String>,
    at: Timestamp,
    /// The direction of its vector, a byte a number.
    direction: Option<Box<[i8]>>,
}

/// A search to be compared with what was collected.
#[derive(Debug)]
struct Asked {
    tenant: TenantId,
    user: Option<String>,
    vector: Vec<f32>,
    /// How near the nearest that was there is.
    nearest: f32,
}

/// What was collected lately.
#[derive(Debug)]
pub(super) struct RegretLog {
    most: usize,
    keep: SignedDuration,
    len: AtomicUsize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tombstones: VecDeque<Tombstone>,
    /// How many tombstones there are of each text.
    texts: HashMap<(TenantId, ContentKey), usize>,
    asked: VecDeque<Asked>,
}

impl Inner {
    fn pop(&mut self) {
        if let Some(oldest) = self.tombstones.pop_front() {
            self.forget_text(&(oldest.tenant, oldest.key));
        }
    }

    fn forget_text(&mut self, text: &(TenantId, ContentKey)) {
        if let Some(count) = self.texts.get_mut(text) {
            *count -= 1;
            if *count == 0 {
                self.texts.remove(text);
            }
        }
    }
}

impl RegretLog {
    /// Remembers `most` for `secs` seconds; nothing when one of them is 0.
    pub(super) fn new(most: usize, secs: u64) -> Self {
        Self {
            most: if secs == 0 { 0 } else { most },
            keep: SignedDuration::from_secs(i64::try_from(secs).unwrap_or(i64::MAX)),
            len: AtomicUsize::new(0),
            inner: Mutex::default(),
        }
    }

    fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut inner);
        self.len.store(inner.tombstones.len(), Ordering::Relaxed);
        result
    }

    /// Remembers what was deleted at `now`.
    pub(super) fn collected<'a>(&self, scope: &Scope, records: impl Iterator<Item = &'a Record>, now: Timestamp) {
        if self.most == 0 {
            return;
        }
        self.change(|inner| {
            let keep = self.keep;
            let is_over = |tombstone: &Tombstone| tombstone.at.checked_add(keep).is_ok_and(|end| end <= now);
            while inner.tombstones.front().is_some_and(is_over) {
                inner.pop();
            }
            for record in records {
                let (tenant, key) = (scope.tenant().clone(), record.context.content_key());
                *inner.texts.entry((tenant.clone(), key.clone())).or_default() += 1;
                inner.tombstones.push_back(Tombstone {
                    tenant,
                    id: record.context.id,
                    key,
                    user: record.context.user_id.clone(),
                    at: now,
                    direction: record.dense.as_deref().map(direction),
                });
                if inner.tombstones.len() > self.most {
                    inner.pop();
                }
            }
        });
    }

    /// Counts the texts that were collected and are now stored again.
    pub(super) fn stored<'a>(&self, scope: &Scope, contexts: impl Iterator<Item = &'a Context>) {
        if self.is_empty() {
            return;
        }
        let keys: Vec<(TenantId, ContentKey)> = contexts
            .map(|context| (scope.tenant().clone(), context.content_key()))
            .collect();
        self.change(|inner| {
            for text in keys {
                if inner.texts.remove(&text).is_some() {
                    inner
                        .tombstones
                        .retain(|tombstone| (&tombstone.tenant, &tombstone.key) != (&text.0, &text.1));
                    metrics::counter!(GC_REGRET, "by" => "store").increment(1);
                }
            }
        });
    }

    /// Forgets what was collected of a person, and what was asked about them.
    pub(super) fn forget_user(&self, scope: &Scope, user_id: &str) {
        self.forget(|tenant, user| tenant == scope.tenant() && user == Some(user_id));
    }

    /// Forgets everything.
    pub(super) fn forget_all(&self) {
        self.forget(|_, _| true);
    }

    fn forget(&self, is_over: impl Fn(&TenantId, Option<&str>) -> bool) {
        self.change(|inner| {
            let (gone, kept): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut inner.tombstones)
                .into_iter()
                .partition(|tombstone| is_over(&tombstone.tenant, tombstone.user.as_deref()));
            inner.tombstones = kept;
            for tombstone in gone {
                inner.forget_text(&(tombstone.tenant, tombstone.key));
            }
            inner
                .asked
                .retain(|asked| !is_over(&asked.tenant, asked.user.as_deref()));
        });
    }

    /// Remembers a search to be compared later, unless its filter is about more than a user.
    pub(super) fn asked(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        vector: Option<&[f32]>,
        found: &[impl AsRef<Record>],
    ) {
        let only_user = Filter {
            user_id: request.filter.user_id.clone(),
            ..Filter::default()
        };
        let Some(vector) = vector.filter(|_| !self.is_empty() && request.filter == only_user) else {
            return;
        };
        let found = found.iter().filter_map(|record| record.as_ref().dense.as_deref());
        let asked = Asked {
            tenant: scope.tenant().clone(),
            user: only_user.user_id,
            nearest: found.map(|stored| cosine(vector, stored)).fold(NEAR, f32::max),
            vector: vector.to_vec(),
        };
        self.change(|inner| {
            if inner.asked.len() < MAX_ASKED {
                inner.asked.push_back(asked);
            }
        });
    }

    /// Compares the searches that wait with what was collected, and counts those that a collected context would have
    /// answered best. Each context is regretted once.
    fn review(&self) {
        let asked = self.change(|inner| std::mem::take(&mut inner.asked));
        for asked in asked {
            self.change(|inner| {
                let likeness = |tombstone: &Tombstone| {
                    let may_answer =
                        tombstone.tenant == asked.tenant && (asked.user.is_none() || asked.user == tombstone.user);
                    let direction = tombstone.direction.as_deref().filter(|_| may_answer)?;
                    Some(alike(&asked.vector, direction))
                };
                let scored = inner.tombstones.iter().enumerate();
                let scored = scored.filter_map(|(at, tombstone)| Some((likeness(tombstone)?, at)));
                let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
                if let Some((_, at)) = best.filter(|(likeness, _)| *likeness > asked.nearest)
                    && let Some(missed) = inner.tombstones.remove(at)
                {
                    tracing::debug!(context = %missed.id, "a collected context would have answered a question best");
                    inner.forget_text(&(missed.tenant, missed.key));
                    metrics::counter!(GC_REGRET, "by" => "search").increment(1);
                }
            });
        }
    }
}

impl ContextEngine {
    /// Compares the searches since the last call with what was collected, for the counter of regret. Takes up to a second.
    pub fn review_regret(&self) {
        self.regret.review();
    }
}

/// A vector with a byte for each number.
fn direction(vector: &[f32]) -> Box<[i8]> {
    let largest = vector
        .iter()
        .fold(f32::MIN_POSITIVE, |largest, number| largest.max(number.abs()));
    #[expect(clippy::cast_possible_truncation, reason = "scaled to -127 to 127")]
    vector
        .iter()
        .map(|number| (number / largest * 127.0).round() as i8)
        .collect()
}

/// Cosine with a vector of bytes.
fn alike(vector: &[f32], direction: &[i8]) -> f32 {
    let (mut dot, mut a2, mut b2) = (0.0, 0.0, 0.0);
    for (x, y) in vector.iter().zip(direction) {
        let y = f32::from(*y);
        dot += x * y;
        a2 += x * x;
        b2 += y * y;
    }
    let norm = f32::sqrt(a2 * b2);
    if norm > 0.0 { dot / norm } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_exact_enough() {
        let a: Vec<f32> = (0..64_u8).map(|n| f32::from(n).sin()).collect();
        let b: Vec<f32> = (0..64_u8).map(|n| f32::from(n).cos() + 0.5).collect();
        assert!((alike(&a, &direction(&b)) - cosine(&a, &b)).abs() < 0.01);
        assert!((alike(&a, &direction(&a)) - 1.0).abs() < 0.01);
    }

    fn record(text: &str, vector: [f32; 2]) -> Record {
        Record {
            context: crate::engine::test_context(text),
            dense: Some(vector.to_vec()),
            terms: crate::lexical::SparseVector::default(),
        }
    }

    fn scope(tenant: &str) -> Scope {
        Scope::authenticated(TenantId::try_new(tenant).unwrap())
    }

    fn remembered(log: &RegretLog) -> usize {
        log.len.load(Ordering::Relaxed)
    }

    #[test]
    fn what_is_missed_is_counted_once_and_the_log_is_bounded() {
        let log = RegretLog::new(2, 100);
        let at = |secs| Timestamp::from_second(secs).unwrap();
        let gone = [
            record("a", [1.0, 0.0]),
            record("b", [0.0, 1.0]),
            record("c", [0.6, 0.8]),
        ];
        log.collected(&scope("t"), gone.iter(), at(0));
        assert_eq!(remembered(&log), 2, "the oldest is forgotten");
        log.stored(&scope("u"), [&gone[1].context].into_iter());
        assert_eq!(remembered(&log), 2, "another tenant's text is another text");
        log.stored(&scope("t"), [&gone[1].context].into_iter());
        assert_eq!(remembered(&log), 1);

        let request = SearchRequest::default();
        let there = [std::sync::Arc::new(record("there", [0.6, 0.8]))];
        log.asked(&scope("t"), &request, Some(&[0.6, 0.8]), &there);
        log.review();
        assert_eq!(remembered(&log), 1, "something as good was there");
        log.asked(&scope("t"), &request, Some(&[0.6, 0.8]), &there[..0]);
        log.review();
        assert_eq!(remembered(&log), 0, "this one would have been the best");

        log.collected(&scope("t"), gone.iter().take(1), at(0));
        log.collected(&scope("t"), gone.iter().skip(1).take(1), at(200));
        assert_eq!(remembered(&log), 1, "after a while it is forgotten");
    }

    #[test]
    fn of_a_person_who_is_forgotten_nothing_is_kept() {
        let log = RegretLog::new(10, 100);
        let mut of_ann = record("hers", [1.0, 0.0]);
        of_ann.context.user_id = Some("ann".to_owned());
        log.collected(
            &scope("t"),
            [of_ann, record("nobody's", [0.0, 1.0])].iter(),
            Timestamp::UNIX_EPOCH,
        );
        log.forget_user(&scope("u"), "ann");
        assert_eq!(remembered(&log), 2, "another tenant's ann is another person");
        log.forget_user(&scope("t"), "ann");
        assert_eq!(remembered(&log), 1);
        assert_eq!(log.change(|inner| inner.texts.len()), 1);
    }
}
