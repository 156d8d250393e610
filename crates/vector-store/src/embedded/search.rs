//! Search by vector and by words, in one pass over the engine's segments.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use context_manager_core::TenantId;
use context_manager_core::ports::{BoxError, Candidate, Record, StoreQuery};
use qdrant_edge::{
    EdgeShard, IdfCorpusParams, IdfParams, NamedQuery, QueryBatchRequest, QueryEnum, QueryRequest, QueryRequestBuilder,
    ScoredPoint, ScoringQuery, SearchParams, SparseVector, VectorInternal, WithPayloadInterface, WithVector,
};

use super::schema::{DENSE, WORDS};
use super::{filter, reads};

/// The most hits of either kind. The engine reserves room for as many as it is asked for.
const MAX_LIMIT: usize = 1 << 16;

/// One of the two ways to be found.
#[derive(Clone, Copy)]
enum Kind {
    Dense,
    Lexical,
}

/// The best by vector and the best by words. Blocks.
///
/// Words are weighed by how rare they are among the tenant's own contexts: what others store neither changes the order
/// nor shows in the scores.
pub(super) fn search(shard: &EdgeShard, tenant: &TenantId, query: StoreQuery) -> Result<Vec<Candidate>, BoxError> {
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
            .with_payload(WithPayloadInterface::Bool(true))
            .with_vector(WithVector::Bool(true))
    };
    let mut kinds = Vec::with_capacity(2);
    let mut requests: Vec<QueryRequest> = Vec::with_capacity(2);
    if let Some(vector) = query.dense {
        kinds.push(Kind::Dense);
        requests.push(request(DENSE, VectorInternal::Dense(vector)).build());
    }
    if let Some(terms) = query.terms.filter(|terms| !terms.is_empty()) {
        kinds.push(Kind::Lexical);
        let words = SparseVector {
            indices: terms.indices,
            values: terms.values,
        };
        let corpus = IdfParams::Corpus(IdfCorpusParams {
            corpus: filter::tenant(tenant),
        });
        let params = SearchParams {
            idf: Some(corpus),
            ..SearchParams::default()
        };
        requests.push(request(WORDS, VectorInternal::Sparse(words)).params(params).build());
    }
    let found = shard.query_batch(QueryBatchRequest::new(requests))?;
    merge(tenant, kinds.into_iter().zip(found))
}

fn merge(tenant: &TenantId, found: impl Iterator<Item = (Kind, Vec<ScoredPoint>)>) -> Result<Vec<Candidate>, BoxError> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut places = HashMap::new();
    for (kind, points) in found {
        for point in points {
            let place = match places.entry(point.id) {
                Entry::Occupied(place) => *place.get(),
                Entry::Vacant(place) => {
                    let context = reads::context(tenant, point.payload)?;
                    let (dense, terms) = reads::vectors(point.vector);
                    candidates.push(Candidate {
                        record: Record { context, dense, terms },
                        dense: None,
                        lexical: None,
                    });
                    *place.insert(candidates.len() - 1)
                }
            };
            let score = match kind {
                Kind::Dense => &mut candidates[place].dense,
                Kind::Lexical => &mut candidates[place].lexical,
            };
            *score = Some(point.score);
        }
    }
    Ok(candidates)
}
