//! HTTP connections that carry keys.

use std::error::Error;
use std::sync::Arc;

use reqwest::redirect;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::Certificates;

/// Builds an HTTP client that follows no redirects, as keys would travel along. Unencrypted requests bypass proxies.
///
/// # Errors
/// When the certificates of the operating system cannot be read.
pub fn http_client(
    encrypted: bool,
    certificates: Certificates,
) -> Result<reqwest::Client, Box<dyn Error + Send + Sync>> {
    let builder = reqwest::Client::builder().redirect(redirect::Policy::none());
    let builder = match certificates {
        Certificates::System => builder.tls_backend_preconfigured(tls(encrypted)?),
        Certificates::Any => {
            // reqwest takes the process's provider; one that is installed already stays.
            let _installed = ring::default_provider().install_default();
            builder.tls_danger_accept_invalid_certs(true)
        }
    };
    let trusted = encrypted && certificates == Certificates::System;
    let builder = if trusted { builder } else { builder.no_proxy() };
    Ok(builder.build()?)
}

fn tls(encrypted: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    if encrypted {
        return Ok(builder.with_platform_verifier()?.with_no_client_auth());
    }
    // Containers may have no certificates, and need none here.
    Ok(builder
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}
