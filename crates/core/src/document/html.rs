//! Text and blocks of an HTML page.

use std::convert::Infallible;
use std::ops::Range;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Token, Tokenizer};

use super::outline::{Block, Kind, trimmed};
use super::source_map::SourceMap;

/// White space of HTML, of which a run counts as one space.
const SPACES: [char; 5] = [' ', '\t', '\n', '\r', '\u{c}'];

/// Text of a page, and its place in the source.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) text: String,
    pub(super) blocks: Vec<Block>,
    pub(super) map: SourceMap,
}

/// Reads the text of a page, without scripts, styles and comments. Never fails: every text is HTML to a browser.
pub(super) fn read(source: &str) -> Page {
    let mut reader = Reader {
        source,
        page: Page::default(),
        start: 0,
        heading: None,
        in_table: false,
        in_pre: false,
        hidden: false,
        attribute: Attribute::Other,
    };
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, span: Span<usize>| {
        reader.event(&event, span.start..span.end);
        None::<Infallible>
    });
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(source, emitter).finish();
    reader.close();
    reader.page
}

/// Attribute that is being read, by its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    Other,
    OfImage,
    ImageText,
}

/// Boundary that a tag makes in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Boundary {
    /// Part of a line.
    Inline,
    /// Line break within a block.
    Line,
    /// Heading of a rank.
    Heading(u8),
    Table,
    Row,
    Cell,
    /// Preformatted text.
    Pre,
    Block,
}

#[derive(Debug)]
struct Reader<'a> {
    source: &'a str,
    page: Page,
    /// Start of the open block in the text.
    start: usize,
    heading: Option<u8>,
    in_table: bool,
    in_pre: bool,
    hidden: bool,
    attribute: Attribute,
}

impl Reader<'_> {
    fn event(&mut self, event: &CallbackEvent<'_>, span: Range<usize>) {
        match *event {
            CallbackEvent::OpenStartTag { name } => {
                self.hidden = matches!(name, b"script" | b"style" | b"iframe" | b"noembed" | b"noscript");
                self.attribute = if name == b"img" {
                    Attribute::OfImage
                } else {
                    Attribute::Other
                };
                self.boundary(boundary(name), true);
            }
            CallbackEvent::AttributeName { name } if self.attribute != Attribute::Other => {
                self.attribute = if name == b"alt" {
                    Attribute::ImageText
                } else {
                    Attribute::OfImage
                };
            }
            CallbackEvent::AttributeValue { .. } if self.attribute == Attribute::ImageText => self.characters(span),
            CallbackEvent::String { .. } if !self.hidden => self.characters(span),
            CallbackEvent::EndTag { name } => {
                self.hidden = false;
                self.boundary(boundary(name), false);
            }
            CallbackEvent::AttributeName { .. }
            | CallbackEvent::AttributeValue { .. }
            | CallbackEvent::CloseStartTag { .. }
            | CallbackEvent::String { .. }
            | CallbackEvent::Comment { .. }
            | CallbackEvent::Doctype { .. }
            | CallbackEvent::Error(_) => {}
        }
    }

    fn boundary(&mut self, boundary: Boundary, opens: bool) {
        match boundary {
            Boundary::Inline => {}
            Boundary::Line => self.page.text.push('\n'),
            Boundary::Row if self.in_table => self.separate('\n'),
            Boundary::Cell if self.in_table => self.separate('\t'),
            Boundary::Block if self.in_table => self.separate(' '),
            Boundary::Heading(0) if !self.page.blocks.is_empty() => self.close(),
            Boundary::Heading(rank) => {
                self.close();
                // A table with headings in it is a layout.
                self.in_table = false;
                self.heading = opens.then_some(rank);
            }
            Boundary::Table => {
                self.close();
                self.in_table = opens && !self.in_table;
            }
            Boundary::Pre => {
                self.close();
                self.in_pre = opens;
            }
            Boundary::Row | Boundary::Cell | Boundary::Block => self.close(),
        }
    }

    /// Ends the open block.
    fn close(&mut self) {
        let range = trimmed(&self.page.text, &(self.start..self.page.text.len()));
        if range.is_empty() {
            self.truncate(self.start);
            return;
        }
        self.truncate(range.end);
        let kind = match self.heading.take() {
            Some(rank) => Kind::Heading {
                rank,
                title: self.page.text[range.clone()].to_owned(),
            },
            None if self.in_table || self.in_pre => Kind::Whole,
            None => Kind::Prose,
        };
        self.page.blocks.push(Block { range, kind });
        self.page.text.push('\n');
        self.start = self.page.text.len();
    }

    fn truncate(&mut self, length: usize) {
        self.page.text.truncate(length);
        self.page.map.truncate(length);
    }

    /// Puts white space between two parts of a block. Of a run the strongest is left, so that no run is read twice.
    fn separate(&mut self, white: char) {
        let kept = self.start + self.page.text[self.start..].trim_end().len();
        let run = self.page.text[kept..].chars().chain([white]);
        let strongest = run.max_by_key(|&white| strength(white));
        self.truncate(kept);
        self.page.text.extend(strongest.filter(|_| kept > self.start));
    }

    /// Adds characters of the source: those of a text or of an attribute's value.
    fn characters(&mut self, range: Range<usize>) {
        let mut at = range.start;
        let mut rest = self.source.get(range).unwrap_or_default();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '&' => reference(rest),
                _ if !self.in_pre && SPACES.contains(&first) => rest.len() - rest.trim_start_matches(SPACES).len(),
                _ => rest
                    .find(|c| c == '&' || (!self.in_pre && SPACES.contains(&c)))
                    .unwrap_or(rest.len()),
            };
            let (run, following) = rest.split_at(length);
            match first {
                '&' if length > 1 => self.push(&decoded(run), at..at + length),
                _ if !self.in_pre && SPACES.contains(&first) => {
                    if !self.page.text[self.start..].ends_with(char::is_whitespace) && self.page.text.len() > self.start
                    {
                        self.push(" ", at..at + 1);
                    }
                }
                _ => self.push(run, at..at + length),
            }
            (rest, at) = (following, at + length);
        }
    }

    fn push(&mut self, text: &str, source: Range<usize>) {
        let start = self.page.text.len();
        self.page.text.push_str(text);
        self.page.map.add(start..self.page.text.len(), source);
    }
}

