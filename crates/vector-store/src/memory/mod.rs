//! The store that keeps everything in memory.
//!
//! Every call scans all contexts of the tenant. The store is the reference for all others: [`Filter::matches`] decides what
//! matches, and scores follow their definition.

mod score;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::context::{ContentKey, Context, ContextId, Level};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{
    Candidate, Leases, ListRequest, MAX_LISTED_DOCUMENTS, Order, Record, SessionSummary, SharedDocument,
    SharedDocuments, StoreError, StoreQuery, VectorStore,
};
use context_manager_core::{Cursor, Filter, Page, Scope, TenantId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::payload::PointIds;
use crate::validate;
use score::{cosine, sparse_dot, unit_length};

/// The store that keeps everything in memory.
#[derive(Debug)]
pub struct MemoryStore {
    dimensions: usize,
    tenants: RwLock<HashMap<TenantId, Records>>,
    /// Fingerprint of the analyzer of all terms.
    analyzer: Mutex<Option<String>>,
    /// Holder and end of each lease, by its name.
    leases: Mutex<HashMap<&'static str, (Uuid, Timestamp)>>,
    /// Documents by kind and name.
    documents: Mutex<HashMap<(String, String), SharedDocument>>,
}

type Records = BTreeMap<ContextId, Record>;

impl MemoryStore {
    /// Creates an empty store for vectors of this size.
    pub fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            tenants: RwLock::default(),
            analyzer: Mutex::default(),
            leases: Mutex::default(),
            documents: Mutex::default(),
        }
    }

    fn read<T>(&self, scope: &Scope, read: impl FnOnce(&Records) -> T) -> T {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        match tenants.get(scope.tenant()) {
            Some(records) => read(records),
            None => read(&Records::new()),
        }
    }

    fn documents(&self) -> MutexGuard<'_, HashMap<(String, String), SharedDocument>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks records to store and scales their vectors to length 1. The last record of a repeated id wins.
    fn checked(&self, operation: &'static str, mut records: Vec<Record>) -> Result<Records, StoreError> {
        validate::records(operation, self.dimensions, &records)?;
        for record in &mut records {
            if let Some(vector) = &mut record.dense {
                unit_length(vector);
            }
        }
        Ok(records.into_iter().map(|record| (record.context.id, record)).collect())
    }

    fn write<T>(&self, scope: &Scope, write: impl FnOnce(&mut Records) -> T) -> T {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        write(tenants.entry(scope.tenant().clone()).or_default())
    }
}

