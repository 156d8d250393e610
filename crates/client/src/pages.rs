//! Lists that are fetched page by page.

use futures::{Stream, TryStreamExt, stream};

use crate::Error;
use crate::wire::Level;

/// Conditions and page of a list of contexts.
#[derive(Debug, Clone, Default)]
pub struct ListContexts {
    /// Contexts of this level.
    pub level: Option<Level>,
    /// Contexts of this user.
    pub user_id: Option<String>,
    /// Contexts of this agent.
    pub agent_id: Option<String>,
    /// Contexts of this conversation.
    pub session_id: Option<String>,
    /// Contexts of this scope and of those below it.
    pub scope_prefix: Option<String>,
    /// Contexts with this tag.
    pub tag: Option<String>,
    /// List replaced contexts as well.
    pub include_superseded: bool,
    /// The page.
    pub page: Page,
}

/// A page of a list.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Maximum number of items, 1 to 1,000. Default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before; the first page without one.
    pub cursor: Option<String>,
}

impl Page {
    pub(crate) fn query(&self) -> [(&'static str, Option<String>); 2] {
        [
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("cursor", self.cursor.clone()),
        ]
    }
}

impl ListContexts {
    pub(crate) fn query(&self) -> impl Iterator<Item = (&'static str, Option<String>)> + use<> {
        let level = self.level.map(|level| level.as_str().to_owned());
        let conditions = [
            ("level", level),
            ("user_id", self.user_id.clone()),
            ("agent_id", self.agent_id.clone()),
            ("session_id", self.session_id.clone()),
            ("scope_prefix", self.scope_prefix.clone()),
            ("tag", self.tag.clone()),
            ("include_superseded", self.include_superseded.then(|| true.to_string())),
        ];
        conditions.into_iter().chain(self.page.query())
    }
}

/// Items of all pages from `page` on. `fetch` returns the items of a page and the next cursor.
pub(crate) fn items<T: Send, F: Future<Output = Result<(Vec<T>, Option<String>), Error>> + Send>(
    page: Page,
    fetch: impl Fn(Page) -> F + Send,
) -> impl Stream<Item = Result<T, Error>> + Send {
    let limit = page.limit;
    let pages = stream::try_unfold((Some(page), fetch), move |(page, fetch)| async move {
        let Some(page) = page else { return Ok(None) };
        let (items, cursor) = fetch(page).await?;
        let next = cursor.map(|cursor| Page {
            limit,
            cursor: Some(cursor),
        });
        Ok::<_, Error>(Some((stream::iter(items.into_iter().map(Ok)), (next, fetch))))
    });
    pages.try_flatten()
}
