//! Import of exported contexts, with their ids, times and counts.
//!
//! Only the id tells whether a context exists already: an export may hold the same text twice, once replaced and once
//! current. Tokens and sparse vectors are computed again, and so are vectors of another model.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::export::ExportRecord;
use crate::context::{
    Context, ContextId, MAX_DERIVED_FROM, NewContext, SessionTrack, Violations, after, to_millis, unique_tags,
};
use crate::engine::contexts::Contexts;
use crate::engine::locks::Key;
use crate::engine::model_in_use::ModelGuard;
use crate::engine::prepare::Preparer;
use crate::engine::sequences::sequence_at;
use crate::engine::store::{repeat_error, same_content};
use crate::ports::{Record, StoreError};
use crate::{Error, Scope};

/// End of sequence numbers: stores compare numbers as floats.
const MAX_SEQUENCE: u64 = 1 << 53;
/// Seconds ahead of the clock beyond which a sequence number is replaced by the next one.
const MAX_CLOCK_SKEW_SECS: u64 = 60;

/// Result of importing a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It is stored now.
    Stored,
    /// It existed already, with the same content.
    Known,
    /// Its time to live is over.
    Expired,
}

/// Import of export records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Importer<'a> {
    pub(crate) contexts: Contexts<'a>,
    pub(crate) text: &'a Arc<Preparer>,
}

impl Importer<'_> {
    pub(crate) async fn import(&self, scope: &Scope, carried: Vec<ExportRecord>) -> Vec<Result<Imported, Error>> {
        let now = self.contexts.now();
        let model = self.contexts.models.in_use().await;
        let mut checked: Vec<Option<Result<Imported, Error>>> = Vec::with_capacity(carried.len());
        let mut valid = Vec::new();
        for record in carried {
            let found = validate(&record, &model);
            checked.push(if !found.is_empty() {
                Some(Err(Error::Invalid(found)))
            } else if record.context.is_live(now) {
                valid.push(normalized(record));
                None
            } else {
                Some(Ok(Imported::Expired))
            });
        }
        let count = valid.len();
        let imported = match self.import_valid(scope, &model, valid).await {
            Ok(imported) => imported,
            Err(error) => repeat_error(&error.into(), count),
        };
        let mut imported = imported.into_iter();
        checked
            .into_iter()
            .filter_map(|checked| checked.or_else(|| imported.next()))
            .collect()
    }

    async fn import_valid(
        &self,
        scope: &Scope,
        model: &ModelGuard<'_>,
        carried: Vec<ExportRecord>,
    ) -> Result<Vec<Result<Imported, Error>>, StoreError> {
        // Before anything is embedded: most contexts of a repeated import exist.
        let existing = self.existing(scope, &carried).await?;
        let is_new = |one: &&ExportRecord| !existing.contains_key(&one.context.id);
        let new: Vec<ExportRecord> = carried.iter().filter(is_new).cloned().collect();
        let mut records = self.records(scope, model, new).await;
        let keys = carried.iter().flat_map(|one| {
            let session = Key::Session(one.context.session_id.as_deref());
            [Key::Id(one.context.id), session]
        });
        let _locks = self.contexts.locks.lock(scope.tenant(), keys).await;
        // Again: another call may have stored some of them meanwhile.
        let mut existing = self.existing(scope, &carried).await?;
        self.contexts.sequences.seed(scope).await?;
        let now = self.contexts.now();
        let latest = sequence_at(after(now, MAX_CLOCK_SKEW_SECS));
        let mut new = Vec::new();
        let mut results = Vec::with_capacity(carried.len());
        for ExportRecord { context, .. } in carried {
            results.push(match (existing.get(&context.id), records.remove(&context.id)) {
                (Some(stored), _) if is_same(stored, &context) => Ok(Imported::Known),
                (Some(_), _) => Err(Error::Conflict(context.id)),
                (None, Some(Ok(mut record))) => {
                    if record.context.sequence > latest {
                        // From a clock that was ahead: contexts stored next must follow it.
                        record.context.sequence = self.contexts.sequences.next(now);
                    }
                    existing.insert(context.id, record.context.clone());
                    new.push(record);
                    Ok(Imported::Stored)
                }
                (None, Some(Err(error))) => Err(error),
                // It existed and was deleted in between: the deletion came after the import.
                (None, None) => Ok(Imported::Known),
            });
        }
        if let Err(error) = self.write(scope, new).await {
            let error = error.into();
            for result in &mut results {
                if matches!(result, Ok(Imported::Stored)) {
                    *result = repeat_error(&error, 1).remove(0);
                }
            }
        }
        Ok(results)
    }

    /// Returns the live contexts with the ids of the export records.
    async fn existing(
        &self,
        scope: &Scope,
        carried: &[ExportRecord],
    ) -> Result<HashMap<ContextId, Context>, StoreError> {
        let ids: HashSet<ContextId> = carried.iter().map(|one| one.context.id).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<ContextId> = ids.into_iter().collect();
        let now = self.contexts.now();
        let stored = self.contexts.store.get(scope, &ids).await?.into_iter();
        let live = stored.filter(|context| context.is_live(now));
        Ok(live.map(|context| (context.id, context)).collect())
    }

    /// Returns the records to write, by id; the first one of a repeated id counts.
    async fn records(
        &self,
        scope: &Scope,
        model: &ModelGuard<'_>,
        carried: Vec<ExportRecord>,
    ) -> HashMap<ContextId, Result<Record, Error>> {
        let text = |one: &ExportRecord| one.context.text.clone();
        let texts: Vec<String> = carried.iter().map(text).collect();
        let given = carried
            .iter()
            .map(|one| one.context.given_language().map(str::to_owned));
        let prepared = self.text.prepare(&texts, given.collect()).await;
        let is_of_model =
            |one: &ExportRecord| matches!(&one.vector, Some((made_by, _)) if made_by == model.fingerprint());
        let others = carried.iter().filter(|one| !is_of_model(one));
        let to_embed: Vec<String> = others.map(text).collect();
        let mut embedded = if to_embed.is_empty() {
            Vec::new()
        } else {
            self.contexts.models.embed_on_write(scope, model, &to_embed).await
        }
        .into_iter();
        let mut records = HashMap::with_capacity(carried.len());
        for (one, prepared) in carried.into_iter().zip(prepared) {
            let id = one.context.id;
            let dense = if is_of_model(&one) {
                Ok(one.vector.map(|(_, values)| values))
            } else {
                // One for each text to embed.
                embedded.next().unwrap_or(Ok(None))
            };
            let record = dense.map(|dense| Record {
                context: Context {
                    token_count: prepared.tokens,
                    language: prepared.language,
                    embedded: dense.is_some(),
                    ..one.context
                },
                dense,
                terms: prepared.terms,
            });
            records.entry(id).or_insert(record);
        }
        records
    }

    /// Writes new records. The caller holds the locks of their ids and sessions.
    async fn write(&self, scope: &Scope, records: Vec<Record>) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let contexts: Vec<Context> = records.iter().map(|record| record.context.clone()).collect();
        self.contexts.memory.offsets.pass_over(scope, &contexts).await?;
        self.contexts.store.upsert(scope, records.clone()).await?;
        // Sequence numbers within the allowed skew may be ahead of the clock.
        self.contexts.sequences.forget(scope.tenant());
        self.contexts.vocabularies.stored(scope.tenant(), &records).await;
        self.contexts.announce(scope, &records);
        Ok(())
    }
}

