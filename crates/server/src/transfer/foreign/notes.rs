//! Memories in prose: pages of markdown.

use context_manager_core::NewContext;
use context_manager_core::document::{Format, Size, cut};
use serde_json::{Map, Value};

use super::intake::Intake;
use super::item::Item;

/// Takes a page, cut by its structure. What stands in it unchanged later is the same.
pub(super) fn take(page: &str, metadata: &Map<String, Value>, intake: &mut Intake<'_>) -> anyhow::Result<()> {
    for piece in cut(page, Format::Markdown, Size::default()) {
        intake.take(Item {
            name: format!("note\0{}", piece.text),
            context: NewContext {
                text: piece.text,
                metadata: metadata.clone(),
                ..NewContext::default()
            },
            ..Item::default()
        })?;
    }
    Ok(())
}
