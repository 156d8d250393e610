//! Certificates that the client trusts.

use std::error::Error as _;
use std::sync::Arc;

use context_manager_core::ports::Embedder;
use context_manager_embedding::{ApiConfig, Error, OpenAiCompatible};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::peer::{Asked, Peer, vector};

/// A peer with a self-signed certificate, and its settings.
async fn peer() -> (Peer, ApiConfig, NamedTempFile) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let peer = Peer::start_with(Some(acceptor), 1, |_, asked: &Asked| asked.answer()).await;
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cert.pem()).unwrap();
    let config = ApiConfig {
        api_url: Some(format!("https://localhost:{}", peer.address().port())),
        max_retries: 0,
        ..crate::config(&peer)
    };
    (peer, config, file)
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused() {
    let (peer, config, _file) = peer().await;
    let error = OpenAiCompatible::builder(config).connect(None).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(format!("{error:?}").contains("UnknownIssuer"), "{error:?}");
    assert!(peer.asked().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_certificate_of_the_file_is_trusted_for_its_name_only() {
    let (peer, config, file) = peer().await;
    let config = ApiConfig {
        tls_ca_file: Some(file.path().to_owned()),
        ..config
    };
    let embedder = OpenAiCompatible::builder(config.clone()).connect(None).await.unwrap();
    assert_eq!(embedder.embed_query("hello").await.unwrap().vector, vector("hello"));

    let config = ApiConfig {
        api_url: Some(format!("https://{}", peer.address())),
        ..config
    };
    let error = OpenAiCompatible::builder(config).connect(None).await.unwrap_err();
    assert!(format!("{error:?}").contains("NotValidForName"), "{error:?}");
}

#[tokio::test]
async fn a_file_without_certificates_is_an_error() {
    let (_peer, config, file) = peer().await;
    std::fs::write(file.path(), "no certificate").unwrap();
    let config = ApiConfig {
        tls_ca_file: Some(file.path().to_owned()),
        ..config
    };
    let error = OpenAiCompatible::builder(config).connect(None).await.unwrap_err();
    assert!(
        error.source().unwrap().to_string().contains("no certificate"),
        "{error:?}"
    );
}
