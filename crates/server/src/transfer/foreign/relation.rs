//! Relations of a graph as statements.

use context_manager_core::NewContext;
use serde_json::json;

use super::item::Item;

/// Makes a statement of a relation, such as `Ann works at Acme`.
pub(super) fn statement(from: &str, relation: &str, to: &str) -> Item {
    let metadata = [("from", from), ("relation", relation), ("to", to)];
    let metadata = metadata.map(|(name, value)| (name.to_owned(), json!(value)));
    Item {
        name: ["relation", from, relation, to].join("\0"),
        context: NewContext {
            text: format!("{from} {} {to}", relation.replace('_', " ")),
            metadata: metadata.into_iter().collect(),
            ..NewContext::default()
        },
        ..Item::default()
    }
}
