//! The server's HTTP port: the calls about snapshots that its gRPC protocol lacks.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ports::{BoxError, SnapshotError, StoreError, StoreErrorKind};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use prost::bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Client, RequestBuilder, Response, StatusCode, Url, redirect};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::config::Config;
use super::failure::RETRY_AFTER;
use crate::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time limit of a call that reads or writes all contexts.
const LONGEST: Duration = Duration::from_hours(1);

/// Content of a file.
pub(super) type Content = BoxStream<'static, Result<Bytes, BoxError>>;

/// Client of the HTTP port.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    url: String,
    timeout: Duration,
}

/// Snapshot of a collection, a file on the server's disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Taken {
    pub(super) name: String,
    pub(super) size: u64,
    /// SHA-256 in hexadecimal digits; `None` for an uploaded one.
    checksum: Option<String>,
}

impl Taken {
    /// Returns the SHA-256 in hexadecimal digits.
    pub(super) fn sha256(&self) -> Result<&str, SnapshotError> {
        self.checksum
            .as_deref()
            .ok_or_else(|| failed("the Qdrant server told no checksum of a snapshot"))
    }
}

/// Answer of the server.
#[derive(Debug, Deserialize)]
struct Answer<T> {
    result: T,
}

/// Membership of the server in a cluster.
#[derive(Debug, Deserialize)]
struct Cluster {
    #[serde(default)]
    peers: serde_json::Map<String, serde_json::Value>,
}

