//! Limits and order of lists, the same for all stores.

use context_manager_core::ports::{Order, Record};

/// Maximum number of records on a page, for any requested limit.
pub(crate) const MAX_PAGE: usize = 10_000;

/// Number of points per scroll where all are wanted.
pub(crate) const SCROLL: usize = 1000;

/// Sorts records as lists return them. Ties are broken by id, so that the order is stable.
pub(crate) fn sort(records: &mut [Record], order: Order) {
    records.sort_by(|a, b| {
        let by_age = a.context.sequence.cmp(&b.context.sequence);
        let by_order = match order {
            Order::NewestFirst => by_age.reverse(),
            Order::OldestFirst => by_age,
        };
        by_order.then_with(|| a.context.id.cmp(&b.context.id))
    });
}
