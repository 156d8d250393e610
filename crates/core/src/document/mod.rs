//! Documents cut into pieces, each of which can be found and read on its own.
//!
//! [`cut`] follows the structure of a document: a section that fits stays whole, as do a table and a fenced block; a
//! heading stays with its text; longer texts end at a paragraph, a sentence or a line. Every piece knows its place in the
//! document and the headings above it.

mod code;
mod html;
mod markdown;
mod outline;
mod pack;
mod plain;
mod size;
mod source_map;
mod split;
#[cfg(test)]
mod tests;

use std::ops::Range;

use outline::{Block, Outline};
pub use size::Size;

/// Maximum length of a document in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 10 * 1024 * 1024;

/// Syntax of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `CommonMark` with tables and front matter.
    Markdown,
    /// Paragraphs separated by blank lines.
    Text,
    /// HTML, of which only the text is kept.
    Html,
    /// Source code of any language.
    Code,
}

impl Format {
    /// Returns the name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Text => "text",
            Self::Html => "html",
            Self::Code => "code",
        }
    }
}

/// Part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// Text, without white space around it. It equals the bytes of the document at `offset`, except in HTML, whose markup
    /// is left out.
    pub text: String,
    /// Offset of its first byte in the document.
    pub offset: usize,
    /// Number of bytes of the document that it covers, markup included.
    pub length: usize,
    /// Titles above it, the outermost first; only those that all of the piece stands under.
    pub headings: Vec<String>,
}

/// Cuts a document into pieces, in its order. A blank document has none. The same document gives the same pieces.
pub fn cut(document: &str, format: Format, size: Size) -> Vec<Piece> {
    let text = document.strip_prefix('\u{feff}').unwrap_or(document);
    let mark = document.len() - text.len();
    let mut pieces = match format {
        Format::Markdown => pieces(text, markdown::blocks(text), size, Clone::clone),
        Format::Text => pieces(text, plain::blocks(text), size, Clone::clone),
        Format::Code => pieces(text, code::blocks(text), size, Clone::clone),
        Format::Html => {
            let page = html::read(text);
            pieces(&page.text, page.blocks, size, |range| page.map.source(range))
        }
    };
    for piece in &mut pieces {
        piece.offset += mark;
    }
    pieces
}

fn pieces(text: &str, blocks: Vec<Block>, size: Size, source: impl Fn(&Range<usize>) -> Range<usize>) -> Vec<Piece> {
    let outline = Outline::new(text, blocks);
    let piece = |part: pack::Part| {
        let source = source(&part.range);
        Piece {
            headings: outline.path(part.heading),
            offset: source.start,
            length: source.len(),
            text: text[part.range].to_owned(),
        }
    };
    pack::pack(&outline, size).into_iter().map(piece).collect()
}
