//! Import of exported contexts, with their ids, times and counts.
//!
//! Only the id tells whether a context is there already: an export may hold the same text twice, for instance once
//! replaced and once current. Tokens and words are counted anew, and so is a vector that another model made.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::export::Carried;
use super::locks::Key;
use super::store::repeat_error;
use super::{ContextEngine, sequence_at};
use crate::context::{
    Context, ContextId, Level, MAX_DERIVED_FROM, NewContext, SessionTrack, Violations, after, to_millis, unique_tags,
};
use crate::filter::same_metadata;
use crate::l1::SessionKey;
use crate::ports::{Embedder, Record};
use crate::{Error, Scope};

/// Sequence numbers end here: stores compare numbers as floats.
const MAX_SEQUENCE: u64 = 1 << 53;
/// A sequence number further ahead than this is replaced by the next one.
const MAX_CLOCK_SKEW_SECS: u64 = 60;

/// What became of a context that was to be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It is stored now.
    Stored,
    /// It was there already, with the same content.
    Known,
    /// Its time to live is over.
    Expired,
}

impl ContextEngine {
    /// Stores contexts that were exported; each has its own result, in the order given, and a bad one loses no good one.
    /// A context whose id holds the same content already is left as it is, so importing again changes nothing.
    ///
    /// Each error is [`Error::Invalid`], [`Error::Conflict`] when the id holds something else, [`Error::Embedding`] when
    /// what cannot be embedded is to be rejected, or [`Error::Store`].
    pub async fn import(&self, scope: &Scope, carried: Vec<Carried>) -> Vec<Result<Imported, Error>> {
        let now = self.clock.now();
        let model = self.model.read().await;
        let mut results: Vec<Option<Result<Imported, Error>>> = Vec::with_capacity(carried.len());
        let mut incoming = Vec::new();
        for (at, carried) in carried.into_iter().enumerate() {
            let found = validate(&carried, &model);
            results.push(if !found.is_empty() {
                Some(Err(Error::Invalid(found)))
            } else if carried.context.is_live(now) {
                incoming.push((at, normal(carried)));
                None
            } else {
                Some(Ok(Imported::Expired))
            });
        }
        let (positions, carried): (Vec<usize>, Vec<Carried>) = incoming.into_iter().unzip();
        let imported = self.import_valid(scope, &model, carried).await;
        for (at, result) in positions.into_iter().zip(imported) {
            results[at] = Some(result);
        }
        // Every position was filled by one of the two loops.
        results.into_iter().flatten().collect()
    }

    async fn import_valid(
        &self,
        scope: &Scope,
        model: &Arc<dyn Embedder>,
        carried: Vec<Carried>,
    ) -> Vec<Result<Imported, Error>> {
        // Before anything is embedded: most of an import that is repeated is there already.
        let known = match self.known_ids(scope, &carried).await {
            Ok(known) => known,
            Err(error) => return repeat_error(&error, carried.len()),
        };
        let is_new = |carried: &Carried| !known.contains_key(&carried.context.id);
        let new: Vec<Carried> = carried.iter().filter(|one| is_new(one)).cloned().collect();
        let mut records = self.carried_records(scope, model, new).await;
        let keys = carried.iter().flat_map(|one| {
            let context = &one.context;
            [Key::Id(context.id), Key::Session(context.session_id.as_deref())]
        });
        let _locks = self.locks.lock(scope.tenant(), keys).await;
        // Again: another call may have stored some of them meanwhile.
        let mut known = match self.known_ids(scope, &carried).await {
            Ok(known) => known,
            Err(error) => return repeat_error(&error, carried.len()),
        };
        if let Err(error) = self.seed_sequence(scope).await {
            return repeat_error(&error.into(), carried.len());
        }
        let now = self.clock.now();
        let latest = sequence_at(after(now, MAX_CLOCK_SKEW_SECS));
        let mut to_write = Vec::new();
        let mut results = Vec::with_capacity(carried.len());
        for Carried { context, .. } in carried {
            results.push(match (known.get(&context.id), records.remove(&context.id)) {
                (Some(stored), _) if same_content(stored, &context) => Ok(Imported::Known),
                (Some(_), _) => Err(Error::Conflict(context.id)),
                (None, Some(Ok(mut record))) => {
                    if record.context.sequence > latest {
                        // From a clock that was ahead: whatever is stored next has to come after it.
                        record.context.sequence = self.next_sequence(now);
                    }
                    known.insert(context.id, record.context.clone());
                    to_write.push(record);
                    Ok(Imported::Stored)
                }
                (None, Some(Err(error))) => Err(error),
                // It was there before and was deleted in between: the deletion came later than the import.
                (None, None) => Ok(Imported::Known),
            });
        }
        if let Err(error) = self.write_imported(scope, to_write).await {
            for result in &mut results {
                if matches!(result, Ok(Imported::Stored)) {
                    *result = repeat_error(&error, 1).remove(0);
                }
            }
        }
        results
    }

    async fn known_ids(&self, scope: &Scope, carried: &[Carried]) -> Result<HashMap<ContextId, Context>, Error> {
        let ids: HashSet<ContextId> = carried.iter().map(|one| one.context.id).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<ContextId> = ids.into_iter().collect();
        let now = self.clock.now();
        let stored = self.store.get(scope, &ids).await?.into_iter();
        // An expired context is gone for its id too.
        let live = stored.filter(|context| context.is_live(now));
        Ok(live.map(|context| (context.id, context)).collect())
    }

