//! Making one long-term context of many short-term ones whose time is over.
//!
//! The new one is written together with its sources, which are superseded by it from then on: there is no moment in which
//! both or neither stand for what was said, and a crash leaves either all of it or nothing. The sources live on for
//! `consolidation.keep_sources_secs`, and are collected like everything that was replaced.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{GcAction, Run};
use crate::context::{Context, ContextId, Level, after, to_millis};
use crate::engine::ContextEngine;
use crate::engine::locks::Key;
use crate::lifecycle::{Item, Reason, Verdict, at_end_of_life, group};
use crate::ports::{Record, StoreError, StoreErrorKind};
use crate::{Error, Filter, Visibility};

impl ContextEngine {
    /// Makes fewer of expired contexts that were worth something: those of one user and agent that are about the same become
    /// one. What stays alone goes, or becomes long-term, as `consolidation.min_group` says.
    pub(super) async fn consolidate(&self, run: &mut Run<'_>, worth: Vec<Record>) {
        let mut owners: BTreeMap<(Option<String>, Option<String>), Vec<Record>> = BTreeMap::new();
        for record in worth {
            let owner = (record.context.user_id.clone(), record.context.agent_id.clone());
            owners.entry(owner).or_default().push(record);
        }
        let min_group = self.lifecycle.consolidation.min_group;
        let mut alone = Vec::new();
        for (_, records) in owners {
            for group in self.groups(records).await {
                if group.len() < min_group.max(2) {
                    alone.extend(group);
                } else {
                    if let Err(error) = self.consolidate_group(run, group).await {
                        run.failed(&error);
                    }
                    self.rest(run).await;
                }
            }
        }
        let verdict = if min_group == 1 {
            Verdict::Promote
        } else {
            Verdict::Collect(Reason::Expired)
        };
        self.end(run, alone, verdict).await;
    }

    /// Which contexts are about the same. Comparing each with each takes a while, so it is done elsewhere.
    async fn groups(&self, records: Vec<Record>) -> Vec<Vec<Record>> {
        let (similarity, most) = (
            self.lifecycle.consolidation.similarity,
            self.lifecycle.consolidation.max_group,
        );
        let parted = tokio::task::spawn_blocking(move || {
            let items = records.iter().map(|record| Item {
                session: record.context.session_id.as_deref(),
                vector: record.dense.as_deref(),
            });
            let groups = group(&items.collect::<Vec<_>>(), similarity, most);
            let mut records: Vec<Option<Record>> = records.into_iter().map(Some).collect();
            let members = |group: Vec<usize>| group.into_iter().filter_map(|at| records[at].take()).collect();
            groups.into_iter().map(members).collect()
        });
        // Only when the runtime is shutting down: then nothing is made of them.
        parted.await.unwrap_or_default()
    }

