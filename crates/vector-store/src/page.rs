//! What the lists of all stores have in common.

use context_manager_core::ports::{Order, Record};

/// The most records on one page, whatever is asked for: what does not fit is on the next one.
pub(crate) const MAX_PAGE: usize = 10_000;

/// Points that one look into an engine brings where all are wanted.
pub(crate) const SCROLL: usize = 1000;

/// Puts records in the order of a list. Ties are broken by id, so that the order is the same every time.
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
