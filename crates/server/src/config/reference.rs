//! Reference of all keys, generated from `config.example.toml`, which a test keeps complete and true.

use std::fmt::Write as _;

use super::load::ENV_PREFIX;

/// File that documents every key.
const EXAMPLE: &str = include_str!("../../../../config.example.toml");

/// Keys that share an explanation.
#[derive(Debug, Default)]
struct Group<'a> {
    section: &'a str,
    help: Vec<&'a str>,
    /// Key, value as TOML, and whether it is unset by default.
    keys: Vec<(&'a str, &'a str, bool)>,
}

/// Returns the text of `docs/configuration-reference.md`.
pub fn reference() -> String {
    let mut text = String::from(INTRODUCTION);
    let mut section = None;
    for group in groups(EXAMPLE) {
        if section != Some(group.section) {
            section = Some(group.section);
            let _infallible = write!(
                text,
                "\n## [{}]\n\n| key | default | environment | meaning |\n|---|---|---|---|\n",
                group.section
            );
        }
        let column = |cell: &dyn Fn(&(&str, &str, bool)) -> String| {
            let cells: Vec<String> = group.keys.iter().map(cell).collect();
            cells.join("<br>").replace('|', "\\|")
        };
        let keys = column(&|(key, ..)| format!("`{key}`"));
        let defaults = column(&|(_, value, unset)| {
            if *unset {
                format!("unset, such as `{value}`")
            } else {
                format!("`{value}`")
            }
        });
        let environment = column(&|(key, ..)| environment(group.section, key));
        let help = group.help.join(" ").replace('|', "\\|");
        let _infallible = writeln!(text, "| {keys} | {defaults} | {environment} | {help} |");
    }
    text
}

/// Returns the variable of a key; lists of tables have none.
fn environment(section: &str, key: &str) -> String {
    if section.starts_with('[') {
        return "only in the file".to_owned();
    }
    let path = format!("{section}.{key}").to_uppercase().replace('.', "__");
    format!("`{ENV_PREFIX}{path}`")
}

/// Returns the groups of the file in its order. A comment explains the keys up to the next comment.
fn groups(file: &str) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut group = Group::default();
    for line in file.lines() {
        let (content, commented) = match line.strip_prefix('#') {
            Some(rest) => (rest.trim_start(), true),
            None => (line.trim(), false),
        };
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            // A comment above a section is about the section.
            groups.push(std::mem::take(&mut group));
            group.section = name;
        } else if let Some((key, value)) = assignment(content) {
            group.keys.push((key, value, commented));
        } else {
            if !group.keys.is_empty() {
                let section = group.section;
                groups.push(std::mem::take(&mut group));
                group.section = section;
            }
            if content.is_empty() {
                group.help.clear();
            } else {
                group.help.push(content);
            }
        }
    }
    groups.push(group);
    groups.retain(|group| !group.keys.is_empty());
    groups
}

/// Returns the key and value of a line, if it is an assignment rather than prose with an equals sign.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(" = ")?;
    let is_key = |key: &str| {
        key.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    (is_key(key) && toml::from_str::<toml::Table>(line).is_ok()).then_some((key, value))
}

const INTRODUCTION: &str = "\
# Configuration reference

Every key with its default, its environment variable and its meaning. This page is made from `config.example.toml` by
`context-manager config-reference`; tests fail when the two differ, or when a key of the program is missing in the file.
[Configure the server](how-to/configure.md) says where settings come from and how to check them.
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::config::Config;

    /// Returns every key of the program with its default, or `null`.
    fn known() -> BTreeMap<String, Value> {
        let mut known = BTreeMap::new();
        flatten("", &serde_json::to_value(Config::default()).unwrap(), &mut known);
        known
    }

    fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
        let Some(fields) = value.as_object() else {
            into.insert(path.to_owned(), value.clone());
            return;
        };
        for (key, value) in fields {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            flatten(&path, value, into);
        }
    }

    #[test]
    fn the_example_has_every_key_with_its_default() {
        let known = known();
        let mut seen = Vec::new();
        for group in groups(EXAMPLE) {
            for (key, value, unset) in group.keys {
                let path = format!("{}.{key}", group.section);
                let table: toml::Table = toml::from_str(&format!("{key} = {value}")).unwrap();
                let mut given = BTreeMap::new();
                flatten(&path, &serde_json::to_value(&table[key]).unwrap(), &mut given);
                if unset {
                    seen.push(path);
                    continue;
                }
                assert!(!group.help.is_empty(), "{path} is not explained");
                for (path, given) in given {
                    let default = known.get(&path).unwrap_or_else(|| panic!("{path} is no key"));
                    assert!(same(&given, default), "{path}: {given} is not the default {default}");
                    seen.push(path);
                }
            }
        }
        let is_there = |path: &str| {
            // Lists of tables appear as `[path].key`.
            let beginnings = [format!("{path}."), format!("[{path}].")];
            seen.iter()
                .any(|seen| seen == path || beginnings.iter().any(|beginning| seen.starts_with(beginning)))
        };
        let missing: Vec<&String> = known.keys().filter(|path| !is_there(path)).collect();
        assert!(missing.is_empty(), "config.example.toml lacks {missing:?}");
    }

    /// Compares values; the program's numbers may have half the precision.
    fn same(given: &Value, default: &Value) -> bool {
        match (given.as_f64(), default.as_f64()) {
            (Some(given), Some(default)) => (given - default).abs() <= 1e-6 * given.abs(),
            _ => given == default,
        }
    }

    #[test]
    fn comments_explain_the_keys_that_follow_them() {
        let file = "# About the file.\n\n[a]\n# One\n# and two.\none = 1\ntwo = 2\n# Unset.\n# three = 3\n\n# All of b.\n[a.b]\n# It is 1 = 1.\nx = \"|\"\n";
        let groups = groups(file);
        let shape: Vec<_> = groups
            .iter()
            .map(|group| (group.section, group.keys.len(), group.help.join(" ")))
            .collect();
        let expected = [
            ("a", 2, "One and two.".to_owned()),
            ("a", 1, "Unset.".to_owned()),
            ("a.b", 1, "It is 1 = 1.".to_owned()),
        ];
        assert_eq!(shape, expected);
        assert_eq!(
            environment("hirag.weights", "recency"),
            "`CONTEXT_MANAGER_HIRAG__WEIGHTS__RECENCY`"
        );
        assert_eq!(environment("[auth.keys]", "tenant"), "only in the file");
    }
}
