//! Search by dense and sparse vector, in one call.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use context_manager_core::TenantId;
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{Candidate, StoreQuery};
use qdrant_client::qdrant::{
    self, PointId, QuantizationSearchParams, Query, QueryPoints, SearchParams, VectorInput, WithPayloadSelector,
    WithVectorsSelector, vector_input,
};

use super::client::Client;
use super::failure::Failure;
use super::filter;
use super::points::Stored;
use crate::conditions;
use crate::payload::key::{DENSE, WORDS};

/// Maximum number of hits of either kind. The server reserves memory for as many as it is asked for.
const MAX_LIMIT: usize = 1 << 16;

/// Returns the best matches by dense and by sparse vector.
pub(super) async fn search(client: &Client, tenant: &TenantId, query: StoreQuery) -> Result<Vec<Candidate>, Failure> {
    let limit = query.limit.min(MAX_LIMIT);
    let Some(conditions) = conditions::matching(tenant, &query.filter).filter(|_| limit > 0) else {
        return Ok(Vec::new());
    };
    let nearest = |using: &str, vector: vector_input::Variant, params: SearchParams| QueryPoints {
        collection_name: client.collection.clone(),
        query: Some(Query::new_nearest(VectorInput { variant: Some(vector) })),
        using: Some(using.to_owned()),
        filter: Some(filter::all(&conditions)),
        params: Some(params),
        limit: Some(limit as u64),
        with_payload: Some(WithPayloadSelector::from(true)),
        with_vectors: Some(WithVectorsSelector::from(true)),
        ..QueryPoints::default()
    };
    let mut queries = Vec::with_capacity(2);
    if let Some(vector) = query.dense {
        let params = SearchParams {
            exact: query.exact.then_some(true),
            ..full_vectors()
        };
        queries.push(nearest(DENSE, vector_input::Variant::Dense(vector.into()), params));
    }
    if let Some(SparseVector { indices, values }) = query.terms.filter(|terms| !terms.is_empty()) {
        let sparse = vector_input::Variant::Sparse(qdrant::SparseVector { indices, values });
        queries.push(nearest(WORDS, sparse, SearchParams::default()));
    }
    if queries.is_empty() {
        return Ok(Vec::new());
    }
    let is_sparse: Vec<bool> = queries
        .iter()
        .map(|query| query.using.as_deref() == Some(WORDS))
        .collect();
    let answer = client.query_batch(queries).await?;
    let mut found: HashMap<PointId, Candidate> = HashMap::new();
    for (is_sparse, hits) in is_sparse.into_iter().zip(answer) {
        for mut hit in hits.result {
            let score = Some(hit.score);
            let id = hit.id.take().ok_or(Failure::Incomplete("id of a point"))?;
            let candidate = match found.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(Candidate {
                    record: Arc::new(Stored::from(hit).record(tenant)?),
                    dense: None,
                    lexical: None,
                }),
            };
            if is_sparse {
                candidate.lexical = score;
            } else {
                candidate.dense = score;
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Has the server compute scores from the full vectors, even where it searches quantized ones.
fn full_vectors() -> SearchParams {
    SearchParams {
        quantization: Some(QuantizationSearchParams {
            rescore: Some(true),
            ..QuantizationSearchParams::default()
        }),
        ..SearchParams::default()
    }
}
