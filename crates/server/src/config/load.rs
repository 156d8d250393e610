//! Reading configuration and reporting everything that is wrong with it at once.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Dict;
use serde::de::DeserializeOwned;

use super::{Config, unknown_keys};

/// Read when no file is named and this one is there.
const DEFAULT_FILE: &str = "config.toml";
/// `CONTEXT_MANAGER_SERVER__PORT` sets `server.port`.
pub(super) const ENV_PREFIX: &str = "CONTEXT_MANAGER_";
/// The variable that holds the key which commands show to a server; no setting.
pub(crate) const API_KEY_VARIABLE: &str = "CONTEXT_MANAGER_API_KEY";

/// Where configuration comes from, beside defaults and environment variables.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The file named on the command line or by `CONFIG_PATH`; it must exist.
    pub file: Option<PathBuf>,
    /// Keys given on the command line, such as `("server.port", "9000")`.
    pub overrides: Vec<(&'static str, String)>,
}

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named is not there.
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

/// Reads the configuration.
///
/// # Errors
/// [`ConfigError`], with every problem at once.
pub fn load(source: &Source) -> Result<Config, ConfigError> {
    read(given(source)?)
}

/// Reads the configuration from the text of a file alone.
///
/// # Errors
/// As [`load`].
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn load_text(text: &str) -> Result<Config, ConfigError> {
    read(as_dict(&Figment::from(Toml::string(text)))?)
}

fn read(mut given: Dict) -> Result<Config, ConfigError> {
    let mut problems = unknown_keys::take_out(&mut given);
    let figment = Figment::from(Serialized::defaults(Config::default())).merge(Serialized::defaults(given));
    let mut reader = Reader {
        figment,
        problems: &mut problems,
    };
    let config = Config {
        server: reader.section("server"),
        auth: reader.section("auth"),
        rate_limits: reader.section("rate_limits"),
        quotas: reader.section("quotas"),
        log: reader.section("log"),
        telemetry: reader.section("telemetry"),
        health: reader.section("health"),
        audit: reader.section("audit"),
        embedding: reader.section("embedding"),
        vector_db: reader.section("vector_db"),
        snapshots: reader.section("snapshots"),
        hirag: reader.section("hirag"),
        gc: reader.section("gc"),
        dedup: reader.section("dedup"),
        consolidation: reader.section("consolidation"),
        lexical: reader.section("lexical"),
        tokens: reader.section("tokens"),
    };
    problems.extend(config.problems());
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(ConfigError::Problems(problems))
    }
}

/// What was given, without defaults.
fn given(source: &Source) -> Result<Dict, ConfigError> {
    let mut figment = Figment::new();
    let file = match &source.file {
        Some(file) if !file.is_file() => return Err(ConfigError::NoFile(file.clone())),
        Some(file) => Some(file.as_path()),
        None => Some(Path::new(DEFAULT_FILE)).filter(|file| file.is_file()),
    };
    if let Some(file) = file {
        figment = figment.merge(Toml::file_exact(file));
    }
    let api_key = API_KEY_VARIABLE.trim_start_matches(ENV_PREFIX);
    figment = figment.merge(Env::prefixed(ENV_PREFIX).ignore(&[api_key]).split("__"));
    for (key, value) in &source.overrides {
        figment = figment.merge((
            *key,
            value
                .parse::<figment::value::Value>()
                .unwrap_or_else(|never| match never {}),
        ));
    }
    as_dict(&figment)
}

/// What was given as it is. A file that is no TOML at all fails here, with line and column.
fn as_dict(figment: &Figment) -> Result<Dict, ConfigError> {
    let unreadable = |error: figment::Error| error.into_iter().map(|error| unreadable(&error)).collect();
    figment
        .extract()
        .map_err(|error| ConfigError::Problems(unreadable(error)))
}

struct Reader<'a> {
    figment: Figment,
    problems: &'a mut Vec<String>,
}