    /// What is to be written for each, by id; the first of a repeated id counts.
    async fn carried_records(
        &self,
        scope: &Scope,
        model: &Arc<dyn Embedder>,
        carried: Vec<Carried>,
    ) -> HashMap<ContextId, Result<Record, Error>> {
        let texts: Vec<String> = carried.iter().map(|one| one.context.text.clone()).collect();
        let prepared = self.preparer.prepare(&texts).await;
        let is_of_model = |one: &Carried| matches!(&one.vector, Some((made_by, _)) if made_by == model.fingerprint());
        let to_embed: Vec<String> = carried
            .iter()
            .filter(|one| !is_of_model(one))
            .map(|one| one.context.text.clone())
            .collect();
        let mut embedded = if to_embed.is_empty() {
            Vec::new()
        } else {
            self.embed(scope, model, &to_embed).await
        }
        .into_iter();
        let mut records = HashMap::with_capacity(carried.len());
        for (one, prepared) in carried.into_iter().zip(prepared) {
            let dense = if is_of_model(&one) {
                Ok(one.vector.map(|(_, values)| values))
            } else {
                // One for each text that was to be embedded.
                embedded.next().unwrap_or(Ok(None))
            };
            let record = dense.map(|dense| Record {
                context: Context {
                    token_count: prepared.tokens,
                    embedded: dense.is_some(),
                    ..one.context.clone()
                },
                dense,
                terms: prepared.terms,
            });
            records.entry(one.context.id).or_insert(record);
        }
        records
    }

    /// The caller holds the locks of the ids and sessions.
    async fn write_imported(&self, scope: &Scope, records: Vec<Record>) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        let contexts: Vec<&Context> = records.iter().map(|record| &record.context).collect();
        self.pass_over_positions(scope, &contexts).await?;
        self.store.upsert(scope, records.clone()).await?;
        // Those within the allowed skew may be ahead of the clock.
        self.seeded.invalidate(scope.tenant());
        self.vocabularies.stored(scope.tenant(), &records);
        for context in records.iter().map(|record| &record.context) {
            if context.level == Level::Immediate {
                self.l1.forget(&SessionKey {
                    tenant: scope.tenant().clone(),
                    session: context.session_id.clone(),
                });
            }
        }
        if records.iter().any(|record| record.dense.is_none()) {
            self.pending.arrived();
        }
        Ok(())
    }
}

/// Everything that is wrong, with pointers into an exported line.
fn validate(carried: &Carried, model: &Arc<dyn Embedder>) -> Violations {
    let Carried { context, vector } = carried;
    let new = NewContext {
        text: context.text.clone(),
        user_id: context.user_id.clone(),
        agent_id: context.agent_id.clone(),
        session_id: context.session_id.clone(),
        tags: context.tags.clone(),
        metadata: context.metadata.clone(),
        importance: Some(context.importance),
        ttl_secs: context.ttl_secs,
        ..NewContext::default()
    };
    let mut found = new.validate("/context");
    if context.derived_from.len() > MAX_DERIVED_FROM {
        let detail = format!("must name at most {MAX_DERIVED_FROM} contexts");
        found.invalid("/context/derived_from", detail);
    }
    if !(1..MAX_SEQUENCE).contains(&context.sequence) {
        found.invalid("/context/sequence", "must be from 1 to 2^53 - 1");
    }
    if let (Some(session), Some(slot)) = (&context.session_id, context.slot) {
        let track = SessionTrack::new(session);
        if !(track.slot(0)..=track.slot(SessionTrack::MAX_POSITION)).contains(&slot) {
            found.invalid("/context/position", "must be from 0 to 2^31 - 1");
        }
    }
    if let Some((made_by, values)) = vector
        && (values.len() != made_by.dimensions || !values.iter().all(|value| value.is_finite()))
    {
        found.invalid(
            "/context/vector",
            "must have as many finite numbers as its model has dimensions",
        );
    }
    if let Some((made_by, _)) = vector
        && made_by == model.fingerprint()
        && !context.embedded
    {
        found.invalid("/context/embedding_status", "must be `ready` beside a vector");
    }
    found
}

/// As a context is stored: nothing around the text, no repeated tags, whole milliseconds.
fn normal(carried: Carried) -> Carried {
    let Carried { mut context, vector } = carried;
    context.text = context.text.trim().to_owned();
    context.tags = unique_tags(&context.tags);
    context.created_at = to_millis(context.created_at);
    context.updated_at = to_millis(context.updated_at);
    context.last_accessed_at = context.last_accessed_at.map(to_millis);
    context.expires_at = context.expires_at.map(to_millis);
    Carried { context, vector }
}

/// Whether both hold the same, wherever in its life each of them is.
fn same_content(stored: &Context, incoming: &Context) -> bool {
    stored.content_key() == incoming.content_key()
        && stored.tags == incoming.tags
        && same_metadata(&stored.metadata, &incoming.metadata)
        && stored.importance.to_bits() == incoming.importance.to_bits()
        && stored.pinned == incoming.pinned
        && stored.ttl_secs == incoming.ttl_secs
        && stored.occurred_at == incoming.occurred_at
}
