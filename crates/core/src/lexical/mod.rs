//! The lexical side of search: texts as sparse vectors of weighted words (BM25), made here so that every store scores
//! alike.
//!
//! A document's vector holds the part of BM25 that depends on the document: saturated, length-normalised term
//! frequency. A question's vector is 1 for each word, which a search multiplies with the inverse document frequency
//! (see [`idf`]) of the word among what the user stored. The store adds up the products of both.

mod analyzer;
mod sparse;
mod speech;

pub use analyzer::{Analyzer, Config, Language};
pub use sparse::{SparseVector, idf};
pub use speech::{asks, speaker};
