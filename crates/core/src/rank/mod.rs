//! From candidates to an answer: compare, lend, score, diversify, spend the budget. Pure functions, no time, no I/O.

mod budget;
mod diversity;
mod likeness;
mod neighbours;
mod score;

pub use budget::{DropReason, Item, Limits, Selection, reasons, select};
pub use diversity::diversify;
pub use likeness::{Likeness, Rarity, cosine, fuse};
pub use neighbours::{Place, lend, missing_slots, scale_down};
pub use score::{Parts, score};
pub(crate) use score::{frequency, recency};
