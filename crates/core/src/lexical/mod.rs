//! Lexical search: texts as sparse vectors of weighted terms (BM25), built here so that all stores score alike.
//!
//! A document's vector holds the part of BM25 that depends on the document: saturated, length-normalised term frequency.
//! A question's words each have several terms (a word has a stem in each language that the question may find); a search
//! weighs them by the inverse document frequency of the word among the user's contexts.

mod analyzer;
mod capitals;
mod compound;
mod config;
mod detect;
mod fold;
mod grams;
mod language;
mod script;
mod sparse;
mod speech;
mod terms;
mod words;

pub use analyzer::{AnalyzedQuestion, AnalyzedText, Analyzer, QuestionWord};
pub use config::{Config, LanguageChoice};
pub use language::Language;
pub use sparse::SparseVector;
pub(crate) use sparse::idf;
pub(crate) use speech::{announces_change, asks, is_of_assistant, speaker};

#[cfg(test)]
mod tests;
