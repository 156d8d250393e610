//! Summaries of promoted contexts, where there is a summarizer.
//!
//! A summary is one more long-term context. Its sources stand beside it as they are: similarity decides which contexts a
//! summary is made of, never which ones stay.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::{GcAction, Run};
use crate::context::{Context, ContextId, MAX_TEXT_BYTES, NewContext};
use crate::engine::ContextEngine;
use crate::lifecycle::{Item, group};
use crate::ports::{Record, Summarizer};
use crate::{Error, Level, Scope};

impl ContextEngine {
    /// Makes a summary of each group of promoted contexts of one user and agent that are about the same. One that fails is
    /// not made: nothing is missing without it.
    pub(super) async fn summarise(&self, run: &mut Run<'_>, promoted: Vec<Record>) {
        let Some(summarizer) = &self.summarizer else { return };
        let mut owners: BTreeMap<(Option<String>, Option<String>), Vec<Record>> = BTreeMap::new();
        for record in promoted {
            let owner = (record.context.user_id.clone(), record.context.agent_id.clone());
            owners.entry(owner).or_default().push(record);
        }
        for (_, records) in owners {
            for group in self.groups(records).await {
                if group.len() >= self.lifecycle.consolidation.min_group {
                    self.summarise_group(run, &**summarizer, group).await;
                }
            }
        }
    }

    /// Contexts that are about the same. Comparing each with each takes a while, so it is done elsewhere.
    async fn groups(&self, records: Vec<Record>) -> Vec<Vec<Context>> {
        let rules = &self.lifecycle.consolidation;
        let (similarity, most) = (rules.similarity, rules.max_group);
        let parted = tokio::task::spawn_blocking(move || {
            let items = records.iter().map(|record| Item {
                session: record.context.session_id.as_deref(),
                vector: record.dense.as_deref(),
            });
            let groups = group(&items.collect::<Vec<_>>(), similarity, most);
            let members = |group: Vec<usize>| group.into_iter().map(|at| records[at].context.clone()).collect();
            groups.into_iter().map(members).collect()
        });
        // Only when the runtime is shutting down: then nothing is made of them.
        parted.await.unwrap_or_default()
    }

    async fn summarise_group(&self, run: &mut Run<'_>, summarizer: &dyn Summarizer, mut group: Vec<Context>) {
        group.sort_by_key(|context| (context.occurred_at, context.sequence));
        if !run.dry {
            let Some(text) = self.summary(summarizer, &group).await else {
                return;
            };
            let sources = group.iter().map(|context| context.id).collect();
            if let Err(error) = self.store_summary(run.scope, together(&group, text), sources).await {
                tracing::warn!(%error, source = ?std::error::Error::source(&error), "a summary was not stored");
                return;
            }
        }
        run.made();
        for source in &group {
            run.note(source, GcAction::Consolidate);
        }
    }

    async fn store_summary(&self, scope: &Scope, new: NewContext, sources: Vec<ContextId>) -> Result<(), Error> {
        new.validate("").into_result()?;
        let texts = [new.text.clone()];
        let prepared = self.preparer.prepare(&texts).await.remove(0);
        // Held until the vector is written: it must not meet those of another model.
        let model = self.model.read().await;
        let dense = self.embed(scope, &model, &texts).await.remove(0)?;
        let mut draft = self.draft(new, prepared, dense, self.clock.now());
        draft.record.context.derived_from = sources;
        self.write(scope, vec![draft], &mut HashMap::new())
            .await?
            .remove(0)
            .map(drop)
    }

    async fn summary(&self, summarizer: &dyn Summarizer, sources: &[Context]) -> Option<String> {
        let max_tokens = self.lifecycle.consolidation.max_tokens;
        let texts: Vec<String> = sources.iter().map(|source| source.text.clone()).collect();
        let summary = match summarizer.summarize(&texts, max_tokens).await {
            Ok(summary) => summary.trim().to_owned(),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "a summary was not made");
                return None;
            }
        };
        let usable = !summary.is_empty() && !summary.contains('\0') && summary.len() <= MAX_TEXT_BYTES;
        if !usable || self.preparer.tokens.count(&summary) > max_tokens {
            tracing::warn!("a summary was not made: it is empty or too long");
            return None;
        }
        Some(summary)
    }
}

/// One context that stands for `sources`, with everything that holds for all of them.
fn together(sources: &[Context], text: String) -> NewContext {
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

/// Metadata that is the same in all sources.
fn agreed_metadata(sources: &[Context]) -> Map<String, Value> {
    let Some((first, others)) = sources.split_first() else {
        return Map::new();
    };
    let agreed = first.metadata.iter().filter(|(key, value)| {
        let says_so = |other: &Context| other.metadata.get(*key) == Some(*value);
        others.iter().all(says_so)
    });
    agreed.map(|(key, value)| (key.clone(), value.clone())).collect()
}
