//! Ranking: compares candidates with the query, lends similarity within sessions, scores, diversifies and spends the
//! token budget. Pure functions without time or I/O.

mod budget;
mod diversity;
mod neighbours;
mod score;
mod similarity;

pub use budget::DropReason;
pub(crate) use budget::{Item, Limits, Selection, reasons, select};
pub(crate) use diversity::diversify;
pub(crate) use neighbours::{SessionEntry, lend, missing_offsets, scale_down};
pub use score::Parts;
pub(crate) use score::{frequency, recency, score};
pub use similarity::cosine;
pub(crate) use similarity::{DocumentFrequencies, Similarity, fuse};
