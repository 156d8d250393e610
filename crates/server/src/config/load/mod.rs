//! Loading of configuration, with every problem at once.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Env, Serialized};
use figment::value::{Dict, Value};
use figment::{Figment, Provider};

use super::{Config, unknown_keys};
use crate::expected::{in_words, unknown};

/// File to read if none is named and this one exists.
const DEFAULT_FILE: &str = "config.toml";
/// `CONTEXT_MANAGER_SERVER__PORT` sets `server.port`.
pub(super) const ENV_PREFIX: &str = "CONTEXT_MANAGER_";
/// Variable with the key that commands send to a server; no setting.
pub(crate) const API_KEY_VARIABLE: &str = "CONTEXT_MANAGER_API_KEY";
/// Variables of commands that call a server; no settings.
const COMMAND_VARIABLES: [&str; 6] = [
    API_KEY_VARIABLE,
    "CONTEXT_MANAGER_URL",
    "CONTEXT_MANAGER_KEY_COMMAND",
    "CONTEXT_MANAGER_KEY_FILE",
    "CONTEXT_MANAGER_USER",
    "CONTEXT_MANAGER_DEADLINE_MS",
];

/// Sources of configuration beside defaults and environment variables.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// File named on the command line or by `CONFIG_PATH`; it must exist.
    pub file: Option<PathBuf>,
    /// Keys given on the command line, such as `("server.port", "9000")`.
    pub overrides: Vec<(&'static str, String)>,
}

/// Error of loading.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The named file does not exist.
    #[error("there is no configuration file `{}`", .0.display())]
    NoFile(PathBuf),
    /// Keys are unknown, or values are of the wrong type or out of range.
    #[error("the configuration has {} problem(s):\n{}", .0.len(), list(.0))]
    Problems(Vec<String>),
}

