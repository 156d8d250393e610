//! Lexical search: texts as sparse vectors of weighted terms (BM25), built here so that all stores score alike.
//!
//! A document's vector holds the part of BM25 that depends on the document: saturated, length-normalised term frequency.
//! A question's vector is 1 for each term; a search multiplies it with the inverse document frequency of the term among the
//! user's contexts. The store returns the dot product of both.

mod analyzer;
mod sparse;
mod speech;

pub use analyzer::{Analyzer, Config, Language};
pub use sparse::SparseVector;
pub(crate) use sparse::idf;
pub(crate) use speech::{asks, speaker};
