//! Edits of JSON files, which may have comments and trailing commas. All else in them keeps its bytes.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode};

use super::command::{Program, is_ours};
use crate::hosts::Host;
use crate::pieces::{Hook, NAME, ServerForm};

/// Reason for leaving a file as it is.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    Invalid(String),
    /// A value is of another type than the host reads.
    #[error("`{0}` is not {1}")]
    Type(String, &'static str),
}

/// Shape of the hooks in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// In groups.
    Nested,
    /// By themselves, in a file with a version.
    Flat,
    /// The same, with the shell's name as the key of the command.
    Bash,
}

/// Adds our hooks, and removes those of another copy or version of us.
pub(super) fn add_hooks(
    text: &str,
    shape: Shape,
    hooks: &[Hook],
    host: Host,
    program: &Program,
) -> Result<String, JsonError> {
    let root = parse(text)?;
    let top = object(root.object_value_or_create(), "the file")?;
    if shape != Shape::Nested && top.get("version").is_none() {
        top.insert(0, "version", CstInputValue::Number("1".to_owned()));
    }
    let events = object(top.object_value_or_create("hooks"), "hooks")?;
    for hook in hooks {
        let list = events.array_value_or_create(hook.name);
        let list = list.ok_or_else(|| JsonError::Type(format!("hooks.{}", hook.name), "a list"))?;
        let command = program.hook(host, hook.event);
        if !remove_from(&list, |other| is_ours(other) && *other != command) {
            list.append(entry(shape, &command, hook.timeout));
        }
    }
    Ok(root.to_string())
}

/// Removes our hooks, and the lists and groups that they leave empty.
pub(super) fn remove_hooks(text: &str) -> Result<String, JsonError> {
    let root = parse(text)?;
    if let Some(events) = root.object_value().and_then(|top| top.object_value("hooks")) {
        let mut removed = false;
        for event in events.properties() {
            let Some(list) = event.array_value() else { continue };
            let before = list.elements().len();
            remove_from(&list, |command| is_ours(command));
            if list.elements().len() < before {
                removed = true;
                if list.elements().is_empty() {
                    event.remove();
                }
            }
        }
        if removed && events.properties().is_empty() {
            remove_property(&root, "hooks");
        }
    }
    Ok(root.to_string())
}

/// Adds our MCP server under this path of keys, or replaces it.
pub(super) fn add_server(text: &str, path: &[&str], form: ServerForm, program: &Program) -> Result<String, JsonError> {
    let root = parse(text)?;
    let mut servers = object(root.object_value_or_create(), "the file")?;
    for key in path {
        servers = object(servers.object_value_or_create(key), key)?;
    }
    let wanted = server(form, program);
    match servers.get(NAME) {
        // Written and read again, so that both have the same layout.
        Some(there) if squeeze(there.value().as_ref()) == squeeze(written(&wanted).as_ref()) => {}
        Some(there) => there.set_value(wanted),
        None => {
            servers.append(NAME, wanted);
        }
    }
    Ok(root.to_string())
}

/// Removes our MCP server, and the objects that it leaves empty.
pub(super) fn remove_server(text: &str, path: &[&str]) -> Result<String, JsonError> {
    let root = parse(text)?;
    let mut above = Vec::new();
    let mut servers = root.object_value();
    for key in path {
        let Some(object) = servers else {
            return Ok(root.to_string());
        };
        servers = object.object_value(key);
        above.push((object, *key));
    }
    let Some(servers) = servers else {
        return Ok(root.to_string());
    };
    let Some(ours) = servers.get(NAME) else {
        return Ok(root.to_string());
    };
    ours.remove();
    let mut is_empty = servers.properties().is_empty();
    for (object, key) in above.into_iter().rev() {
        if is_empty && let Some(property) = object.get(key) {
            property.remove();
        }
        is_empty = object.properties().is_empty();
    }
    Ok(root.to_string())
}

/// Returns true if a file holds nothing that anybody would miss.
pub(super) fn is_empty(text: &str) -> bool {
    let Ok(root) = parse(text) else { return false };
    let Some(top) = root.object_value() else {
        return text.trim().is_empty();
    };
    let names = top.properties().into_iter().map(|property| property.decoded_name());
    names.flatten().all(|name| name == "version")
}

