//! The HTTP client: trusted certificates, default headers.

use std::io;
use std::path::Path;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, redirect};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::config::{ApiConfig, bearer, header};
use crate::{Error, Secret};

/// Makes a client that sends the token and headers of `config` with every request. It follows no redirects, which would
/// receive them too.
pub(crate) fn client(config: &ApiConfig, encrypted: bool) -> Result<Client, Error> {
    Client::builder()
        // Otherwise reqwest uses the process's crypto provider, and panics without one.
        .tls_backend_preconfigured(tls(config.tls_ca_file.as_deref(), encrypted)?)
        .default_headers(headers(config)?)
        .redirect(redirect::Policy::none())
        .build()
        .map_err(Error::Http)
}

fn tls(ca_file: Option<&Path>, encrypted: bool) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?;
    if !encrypted {
        // A container may have no certificates, and needs none here.
        return Ok(builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth());
    }
    let verifier = verifier(ca_file, provider)?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn verifier(ca_file: Option<&Path>, provider: Arc<CryptoProvider>) -> Result<Verifier, Error> {
    let more = ca_file.map_or(Ok(Vec::new()), certificates)?;
    Verifier::new_with_extra_roots(more, provider).map_err(Error::Tls)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unreadable = |source| Error::File {
        key: "tls_ca_file",
        path: path.to_owned(),
        source,
    };
    let pem = std::fs::read(path).map_err(unreadable)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| unreadable(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    if certificates.is_empty() {
        return Err(unreadable(io::Error::new(
            io::ErrorKind::InvalidData,
            "the file holds no certificate (PEM)",
        )));
    }
    Ok(certificates)
}

fn headers(config: &ApiConfig) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token(config)? {
        let value = bearer(&token).map_err(|problem| Error::Config(vec![format!("api_token: {problem}")]))?;
        headers.insert(AUTHORIZATION, value);
    }
    for (name, value) in config.headers.iter().flatten() {
        let (name, value) = header(name, value).map_err(|problem| Error::Config(vec![problem]))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn token(config: &ApiConfig) -> Result<Option<Secret>, Error> {
    let Some(path) = &config.api_token_file else {
        return Ok(config.api_token.clone());
    };
    let token = std::fs::read_to_string(path).map_err(|source| Error::File {
        key: "api_token_file",
        path: path.clone(),
        source,
    })?;
    // Files end with a line break, tokens do not.
    Ok(Some(token.trim().to_owned().into()))
}
