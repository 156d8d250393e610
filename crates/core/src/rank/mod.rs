//! From candidates to an answer: fuse, score, spend the budget. Pure functions, no time, no I/O.

mod budget;
mod fuse;
mod neighbours;
mod score;

pub use budget::{Item, Limits, select};
pub use fuse::{Normaliser, cosine};
pub use neighbours::{Place, lend, missing_slots};
pub use score::{Parts, score};
