//! Summaries of promoted contexts, if there is a summarizer.
//!
//! A summary is one more long-term context. Its sources stay as they are: similarity decides which contexts a summary is
//! made of, never which ones are kept.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::report::GcAction;
use super::run::Run;
use crate::Level;
use crate::context::{Context, MAX_TEXT_BYTES, NewContext};
use crate::engine::prepare::Preparer;
use crate::engine::store::Storing;
use crate::lifecycle::{Consolidation, Item, group};
use crate::ports::{Record, Summarizer};

/// Maker of summaries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summaries<'a> {
    pub(crate) summarizer: &'a dyn Summarizer,
    pub(crate) rules: &'a Consolidation,
    pub(crate) text: &'a Preparer,
    pub(crate) storing: Storing<'a>,
}

impl Summaries<'_> {
    /// Makes a summary of each group of promoted contexts of one user and agent that are similar. A failure costs the
    /// summary only.
    pub(super) async fn of_promoted(&self, run: &mut Run<'_>, promoted: Vec<Record>) {
        let mut owners: BTreeMap<(Option<String>, Option<String>), Vec<Record>> = BTreeMap::new();
        for record in promoted {
            let owner = (record.context.user_id.clone(), record.context.agent_id.clone());
            owners.entry(owner).or_default().push(record);
        }
        for (_, records) in owners {
            for group in self.groups(records).await {
                if group.len() >= self.rules.min_group {
                    self.of_group(run, group).await;
                }
            }
        }
    }

    /// Groups similar contexts. Comparing all pairs takes a while, so it is done off the async threads.
    async fn groups(&self, records: Vec<Record>) -> Vec<Vec<Context>> {
        let (similarity, most) = (self.rules.similarity, self.rules.max_group);
        let grouped = tokio::task::spawn_blocking(move || {
            let items = records.iter().map(|record| Item {
                session: record.context.session_id.as_deref(),
                vector: record.dense.as_deref(),
            });
            let groups = group(&items.collect::<Vec<_>>(), similarity, most);
            let members = |group: Vec<usize>| group.into_iter().map(|at| records[at].context.clone()).collect();
            groups.into_iter().map(members).collect()
        });
        // Fails only while the runtime shuts down.
        grouped.await.unwrap_or_default()
    }

    async fn of_group(&self, run: &mut Run<'_>, mut group: Vec<Context>) {
        group.sort_by_key(|context| (context.occurred_at, context.sequence));
        if !run.dry {
            let Some(text) = self.summary(&group).await else { return };
            let sources = group.iter().map(|context| context.id).collect();
            let stored = self.storing.store_summary(run.scope, combined(&group, text), sources);
            if let Err(error) = stored.await {
                tracing::warn!(%error, source = ?std::error::Error::source(&error), "a summary was not stored");
                return;
            }
        }
        run.made();
        for source in &group {
            run.note(source, GcAction::Consolidate, None);
        }
    }

    async fn summary(&self, sources: &[Context]) -> Option<String> {
        let max_tokens = self.rules.max_tokens;
        let texts: Vec<String> = sources.iter().map(|source| source.text.clone()).collect();
        let summary = match self.summarizer.summarize(&texts, max_tokens).await {
            Ok(summary) => summary.trim().to_owned(),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "a summary was not made");
                return None;
            }
        };
        let usable = !summary.is_empty() && !summary.contains('\0') && summary.len() <= MAX_TEXT_BYTES;
        if !usable || self.text.tokens.count(&summary) > max_tokens {
            tracing::warn!("a summary was not made: it is empty or too long");
            return None;
        }
        Some(summary)
    }
}

/// Returns a context with `text` and everything that `sources` have in common.
fn combined(sources: &[Context], text: String) -> NewContext {
    let first = &sources[0];
    let same_session = sources.iter().all(|source| source.session_id == first.session_id);
    let tags = first.tags.iter();
    let agreed = tags.filter(|tag| sources.iter().all(|source| source.tags.contains(tag)));
    let importance = sources.iter().map(|source| source.importance).fold(0.0, f32::max);
    NewContext {
        text,
        level: Level::LongTerm,
        user_id: first.user_id.clone(),
        agent_id: first.agent_id.clone(),
        session_id: first.session_id.clone().filter(|_| same_session),
        tags: agreed.cloned().collect(),
        metadata: agreed_metadata(sources),
        importance: Some(importance),
        occurred_at: sources.iter().map(|source| source.occurred_at).max(),
        ..NewContext::default()
    }
}

/// Returns the metadata that is equal in all sources.
fn agreed_metadata(sources: &[Context]) -> Map<String, Value> {
    let agreed =
        |(key, value): &(&String, &Value)| sources.iter().all(|source| source.metadata.get(*key) == Some(value));
    let metadata = sources[0].metadata.iter().filter(agreed);
    metadata.map(|(key, value)| (key.clone(), value.clone())).collect()
}
