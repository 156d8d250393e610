//! Blocks put together into parts of about the size aimed at.

use std::ops::Range;

use super::outline::{Kind, Outline};
use super::size::Size;
use super::split::{By, split};

/// Byte range of the text that becomes a piece.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) range: Range<usize>,
    /// Nearest heading that all of it stands under.
    pub(super) heading: Option<usize>,
    /// Holds nothing but whole sections.
    complete: bool,
    /// Holds nothing but headings.
    bare: bool,
}

/// Puts the blocks of an outline together.
pub(super) fn pack(outline: &Outline<'_>, size: Size) -> Vec<Part> {
    Packer { outline, size }.section(None, 0..outline.len())
}

struct Packer<'a> {
    outline: &'a Outline<'a>,
    size: Size,
}

impl Packer<'_> {
    /// Returns the parts of a section: one if it fits, else those of its own text and of the sections in it. Recursion is
    /// bounded by the ranks of headings.
    fn section(&self, heading: Option<usize>, blocks: Range<usize>) -> Vec<Part> {
        let Some(range) = self.outline.span(&blocks) else {
            return Vec::new();
        };
        if range.len() <= self.size.target() {
            return vec![self.complete(range, blocks)];
        }
        let inner = blocks.start + usize::from(heading.is_some());
        let is_child = |&block: &usize| self.outline.is_heading(block) && self.outline.above(block) == heading;
        let mut starts: Vec<_> = (inner..blocks.end).filter(is_child).collect();
        starts.push(blocks.end);
        let mut parts = self.own_text(blocks.start..starts[0]);
        for child in starts.windows(2) {
            self.append(&mut parts, self.section(Some(child[0]), child[0]..child[1]));
        }
        parts
    }

    fn complete(&self, range: Range<usize>, blocks: Range<usize>) -> Part {
        let first = self.outline.is_heading(blocks.start).then_some(blocks.start);
        let contents = blocks.filter(|&block| !self.outline.is_heading(block));
        let common = contents
            .map(|block| self.outline.above(block))
            .reduce(|one, other| self.outline.common(one, other));
        Part {
            range,
            heading: common.unwrap_or(first),
            complete: true,
            bare: common.is_none(),
        }
    }

    /// Returns the parts of blocks under one heading, which may be the first of them.
    fn own_text(&self, blocks: Range<usize>) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for block in blocks {
            let is_heading = self.outline.is_heading(block);
            for (number, range) in self.fragments(block).into_iter().enumerate() {
                let bare = is_heading && number == 0;
                match parts.last_mut() {
                    Some(last) if self.continues(last, range.end) => {
                        last.range.end = range.end;
                        last.bare &= bare;
                    }
                    _ => parts.push(Part {
                        range,
                        heading: if is_heading {
                            Some(block)
                        } else {
                            self.outline.above(block)
                        },
                        complete: false,
                        bare,
                    }),
                }
            }
        }
        if let [.., before, tail] = parts.as_mut_slice()
            && tail.range.len() < self.size.crumb()
            && tail.range.end - before.range.start <= self.size.max()
        {
            before.range.end = tail.range.end;
            parts.pop();
        }
        if let [only] = parts.as_mut_slice() {
            only.complete = true;
        }
        parts
    }

    /// Returns `true` if a part goes on to `end`: within the target, or beyond it rather than leaving a crumb or a heading
    /// without its text.
    fn continues(&self, part: &Part, end: usize) -> bool {
        let bytes = end - part.range.start;
        let unfinished = part.bare || part.range.len() < self.size.crumb();
        bytes <= self.size.target() || (unfinished && bytes <= self.size.max())
    }

    /// Divides a block where it is too long.
    fn fragments(&self, block: usize) -> Vec<Range<usize>> {
        let (range, kind) = (&self.outline.block(block).range, &self.outline.block(block).kind);
        let by = match kind {
            Kind::Heading { .. } | Kind::Prose => By::Sentences,
            Kind::Whole if range.end - self.lead(block) <= self.size.max() => return vec![range.clone()],
            Kind::Lines | Kind::Whole => By::Lines,
        };
        split(self.outline.text(), range, self.size.target(), by)
    }

    /// Returns the start of a block, or of the headings that it has to stay with.
    fn lead(&self, block: usize) -> usize {
        let mut first = block;
        while first > 0 && self.outline.above(first) == Some(first - 1) {
            first -= 1;
        }
        self.outline.block(first).range.start
    }

    /// Appends the parts of a section, the first of which may join the part before it.
    fn append(&self, parts: &mut Vec<Part>, section: Vec<Part>) {
        let mut section = section.into_iter();
        let Some(first) = section.next() else { return };
        match parts.last_mut() {
            Some(last) if self.joins(last, &first) => {
                last.heading = if last.bare {
                    first.heading
                } else {
                    self.outline.common(last.heading, first.heading)
                };
                last.range.end = first.range.end;
                last.complete &= first.complete;
                last.bare &= first.bare;
            }
            _ => parts.push(first),
        }
        parts.extend(section);
    }

    /// Returns `true` if two parts of different sections belong together: a heading with the text under it, or sections that
    /// fit.
    fn joins(&self, one: &Part, next: &Part) -> bool {
        let bytes = next.range.end - one.range.start;
        let heads = one.bare && !next.bare && bytes <= self.size.max();
        heads || (one.complete && next.complete && bytes <= self.size.target())
    }
}
