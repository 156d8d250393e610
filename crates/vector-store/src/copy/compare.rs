//! What two stores have of a tenant, side by side.

use std::cmp::Ordering;
use std::vec::IntoIter;

use context_manager_core::context::ContextId;
use context_manager_core::ports::{Record, StoreError, VectorStore};
use context_manager_core::{Cursor, Scope};

use super::checksum::{Checksum, Summing};
use super::{is_same, read};

/// What two stores have of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// The first one.
    pub from: Side,
    /// The other one.
    pub to: Side,
    /// How many contexts only the first one has.
    pub missing: u64,
    /// How many contexts only the other one has.
    pub extra: u64,
    /// How many contexts are not the same in both.
    pub different: u64,
}

/// What one store has of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// How many contexts.
    pub count: u64,
    /// One number for all of them.
    pub checksum: Checksum,
}

impl Comparison {
    /// Whether both have the same.
    pub fn is_equal(&self) -> bool {
        self.missing + self.extra + self.different == 0 && self.from == self.to
    }
}

/// Reads everything of a tenant from both stores and compares it. `progress` is told how many contexts of the first one
/// were done since it was told last.
///
/// # Errors
/// [`StoreError`] when a store failed, or did not come back in time.
pub async fn compare(
    from: &dyn VectorStore,
    to: &dyn VectorStore,
    scope: &Scope,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Comparison, StoreError> {
    let (mut left, mut right) = (Reading::of(from, scope), Reading::of(to, scope));
    let (mut missing, mut extra, mut different) = (0, 0, 0);
    let (mut a, mut b) = (left.next().await?, right.next().await?);
    loop {
        let order = match (&a, &b) {
            (Some(a), Some(b)) => place(a).cmp(&place(b)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        match order {
            Ordering::Less => missing += 1,
            Ordering::Greater => extra += 1,
            Ordering::Equal => different += u64::from(!a.iter().zip(&b).all(|(a, b)| is_same(a, b))),
        }
        if order.is_le() {
            a = left.next().await?;
            progress(1);
        }
        if order.is_ge() {
            b = right.next().await?;
        }
    }
    Ok(Comparison {
        from: left.finish(),
        to: right.finish(),
        missing,
        extra,
        different,
    })
}

/// Where a record stands in the lists of every store.
fn place(record: &Record) -> (u64, ContextId) {
    (record.context.sequence, record.context.id)
}

/// Everything of a tenant, one record after the other, and what was read so far.
struct Reading<'a> {
    store: &'a dyn VectorStore,
    scope: &'a Scope,
    page: IntoIter<Record>,
    after: Option<Cursor>,
    begun: bool,
    count: u64,
    sum: Summing,
}

impl<'a> Reading<'a> {
    fn of(store: &'a dyn VectorStore, scope: &'a Scope) -> Self {
        Self {
            store,
            scope,
            page: Vec::new().into_iter(),
            after: None,
            begun: false,
            count: 0,
            sum: Summing::default(),
        }
    }

    async fn next(&mut self) -> Result<Option<Record>, StoreError> {
        loop {
            if let Some(record) = self.page.next() {
                self.count += 1;
                self.sum.add(self.scope, &record)?;
                return Ok(Some(record));
            }
            if self.begun && self.after.is_none() {
                return Ok(None);
            }
            let page = read(self.store, self.scope, self.after).await?;
            self.begun = true;
            self.after = page.next;
            self.page = page.items.into_iter();
        }
    }

    fn finish(self) -> Side {
        Side {
            count: self.count,
            checksum: self.sum.finish(),
        }
    }
}