impl Reader<'_> {
    /// One section; its defaults when it cannot be read, so that the others are looked at too.
    fn section<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        self.figment.extract_inner(name).unwrap_or_else(|error| {
            self.problems
                .extend(error.into_iter().map(|error| wrong_value(name, &error)));
            T::default()
        })
    }
}

/// A source that could not be read at all, by its name.
fn unreadable(error: &figment::Error) -> String {
    let source = error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref());
    let source = source.map_or_else(|| "configuration".to_owned(), ToString::to_string);
    format!("{source}: {}", error.kind)
}

/// A value of the wrong type, by its key. The section stands somewhere in the error's path, not always first.
fn wrong_value(section: &str, error: &figment::Error) -> String {
    let inner = error.path.iter().filter(|part| *part != section).map(String::as_str);
    let key: Vec<&str> = std::iter::once(section).chain(inner).collect();
    format!("{}: {}", key.join("."), error.kind)
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's jail asks for its own error type")]
mod tests {
    use figment::Jail;

    use super::*;

    fn load_file(jail: &mut Jail, text: &str) -> figment::error::Result<Result<Config, ConfigError>> {
        jail.create_file("given.toml", text)?;
        Ok(load(&Source {
            file: Some("given.toml".into()),
            ..Source::default()
        }))
    }

    #[test]
    fn later_sources_win() {
        Jail::expect_with(|jail| {
            jail.set_env("CONTEXT_MANAGER_SERVER__PORT", "2");
            jail.set_env("CONTEXT_MANAGER_HIRAG__L1_CACHE_SIZE", "7");
            jail.create_file("config.toml", "[server]\nport = 1\n[hirag]\nl2_cache_ttl = 60\n")?;
            let config = load(&Source {
                file: None,
                overrides: vec![("server.port", "3".to_owned())],
            })
            .unwrap();
            assert_eq!(config.server.port, 3);
            assert_eq!((config.hirag.l1_cache_size, config.hirag.l2_cache_ttl), (7, 60));
            Ok(())
        });
    }

    #[test]
    fn every_problem_is_reported_at_once_with_a_suggestion() {
        Jail::expect_with(|jail| {
            let text =
                "[server]\nprot = 1\n[hirag]\nl1_cache_size = \"many\"\n[hirag2]\nx = 1\n[log]\nfilter = \"a=b=c\"\n";
            let error = load_file(jail, text)?.unwrap_err().to_string();
            for part in [
                "server.prot: unknown key; did you mean `port`?",
                "hirag.l1_cache_size",
                "hirag2",
                "log.filter",
            ] {
                assert!(error.contains(part), "{part} is not in {error}");
            }
            Ok(())
        });
    }

    #[test]
    fn shards_of_earlier_versions_are_refused_with_the_way_out() {
        for (shards, refused) in [("1", false), ("4", true), ("0", true), ("\"four\"", true)] {
            let loaded = load_text(&format!("[vector_db]\nshards = {shards}\n"));
            assert_eq!(loaded.is_err(), refused, "{shards}");
            if let Err(error) = loaded {
                let message = error.to_string();
                assert!(message.contains("vector_db.shards"), "{message}");
                assert!(message.contains("`export`") && message.contains("`import`"), "{message}");
            }
        }
    }

    #[test]
    fn an_open_address_needs_a_key_or_a_decision() {
        Jail::expect_with(|jail| {
            let open = "[server]\nhost = \"0.0.0.0\"\n";
            let error = load_file(jail, open)?.unwrap_err().to_string();
            for way_out in ["allow_unauthenticated = true", "context-manager keys create"] {
                assert!(error.contains(way_out), "{error}");
            }
            let hash = "0".repeat(64);
            let key = format!("[[auth.keys]]\ntenant = \"a\"\npermissions = [\"read\"]\nkey_sha256 = \"{hash}\"\n");
            assert!(load_file(jail, &format!("{open}{key}"))?.is_ok());
            assert!(load_file(jail, "[server]\nhost = \"0.0.0.0\"\nallow_unauthenticated = true\n")?.is_ok());
            Ok(())
        });
    }

    #[test]
    fn the_key_that_commands_show_is_no_setting() {
        Jail::expect_with(|jail| {
            jail.set_env(API_KEY_VARIABLE, "cm_1");
            assert_eq!(load_file(jail, "")?.unwrap(), Config::default());
            jail.set_env("CONTEXT_MANAGER_API_KEYS", "cm_1");
            let error = load_file(jail, "")?.unwrap_err().to_string();
            assert!(error.contains("api_keys: unknown key"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn the_example_holds_the_defaults() {
        Jail::expect_with(|jail| {
            let example = include_str!("../../../../config.example.toml");
            assert_eq!(load_file(jail, example)?.unwrap(), Config::default());
            Ok(())
        });
    }

    #[test]
    fn limits_that_make_no_sense_are_named() {
        Jail::expect_with(|jail| {
            let text = "[server]\ntrusted_proxies = [\"10.0.0.0/33\"]\n[server.connections]\nmax_headers = 0\n\
                        [server.requests]\nmax_buffered_bytes = 1\n[server.tls]\ncert_file = \"a.pem\"\n\
                        [rate_limits.per_key]\nread = { burst = 5 }\nwrite = { per_second = 5 }\n";
            let error = load_file(jail, text)?.unwrap_err().to_string();
            for part in [
                "server.trusted_proxies: `10.0.0.0/33` is neither",
                "rate_limits.per_key.read.per_sec: is needed",
                "rate_limits.per_key.write.per_second: unknown key; did you mean `per_sec`?",
            ] {
                assert!(error.contains(part), "{part} is not in {error}");
            }
            let text = text.replace("10.0.0.0/33", "10.0.0.0/8");
            let error = load_file(jail, &text)?.unwrap_err().to_string();
            for part in [
                "server.connections.max_headers: must be at least 1",
                "server.requests.max_buffered_bytes: must be at least server.max_body_bytes",
                "server.tls.key_file: is needed beside cert_file",
            ] {
                assert!(error.contains(part), "{part} is not in {error}");
            }
            let origin = "[server]\ncors_allowed_origins = [\"https://app.example.com/\"]\n";
            let error = load_file(jail, origin)?.unwrap_err().to_string();
            assert!(error.contains("is not an origin"), "{error}");
            for (key, wrong) in [
                ("allowed_hosts", r#"["https://memory.lan"]"#),
                ("allowed_hosts", r#"["memory.lan:8080"]"#),
                ("allowed_hosts", r#"["*"]"#),
                ("allowed_hosts", r#"[""]"#),
                ("public_url", r#""memory.example.com""#),
                ("public_url", r#""ftp://memory.example.com""#),
                ("public_url", r#""https://memory.example.com/?a=b""#),
            ] {
                let error = load_file(jail, &format!("[server]\n{key} = {wrong}\n"))?.unwrap_err();
                assert!(error.to_string().contains(&format!("server.{key}: ")), "{error}");
            }
            let right = "[server]\nallowed_hosts = [\"Memory.lan\", \"[::1]\"]\npublic_url = \"https://memory.example.com/cm\"\n";
            assert!(load_file(jail, right)?.is_ok());
            Ok(())
        });
    }

    #[test]
    fn a_file_that_is_not_there_or_not_toml_is_named() {
        Jail::expect_with(|jail| {
            let missing = load(&Source {
                file: Some("nowhere.toml".into()),
                ..Source::default()
            });
            assert!(missing.unwrap_err().to_string().contains("nowhere.toml"));
            assert!(
                load_file(jail, "[server\n")?
                    .unwrap_err()
                    .to_string()
                    .contains("given.toml")
            );
            Ok(())
        });
    }
}
