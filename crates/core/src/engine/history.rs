//! Versions of a context, and of those that it superseded.

use super::contexts::Contexts;
use super::listing::contexts;
use crate::context::{Context, ContextId, Version};
use crate::ports::{ListRequest, StoreError};
use crate::{Error, Filter, Scope, Visibility};

/// Maximum number of superseded contexts whose versions are listed.
const MAX_SUPERSEDED: usize = 100;

/// Returns the versions of a context and of those matching ones that it superseded, directly or not, newest first.
pub(super) async fn history(
    at: Contexts<'_>,
    scope: &Scope,
    id: ContextId,
    filter: &Filter,
) -> Result<Vec<Version>, Error> {
    let context = at.get(scope, id).await?;
    let mut versions = context.versions();
    let mut seen = vec![id];
    let mut next = 0;
    while next < seen.len() && seen.len() <= MAX_SUPERSEDED {
        for old in superseded_by(at, scope, seen[next], filter).await? {
            if !seen.contains(&old.id) {
                seen.push(old.id);
                versions.extend(old.versions());
            }
        }
        next += 1;
    }
    versions.sort_by_key(|version| std::cmp::Reverse(version.revision.at));
    Ok(versions)
}

async fn superseded_by(
    at: Contexts<'_>,
    scope: &Scope,
    by: ContextId,
    filter: &Filter,
) -> Result<Vec<Context>, StoreError> {
    let request = ListRequest {
        filter: Filter {
            superseded_by: Some(by),
            visibility: Visibility::Live(at.now()),
            ..filter.clone()
        },
        limit: MAX_SUPERSEDED,
        ..ListRequest::default()
    };
    Ok(contexts(at.store.list(scope, request).await?.items))
}