/// Returns the order of white space by how much it separates.
fn strength(white: char) -> u8 {
    match white {
        '\n' => 2,
        '\t' => 1,
        _ => 0,
    }
}

/// Returns the boundary that a tag makes.
fn boundary(name: &[u8]) -> Boundary {
    match name {
        b"title" => Boundary::Heading(0),
        [b'h', rank @ b'1'..=b'6'] => Boundary::Heading(rank - b'0'),
        b"br" => Boundary::Line,
        b"table" => Boundary::Table,
        b"tr" | b"caption" | b"thead" | b"tbody" | b"tfoot" => Boundary::Row,
        b"td" | b"th" => Boundary::Cell,
        b"pre" => Boundary::Pre,
        b"address" | b"article" | b"aside" | b"blockquote" | b"body" | b"center" | b"dd" | b"details" | b"dialog"
        | b"div" | b"dl" | b"dt" | b"fieldset" | b"figcaption" | b"figure" | b"footer" | b"form" | b"head"
        | b"header" | b"hgroup" | b"hr" | b"html" | b"legend" | b"li" | b"main" | b"menu" | b"nav" | b"ol"
        | b"option" | b"p" | b"search" | b"section" | b"select" | b"summary" | b"textarea" | b"ul" => Boundary::Block,
        _ => Boundary::Inline,
    }
}

/// Returns the length of the character reference, or of what looks like one, at the start of a text.
fn reference(text: &str) -> usize {
    let end = text[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '#');
    let end = end.map_or(text.len(), |end| end + 1);
    end + usize::from(text[end..].starts_with(';'))
}

/// Returns the text that a character reference stands for.
fn decoded(reference: &str) -> String {
    let tokens = Tokenizer::new(reference).filter_map(|token| match token {
        Ok(Token::String(text)) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    });
    tokens.collect()
}
