//! What the lists of all stores have in common.

use context_manager_core::ports::Record;

/// The most records on one page, whatever is asked for: what does not fit is on the next one.
pub(crate) const MAX_PAGE: usize = 10_000;

/// Points that one look into an engine brings where all are wanted.
pub(crate) const SCROLL: usize = 1000;

/// Puts the newest first. Ties are broken by id, so that the order is the same every time.
pub(crate) fn newest_first(records: &mut [Record]) {
    records.sort_by(|a, b| {
        b.context
            .sequence
            .cmp(&a.context.sequence)
            .then_with(|| a.context.id.cmp(&b.context.id))
    });
}
