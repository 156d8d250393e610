//! Filters as one line of text, for the audit log.

use std::collections::HashMap;

use super::{Condition, Field, Filter, Test};
use crate::context::ContextId;

/// Maximum number of ids in an outline.
const MAX_IDS: usize = 100;

impl Filter {
    /// Returns one line for the audit log, with tags and metadata only as numbers.
    pub fn outline(&self) -> String {
        let conditions = self.conditions();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for Condition { name, test } in &conditions {
            if let Test::AnyOf(field, words) = test {
                // A filter names metadata by key.
                *counts.entry(name).or_default() += if *field == Field::Metadata { 1 } else { words.len() };
            }
        }
        let mut parts = Vec::new();
        for Condition { name, test } in &conditions {
            match test {
                Test::AnyOf(field, _) if field.is_private() => {
                    parts.extend(counts.remove(name).map(|count| format!("{name}({count})")));
                }
                Test::AnyOf(_, words) => parts.extend(words.iter().map(|word| format!("{name}={word}"))),
                Test::NoneOf(_, words) => parts.extend(words.iter().map(|word| format!("{name}!={word}"))),
                Test::AtLeast(_, number) | Test::Below(_, number) => parts.push(format!("{name}={number}")),
                Test::NoSession => parts.push((*name).to_owned()),
                Test::Ids(ids) => {
                    let first: Vec<_> = ids.iter().take(MAX_IDS).map(ContextId::to_string).collect();
                    parts.push(format!("{name}({})={}", ids.len(), first.join(",")));
                }
            }
        }
        parts.join(" ")
    }
}
