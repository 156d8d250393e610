//! The tree of scopes of a tenant.

use std::collections::BTreeMap;

use super::contexts::Contexts;
use crate::ports::StoreError;
use crate::{Filter, Page, Scope, Visibility};

/// Number of contexts in a scope, or in it and all scopes below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeCount {
    /// Path of the scope.
    pub scope: String,
    /// Number of its contexts.
    pub contexts: u64,
}

/// Returns a page of the scopes with matching contexts, by path, after `after`. With a depth, paths are cut to that many
/// segments below the prefix of the filter, and count everything below them.
pub(super) async fn list(
    at: Contexts<'_>,
    scope: &Scope,
    filter: &Filter,
    depth: Option<usize>,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<ScopeCount, String>, StoreError> {
    let filter = Filter {
        visibility: Visibility::Current(at.now()),
        ..filter.clone()
    };
    let prefix = filter.scope_prefix.as_deref();
    let segments = depth.map(|depth| depth + prefix.map_or(0, |prefix| prefix.split('/').count()));
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (path, count) in at.store.count_scopes(scope, &filter).await? {
        let shown = cut(&path, segments);
        *counts.entry(shown.to_owned()).or_default() += count;
    }
    let mut rest = counts
        .into_iter()
        .filter(|(path, _)| after.is_none_or(|after| path.as_str() > after));
    let page = rest.by_ref().take(limit);
    let items: Vec<ScopeCount> = page.map(|(scope, contexts)| ScopeCount { scope, contexts }).collect();
    let next = rest
        .next()
        .and_then(|_more| items.last())
        .map(|last| last.scope.clone());
    Ok(Page { items, next })
}

/// Cuts a path to this many segments.
fn cut(path: &str, segments: Option<usize>) -> &str {
    let end = segments.and_then(|segments| path.match_indices('/').nth(segments.checked_sub(1)?));
    end.map_or(path, |(end, _)| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_at_segments() {
        for (segments, shown) in [
            (None, "a/b/c"),
            (Some(1), "a"),
            (Some(2), "a/b"),
            (Some(3), "a/b/c"),
            (Some(9), "a/b/c"),
        ] {
            assert_eq!(cut("a/b/c", segments), shown);
        }
    }
}
