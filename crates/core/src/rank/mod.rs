//! Ranking: weighs the evidence for each candidate, lends it within sessions, scores, diversifies and spends the token
//! budget. Pure functions without time or I/O.

mod budget;
mod diversity;
mod evidence;
mod neighbours;
mod score;
mod updates;

pub use budget::DropReason;
pub(crate) use budget::{Candidates, Limits, Selection, reasons, select};
pub(crate) use diversity::diversify;
pub use evidence::cosine;
pub(crate) use evidence::{DocumentFrequencies, Say, Signals, WeightedWords};
pub(crate) use neighbours::{SessionEntry, lend, missing_offsets};
pub use score::Parts;
pub(crate) use score::{frequency, recency, score};
pub(crate) use updates::{Statement, lift_newer};
