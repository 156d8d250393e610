//! TLS certificates of the server.

use std::path::Path;
use std::time::Duration;

use context_manager_core::ports::{Clock as _, SystemClock};
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

use super::finding::Findings;
use crate::config::{Config, TlsConfig};
use crate::listen::Tls;

const CERTIFICATES: &str = "certificates";
/// Time before the expiry of a certificate from which on it should be renewed.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Time that no certificate is valid for.
const AFTER_ALL: SignedDuration = SignedDuration::from_hours(24 * 365 * 500);

pub(super) async fn check(config: &Config, found: &mut Findings) {
    let tls = &config.server.tls;
    let Some(file) = &tls.cert_file else { return };
    if let Err(error) = Tls::load(tls).await {
        found.error(
            CERTIFICATES,
            format!("{error:#}"),
            "mend server.tls.cert_file and server.tls.key_file: PEM files of one certificate, readable for this user",
        );
        return;
    }
    let files = [Some(file), tls.client_ca_file.as_ref()];
    for file in files.into_iter().flatten() {
        expiry(file, found);
    }
    name(config, tls, found);
    found.otherwise(CERTIFICATES, "readable, valid, and for the server's name");
}

fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    let certificates = CertificateDer::pem_file_iter(file).into_iter().flatten();
    certificates.flatten().collect()
}

fn expiry(file: &Path, found: &mut Findings) {
    const MEND: &str = "renew it: a running server takes the new files over";

    let now = SystemClock.now();
    for certificate in certificates(file) {
        if let Some(begins) = begins(&certificate, now) {
            found.error(
                CERTIFICATES,
                format!("`{}` is not valid before {begins:.0}", file.display()),
                "wait, or set the clock of this machine",
            );
        }
        let Some(ends) = ends(&certificate, now) else { continue };
        if ends <= now {
            found.error(CERTIFICATES, format!("`{}` expired at {ends:.0}", file.display()), MEND);
        } else if ends.duration_since(now) < SOON {
            found.warning(CERTIFICATES, format!("`{}` expires at {ends:.0}", file.display()), MEND);
        }
    }
}

/// Returns the time from which on a certificate is valid, if that is to come.
fn begins(certificate: &CertificateDer<'_>, now: Timestamp) -> Option<Timestamp> {
    let CertificateError::NotValidYetContext { not_before, .. } = verdict(certificate, now)? else {
        return None;
    };
    timestamp(not_before)
}

/// Returns the expiry of a certificate.
fn ends(certificate: &CertificateDer<'_>, now: Timestamp) -> Option<Timestamp> {
    let after_all = now.checked_add(AFTER_ALL).ok()?;
    let CertificateError::ExpiredContext { not_after, .. } = verdict(certificate, after_all)? else {
        return None;
    };
    timestamp(not_after)
}

/// Returns the objection to a certificate at a time. Its validity is checked first; nobody vouches for it here.
fn verdict(certificate: &CertificateDer<'_>, at: Timestamp) -> Option<CertificateError> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at.as_second().try_into().ok()?));
    let algorithms = ring::default_provider().signature_verification_algorithms.all;
    match verify_server_cert_signed_by_trust_anchor(&parsed, &RootCertStore::empty(), &[], at, algorithms) {
        Err(Error::InvalidCertificate(error)) => Some(error),
        _ => None,
    }
}

fn timestamp(time: UnixTime) -> Option<Timestamp> {
    Timestamp::from_second(time.as_secs().try_into().ok()?).ok()
}

/// Checks that the certificate is for the name that clients use.
fn name(config: &Config, tls: &TlsConfig, found: &mut Findings) {
    let server = &config.server;
    let public = server.public_url.as_deref().and_then(|url| Url::parse(url).ok());
    let name = match public.as_ref().and_then(Url::host_str) {
        Some(host) => host.trim_matches(['[', ']']).to_owned(),
        None if server.host.is_unspecified() || server.host.is_loopback() => return,
        None => server.host.to_string(),
    };
    let first = tls
        .cert_file
        .as_deref()
        .and_then(|file| certificates(file).into_iter().next());
    let (Some(first), Ok(expected)) = (first, ServerName::try_from(name.clone())) else {
        return;
    };
    let Ok(parsed) = ParsedCertificate::try_from(&first) else {
        return;
    };
    if verify_server_name(&parsed, &expected).is_err() {
        found.error(
            CERTIFICATES,
            format!("the certificate is not for {name}: clients refuse it"),
            "get one for that name, or mend server.public_url",
        );
    }
}
