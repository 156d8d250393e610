//! Edits of TOML files. All else in them keeps its bytes.

use toml_edit::{Array, DocumentMut, Item, Table, TomlError, value};

use super::command::Program;
use crate::pieces::NAME;

const SERVERS: &str = "mcp_servers";

/// Adds our MCP server, or replaces it.
pub(super) fn add_server(text: &str, program: &Program) -> Result<String, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let servers = document.entry(SERVERS).or_insert_with(|| {
        let mut table = Table::new();
        // `[mcp_servers]` has no line of its own.
        table.set_implicit(true);
        Item::Table(table)
    });
    let mut ours = Table::new();
    ours.insert("command", value(program.text()));
    ours.insert("args", value(program.mcp.iter().map(String::as_str).collect::<Array>()));
    let there = servers.get(NAME).map(plain);
    let ours = Item::Table(ours);
    if there.as_deref() != Some(plain(&ours).as_str()) {
        servers[NAME] = ours;
    }
    Ok(document.to_string())
}

/// Removes our MCP server, and the table that it leaves empty.
pub(super) fn remove_server(text: &str) -> Result<String, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let Some(servers) = document.get_mut(SERVERS).and_then(Item::as_table_like_mut) else {
        return Ok(text.to_owned());
    };
    if servers.remove(NAME).is_none() {
        return Ok(text.to_owned());
    }
    if servers.is_empty() {
        document.remove(SERVERS);
    }
    Ok(document.to_string())
}

/// Returns a table's values without its layout.
fn plain(item: &Item) -> String {
    let table = item.as_table_like();
    let pairs = table.into_iter().flat_map(|table| table.iter());
    let pairs = pairs.map(|(key, item)| format!("{key}={}", item.to_string().trim()));
    pairs.collect::<Vec<_>>().join(";")
}
