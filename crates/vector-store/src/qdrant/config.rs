//! Settings of the store on a Qdrant server.

use std::path::PathBuf;
use std::time::Duration;

use context_manager_resilience::Secret;
use serde::{Deserialize, Serialize};
use tonic::transport::Uri;

use crate::Error;

/// Settings of the store on a Qdrant server.
///
/// Settings marked "on creation" do not change an existing collection: change that with Qdrant's own tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// URL of the server's gRPC port, such as `http://qdrant:6334`; `https://…` uses TLS.
    pub url: Option<String>,
    /// URL of the server's HTTP port, for snapshots; by default the host of `url` with port 6333.
    pub rest_url: Option<String>,
    /// API key of the server.
    pub api_key: Option<Secret>,
    /// File with the API key, instead of `api_key`. Read once, at start.
    pub api_key_file: Option<PathBuf>,
    /// Prefix of the collection's name. Installations that share a server need different ones.
    pub collection_prefix: String,
    /// Timeout of a call to the server, retries included, in seconds.
    pub timeout_secs: u64,
    /// PEM file with the certificate authorities to trust, instead of the system's.
    pub tls_ca_file: Option<PathBuf>,
    /// Number of shards of the collection; by default the number of nodes. On creation.
    pub shard_number: Option<u32>,
    /// Number of nodes that hold each shard. On creation.
    pub replication_factor: u32,
    /// Number of these nodes that must apply a write before it is acknowledged. On creation.
    pub write_consistency_factor: u32,
    /// Order in which replicas apply writes to the same context.
    pub write_ordering: WriteOrdering,
    /// Number of replicas that a read asks; by default one.
    pub read_consistency: Option<ReadConsistency>,
    /// Form of the vectors in memory. Scores always come from the full vectors. On creation.
    pub quantization: Quantization,
    /// Keeps vectors and payloads on disk until they are needed. On creation.
    pub on_disk: bool,
    /// Links of each vector to its neighbours in the index (HNSW's m). On creation.
    ///
    /// Neither this nor the next setting is deserialized here: the embedded store has both under the same names, and of two
    /// structs that share a section only one receives a key.
    #[serde(skip)]
    pub hnsw_m: usize,
    /// Neighbours considered when the index is built (HNSW's `ef_construct`). On creation.
    #[serde(skip)]
    pub hnsw_ef_construct: usize,
}

/// Order in which replicas apply writes to the same context.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WriteOrdering {
    /// In the order in which they arrive; enough without replicas.
    #[default]
    Weak,
    /// In the order of a leader that may change.
    Medium,
    /// In the order of one leader; while it is down, writes fail.
    Strong,
}

/// Number of replicas that a read asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadConsistency {
    /// All; returns the values of the majority.
    Majority,
    /// More than half; returns the values that all of these have.
    Quorum,
    /// All; returns the values that all of them have.
    All,
}

/// Form of the vectors in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantization {
    /// Unchanged: 4 bytes for each number.
    #[default]
    None,
    /// 1 byte for each number.
    Int8,
    /// 1 bit for each number; for large vectors only.
    Binary,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: None,
            rest_url: None,
            api_key: None,
            api_key_file: None,
            collection_prefix: "context_manager".to_owned(),
            timeout_secs: 10,
            tls_ca_file: None,
            shard_number: None,
            replication_factor: 1,
            write_consistency_factor: 1,
            write_ordering: WriteOrdering::Weak,
            read_consistency: None,
            quantization: Quantization::None,
            on_disk: false,
            hnsw_m: 16,
            hnsw_ef_construct: 100,
        }
    }
}

impl Config {
    /// Returns all problems, each as `key: what is expected`. A missing `url` is none: then there is no server.
    pub fn problems(&self) -> Vec<String> {
        let at_least_one = [
            ("timeout_secs", self.timeout_secs),
            ("shard_number", self.shard_number.unwrap_or(1).into()),
            ("replication_factor", self.replication_factor.into()),
            ("write_consistency_factor", self.write_consistency_factor.into()),
        ];
        let mut problems: Vec<String> = at_least_one
            .iter()
            .filter(|(_, value)| *value == 0)
            .map(|(key, _)| format!("{key}: must be at least 1"))
            .collect();
        for (key, url) in [("url", &self.url), ("rest_url", &self.rest_url)] {
            let problem = url.as_deref().and_then(url_problem);
            problems.extend(problem.map(|problem| format!("{key}: {problem}")));
        }
        if self.api_key.is_some() && self.api_key_file.is_some() {
            problems.push("api_key_file: must not be set beside api_key".to_owned());
        }
        if self.shard_number.is_some_and(|shards| shards > MAX_SHARDS) {
            problems.push(format!("shard_number: must be at most {MAX_SHARDS}"));
        }
        if self.write_consistency_factor > self.replication_factor {
            problems.push("write_consistency_factor: must not be more than replication_factor".to_owned());
        }
        let allowed = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
        let prefix = &self.collection_prefix;
        if prefix.is_empty() || prefix.len() > MAX_PREFIX_BYTES || !prefix.chars().all(allowed) {
            problems.push(format!(
                "collection_prefix: must have 1 to {MAX_PREFIX_BYTES} letters, digits, `_` or `-`"
            ));
        }
        problems
    }

