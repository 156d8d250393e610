//! Outline of a document: its blocks, and the headings they stand under.

use std::ops::Range;

/// Maximum length of a title in bytes, so that a context with six of them stays within its limits.
const MAX_TITLE_BYTES: usize = 200;

/// Kind of a block, which decides where it may be divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Heading; a lower rank is further out.
    Heading { rank: u8, title: String },
    /// Running text, divided between sentences.
    Prose,
    /// List item or code, divided between lines.
    Lines,
    /// Table or fenced block, divided between lines if it cannot be kept whole.
    Whole,
}

/// Smallest unit of structure, a byte range of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

/// Blocks of a text in order, without white space around them.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    text: &'a str,
    blocks: Vec<Block>,
    above: Vec<Option<usize>>,
}

impl<'a> Outline<'a> {
    pub(super) fn new(text: &'a str, mut blocks: Vec<Block>) -> Self {
        blocks.retain_mut(|block| {
            block.range = trimmed(text, &block.range);
            if let Kind::Heading { title, .. } = &mut block.kind {
                *title = short(title);
            }
            !block.range.is_empty()
        });
        let mut open: Vec<(u8, usize)> = Vec::new();
        let above = (0..).zip(&blocks).map(|(index, block)| {
            let Kind::Heading { rank, .. } = block.kind else {
                return open.last().map(|&(_, heading)| heading);
            };
            while open.pop_if(|(outer, _)| *outer >= rank).is_some() {}
            let above = open.last().map(|&(_, heading)| heading);
            open.push((rank, index));
            above
        });
        let above = above.collect();
        Self { text, blocks, above }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    pub(super) fn block(&self, index: usize) -> &Block {
        &self.blocks[index]
    }

    pub(super) fn is_heading(&self, index: usize) -> bool {
        matches!(self.blocks[index].kind, Kind::Heading { .. })
    }

    /// Returns the nearest heading over a block.
    pub(super) fn above(&self, index: usize) -> Option<usize> {
        self.above[index]
    }

    /// Returns the byte range of some blocks, `None` if there are none.
    pub(super) fn span(&self, blocks: &Range<usize>) -> Option<Range<usize>> {
        let blocks = self.blocks.get(blocks.clone())?;
        Some(blocks.first()?.range.start..blocks.last()?.range.end)
    }

    /// Returns the nearest heading that two headings share, themselves included.
    pub(super) fn common(&self, mut one: Option<usize>, mut other: Option<usize>) -> Option<usize> {
        while one != other {
            // A heading stands before those under it.
            let deeper = if one > other { &mut one } else { &mut other };
            *deeper = deeper.and_then(|heading| self.above[heading]);
        }
        one
    }

    /// Returns the titles down to a heading.
    pub(super) fn path(&self, heading: Option<usize>) -> Vec<String> {
        let headings = std::iter::successors(heading, |&heading| self.above[heading]);
        let titles = headings.filter_map(|heading| match &self.blocks[heading].kind {
            Kind::Heading { title, .. } => Some(title.clone()),
            Kind::Prose | Kind::Lines | Kind::Whole => None,
        });
        let mut titles: Vec<_> = titles.filter(|title| !title.is_empty()).collect();
        titles.reverse();
        titles
    }
}

/// Returns a range of the text without the white space around it.
pub(super) fn trimmed(text: &str, range: &Range<usize>) -> Range<usize> {
    let slice = text[range.clone()].trim_end();
    let end = range.start + slice.len();
    end - slice.trim_start().len()..end
}

/// Returns a title on one line, cut to its maximum length.
fn short(title: &str) -> String {
    let mut short = String::new();
    for c in title.trim_start().chars() {
        match c {
            _ if c.is_whitespace() && short.ends_with(' ') => {}
            _ if c.is_whitespace() => short.push(' '),
            _ if c.is_control() => {}
            _ => short.push(c),
        }
        if short.len() > MAX_TITLE_BYTES {
            short.truncate(short.floor_char_boundary(MAX_TITLE_BYTES - '…'.len_utf8()));
            short.push('…');
            break;
        }
    }
    short.truncate(short.trim_end().len());
    short
}
