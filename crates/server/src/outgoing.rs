//! Requests that this program sends by itself, to another server of its kind or to an identity provider.

use std::sync::Arc;

use reqwest::{Client, redirect};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// A client that trusts whom the system trusts, and follows no redirect: keys would travel along. What is not encrypted
/// is not sent through a proxy either.
pub(crate) fn client(encrypted: bool) -> anyhow::Result<Client> {
    let builder = Client::builder()
        .tls_backend_preconfigured(tls(encrypted)?)
        .redirect(redirect::Policy::none());
    let builder = if encrypted { builder } else { builder.no_proxy() };
    Ok(builder.build()?)
}

fn tls(encrypted: bool) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    if encrypted {
        return Ok(builder.with_platform_verifier()?.with_no_client_auth());
    }
    // A container may well have no certificates, and needs none.
    Ok(builder
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}