    /// Reads the API key, if one is configured.
    pub(super) fn key(&self) -> Result<Option<Secret>, Error> {
        let Some(path) = &self.api_key_file else {
            return Ok(self.api_key.clone());
        };
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
            operation: "read",
            path: path.clone(),
            source,
        })?;
        Ok(Some(text.trim().to_owned().into()))
    }

    /// URL of the server's HTTP port.
    pub(super) fn rest_url(&self) -> String {
        if let Some(url) = &self.rest_url {
            return url.trim_end_matches('/').to_owned();
        }
        let uri: Uri = self.url.as_deref().unwrap_or_default().parse().unwrap_or_default();
        let (scheme, host) = (uri.scheme_str().unwrap_or("http"), uri.host().unwrap_or_default());
        format!("{scheme}://{host}:{REST_PORT}")
    }

    /// Name of the collection.
    pub fn collection(&self) -> String {
        format!("{}_contexts", self.collection_prefix)
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }
}

/// Each shard takes threads, files and memory of a node; Qdrant advises against more than a few on each.
const MAX_SHARDS: u32 = 1024;

/// Default HTTP port of a server.
const REST_PORT: u16 = 6333;

/// Qdrant names a folder after the collection.
const MAX_PREFIX_BYTES: usize = 100;

fn url_problem(url: &str) -> Option<&'static str> {
    match url.parse::<Uri>() {
        Ok(uri) if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) => {
            Some("must start with http:// or https:// and name a host")
        }
        // Credentials would end up in logs.
        Ok(uri)
            if uri
                .authority()
                .is_some_and(|authority| authority.as_str().contains('@')) =>
        {
            Some("must not hold a name or a password, set `api_key`")
        }
        Ok(_) => None,
        Err(_) => Some("must be a URL such as http://localhost:6334"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_every_problem_is_named() {
        assert_eq!(Config::default().problems(), Vec::<String>::new());
        let config = Config {
            timeout_secs: 0,
            write_consistency_factor: 2,
            collection_prefix: "a/b".to_owned(),
            url: Some("localhost:6334".to_owned()),
            ..Config::default()
        };
        assert_eq!(config.problems().len(), 4);
    }

    #[test]
    fn only_urls_that_can_be_called_and_logged_pass() {
        for (url, good) in [
            ("http://localhost:6334", true),
            ("https://cluster.example.org:6334", true),
            ("http://[::1]:6334", true),
            ("localhost:6334", false),
            ("ftp://localhost", false),
            ("http://", false),
            ("http://me:secret@localhost:6334", false),
            ("not a url", false),
        ] {
            assert_eq!(url_problem(url).is_none(), good, "{url}");
        }
    }

    #[test]
    fn the_http_port_is_at_the_host_of_the_other() {
        let config = |url: &str, rest_url: Option<&str>| Config {
            url: Some(url.to_owned()),
            rest_url: rest_url.map(str::to_owned),
            ..Config::default()
        };
        assert_eq!(
            config("https://q.example:7000", None).rest_url(),
            "https://q.example:6333"
        );
        assert_eq!(config("http://[::1]:6334", None).rest_url(), "http://[::1]:6333");
        let other = config("http://q:6334", Some("http://other:80/qdrant/"));
        assert_eq!(other.rest_url(), "http://other:80/qdrant");
        let bad = config("http://q:6334", Some("q:6333")).problems();
        assert_eq!(bad, ["rest_url: must start with http:// or https:// and name a host"]);
    }

    #[test]
    fn the_key_is_read_and_never_shown() {
        let config: Config = serde_json::from_str(r#"{"api_key": "s3cret", "quantization": "int8"}"#).unwrap();
        assert_eq!(config.api_key.as_ref().unwrap().expose(), "s3cret");
        for shown in [format!("{config:?}"), serde_json::to_string(&config).unwrap()] {
            assert!(!shown.contains("s3cret") && shown.contains("[redacted]"), "{shown}");
        }
    }

    #[test]
    fn the_key_may_stand_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\n").unwrap();
        let mut config = Config {
            api_key_file: Some(file.path().to_owned()),
            ..Config::default()
        };
        assert_eq!(config.key().unwrap().unwrap().expose(), "s3cret");
        config.api_key = Some("other".to_owned().into());
        assert_eq!(config.problems(), ["api_key_file: must not be set beside api_key"]);
        config.api_key_file = Some("/nowhere/key".into());
        assert!(matches!(config.key(), Err(Error::Io { .. })));
    }

    #[cfg(feature = "embedded")]
    #[test]
    fn both_stores_share_one_section() {
        #[derive(Deserialize)]
        struct Section {
            #[serde(flatten)]
            embedded: crate::embedded::Config,
            #[serde(flatten)]
            qdrant: Config,
        }
        let text = r#"{"hnsw_m": 8, "url": "http://q:6334", "path": "/data", "replication_factor": 2}"#;
        let section: Section = serde_json::from_str(text).unwrap();
        assert_eq!(section.embedded.hnsw_m, 8);
        assert_eq!(section.qdrant.url.as_deref(), Some("http://q:6334"));
        assert_eq!(section.qdrant.replication_factor, 2);
    }
}
