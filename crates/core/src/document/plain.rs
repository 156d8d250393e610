//! Blocks of plain text: its paragraphs.

use std::ops::Range;

use super::outline::{Block, Kind};

/// Returns the paragraphs.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let block = |range| Block {
        range,
        kind: Kind::Prose,
    };
    paragraphs(text).map(block).collect()
}

/// Iterates over the runs of lines between blank lines.
pub(super) fn paragraphs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut lines = text.split_inclusive('\n');
    let mut at = 0;
    std::iter::from_fn(move || {
        let mut range = None;
        for line in lines.by_ref() {
            let start = at;
            at += line.len();
            match (&mut range, line.trim().is_empty()) {
                (None, true) => {}
                (None, false) => range = Some(start..at),
                (Some(_), true) => break,
                (Some(open), false) => open.end = at,
            }
        }
        range
    })
}