#[async_trait]
impl VectorStore for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn upsert(&self, scope: &Scope, records: Vec<Record>) -> Result<(), StoreError> {
        let records = self.checked("upsert", records)?;
        self.write(scope, |stored| stored.extend(records));
        Ok(())
    }

    async fn replace(
        &self,
        scope: &Scope,
        new: Vec<Record>,
        changed: Vec<Record>,
    ) -> Result<Vec<ContextId>, StoreError> {
        let (new, mut changed) = (self.checked("replace", new)?, self.checked("replace", changed)?);
        Ok(self.write(scope, |stored| {
            changed.retain(|id, _| stored.contains_key(id));
            let found = changed.keys().copied().collect();
            stored.extend(new);
            stored.extend(changed);
            found
        }))
    }

    async fn update(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError> {
        validate::contexts("update", &contexts)?;
        self.write(scope, |stored| {
            for context in contexts {
                if let Some(record) = stored.get_mut(&context.id) {
                    record.context = context;
                }
            }
        });
        Ok(())
    }

    async fn update_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Context)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        for (_, new) in &changes {
            validate::contexts("update_unchanged", std::slice::from_ref(new))?;
        }
        Ok(self.write(scope, |stored| {
            let written = changes.into_iter().filter_map(|(read, new)| {
                let record = stored.get_mut(&read.id).filter(|record| record.context == read)?;
                record.context = new;
                Some(read.id)
            });
            written.collect()
        }))
    }

    async fn replace_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Record)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        let (read, new): (Vec<_>, Vec<_>) = changes.into_iter().unzip();
        let mut new = self.checked("replace_unchanged", new)?;
        Ok(self.write(scope, |stored| {
            let is_unchanged = |read: &Context| stored.get(&read.id).is_some_and(|record| record.context == *read);
            let unchanged: Vec<ContextId> = read
                .iter()
                .filter(|read| is_unchanged(read))
                .map(|read| read.id)
                .collect();
            new.retain(|id, _| unchanged.contains(id));
            stored.extend(new);
            unchanged
        }))
    }

    async fn set_vectors(&self, scope: &Scope, embedded: Vec<(Context, Vec<f32>)>) -> Result<(), StoreError> {
        for (context, vector) in &embedded {
            validate::contexts("set_vectors", std::slice::from_ref(context))?;
            validate::vector("set_vectors", self.dimensions, vector)?;
        }
        self.write(scope, |stored| {
            for (context, mut vector) in embedded {
                unit_length(&mut vector);
                let is_same = |stored: &Context| {
                    Context {
                        embedded: stored.embedded,
                        ..context.clone()
                    } == *stored
                };
                if let Some(record) = stored.get_mut(&context.id).filter(|record| is_same(&record.context)) {
                    record.context = context;
                    record.dense = Some(vector);
                }
            }
        });
        Ok(())
    }

    async fn get(&self, scope: &Scope, ids: &[ContextId]) -> Result<Vec<Context>, StoreError> {
        let mut seen = HashSet::new();
        let ids = ids.iter().filter(|id| seen.insert(**id));
        Ok(self.read(scope, |stored| {
            ids.filter_map(|id| stored.get(id))
                .map(|record| record.context.clone())
                .collect()
        }))
    }

    async fn find_by_content(&self, scope: &Scope, keys: &[ContentKey]) -> Result<Vec<Context>, StoreError> {
        let contexts = |stored: &Records| {
            let contexts = stored.values().map(|record| &record.context);
            contexts
                .filter(|context| keys.contains(&context.content_key()))
                .cloned()
                .collect()
        };
        Ok(self.read(scope, contexts))
    }

    async fn at_offsets(&self, scope: &Scope, slots: &[i64], filter: &Filter) -> Result<Vec<Arc<Record>>, StoreError> {
        let at_one = |record: &&Record| record.context.slot.is_some_and(|slot| slots.contains(&slot));
        Ok(self.read(scope, |stored| {
            let found = matching(stored, filter).filter(at_one);
            found.map(|record| Arc::new(record.clone())).collect()
        }))
    }

    async fn list(&self, scope: &Scope, request: ListRequest) -> Result<Page<Record>, StoreError> {
        if request.limit == 0 {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        }
        Ok(self.read(scope, |stored| {
            let rank = |sequence| match request.order {
                Order::NewestFirst => u64::MAX - sequence,
                Order::OldestFirst => sequence,
            };
            let after = request.after.map(|Cursor(sequence)| rank(sequence));
            let rank = |record: &Record| rank(record.context.sequence);
            let mut found: Vec<&Record> = matching(stored, &request.filter).collect();
            found.retain(|record| after.is_none_or(|after| rank(record) > after));
            // Stable: records with the same sequence number stay in the order of their ids.
            found.sort_by_key(|record| rank(record));
            // A page never ends between two of those, as the next page starts below them.
            let last = found.get(request.limit - 1).copied();
            let end = found.partition_point(|record| last.is_none_or(|last| rank(record) <= rank(last)));
            let next = last.filter(|_| end < found.len());
            let items = found[..end].iter().map(|record| view(record, request.with_vectors));
            Page {
                items: items.collect(),
                next: next.map(|last| Cursor(last.context.sequence)),
            }
        }))
    }

    async fn tenants(&self, filter: &Filter) -> Result<Vec<TenantId>, StoreError> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let has_any = |stored: &Records| filter.ids.is_none() && matching(stored, filter).next().is_some();
        let found = tenants.iter().filter(|(_, stored)| has_any(stored));
        Ok(found.map(|(tenant, _)| tenant.clone()).collect())
    }

    async fn count(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        Ok(self.read(scope, |stored| matching(stored, filter).count() as u64))
    }

    async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        Ok(self.write(scope, |stored| {
            let before = stored.len();
            stored.retain(|_, record| !filter.matches(&record.context));
            (before - stored.len()) as u64
        }))
    }

    async fn search(&self, scope: &Scope, query: StoreQuery) -> Result<Vec<Candidate>, StoreError> {
        validate::query("search", self.dimensions, &query)?;
        Ok(self.read(scope, |stored| {
            let mut found = BTreeMap::new();
            if let Some(mut vector) = query.dense {
                unit_length(&mut vector);
                let similarity = |record: &Record| record.dense.as_deref().map(|stored| cosine(stored, &vector));
                for (record, score) in best(matching(stored, &query.filter), query.limit, similarity) {
                    candidate(&mut found, record).dense = Some(score);
                }
            }
            if let Some(terms) = query.terms.filter(|terms| !terms.is_empty()) {
                let weight = |record: &Record| sparse_dot(&terms, &record.terms);
                for (record, score) in best(matching(stored, &query.filter), query.limit, weight) {
                    candidate(&mut found, record).lexical = Some(score);
                }
            }
            found.into_values().collect()
        }))
    }

    async fn sample_terms(
        &self,
        scope: &Scope,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<SparseVector>, StoreError> {
        let points = PointIds::of(scope.tenant());
        Ok(self.read(scope, |stored| {
            let mut found: Vec<&Record> = matching(stored, filter).collect();
            // By point id, as in the other stores: a random order.
            found.sort_by_key(|record| points.point(record.context.id));
            let chosen = found.into_iter().take(limit.max(1));
            chosen.map(|record| record.terms.clone()).collect()
        }))
    }

    async fn sessions(
        &self,
        scope: &Scope,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, StoreError> {
        Ok(self.read(scope, |stored| {
            let mut sessions: BTreeMap<&str, Vec<&Context>> = BTreeMap::new();
            for Record { context, .. } in matching(stored, filter) {
                if let Some(session) = context.session_id.as_deref() {
                    sessions.entry(session).or_default().push(context);
                }
            }
            sessions.retain(|id, _| after.is_none_or(|after| *id > after));
            let more = sessions.len() > limit;
            let of_page = sessions.into_iter().take(limit);
            let items: Vec<_> = of_page.filter_map(|(id, contexts)| session(id, &contexts)).collect();
            let next = items.last().filter(|_| more).map(|last| last.session_id.clone());
            Page { items, next }
        }))
    }

    async fn count_scopes(&self, scope: &Scope, filter: &Filter) -> Result<Vec<(String, u64)>, StoreError> {
        Ok(self.read(scope, |stored| {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for path in matching(stored, filter).filter_map(|record| record.context.scope.clone()) {
                *counts.entry(path).or_default() += 1;
            }
            counts.into_iter().collect()
        }))
    }

    async fn analyzer(&self) -> Result<Option<String>, StoreError> {
        Ok(self.analyzer.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn set_analyzer(&self, fingerprint: &str) -> Result<(), StoreError> {
        *self.analyzer.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint.to_owned());
        Ok(())
    }

    async fn size_bytes(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Leases for MemoryStore {
    async fn lease(
        &self,
        name: &'static str,
        holder: Uuid,
        now: Timestamp,
        time: Duration,
    ) -> Result<bool, StoreError> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = leases.get(name).is_none_or(|(by, until)| *by == holder || *until < now);
        if is_free && time.is_zero() {
            leases.remove(name);
        } else if is_free {
            leases.insert(name, (holder, now.saturating_add(time).unwrap_or(now)));
        }
        Ok(is_free)
    }
}

#[async_trait]
impl SharedDocuments for MemoryStore {
    async fn document_version(&self, kind: &str, name: &str) -> Result<Option<Uuid>, StoreError> {
        Ok(self.document(kind, name).await?.map(|document| document.version))
    }

    async fn document(&self, kind: &str, name: &str) -> Result<Option<SharedDocument>, StoreError> {
        Ok(self.documents().get(&document_key(kind, name)).cloned())
    }

    async fn documents(&self, kind: &str) -> Result<Vec<(String, SharedDocument)>, StoreError> {
        let documents = self.documents();
        let of_kind = documents.iter().filter(|((of, _), _)| of == kind);
        let named = of_kind.map(|((_, name), document)| (name.clone(), document.clone()));
        Ok(named.take(MAX_LISTED_DOCUMENTS).collect())
    }

    async fn replace_document(
        &self,
        kind: &str,
        name: &str,
        expected: Option<Uuid>,
        text: &str,
    ) -> Result<Option<Uuid>, StoreError> {
        validate::document("replace_document", text)?;
        let mut documents = self.documents();
        let key = document_key(kind, name);
        if documents.get(&key).map(|document| document.version) != expected {
            return Ok(None);
        }
        let version = Uuid::now_v7();
        let text = text.to_owned();
        documents.insert(key, SharedDocument { version, text });
        Ok(Some(version))
    }

    async fn delete_document(&self, kind: &str, name: &str) -> Result<(), StoreError> {
        self.documents().remove(&document_key(kind, name));
        Ok(())
    }
}

fn document_key(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

fn matching<'a>(stored: &'a Records, filter: &'a Filter) -> impl Iterator<Item = &'a Record> {
    stored.values().filter(|record| filter.matches(&record.context))
}

fn view(record: &Record, with_vectors: bool) -> Record {
    if with_vectors {
        record.clone()
    } else {
        Record {
            context: record.context.clone(),
            dense: None,
            terms: SparseVector::default(),
        }
    }
}

/// Returns the `limit` records with the highest scores.
fn best<'a>(
    records: impl Iterator<Item = &'a Record>,
    limit: usize,
    score: impl Fn(&Record) -> Option<f32>,
) -> Vec<(&'a Record, f32)> {
    let mut scored: Vec<_> = records
        .filter_map(|record| score(record).map(|score| (record, score)))
        .collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    scored.truncate(limit);
    scored
}

fn candidate<'a>(found: &'a mut BTreeMap<ContextId, Candidate>, record: &Record) -> &'a mut Candidate {
    found.entry(record.context.id).or_insert_with(|| Candidate {
        record: Arc::new(record.clone()),
        dense: None,
        lexical: None,
    })
}

fn session(id: &str, contexts: &[&Context]) -> Option<SessionSummary> {
    let mut counts = [0; Level::ALL.len()];
    for context in contexts {
        counts[context.level.index()] += 1;
    }
    Some(SessionSummary {
        session_id: id.to_owned(),
        counts,
        first_activity_at: contexts.iter().min_by_key(|context| context.sequence)?.created_at,
        last_activity_at: contexts.iter().max_by_key(|context| context.sequence)?.created_at,
    })
}
