//! Encoding of contexts: the payload as the store writes it, the vector in half precision, and the terms.

use std::collections::BTreeMap;
use std::sync::Arc;

use context_manager_core::context::{Context, Level};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{Change, Record};
use context_manager_core::{Scope, TenantId};
use context_manager_vector_store::payload;
use half::f16;

/// Arguments of a script.
pub(super) type Arguments = Vec<Vec<u8>>;

/// Parts of a context while it is decoded.
#[derive(Debug, Default)]
struct Parts {
    payload: Vec<u8>,
    dense: Vec<u8>,
    terms: Vec<u8>,
}

/// Returns the fields and values of contexts; `None` if one cannot be encoded.
pub(super) fn encode(tenant: &TenantId, records: &[Arc<Record>]) -> Option<Arguments> {
    let mut fields = Vec::with_capacity(6 * records.len());
    for record in records {
        let id = record.context.id.0.as_bytes();
        let field = |kind: u8| [&[kind], id.as_slice()].concat();
        let [payload, dense, terms] = parts(tenant, record)?;
        fields.extend([field(b'c'), payload, field(b'v'), dense, field(b't'), terms]);
    }
    Some(fields)
}

/// Returns the contexts of fields and values, oldest first; `None` if they cannot be read.
pub(super) fn decode(tenant: &TenantId, fields: Vec<(Vec<u8>, Vec<u8>)>) -> Option<Vec<Arc<Record>>> {
    let mut of: BTreeMap<Vec<u8>, Parts> = BTreeMap::new();
    for (field, value) in fields {
        let Some((kind, id)) = field.split_first().filter(|(_, id)| id.len() == 16) else {
            continue;
        };
        let parts = of.entry(id.to_vec()).or_default();
        match kind {
            b'c' => parts.payload = value,
            b'v' => parts.dense = value,
            b't' => parts.terms = value,
            _ => return None,
        }
    }
    let decoded = of.into_values().map(|parts| {
        let payload = serde_json::from_slice(&parts.payload).ok()?;
        let context = payload::decode_sealed(tenant, payload).ok()?;
        let dense = f32s(&parts.dense)?;
        Some(Arc::new(Record {
            dense: context.embedded.then_some(dense),
            terms: sparse(&parts.terms)?,
            context,
        }))
    });
    let mut records: Vec<Arc<Record>> = decoded.collect::<Option<_>>()?;
    records.sort_by_key(|record| record.context.sequence);
    Some(records)
}

/// Returns the operations of changes to one session; `None` if a context cannot be encoded.
pub(super) fn operations(tenant: &TenantId, changes: &[Change]) -> Option<Arguments> {
    let mut all = Vec::new();
    for change in changes {
        match change {
            Change::Unknown | Change::Deleted(_) => return Some(unknown()),
            Change::Added(Record { context, .. })
            | Change::Replaced(Record { context, .. })
            | Change::Updated(context)
            | Change::Embedded(context, _)
                if context.level != Level::Immediate =>
            {
                all.extend([b"remove".to_vec(), id(context)]);
            }
            Change::Added(record) | Change::Replaced(record) => {
                let [payload, dense, terms] = parts(tenant, record)?;
                all.extend([b"put".to_vec(), id(&record.context), payload, dense, terms]);
            }
            Change::Updated(context) => {
                all.extend([b"update".to_vec(), id(context), json(tenant, context)?]);
            }
            Change::Embedded(context, vector) => {
                // The store has skipped a context that another process changed.
                let before = json(tenant, &without_vector(context))?;
                all.extend([
                    b"embed".to_vec(),
                    id(context),
                    before,
                    json(tenant, context)?,
                    f16s(vector),
                ]);
            }
        }
    }
    Some(all)
}

/// Returns a context as it was before it got its vector.
pub(super) fn without_vector(context: &Context) -> Context {
    Context {
        embedded: false,
        ..context.clone()
    }
}

/// Returns the operation of a change with an unknown outcome.
pub(super) fn unknown() -> Arguments {
    vec![b"unknown".to_vec()]
}

fn id(context: &Context) -> Vec<u8> {
    context.id.0.as_bytes().to_vec()
}

fn parts(tenant: &TenantId, record: &Record) -> Option<[Vec<u8>; 3]> {
    let payload = json(tenant, &record.context)?;
    let dense = record.dense.as_deref().map_or_else(Vec::new, f16s);
    let terms = record.terms.iter();
    let terms = terms.flat_map(|(term, weight)| [term.to_le_bytes(), weight.to_le_bytes()]);
    Some([payload, dense, terms.flatten().collect()])
}

fn json(tenant: &TenantId, context: &Context) -> Option<Vec<u8>> {
    let payload = payload::encode(&Scope::maintenance(tenant.clone()), context.clone()).ok()?;
    serde_json::to_vec(&payload).ok()
}

fn f16s(vector: &[f32]) -> Vec<u8> {
    vector
        .iter()
        .flat_map(|&number| f16::from_f32(number).to_le_bytes())
        .collect()
}

fn f32s(bytes: &[u8]) -> Option<Vec<f32>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let numbers = pairs.iter().map(|pair| f16::from_le_bytes(*pair).to_f32());
    rest.is_empty().then(|| numbers.collect())
}

fn sparse(bytes: &[u8]) -> Option<SparseVector> {
    let (terms, rest) = bytes.as_chunks::<8>();
    let term =
        |&[a, b, c, d, e, f, g, h]: &[u8; 8]| (u32::from_le_bytes([a, b, c, d]), f32::from_le_bytes([e, f, g, h]));
    rest.is_empty().then(|| SparseVector::new(terms.iter().map(term)))
}
