//! Tokens of an identity provider, which is played here: its keys in a file and behind an address, and what it signs.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use context_manager::auth::Permissions;
use context_manager::config::{Config, JwtConfig};
use context_manager_core::ports::{Clock as _, SystemClock};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::server::Server;
use crate::support::{Answer, TestApp, until};

const ISSUER: &str = "https://id.example.com/";
const AUDIENCE: &str = "context-manager";

/// A key that the provider signs with.
pub(crate) struct Signer {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Signer {
    pub(crate) fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { id, pair }
    }

    /// The key set that the provider publishes.
    pub(crate) fn set(&self) -> String {
        json!({"keys": [self.public()]}).to_string()
    }

    /// The public key.
    pub(crate) fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let [x, y] = [x, y].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        json!({"kty": "EC", "crv": "P-256", "kid": self.id, "alg": "ES256", "use": "sig", "x": x, "y": y})
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({"alg": "ES256", "kid": self.id, "typ": "JWT"}), claims)
    }

    fn token_with(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The claims of a token that is right.
fn claims(tenant: &str, scope: &str) -> Value {
    let now = SystemClock.now().as_second();
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "agent-7", "exp": now + 600, "tenant": tenant, "scope": scope})
}

fn with(mut claims: Value, claim: &str, value: Value) -> Value {
    claims[claim] = value;
    claims
}

fn without(mut claims: Value, claim: &str) -> Value {
    claims.as_object_mut().unwrap().remove(claim);
    claims
}

/// A server that reads the provider's keys from a file.
async fn app(signer: &Signer, folder: &Path) -> TestApp {
    app_with(signer, folder, JwtConfig::default()).await
}

/// The same with these settings besides.
async fn app_with(signer: &Signer, folder: &Path, jwt: JwtConfig) -> TestApp {
    let file = folder.join("jwks.json");
    std::fs::write(&file, signer.set()).unwrap();
    TestApp::with(|config: &mut Config| {
        config.auth.jwt = JwtConfig {
            issuer: Some(ISSUER.to_owned()),
            audience: vec![AUDIENCE.to_owned()],
            jwks_file: Some(file),
            ..jwt
        };
    })
    .await
}

async fn stats(app: &TestApp, token: &str) -> Answer {
    app.call_with_key(token, "GET", "/api/v1/stats", None).await
}

