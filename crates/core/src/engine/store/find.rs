//! The current context of a name.

use futures::stream::TryStreamExt;

use crate::context::Context;
use crate::engine::contexts::Contexts;
use crate::engine::listing::pages;
use crate::ports::{ListRequest, StoreError};
use crate::{Filter, Name, Scope, Visibility};

/// Number of contexts with one name, of different users, that are read at once.
const PAGE: usize = 100;

/// Returns the current context that has the name among those of a user, or of none.
pub(in crate::engine) async fn find(
    at: Contexts<'_>,
    scope: &Scope,
    name: &Name,
    user: Option<&str>,
) -> Result<Option<Context>, StoreError> {
    let request = ListRequest {
        filter: Filter {
            names: vec![name.clone()],
            user_id: user.map(str::to_owned),
            visibility: Visibility::Current(at.now()),
            ..Filter::default()
        },
        limit: PAGE,
        ..ListRequest::default()
    };
    let mut pages = pages(at.store, scope, request);
    while let Some(page) = pages.try_next().await? {
        let mut contexts = page.into_iter().map(|record| record.context);
        if let Some(found) = contexts.find(|context| context.user_id.as_deref() == user) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
