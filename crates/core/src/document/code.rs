//! Blocks of source code: its top-level items, told by indentation alone.

use super::outline::{Block, Kind};
use super::plain::paragraphs;

/// Returns the top-level items: runs of lines that start at the margin after a blank line.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for range in paragraphs(text) {
        match blocks.last_mut() {
            Some(item) if !starts_item(&text[range.clone()]) => item.range.end = range.end,
            _ => blocks.push(Block {
                range,
                kind: Kind::Lines,
            }),
        }
    }
    blocks
}

/// Returns `false` for lines that go on with the item before them: indented ones, and those that close it.
fn starts_item(lines: &str) -> bool {
    !lines.starts_with([' ', '\t', '}', ')', ']']) && lines.split_whitespace().next() != Some("end")
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn an_item_goes_on_to_its_end() {
        let items = [
            "fn a() {\n    b\n\n}\n",
            "def c\n  d\n\n  e\n\nend\n",
            "x = [\n\n]\n",
            "fn f() {}\n",
        ];
        let text = items.join("\n");
        let found: Vec<_> = blocks(&text)
            .into_iter()
            .map(|block| text[block.range].to_owned())
            .collect();
        assert_eq!(found, items);
    }
}
