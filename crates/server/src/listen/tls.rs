//! Encryption: certificates from files, read again when the files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsConfig;

/// Protocols over TLS, by preference.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The certificate that new connections are served with.
#[derive(Debug)]
pub(crate) struct Tls {
    files: Files,
    /// As the files were before they were first read.
    at_start: Stamps,
    current: RwLock<Arc<ServerConfig>>,
}

#[derive(Debug, Clone)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// Modification time and size of each file.
type Stamps = Vec<Option<(SystemTime, u64)>>;

impl Tls {
    /// Reads the files, if a certificate is configured.
    ///
    /// # Errors
    /// When a file cannot be read, or holds no certificate or key that fit together.
    pub(crate) async fn load(config: &TlsConfig) -> anyhow::Result<Option<Self>> {
        let (Some(cert), Some(key)) = (config.cert_file.clone(), config.key_file.clone()) else {
            return Ok(None);
        };
        let client_ca = config.client_ca_file.clone();
        let files = Files { cert, key, client_ca };
        let at_start = files.clone().stamps().await;
        let current = RwLock::new(files.clone().read().await?);
        Ok(Some(Self {
            files,
            at_start,
            current,
        }))
    }

    /// Accepts one connection with the certificate of now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)).into()
    }

    /// Reads the files again when they change, looking every `interval`, for ever. What cannot be used is logged, and the
    /// certificate stays as it was; connections that there are go on.
    pub(crate) async fn follow(&self, interval: Duration) {
        let mut seen = self.at_start.clone();
        loop {
            tokio::time::sleep(interval).await;
            let now = self.files.clone().stamps().await;
            if now == seen {
                continue;
            }
            match self.files.clone().read().await {
                Ok(config) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
                    seen = now;
                    tracing::info!("the TLS certificate was read anew");
                }
                // Perhaps only one of the files is there yet: look again.
                Err(error) => tracing::warn!(error = format!("{error:#}"), "the new TLS certificate cannot be used"),
            }
        }
    }
}

impl Files {
    async fn read(self) -> anyhow::Result<Arc<ServerConfig>> {
        tokio::task::spawn_blocking(move || self.read_now()).await?
    }

    async fn stamps(self) -> Stamps {
        let stamps = tokio::task::spawn_blocking(move || {
            let files = [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()];
            files.into_iter().flatten().map(|file| stamp(file)).collect()
        });
        stamps.await.unwrap_or_default()
    }

    fn read_now(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let provider = Arc::new(ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let config = match &self.client_ca {
            None => config.with_no_client_auth(),
            Some(file) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(file)? {
                    roots.add(certificate).with_context(|| unusable(file))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                config.with_client_cert_verifier(verifier.with_context(|| unusable(file))?)
            }
        };
        let key = PrivateKeyDer::from_pem_file(&self.key).with_context(|| unusable(&self.key))?;
        let mut config = config
            .with_single_cert(certificates(&self.cert)?, key)
            .with_context(|| {
                format!(
                    "{} and {} cannot be used together",
                    self.cert.display(),
                    self.key.display()
                )
            })?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Arc::new(config))
    }
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(file).with_context(|| unusable(file))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().with_context(|| unusable(file))?;
    anyhow::ensure!(!certificates.is_empty(), "{} holds no certificate", file.display());
    Ok(certificates)
}

fn unusable(file: &Path) -> String {
    format!("cannot use the TLS file {}", file.display())
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = file.metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