fn list(problems: &[String]) -> String {
    problems
        .iter()
        .map(|problem| format!("  - {problem}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Loads the configuration.
///
/// # Errors
/// [`ConfigError`], with every problem at once.
pub fn load(source: &Source) -> Result<Config, ConfigError> {
    let file = match &source.file {
        Some(file) if !file.is_file() => return Err(ConfigError::NoFile(file.clone())),
        Some(file) => Some(file.as_path()),
        None => Some(Path::new(DEFAULT_FILE)).filter(|file| file.is_file()),
    };
    let mut given = Figment::new();
    if let Some(file) = file {
        let of_file = |problem| ConfigError::Problems(vec![format!("{}: {problem}", file.display())]);
        let text = std::fs::read_to_string(file).map_err(|error| of_file(error.to_string()))?;
        given = given.merge(Serialized::defaults(parse(&text).map_err(of_file)?));
    }
    let (mut problems, mut texts) = (Vec::new(), Vec::new());
    for (key, text) in environment() {
        if key.contains('.') {
            texts.push((key, text));
        } else if !is_link(&text) {
            problems.extend(unknown_keys::meant(&key).map(|path| misspelt(&key, &path)));
        }
    }
    texts.extend(
        source
            .overrides
            .iter()
            .map(|(key, text)| ((*key).to_owned(), text.clone())),
    );
    for (key, text) in texts {
        let value = typed(&key, &text);
        given = given.merge((key, value));
    }
    match given.extract() {
        Ok(given) => read(given, problems),
        Err(error) => Err(ConfigError::Problems(
            error.into_iter().map(|error| wrong_value("", &error)).collect(),
        )),
    }
}

/// Returns variables with our prefix that set nothing, as they have no section. Kubernetes describes Services to every
/// container in such variables, and one may have the name of this program.
pub(crate) fn ignored_names() -> Vec<String> {
    let mut names: Vec<String> = environment()
        .filter(|(key, _)| !key.contains('.'))
        .map(|(key, _)| format!("{ENV_PREFIX}{}", key.to_uppercase()))
        .collect();
    names.sort_unstable();
    names
}

/// Returns the variables with our prefix: keys with dots, and texts as they are.
fn environment() -> impl Iterator<Item = (String, String)> {
    let others = COMMAND_VARIABLES.map(|name| name.trim_start_matches(ENV_PREFIX));
    let variables = Env::prefixed(ENV_PREFIX).ignore(&others).split("__");
    let all: Vec<_> = variables.iter().map(|(key, text)| (key.to_string(), text)).collect();
    all.into_iter()
}

/// Returns whether this is the address of a Service as Kubernetes and Docker write it.
fn is_link(text: &str) -> bool {
    ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

fn misspelt(key: &str, path: &str) -> String {
    let name = |path: &str| format!("{ENV_PREFIX}{}", path.to_uppercase().replace('.', "__"));
    format!(
        "{}: unknown name; did you mean `{}`, with two underscores?",
        name(key),
        name(path)
    )
}

/// Reads the configuration from the text of a file alone.
///
/// # Errors
/// As [`load`].
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn load_text(text: &str) -> Result<Config, ConfigError> {
    read(
        parse(text).map_err(|problem| ConfigError::Problems(vec![problem]))?,
        Vec::new(),
    )
}

/// Parses the text of a file. Errors name the line but do not show it, as it may hold a secret.
fn parse(text: &str) -> Result<Dict, String> {
    let text = text.trim_start_matches('\u{feff}');
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("is not TOML: {}, in line {line}", error.message().replace('\n', ", "))
    })
}

/// Returns the value of a text by the type of its key: the text itself if the key takes one, else a number, a boolean, a
/// list or a table, else a list of texts.
fn typed(key: &str, text: &str) -> Value {
    let elements = text.trim().trim_start_matches('[').trim_end_matches(']').split(',');
    let list: Vec<Value> = elements
        .map(|element| Value::from(element.trim().trim_matches('"')))
        .collect();
    let read = text.parse().unwrap_or_else(|never: Infallible| match never {});
    let mut meanings = [Value::from(text), read, Value::from(list)].into_iter();
    meanings
        .find(|value| problems_with(key, value).is_empty())
        .unwrap_or_else(|| Value::from(text))
}

fn read(mut given: Dict, mut problems: Vec<String>) -> Result<Config, ConfigError> {
    problems.extend(unknown_keys::take_out(&mut given));
    let mut config = with_defaults(Serialized::defaults(&given)).extract();
    if config.is_err() {
        take_out_wrong("", &mut given, &mut problems);
        config = with_defaults(Serialized::defaults(&given)).extract();
    }
    let config: Config = config.unwrap_or_else(|error| {
        problems.extend(error.into_iter().map(|error| wrong_value("", &error)));
        Config::default()
    });
    problems.extend(config.problems());
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(ConfigError::Problems(problems))
    }
}

fn with_defaults(given: impl Provider) -> Figment {
    Figment::from(Serialized::defaults(Config::default())).merge(given)
}

/// Removes values of the wrong type, so that the rest can be checked, and reports them as problems.
fn take_out_wrong(path: &str, given: &mut Dict, problems: &mut Vec<String>) {
    given.retain(|key, value| {
        let path = unknown_keys::join(path, key);
        if let Value::Dict(_, inner) = value {
            take_out_wrong(&path, inner, problems);
            return true;
        }
        let found = problems_with(&path, value);
        let is_right = found.is_empty();
        problems.extend(found);
        is_right
    });
}

/// Returns the problems with this value alone.
fn problems_with(path: &str, value: &Value) -> Vec<String> {
    let error = with_defaults((path, value)).extract::<Config>().err();
    let errors = error.into_iter().flatten();
    errors.map(|error| wrong_value(path, &error)).collect()
}

/// Describes an error by its key, without the value, which may be a secret.
fn wrong_value(path: &str, error: &figment::Error) -> String {
    let inner = error.path.join(".");
    let path = if inner.len() > path.len() { &inner } else { path };
    let problem = match &error.kind {
        Kind::Message(message) => message.clone(),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) | Kind::InvalidLength(_, expected) => {
            format!("must be {}", in_words(expected).replace("an object", "a table"))
        }
        Kind::UnknownVariant(_, variants) => format!("must be one of `{}`", variants.join("`, `")),
        Kind::UnknownField(field, fields) => format!("`{field}` is an {}", unknown("key", field, fields)),
        Kind::MissingField(field) => format!("`{field}` is missing"),
        Kind::DuplicateField(field) => format!("`{field}` is given twice"),
        Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) | Kind::Unsupported(_) | Kind::UnsupportedKey(..) => {
            "cannot be read".to_owned()
        }
    };
    format!("{path}: {problem}")
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's jail asks for its own error type")]
mod tests;