fn parse(text: &str) -> Result<CstRootNode, JsonError> {
    let options = ParseOptions {
        allow_missing_commas: false,
        ..ParseOptions::default()
    };
    CstRootNode::parse(text, &options).map_err(|error| JsonError::Invalid(error.to_string()))
}

fn object(found: Option<CstObject>, name: &str) -> Result<CstObject, JsonError> {
    found.ok_or_else(|| JsonError::Type(name.to_owned(), "an object"))
}

fn remove_property(root: &CstRootNode, name: &str) {
    if let Some(property) = root.object_value().and_then(|top| top.get(name)) {
        property.remove();
    }
}

/// Removes the commands that `unwanted` names, by themselves or in groups, and groups that are empty then. Returns whether
/// a command of ours remains.
fn remove_from(list: &CstArray, unwanted: impl Fn(&String) -> bool) -> bool {
    let mut remains = false;
    for node in list.elements() {
        let Some(entry) = node.as_object() else { continue };
        match entry.array_value("hooks") {
            Some(group) => {
                let before = group.elements().len();
                for hook in group.elements() {
                    match hook.as_object().and_then(|hook| command(&hook)) {
                        Some(command) if unwanted(&command) => hook.remove(),
                        Some(command) => remains |= is_ours(&command),
                        None => {}
                    }
                }
                if before > 0 && group.elements().is_empty() {
                    node.remove();
                }
            }
            None => match command(&entry) {
                Some(command) if unwanted(&command) => node.remove(),
                Some(command) => remains |= is_ours(&command),
                None => {}
            },
        }
    }
    remains
}

fn command(hook: &CstObject) -> Option<String> {
    let value = hook.get("command").or_else(|| hook.get("bash"))?.value()?;
    value.as_string_lit()?.decoded_value().ok()
}

fn entry(shape: Shape, command: &str, timeout: u32) -> CstInputValue {
    let timeout = CstInputValue::Number(timeout.to_string());
    let command = CstInputValue::from(command);
    let kind = ("type".to_owned(), CstInputValue::from("command"));
    match shape {
        Shape::Nested => {
            let hook = vec![kind, ("command".to_owned(), command), ("timeout".to_owned(), timeout)];
            let hooks = CstInputValue::Array(vec![CstInputValue::Object(hook)]);
            CstInputValue::Object(vec![("hooks".to_owned(), hooks)])
        }
        Shape::Flat => CstInputValue::Object(vec![("command".to_owned(), command), ("timeout".to_owned(), timeout)]),
        Shape::Bash => CstInputValue::Object(vec![
            kind,
            ("bash".to_owned(), command.clone()),
            ("powershell".to_owned(), command),
            ("timeoutSec".to_owned(), timeout),
        ]),
    }
}

fn server(form: ServerForm, program: &Program) -> CstInputValue {
    let texts = |texts: &[String]| CstInputValue::Array(texts.iter().cloned().map(CstInputValue::from).collect());
    let kind = |kind: &str| ("type".to_owned(), CstInputValue::from(kind));
    let split = || {
        [
            ("command".to_owned(), CstInputValue::from(program.text())),
            ("args".to_owned(), texts(&program.mcp)),
        ]
    };
    let fields: Vec<(String, CstInputValue)> = match form {
        ServerForm::Stdio(name) => [kind(name)].into_iter().chain(split()).collect(),
        ServerForm::AllTools(name) => {
            let tools = ("tools".to_owned(), texts(&["*".to_owned()]));
            [kind(name)].into_iter().chain(split()).chain([tools]).collect()
        }
        ServerForm::Untyped => split().into(),
        ServerForm::CommandList(name) => {
            let command: Vec<String> = [program.text()].into_iter().chain(program.mcp.clone()).collect();
            let enabled = ("enabled".to_owned(), CstInputValue::Bool(true));
            vec![kind(name), ("command".to_owned(), texts(&command)), enabled]
        }
    };
    CstInputValue::Object(fields)
}

fn written(value: &CstInputValue) -> Option<CstNode> {
    let root = CstRootNode::parse("", &ParseOptions::default()).ok()?;
    root.set_value(value.clone());
    root.value()
}

/// Returns a value without its layout; no text of an entry of ours begins or ends with a space.
fn squeeze(value: Option<&CstNode>) -> String {
    let text = value.map(ToString::to_string).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join("")
}