#[tokio::test]
async fn a_token_opens_what_its_claims_say_and_nothing_else() {
    let (signer, folder) = (Signer::new("a"), tempfile::tempdir().unwrap());
    let app = app(&signer, folder.path()).await;
    let [acme, other] = ["acme", "other"].map(|tenant| signer.token(&claims(tenant, "openid read write")));

    let body = json!({"text": "Mira moved to Lisbon.", "level": "long_term"});
    let stored = app.call_with_key(&acme, "POST", "/api/v1/contexts", Some(&body)).await;
    assert_eq!(stored.status, StatusCode::CREATED, "{}", stored.text);
    let path = format!("/api/v1/contexts/{}", stored.body["id"].as_str().unwrap());
    assert_eq!(app.call_with_key(&acme, "GET", &path, None).await.status, 200);
    assert_eq!(app.call_with_key(&other, "GET", &path, None).await.status, 404);

    let reader = signer.token(&claims("acme", "read"));
    assert_eq!(app.call_with_key(&reader, "GET", &path, None).await.status, 200);
    let refused = app
        .call_with_key(&reader, "POST", "/api/v1/contexts", Some(&body))
        .await;
    refused.problem(403, "forbidden");
    let detail = refused.body["detail"].as_str().unwrap();
    for part in ["token", "`write`", "claim `scope`", "auth.jwt.max_permissions"] {
        assert!(detail.contains(part), "{detail}");
    }
    let list = signer.token(&with(claims("acme", ""), "scope", json!(["read"])));
    assert_eq!(stats(&app, &list).await.status, 200);
    let nothing = signer.token(&without(claims("acme", ""), "scope"));
    stats(&app, &nothing).await.problem(403, "forbidden");
    app.get("/api/v1/stats").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn words_of_a_scope_that_mean_other_things_open_nothing() {
    let (signer, folder) = (Signer::new("a"), tempfile::tempdir().unwrap());
    let app = app(&signer, folder.path()).await;
    let operator = signer.token(&claims("acme", "openid admin"));
    stats(&app, &operator).await.problem(403, "forbidden");

    let settings = JwtConfig {
        tenant_claim: "/org/name".to_owned(),
        permissions_claim: "/org/roles".to_owned(),
        permissions_prefix: "memory:".to_owned(),
        max_permissions: Permissions::all(),
        ..JwtConfig::default()
    };
    let (signer, folder) = (Signer::new("a"), tempfile::tempdir().unwrap());
    let app = app_with(&signer, folder.path(), settings).await;
    for (roles, status) in [
        (json!(["memory:read"]), 200),
        (json!(["memory:admin"]), 200),
        (json!(["read", "admin", "memory:", "other:read"]), 403),
        (json!({"memory:read": true}), 403),
    ] {
        let org = json!({"name": "acme", "roles": roles});
        let token = signer.token(&with(claims("elsewhere", "memory:admin"), "org", org));
        let answer = stats(&app, &token).await;
        assert_eq!(answer.status, status, "{roles}");
        let names_claim = answer
            .text
            .contains("`memory:read` was looked for in the claim `/org/roles`");
        assert_eq!(names_claim, status == 403, "{}", answer.text);
        assert!(!answer.text.contains("other:read"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_token_that_is_not_right_is_refused_with_the_reason() {
    let (signer, folder) = (Signer::new("a"), tempfile::tempdir().unwrap());
    let app = app(&signer, folder.path()).await;
    let right = claims("acme", "read");
    let now = SystemClock.now().as_second();
    assert_eq!(stats(&app, &signer.token(&right)).await.status, 200);

    for (claims, why) in [
        (with(right.clone(), "exp", json!(now - 60)), "expired"),
        (with(right.clone(), "nbf", json!(now + 3600)), "not valid yet"),
        (with(right.clone(), "iss", json!("https://id.example.org/")), "issuer"),
        (with(right.clone(), "aud", json!(["another", "server"])), "audience"),
        (without(right.clone(), "exp"), "claims"),
        (without(right.clone(), "aud"), "claims"),
        (without(right.clone(), "iss"), "claims"),
        (without(right.clone(), "sub"), "claims"),
        (with(right.clone(), "sub", json!("two\nlines")), "subject"),
        (without(right.clone(), "tenant"), "tenant"),
        (with(right.clone(), "tenant", json!("_reserved")), "tenant"),
        (with(right.clone(), "tenant", json!("no/such")), "tenant"),
        (with(right.clone(), "cnf", json!({"jkt": "0Zc"})), "bound"),
    ] {
        let answer = stats(&app, &signer.token(&claims)).await;
        answer.problem(401, "unauthenticated");
        assert!(answer.text.contains(why), "{why}: {}", answer.text);
    }

    let stranger = Signer::new("a");
    let unpublished = Signer::new("b");
    let unsigned = signer.token_with(&json!({"alg": "none"}), &right);
    let with_public_key = {
        let text = signer.token_with(&json!({"alg": "HS256", "kid": "a"}), &right);
        let (message, _) = text.rsplit_once('.').unwrap();
        let secret = hmac::Key::new(hmac::HMAC_SHA256, signer.pair.public_key().as_ref());
        let code = hmac::sign(&secret, message.as_bytes());
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(code))
    };
    let other_algorithm = signer.token_with(&json!({"alg": "RS256", "kid": "a"}), &right);
    let critical = signer.token_with(&json!({"alg": "ES256", "kid": "a", "crit": ["exp"]}), &right);
    let whole = signer.token(&right);
    let (start, _signature) = whole.rsplit_once('.').unwrap();
    for (token, why) in [
        (stranger.token(&right), "signature"),
        (unpublished.token(&right), "published"),
        (unsigned, "not known"),
        (with_public_key, "algorithm is not accepted"),
        (other_algorithm, "published for its algorithm"),
        (critical, "critical"),
        (format!("{start}."), "signature"),
        (format!("{}.{}.{}", "e30", "e30", "e30"), "not known"),
        ("x".repeat(9000), "does not hold a key"),
    ] {
        let answer = stats(&app, &token).await;
        answer.problem(401, "unauthenticated");
        assert!(answer.text.contains(why), "{why}: {}", answer.text);
        assert!(!answer.text.contains(&token), "{why}");
    }
    let without_id = signer.token_with(&json!({"alg": "ES256"}), &with(right, "exp", json!(now - 10)));
    let answer = stats(&app, &without_id).await;
    assert_eq!(
        answer.status, 200,
        "the only key, and within the leeway: {}",
        answer.text
    );
}

/// An identity provider that publishes its keys at an address.
struct Provider {
    url: String,
    set: Arc<Mutex<Option<String>>>,
}

impl Provider {
    async fn start() -> Self {
        let set: Arc<Mutex<Option<String>>> = Arc::default();
        let published = Arc::clone(&set);
        let answer = move || {
            let set = published.lock().unwrap().clone();
            async move { set.ok_or(StatusCode::SERVICE_UNAVAILABLE) }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let router = Router::new().route("/jwks", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, set }
    }

    fn publish(&self, signer: &Signer) {
        *self.set.lock().unwrap() = Some(signer.set());
    }

    fn withdraw(&self) {
        *self.set.lock().unwrap() = Some(r#"{"keys": []}"#.to_owned());
    }

    fn fall_silent(&self) {
        *self.set.lock().unwrap() = None;
    }
}

async fn becomes(server: &Server, token: &str, status: u16) {
    server.becomes("/api/v1/stats", Some(token), status).await;
}

#[tokio::test]
async fn the_provider_may_come_late_and_change_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (provider, old, new) = (Provider::start().await, Signer::new("old"), Signer::new("new"));
    let server = Server::with(
        &folder.path().join("data"),
        &[
            ("CONTEXT_MANAGER_AUTH__JWT__ISSUER", ISSUER),
            ("CONTEXT_MANAGER_AUTH__JWT__AUDIENCE", r#"["context-manager"]"#),
            ("CONTEXT_MANAGER_AUTH__JWT__JWKS_URL", &provider.url),
            ("CONTEXT_MANAGER_HEALTH__MIN_CHECK_INTERVAL_MS", "1"),
        ],
    )
    .await;
    let [first, second] = [&old, &new].map(|signer| signer.token(&claims("acme", "read")));
    let provider_is = async |status: &str| {
        let request = server.client.get(format!("{}/health?fresh=true", server.url));
        let health: Value = request.send().await.unwrap().json().await.unwrap();
        let mut parts = health["components"].as_array().unwrap().iter();
        parts.any(|part| part["name"] == "identity_provider" && part["status"] == status)
    };

    becomes(&server, &first, 503).await;
    assert!(provider_is("degraded").await);
    provider.publish(&old);
    becomes(&server, &first, 200).await;
    assert!(provider_is("healthy").await);
    // Long before the keys are read by themselves.
    provider.publish(&new);
    becomes(&server, &second, 200).await;
    becomes(&server, &first, 401).await;
    // A provider that is down takes nothing away, one that publishes nothing does.
    provider.fall_silent();
    becomes(&server, &first, 401).await;
    until("the provider is asked again", async || provider_is("degraded").await).await;
    becomes(&server, &second, 200).await;
    provider.withdraw();
    becomes(&server, &first, 401).await;
    becomes(&server, &second, 401).await;
    assert!(!server.output().contains(&second), "tokens are never logged");
}

#[tokio::test]
async fn a_changed_file_of_keys_is_taken_over_and_a_broken_one_is_not() {
    let (old, new, folder) = (Signer::new("old"), Signer::new("new"), tempfile::tempdir().unwrap());
    let app = app(&old, folder.path()).await;
    let file = folder.path().join("jwks.json");
    let [first, second] = [&old, &new].map(|signer| signer.token(&claims("acme", "read")));
    std::fs::write(&file, "not a set").unwrap();
    app.authenticator.reload_if_changed();
    assert_eq!(stats(&app, &first).await.status, 200);
    std::fs::write(&file, new.set()).unwrap();
    app.authenticator.reload_if_changed();
    assert_eq!(stats(&app, &second).await.status, 200);
    stats(&app, &first).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn the_audit_log_names_the_subject() {
    let (signer, folder) = (Signer::new("a"), tempfile::tempdir().unwrap());
    let jwks = folder.path().join("jwks.json");
    std::fs::write(&jwks, signer.set()).unwrap();
    let log = folder.path().join("audit.jsonl");
    let server = Server::with(
        &folder.path().join("data"),
        &[
            ("CONTEXT_MANAGER_AUTH__JWT__ISSUER", ISSUER),
            ("CONTEXT_MANAGER_AUTH__JWT__AUDIENCE", r#"["context-manager"]"#),
            ("CONTEXT_MANAGER_AUTH__JWT__JWKS_FILE", jwks.to_str().unwrap()),
            ("CONTEXT_MANAGER_AUDIT__PATH", log.to_str().unwrap()),
        ],
    )
    .await;
    let token = signer.token(&claims("acme", "write"));
    let request = server.client.delete(format!("{}/api/v1/users/mira", server.url));
    let answer = request.bearer_auth(&token).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let written = std::fs::read_to_string(log).unwrap();
    let entry: Value = serde_json::from_str(written.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&entry["who"], &entry["tenant"]),
        (&json!("jwt:agent-7"), &json!("acme")),
        "{entry}"
    );
}

#[tokio::test]
async fn a_client_without_a_token_learns_where_to_get_one() {
    let (signer, folder) = (Signer::new("a"), tempfile::tempdir().unwrap());
    let app = app(&signer, folder.path()).await;
    for (path, described) in [
        ("/mcp", "/.well-known/oauth-protected-resource/mcp"),
        ("/api/v1/contexts/search", "/.well-known/oauth-protected-resource"),
    ] {
        let refused = app.call("POST", path, json!({})).await;
        refused.problem(401, "unauthenticated");
        let challenge = refused.headers["www-authenticate"].to_str().unwrap();
        let expected = format!(r#"Bearer resource_metadata="http://localhost{described}", scope="read write""#);
        assert_eq!(challenge, expected);
        let metadata = app.get(described).await;
        assert_eq!(metadata.status, StatusCode::OK, "{}", metadata.text);
        assert_eq!(metadata.body["authorization_servers"], json!([ISSUER]));
        let tools = if path == "/mcp" { "/mcp" } else { "" };
        assert_eq!(metadata.body["resource"], format!("http://localhost{tools}"));
    }
    let token = signer.token(&claims("acme", "read"));
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let answer = app.call_with_key(&token, "POST", "/mcp", Some(&ping)).await;
    assert_eq!(
        answer.status,
        StatusCode::NOT_ACCEPTABLE,
        "the token opens it: {}",
        answer.text
    );

    let without = TestApp::start().await;
    let path = "/.well-known/oauth-protected-resource";
    without.get(path).await.problem(404, "not_found");
}
