//! The real binary, encrypted.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::server::Tls as TlsServer;
use crate::support::{PATIENCE, until};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `localhost` and its key.
fn issued(by: &Issuer) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, by).unwrap(), key)
}

/// Puts a new certificate where the server looks for it.
fn install(folder: &Path, by: &Issuer) -> (PathBuf, PathBuf) {
    let (certificate, key) = issued(by);
    let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    (cert_file, key_file)
}

fn server(folder: &TempDir, more: &[(&str, &str)]) -> (TlsServer, Issuer) {
    let ours = issuer();
    let (cert_file, key_file) = install(folder.path(), &ours);
    let mut environment = vec![
        ("CONTEXT_MANAGER_SERVER__TLS__CERT_FILE", cert_file.to_str().unwrap()),
        ("CONTEXT_MANAGER_SERVER__TLS__KEY_FILE", key_file.to_str().unwrap()),
        ("CONTEXT_MANAGER_SERVER__TLS__RELOAD_INTERVAL_SECS", "1"),
    ];
    environment.extend_from_slice(more);
    (TlsServer::start(&folder.path().join("data"), &environment), ours)
}

/// Client that trusts `issuer`, speaks `protocol`, and may have a certificate of its own.
fn client(issuer: &Issuer, protocol: &str, own: Option<&Issuer>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(issuer.der().to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = config.with_root_certificates(roots);
    let mut config = match own {
        None => config.with_no_client_auth(),
        Some(by) => {
            let (certificate, key) = issued(by);
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
            config
                .with_client_auth_cert(vec![certificate.der().clone()], key)
                .unwrap()
        }
    };
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    TlsConnector::from(Arc::new(config))
}

async fn connect(address: SocketAddr, connector: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    connector
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
}

/// The status line of an answer over HTTP/1.1.
async fn ask(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    stream
        .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await?;
    let mut answer = vec![0; 8 * 1024];
    let length = tokio::time::timeout(PATIENCE, stream.read(&mut answer))
        .await
        .unwrap()?;
    let text = String::from_utf8_lossy(&answer[..length]).into_owned();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn both_versions_of_http_are_served_and_nothing_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ours) = server(&folder, &[("CONTEXT_MANAGER_SERVER__TLS__HANDSHAKE_TIMEOUT_MS", "300")]);
    let mut stream = connect(server.address, &client(&ours, "http/1.1", None)).await.unwrap();
    assert_eq!(ask(&mut stream).await.unwrap(), "HTTP/1.1 200 OK");

    let stream = connect(server.address, &client(&ours, "h2", None)).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = axum::http::Request::get("https://localhost/health/live")
        .body(())
        .unwrap();
    let (answer, _) = client.ready().await.unwrap().send_request(request, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    connection.abort();

    // Who does not even begin, or begins something else, is gone soon.
    for (start, told) in [
        (&b""[..], false),
        (b"\x05\x01\x00", false),
        (b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", true),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(start).await.unwrap();
        let mut answer = Vec::new();
        let _reset = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), told, "{answer}");
        assert_eq!(answer.contains("use https://"), told, "{answer}");
    }
    let strangers = client_of_strangers();
    assert!(connect(server.address, &strangers).await.is_err());
}

fn client_of_strangers() -> TlsConnector {
    client(&issuer(), "http/1.1", None)
}

#[tokio::test]
async fn a_new_certificate_is_used_without_a_restart_and_old_connections_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ours) = server(&folder, &[]);
    let mut old = connect(server.address, &client(&ours, "http/1.1", None)).await.unwrap();
    assert_eq!(ask(&mut old).await.unwrap(), "HTTP/1.1 200 OK");

    // Half of a change is no change.
    std::fs::write(folder.path().join("cert.pem"), "not a certificate").unwrap();
    let other = issuer();
    let new = client(&other, "http/1.1", None);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(connect(server.address, &client(&ours, "http/1.1", None)).await.is_ok());

    install(folder.path(), &other);
    let changed = async || connect(server.address, &new).await.is_ok();
    until("the new certificate is used", changed).await;
    assert_eq!(ask(&mut old).await.unwrap(), "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn where_clients_need_a_certificate_none_and_a_strangers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, ca_file) = (issuer(), folder.path().join("clients.pem"));
    std::fs::write(&ca_file, theirs.pem()).unwrap();
    let (server, ours) = server(
        &folder,
        &[("CONTEXT_MANAGER_SERVER__TLS__CLIENT_CA_FILE", ca_file.to_str().unwrap())],
    );
    let ask_as = async |own: Option<&Issuer>| {
        // With TLS 1.3 the client learns that it was refused when it first reads.
        let mut stream = connect(server.address, &client(&ours, "http/1.1", own)).await?;
        let answer = ask(&mut stream).await?;
        if answer.is_empty() {
            Err(std::io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok::<_, std::io::Error>(answer)
        }
    };
    assert_eq!(ask_as(Some(&theirs)).await.unwrap(), "HTTP/1.1 200 OK");
    assert!(ask_as(None).await.is_err());
    assert!(ask_as(Some(&issuer())).await.is_err());
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (cert_file, key_file) = install(folder.path(), &issuer());
    install_other_key(&key_file);
    let output = crate::server::command(&folder.path().join("data"))
        .env("CONTEXT_MANAGER_SERVER__TLS__CERT_FILE", &cert_file)
        .env("CONTEXT_MANAGER_SERVER__TLS__KEY_FILE", &key_file)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("cert.pem") && message.contains("key.pem"), "{message}");
}

fn install_other_key(file: &Path) {
    std::fs::write(file, KeyPair::generate().unwrap().serialize_pem()).unwrap();
}