/// Returns everything that is wrong, with pointers into the export record.
fn validate(carried: &ExportRecord, model: &ModelGuard<'_>) -> Violations {
    let ExportRecord { context, vector } = carried;
    let new = NewContext {
        text: context.text.clone(),
        user_id: context.user_id.clone(),
        agent_id: context.agent_id.clone(),
        session_id: context.session_id.clone(),
        scope: context.scope.clone(),
        key: context.key.clone(),
        language: context.given_language().map(str::to_owned),
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
    let Some((made_by, values)) = vector else { return found };
    if values.len() != made_by.dimensions || !values.iter().all(|value| value.is_finite()) {
        found.invalid(
            "/context/vector",
            "must have as many finite numbers as its model has dimensions",
        );
    }
    if made_by == model.fingerprint() && !context.embedded {
        found.invalid("/context/embedding_status", "must be `ready` beside a vector");
    }
    found
}

/// Trims the text, removes repeated tags, and cuts times to milliseconds, as for a new context.
fn normalized(carried: ExportRecord) -> ExportRecord {
    let ExportRecord { mut context, vector } = carried;
    context.text = context.text.trim().to_owned();
    context.tags = unique_tags(&context.tags);
    context.created_at = to_millis(context.created_at);
    context.updated_at = to_millis(context.updated_at);
    context.last_accessed_at = context.last_accessed_at.map(to_millis);
    context.expires_at = context.expires_at.map(to_millis);
    ExportRecord { context, vector }
}

/// Returns `true` if both hold the same, wherever in its life each of them is.
fn is_same(stored: &Context, incoming: &Context) -> bool {
    same_content(stored, incoming) && stored.occurred_at == incoming.occurred_at
}
