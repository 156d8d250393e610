//! Document frequencies of words in a sample of a user's contexts, for IDF weights.
//!
//! A sample weighs words as well as all contexts of a user do. Statistics of all users mislead (the name of the person a
//! question is about is rare among them), those of the candidates alone exaggerate (these very words found them), and
//! general tables of a language bring nothing; see docs/reference/benchmarks.md.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moka::future::Cache;

use crate::lexical::{Analyzer, Language, QuestionWord, SparseVector};
use crate::ports::{Record, StoreError, VectorStore};
use crate::rank::DocumentFrequencies;
use crate::{Filter, Scope, TenantId};

/// Number of contexts in a sample.
const SAMPLE: usize = 1000;
/// Share of the sample in a language from which on questions are read in it: one in this many, and two at least. Languages
/// of fewer are mostly names and mistakes of the detector.
const ONE_IN: usize = 200;
const AT_LEAST: usize = 2;
/// Growth after which a complete sample is refreshed.
const GROWTH: f32 = 0.25;
/// Number of new contexts after which a partial sample is refreshed, as it stays typical for longer.
const RENEW_AFTER: usize = 4 * SAMPLE;
/// Maximum size of all vocabularies in memory, in bytes; one of conversation turns takes some 100 KB.
const IN_MEMORY: u64 = 16 << 20;
/// Approximate bytes of a term in memory, and of a vocabulary without terms.
const TERM_BYTES: usize = 24;
const OVERHEAD: usize = 256;
/// Time after which changes by other servers on the same store show.
const TIME_TO_LIVE: Duration = Duration::from_mins(10);

/// A user of a tenant; all of its users without one.
type Key = (TenantId, Option<String>);

/// Cache of vocabularies.
#[derive(Debug)]
pub(super) struct Vocabularies(Cache<Key, Arc<Vocabulary>>);

impl Default for Vocabularies {
    fn default() -> Self {
        let cache = Cache::builder()
            .max_capacity(IN_MEMORY)
            .weigher(|_, vocabulary: &Arc<Vocabulary>| vocabulary.size())
            .time_to_live(TIME_TO_LIVE)
            .support_invalidation_closures()
            .build();
        Self(cache)
    }
}

impl Vocabularies {
    /// Follows new contexts.
    pub(super) async fn stored(&self, tenant: &TenantId, records: &[Record]) {
        for record in records {
            let user = record.context.user_id.clone();
            let of_user = user.map(|user| (tenant.clone(), Some(user)));
            for key in [Some((tenant.clone(), None)), of_user].into_iter().flatten() {
                let cached = self.0.get(&key).await;
                if cached.is_some_and(|vocabulary| vocabulary.is_outdated_by_one_more()) {
                    self.0.invalidate(&key).await;
                }
            }
        }
    }

    /// Returns the vocabulary of a user, or of the whole tenant. Concurrent calls take one sample.
    pub(super) async fn of(
        &self,
        store: &dyn VectorStore,
        scope: &Scope,
        user: Option<&str>,
    ) -> Result<Arc<Vocabulary>, Arc<StoreError>> {
        let key = (scope.tenant().clone(), user.map(str::to_owned));
        let filter = Filter {
            user_id: key.1.clone(),
            ..Filter::default()
        };
        let sample = async {
            let sample = store.sample_terms(scope, &filter, SAMPLE).await?;
            Ok(Arc::new(Vocabulary::new(&sample)))
        };
        self.0.try_get_with(key, sample).await
    }

    /// Follows a swap of everything that is stored.
    pub(super) fn forget_all(&self) {
        self.0.invalidate_all();
    }

    /// Follows deletions and changes of texts of a tenant.
    pub(super) fn forget(&self, tenant: &TenantId) {
        let tenant = tenant.clone();
        // Fails only without `support_invalidation_closures`.
        let _ = self.0.invalidate_entries_if(move |(owner, _), _| *owner == tenant);
    }
}

/// Document frequencies in a sample.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    total: usize,
    matching: HashMap<u32, usize>,
    /// Languages of the sample, most frequent first.
    languages: Vec<Language>,
    /// Number of contexts stored since the sample was taken.
    newer: AtomicUsize,
}

impl Vocabulary {
    fn new(sample: &[SparseVector]) -> Self {
        let mut vocabulary = Self::default();
        let mut languages: HashMap<Language, usize> = HashMap::new();
        for terms in sample.iter().filter(|terms| !terms.is_empty()) {
            vocabulary.total += 1;
            for term in &terms.indices {
                *vocabulary.matching.entry(*term).or_default() += 1;
            }
            // Unmarked are short texts, read like English, and those of analyzers that knew one language, English by default.
            let mut marked = Analyzer::languages(terms).peekable();
            if marked.peek().is_none() {
                *languages.entry(Language::English).or_default() += 1;
            }
            for language in marked {
                *languages.entry(language).or_default() += 1;
            }
        }
        let enough = AT_LEAST.max(vocabulary.total / ONE_IN).min(vocabulary.total);
        let mut languages: Vec<(Language, usize)> = languages.into_iter().collect();
        languages.retain(|(_, count)| *count >= enough);
        languages.sort_unstable_by_key(|(language, count)| (Reverse(*count), language.code()));
        vocabulary.languages = languages.into_iter().map(|(language, _)| language).collect();
        vocabulary
    }

    /// Returns the approximate size in memory, in bytes.
    fn size(&self) -> u32 {
        u32::try_from(OVERHEAD + self.matching.len() * TERM_BYTES).unwrap_or(u32::MAX)
    }

    /// Counts a new context, and returns `true` if the sample is due for a refresh.
    fn is_outdated_by_one_more(&self) -> bool {
        let newer = self.newer.fetch_add(1, Ordering::Relaxed) + 1;
        #[expect(clippy::cast_precision_loss, reason = "a sample is small")]
        let grown = newer as f32 > GROWTH * self.total as f32;
        grown && (self.total < SAMPLE || newer > RENEW_AFTER)
    }

    /// Returns the languages to read a question in, most frequent first.
    pub(super) fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// Returns the IDF weights of these words.
    pub(super) fn frequencies(&self, words: &[QuestionWord]) -> DocumentFrequencies {
        let matching = |term| self.matching.get(&term).copied().unwrap_or(0);
        let terms = words.iter().flat_map(QuestionWord::terms_alone);
        DocumentFrequencies::new(self.total, terms.map(|term| (term, matching(term))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_taken_again_when_much_was_stored_since() {
        let terms = |term: u32| SparseVector::new([(term, 1.0)]);
        let small = Vocabulary::new(&[terms(1), terms(2), terms(2), terms(3), SparseVector::default()]);
        let idf = |term| {
            DocumentFrequencies::new(small.total, [(term, small.matching.get(&term).copied().unwrap_or(0))]).idf(term)
        };
        assert!(idf(2) < idf(1) && idf(1) < idf(9));
        assert!(!small.is_outdated_by_one_more(), "a quarter of four is one");
        assert!(small.is_outdated_by_one_more());

        let full = Vocabulary::new(&vec![terms(1); SAMPLE]);
        let outdated = (1..=RENEW_AFTER + 1).find(|_| full.is_outdated_by_one_more());
        assert_eq!(outdated, Some(RENEW_AFTER + 1));
        assert!(
            Vocabulary::new(&[]).is_outdated_by_one_more(),
            "the first words of a user count at once"
        );
    }
}
