//! Blocks of Markdown.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::outline::{Block, Kind};

/// Returns the blocks, list items one by one.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS | Options::ENABLE_HEADING_ATTRIBUTES;
    let mut blocks: Vec<Block> = Vec::new();
    let (mut depth, mut covered) = (0_usize, 0);
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::List(_)) | Event::End(TagEnd::List(_)) if depth == 0 => {}
            Event::Start(tag) if depth == 0 => {
                depth = 1;
                let start = range.start.max(covered);
                // Definitions of links have no event of their own.
                blocks.push(Block {
                    range: covered..start,
                    kind: Kind::Prose,
                });
                covered = range.end.max(start);
                blocks.push(Block {
                    range: start..covered,
                    kind: kind(&tag),
                });
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) | Event::Code(text) => add_to_title(&mut blocks, &text),
            Event::SoftBreak | Event::HardBreak => add_to_title(&mut blocks, " "),
            // Divides, and says nothing.
            Event::Rule if depth == 0 => {
                blocks.push(Block {
                    range: covered..range.start.max(covered),
                    kind: Kind::Prose,
                });
                covered = range.end.max(covered);
            }
            Event::Rule
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => {}
        }
    }
    blocks.push(Block {
        range: covered..text.len(),
        kind: Kind::Prose,
    });
    blocks
}

fn kind(tag: &Tag<'_>) -> Kind {
    match tag {
        Tag::Heading { level, .. } => Kind::Heading {
            rank: *level as u8,
            title: String::new(),
        },
        Tag::CodeBlock(_) | Tag::Table(_) | Tag::HtmlBlock | Tag::MetadataBlock(_) => Kind::Whole,
        Tag::Item | Tag::BlockQuote(_) => Kind::Lines,
        Tag::Paragraph
        | Tag::List(_)
        | Tag::FootnoteDefinition(_)
        | Tag::DefinitionList
        | Tag::DefinitionListTitle
        | Tag::DefinitionListDefinition
        | Tag::TableHead
        | Tag::TableRow
        | Tag::TableCell
        | Tag::Emphasis
        | Tag::Strong
        | Tag::Strikethrough
        | Tag::Superscript
        | Tag::Subscript
        | Tag::Link { .. }
        | Tag::Image { .. } => Kind::Prose,
    }
}

/// Adds text to the title of the last block, if it is a heading.
fn add_to_title(blocks: &mut [Block], text: &str) {
    if let Some(Block {
        kind: Kind::Heading { title, .. },
        ..
    }) = blocks.last_mut()
    {
        title.push_str(text);
    }
}