    async fn consolidate_group(&self, run: &mut Run<'_>, mut group: Vec<Record>) -> Result<(), StoreError> {
        group.sort_by_key(|record| (record.context.occurred_at, record.context.sequence));
        if run.dry {
            for record in &group {
                run.note(&record.context, GcAction::Consolidate);
            }
            run.made();
            return Ok(());
        }
        let sources: Vec<&Context> = group.iter().map(|record| &record.context).collect();
        let text = self.digest(&sources).await;
        let texts = [text];
        let prepared = self.preparer.prepare(&texts).await.remove(0);
        // Held until the vectors are written: they must not meet those of another model.
        let model = self.model.read().await;
        let dense = match self.embed(run.scope, &model, &texts).await.remove(0) {
            Ok(dense) => dense,
            Err(Error::Store(error)) => return Err(error),
            Err(error) => return Err(unavailable(error)),
        };
        let [text] = texts;
        let mut made = together(&sources, text, self.clock.now());
        made.token_count = prepared.tokens;
        made.embedded = dense.is_some();
        let key = made.content_key();
        let ids: Vec<ContextId> = sources.iter().map(|source| source.id).collect();
        let session = made.session_id.clone();
        let mut keys: Vec<Key<'_>> = ids.iter().map(|id| Key::Id(*id)).collect();
        keys.push(Key::Content(&key));
        keys.extend(session.as_deref().map(|session| Key::Session(Some(session))));
        let _locks = self.locks.lock(run.scope.tenant(), keys).await;
        let now = self.clock.now();
        let mut current = self.records(run.scope, ids).await?;
        let unchanged = current.len() == group.len() && {
            let still = |record: &Record| {
                let verdict = at_end_of_life(&record.context, now, &self.lifecycle.gc, &self.lifecycle.consolidation);
                let same_text =
                    |source: &&Context| source.id == record.context.id && source.text == record.context.text;
                verdict == Verdict::Consolidate && sources.iter().any(same_text)
            };
            current.iter().all(still)
        };
        if !unchanged {
            // Somebody changed one of them meanwhile: the next run looks at them again.
            return Ok(());
        }
        let standing = self
            .store
            .find_by_content(run.scope, std::slice::from_ref(&key))
            .await?;
        let standing = standing.into_iter().find(|context| {
            context.level == Level::LongTerm && context.is_live(now) && context.superseded_by.is_none()
        });
        let by = standing.as_ref().map_or(made.id, |context| context.id);
        for source in &mut current {
            self.supersede(&mut source.context, by, now);
            let keep_secs = self.lifecycle.consolidation.keep_sources_secs;
            if keep_secs > 0 {
                source.context.expires_at = Some(after(now, keep_secs));
            }
        }
        let mut written = current.clone();
        if standing.is_none() {
            let mut with_slot = [made];
            self.assign_slots(run.scope, &mut with_slot).await?;
            let [mut made] = with_slot;
            made.sequence = self.next_sequence(now);
            if dense.is_none() {
                self.pending.arrived();
            }
            let record = Record {
                context: made,
                dense,
                terms: prepared.terms,
            };
            self.vocabularies
                .stored(run.scope.tenant(), std::slice::from_ref(&record));
            written.push(record);
        }
        self.store.upsert(run.scope, written).await?;
        run.made();
        for source in &current {
            run.note(&source.context, GcAction::Consolidate);
        }
        if self.lifecycle.consolidation.keep_sources_secs == 0 {
            let filter = Filter {
                visibility: Visibility::Expired(now),
                ..Filter::by_ids(current.iter().map(|source| source.context.id).collect())
            };
            self.store.delete(run.scope, &filter).await?;
        }
        Ok(())
    }
}

/// One context in place of `sources`, which stand in the order of time: with everything that holds for all of them.
fn together(sources: &[&Context], text: String, now: Timestamp) -> Context {
    let first = sources[0];
    let same_session = sources.iter().all(|source| source.session_id == first.session_id);
    let mut made = Context {
        id: ContextId::generate(),
        text,
        level: Level::LongTerm,
        user_id: first.user_id.clone(),
        agent_id: first.agent_id.clone(),
        session_id: first.session_id.clone().filter(|_| same_session),
        tags: Vec::new(),
        metadata: Map::new(),
        importance: 0.0,
        pinned: false,
        token_count: 0,
        access_count: 0,
        occurred_at: sources.iter().map(|source| source.occurred_at).max().unwrap_or(now),
        created_at: to_millis(now),
        updated_at: to_millis(now),
        last_accessed_at: None,
        expires_at: None,
        ttl_secs: None,
        embedded: false,
        derived_from: Vec::new(),
        superseded_by: None,
        sequence: 0,
        slot: None,
    };
    let agreed = agreed_metadata(sources);
    for source in sources {
        made.take_over(&Context {
            metadata: agreed.clone(),
            ..(*source).clone()
        });
    }
    made
}

/// What the metadata of all sources says alike.
fn agreed_metadata(sources: &[&Context]) -> Map<String, Value> {
    let Some((first, others)) = sources.split_first() else {
        return Map::new();
    };
    let agreed = first.metadata.iter().filter(|(key, value)| {
        let says_so = |other: &&Context| other.metadata.get(*key) == Some(*value);
        others.iter().all(says_so)
    });
    agreed.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn unavailable(error: Error) -> StoreError {
    StoreError {
        operation: "consolidate",
        kind: StoreErrorKind::Unavailable(None),
        source: Some(error.into()),
    }
}
