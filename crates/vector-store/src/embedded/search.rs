//! Search by dense and by sparse vector, in one pass over the engine's segments.

use std::collections::HashMap;
use std::sync::Arc;

use context_manager_core::TenantId;
use context_manager_core::ports::{BoxError, Candidate, StoreQuery};
use qdrant_edge::{
    NamedQuery, PointId, QueryBatchRequest, QueryEnum, QueryRequest, QueryRequestBuilder, ScoringQuery, SearchParams,
    SparseVector, VectorInternal, WithPayloadInterface,
};

use super::engine::Engine;
use super::schema::WORDS;
use super::{filter, reads};

/// Maximum number of hits of either kind: the engine reserves memory for as many as it is asked for.
const MAX_LIMIT: usize = 1 << 16;

/// Returns the best hits by dense and by sparse vector. Blocks.
pub(super) fn search(engine: &Engine, tenant: &TenantId, query: StoreQuery) -> Result<Vec<Candidate>, BoxError> {
    let limit = query.limit.min(MAX_LIMIT);
    let Some(filter) = filter::translate(tenant, &query.filter).filter(|_| limit > 0) else {
        return Ok(Vec::new());
    };
    let request = |using: &str, vector: VectorInternal| {
        let nearest = QueryEnum::Nearest(NamedQuery {
            query: vector,
            using: Some(using.to_owned()),
        });
        QueryRequestBuilder::new(limit)
            .query(ScoringQuery::Vector(nearest))
            .filter(filter.clone())
            .with_payload(WithPayloadInterface::Bool(false))
    };
    let dense = engine.manifest().vector.clone();
    let mut kinds: Vec<fn(&mut Scores) -> &mut Option<f32>> = Vec::with_capacity(2);
    let mut requests: Vec<QueryRequest> = Vec::with_capacity(2);
    if let Some(vector) = query.dense {
        kinds.push(|scores| &mut scores.dense);
        let params = SearchParams {
            exact: query.exact,
            ..SearchParams::default()
        };
        requests.push(request(&dense, VectorInternal::Dense(vector)).params(params).build());
    }
    if let Some(terms) = query.terms.filter(|terms| !terms.is_empty()) {
        kinds.push(|scores| &mut scores.lexical);
        let sparse = SparseVector {
            indices: terms.indices,
            values: terms.values,
        };
        requests.push(request(WORDS, VectorInternal::Sparse(sparse)).build());
    }
    let found = engine.shard.query_batch(QueryBatchRequest::new(requests))?;
    let mut scores: HashMap<PointId, Scores> = HashMap::new();
    for (kind, points) in kinds.into_iter().zip(found) {
        for point in points {
            *kind(scores.entry(point.id).or_default()) = Some(point.score);
        }
    }
    let ids: Vec<PointId> = scores.keys().copied().collect();
    let records = reads::records(engine, tenant, &ids, true)?;
    let candidates = records.into_iter().map(|(id, record)| {
        let Scores { dense, lexical } = scores[&id];
        Candidate {
            record: Arc::new(record),
            dense,
            lexical,
        }
    });
    Ok(candidates.collect())
}

/// Scores of a point by the ways in which it was found.
#[derive(Debug, Clone, Copy, Default)]
struct Scores {
    dense: Option<f32>,
    lexical: Option<f32>,
}
