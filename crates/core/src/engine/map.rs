//! The map of contexts: the newest ones, placed on a plane by their vectors.

use std::sync::Arc;

use futures::stream::TryStreamExt;

use super::contexts::Contexts;
use super::listing::pages;
use super::projection::project;
use crate::context::{ContextId, Level};
use crate::ports::{ListRequest, StoreError};
use crate::{Filter, Scope, Visibility};

/// Number of contexts that are read at once.
const READ_AT_ONCE: usize = 1000;

/// A context on the map.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Id of the context.
    pub id: ContextId,
    /// Level of the context.
    pub level: Level,
    /// Path of its scope.
    pub scope: Option<Arc<str>>,
    /// Coordinates, 0 to 1 each.
    pub at: [f32; 2],
}

/// Places up to `limit` of the newest matching contexts. Those without a vector yet have no place.
pub(super) async fn map(
    at: Contexts<'_>,
    scope: &Scope,
    filter: Filter,
    limit: usize,
) -> Result<Vec<Place>, StoreError> {
    let request = ListRequest {
        filter: Filter {
            visibility: Visibility::Current(at.now()),
            embedded: Some(true),
            ..filter
        },
        limit: READ_AT_ONCE.min(limit),
        with_vectors: true,
        ..ListRequest::default()
    };
    let (mut places, mut vectors) = (Vec::new(), Vec::new());
    let mut pages = pages(at.store, scope, request);
    while places.len() < limit
        && let Some(page) = pages.try_next().await?
    {
        for record in page.into_iter().take(limit - places.len()) {
            // The vector of another size is one of a model that was just replaced.
            let size = vectors.first().map(Vec::len);
            let Some(dense) = record.dense.filter(|dense| size.is_none_or(|size| size == dense.len())) else {
                continue;
            };
            vectors.push(dense);
            places.push(Place {
                id: record.context.id,
                level: record.context.level,
                scope: record.context.scope.map(Into::into),
                at: [0.0; 2],
            });
        }
    }
    for (place, at) in places.iter_mut().zip(projected(vectors).await) {
        place.at = at;
    }
    Ok(places)
}

/// Projects vectors away from the threads that answer: ten thousand take some hundred milliseconds.
async fn projected(vectors: Vec<Vec<f32>>) -> Vec<[f32; 2]> {
    let vectors = Arc::new(vectors);
    let elsewhere = Arc::clone(&vectors);
    match tokio::task::spawn_blocking(move || project(&elsewhere)).await {
        Ok(projected) => projected,
        // The runtime is shutting down.
        Err(_) => project(&vectors),
    }
}