impl Http {
    /// Builds a client, which connects on first use.
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let url = config.rest_url();
        let mut headers = HeaderMap::new();
        if let Some(key) = config.key()? {
            let mut key = HeaderValue::from_str(key.expose()).map_err(|_invalid| Error::Config {
                store: "Qdrant",
                problems: vec!["api_key: must be visible ASCII".to_owned()],
            })?;
            key.set_sensitive(true);
            headers.insert("api-key", key);
        }
        let client = Client::builder()
            // Otherwise reqwest uses the process's crypto provider, and panics without one.
            .tls_backend_preconfigured(tls(config, &url)?)
            .default_headers(headers)
            // A redirect would receive the key.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| unusable(&url, error))?;
        Ok(Self {
            client,
            url,
            timeout: config.timeout(),
        })
    }

    /// Returns the number of nodes of the server's cluster.
    pub(super) async fn nodes(&self) -> Result<usize, SnapshotError> {
        let request = self.client.get(self.at(&["cluster"])?).timeout(self.timeout);
        let cluster: Cluster = self.result(self.send(request).await?).await?;
        Ok(cluster.peers.len().max(1))
    }

    /// Makes a snapshot of a collection.
    pub(super) async fn create(&self, collection: &str) -> Result<Taken, SnapshotError> {
        let url = self.at(&["collections", collection, "snapshots"])?;
        self.result(self.send(self.client.post(url).timeout(LONGEST)).await?)
            .await
    }

    /// Returns the snapshots of a collection; none if there is no such collection.
    pub(super) async fn list(&self, collection: &str) -> Result<Vec<Taken>, SnapshotError> {
        let url = self.at(&["collections", collection, "snapshots"])?;
        let answer = self.send(self.client.get(url).timeout(self.timeout)).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        self.result(answer).await
    }

    /// Deletes a snapshot, if there is one.
    pub(super) async fn delete(&self, collection: &str, name: &str) -> Result<(), SnapshotError> {
        let url = self.at(&["collections", collection, "snapshots", name])?;
        let answer = self.send(self.client.delete(url).timeout(self.timeout)).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        self.checked(answer).await.map(drop)
    }

    /// Returns the content of a snapshot, or `None` if there is none.
    pub(super) async fn download(&self, collection: &str, name: &str) -> Result<Option<Content>, SnapshotError> {
        let url = self.at(&["collections", collection, "snapshots", name])?;
        let answer = self.send(self.client.get(url).timeout(LONGEST)).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = self.checked(answer).await?;
        Ok(Some(answer.bytes_stream().map_err(BoxError::from).boxed()))
    }

    /// Replaces the contents of a collection with this snapshot; creates the collection if there is none. The server keeps a
    /// copy of the snapshot under `name`, unless the content has another checksum, which it refuses.
    pub(super) async fn upload(
        &self,
        collection: &str,
        name: &str,
        checksum: &str,
        content: Content,
    ) -> Result<(), SnapshotError> {
        let mut url = self.at(&["collections", collection, "snapshots", "upload"])?;
        url.set_query(Some(&format!("wait=true&priority=snapshot&checksum={checksum}")));
        let boundary = Uuid::new_v4().simple().to_string();
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"snapshot\"; filename=\"{name}\"\r\nContent-Type: \
             application/octet-stream\r\n\r\n"
        );
        let part = |text: String| stream::once(async { Ok(Bytes::from(text)) });
        let body = part(head).chain(content).chain(part(format!("\r\n--{boundary}--\r\n")));
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
            .timeout(LONGEST)
            .body(Body::wrap_stream(body));
        self.checked(self.send(request).await?).await.map(drop)
    }

    fn at(&self, path: &[&str]) -> Result<Url, SnapshotError> {
        let mut url: Url = self.url.parse().map_err(failed)?;
        let segments = url.path_segments_mut();
        segments
            .map_err(|()| failed("the URL cannot have a path"))?
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, SnapshotError> {
        request.send().await.map_err(|error| {
            // A broken source, such as a lease that was lost, is in the error too.
            let cause = error.source().map(ToString::to_string);
            tracing::warn!(
                url = self.url,
                cause,
                "the HTTP port of the Qdrant server (`vector_db.rest_url`) did not answer; snapshots need it"
            );
            unavailable(error)
        })
    }

    async fn result<T: DeserializeOwned>(&self, answer: Response) -> Result<T, SnapshotError> {
        let answer: Answer<T> = self.checked(answer).await?.json().await.map_err(failed)?;
        Ok(answer.result)
    }

    /// Returns an answer that is no refusal.
    async fn checked(&self, answer: Response) -> Result<Response, SnapshotError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.unwrap_or_default();
        let problem = problem(&text);
        tracing::warn!(url = self.url, %status, problem, "the Qdrant server refused a call about snapshots");
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SnapshotError::Unusable(
                "the Qdrant server refused the call: its API key (`vector_db.api_key`) must be allowed to manage \
                 collections"
                    .to_owned(),
            ),
            StatusCode::BAD_REQUEST => SnapshotError::Unusable(format!("the Qdrant server refused it: {problem}")),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                unavailable(problem)
            }
            _ if problem.contains("No space left on device") => SnapshotError::Store(StoreError {
                operation: "snapshot",
                kind: StoreErrorKind::DiskFull,
                source: Some(problem.into()),
            }),
            _ => failed(format!("{status}: {problem}")),
        })
    }
}

/// Returns the server's description of a problem, shortened.
fn problem(text: &str) -> String {
    let answer: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let said = answer["status"]["error"].as_str().unwrap_or(text);
    said.chars().take(500).collect()
}

pub(super) fn failed(error: impl Into<BoxError>) -> SnapshotError {
    SnapshotError::Files(error.into())
}

fn unavailable(error: impl Into<BoxError>) -> SnapshotError {
    SnapshotError::Store(StoreError {
        operation: "snapshot",
        kind: StoreErrorKind::Unavailable(Some(RETRY_AFTER)),
        source: Some(error.into()),
    })
}

fn tls(config: &Config, url: &str) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(url, error))?;
    if !url.starts_with("https:") {
        // A container may have no certificates, and needs none here.
        return Ok(builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth());
    }
    let Some(path) = &config.tls_ca_file else {
        let verifier = Verifier::new(provider).map_err(|error| unusable(url, error))?;
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth());
    };
    let unreadable = |source| Error::Io {
        operation: "read",
        path: path.clone(),
        source,
    };
    let pem = std::fs::read(path).map_err(unreadable)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unreadable(std::io::Error::other(error)))?;
        roots.add(certificate).map_err(|error| unusable(url, error))?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn unusable(url: &str, source: impl Into<BoxError>) -> Error {
    Error::Server {
        operation: "connect to",
        url: url.to_owned(),
        is_outage: false,
        source: source.into(),
    }
}
