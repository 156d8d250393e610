//! Search by vector and by words, in one call.

use std::collections::HashMap;
use std::sync::Arc;

use context_manager_core::TenantId;
use context_manager_core::ports::{Candidate, StoreError, StoreQuery};
use qdrant_client::qdrant::{
    PointId, QuantizationSearchParams, Query, QueryBatchPoints, QueryPoints, SearchParams, SparseVector, VectorInput,
    WithPayloadSelector, WithVectorsSelector, vector_input,
};

use super::client::Client;
use super::failure::{Failure, internal};
use super::filter;
use super::points::Stored;
use crate::conditions;
use crate::payload::key::{DENSE, WORDS};

/// The most hits of either kind. The server reserves room for as many as it is asked for.
const MAX_LIMIT: usize = 1 << 16;

/// The best by vector and the best by words.
pub(super) async fn search(
    client: &Client,
    tenant: &TenantId,
    query: StoreQuery,
) -> Result<Vec<Candidate>, StoreError> {
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
    let mut queries: Vec<QueryPoints> = Vec::with_capacity(2);
    if let Some(vector) = query.dense {
        queries.push(nearest(
            DENSE,
            vector_input::Variant::Dense(vector.into()),
            SearchParams {
                exact: query.exact.then_some(true),
                ..full_vectors()
            },
        ));
    }
    if let Some(terms) = query.terms.filter(|terms| !terms.is_empty()) {
        let words = SparseVector {
            indices: terms.indices,
            values: terms.values,
        };
        queries.push(nearest(
            WORDS,
            vector_input::Variant::Sparse(words),
            SearchParams::default(),
        ));
    }
    if queries.is_empty() {
        return Ok(Vec::new());
    }
    let by_words: Vec<bool> = queries
        .iter()
        .map(|query| query.using.as_deref() == Some(WORDS))
        .collect();
    let request = QueryBatchPoints {
        collection_name: client.collection.clone(),
        query_points: queries,
        read_consistency: client.consistency,
        timeout: Some(client.timeout_secs()),
    };
    let answer = client
        .points(request, |mut points, request| async move {
            points.query_batch(request).await
        })
        .await
        .map_err(|failure| failure.into_store_error("search"))?;
    if answer.result.len() != by_words.len() {
        return Err(Failure::Incomplete("result for every query").into_store_error("search"));
    }
    let mut found: HashMap<PointId, Candidate> = HashMap::new();
    for (by_words, hits) in by_words.into_iter().zip(answer.result) {
        for mut hit in hits.result {
            let score = Some(hit.score);
            let Some(id) = hit.id.take() else {
                return Err(Failure::Incomplete("id of a point").into_store_error("search"));
            };
            let candidate = match found.entry(id) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(new) => {
                    let record = Stored::from(hit)
                        .record(tenant)
                        .map_err(|error| internal("search", error))?;
                    new.insert(Candidate {
                        record: Arc::new(record),
                        dense: None,
                        lexical: None,
                    })
                }
            };
            if by_words {
                candidate.lexical = score;
            } else {
                candidate.dense = score;
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Scores come from the vectors themselves, also where the server looks for them in a shortened form.
fn full_vectors() -> SearchParams {
    SearchParams {
        quantization: Some(QuantizationSearchParams {
            rescore: Some(true),
            ..QuantizationSearchParams::default()
        }),
        ..SearchParams::default()
    }
}
