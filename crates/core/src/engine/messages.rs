//! Messages of a session: the newest ones in order, and taking the newest away.

use futures::stream::TryStreamExt;

use super::contexts::Contexts;
use super::listing::{contexts, pages};
use super::locks::Key;
use super::store::Changer;
use crate::context::Context;
use crate::ports::{ListRequest, StoreError};
use crate::{Filter, Scope, Visibility};

/// Number of messages that are read at once.
const PAGE: usize = 100;

/// Returns the newest matching messages, oldest first: at most `limit`, and of at most `max_tokens` tokens together.
pub(super) async fn newest(
    at: Contexts<'_>,
    scope: &Scope,
    filter: &Filter,
    limit: usize,
    max_tokens: Option<u64>,
) -> Result<Vec<Context>, StoreError> {
    let request = ListRequest {
        limit: limit.min(PAGE),
        ..newest_first(at, filter)
    };
    let mut newest = Vec::new();
    let mut left = max_tokens.unwrap_or(u64::MAX);
    let mut pages = pages(at.store, scope, request);
    'pages: while newest.len() < limit
        && let Some(page) = pages.try_next().await?
    {
        for context in contexts(page) {
            let Some(rest) = left.checked_sub(context.token_count.into()) else {
                break 'pages;
            };
            left = rest;
            newest.push(context);
        }
    }
    newest.truncate(limit);
    newest.reverse();
    Ok(newest)
}

/// Deletes the newest matching message of a session and returns it; `None` if there is none. No two calls get the same.
pub(super) async fn pop(changer: Changer<'_>, scope: &Scope, filter: &Filter) -> Result<Option<Context>, StoreError> {
    let at = changer.contexts;
    let session = Key::Session(filter.session_id.as_deref());
    let _lock = at.locks.lock(scope.tenant(), [session]).await;
    loop {
        let request = ListRequest {
            limit: 1,
            ..newest_first(at, filter)
        };
        let newest = at.store.list(scope, request).await?.items.into_iter().next();
        let Some(newest) = newest.map(|record| record.context) else {
            return Ok(None);
        };
        // Another process may have taken it.
        if changer.delete(scope, &Filter::by_ids(vec![newest.id])).await? > 0 {
            return Ok(Some(newest));
        }
    }
}

fn newest_first(at: Contexts<'_>, filter: &Filter) -> ListRequest {
    ListRequest {
        filter: Filter {
            messages: true,
            visibility: Visibility::Current(at.now()),
            ..filter.clone()
        },
        ..ListRequest::default()
    }
}
