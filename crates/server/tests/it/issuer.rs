//! An issuer as Keycloak is one: metadata, keys that rotate, and access tokens of people of one realm.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use context_manager::config::JwtConfig;
use context_manager_core::ports::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::jwt::Signer;
use crate::server::Server;
use crate::support::{TestApp, texts, until};

/// A realm of an identity provider.
struct Realm {
    /// Its issuer.
    url: String,
    answers: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl Realm {
    /// Starts the provider, where nothing is published yet.
    async fn start() -> Self {
        let answers: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
        let published = Arc::clone(&answers);
        let answer = move |path: axum::extract::Path<String>| {
            let answer = published.lock().unwrap().get(&path.0).cloned();
            async move { answer.map(Json).ok_or(StatusCode::SERVICE_UNAVAILABLE) }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/realms/acme", listener.local_addr().unwrap());
        let router = Router::new().route("/realms/acme/{*path}", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, answers }
    }

    fn answer(&self, path: &str, answer: Value) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// Publishes the metadata of an issuer, with its keys at this path.
    fn describe(&self, issuer: &str, keys: &str) {
        let url = &self.url;
        let metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{url}/protocol/openid-connect/auth"),
            "token_endpoint": format!("{url}/protocol/openid-connect/token"),
            "jwks_uri": format!("{url}/{keys}"),
            "id_token_signing_alg_values_supported": ["ES256", "RS256"],
        });
        self.answer(".well-known/openid-configuration", metadata);
    }

    /// Publishes keys at this path, beside one that is for encryption, as Keycloak does.
    fn publish(&self, path: &str, signers: &[&Signer]) {
        let mut keys =
            vec![json!({"kty": "RSA", "kid": "enc", "alg": "RSA-OAEP", "use": "enc", "n": "sXch", "e": "AQAB"})];
        keys.extend(signers.iter().map(|signer| signer.public()));
        self.answer(path, json!({"keys": keys}));
    }

    /// Claims of an access token of a person with these roles.
    fn claims(&self, subject: &str, roles: &[&str]) -> Value {
        let now = SystemClock.now().as_second();
        let roles = [&["offline_access", "default-roles-acme"], roles].concat();
        json!({
            "exp": now + 300, "iat": now, "jti": "onrtac:1", "iss": self.url, "aud": ["context-manager", "account"],
            "sub": subject, "typ": "Bearer", "azp": "agents", "sid": "s", "acr": "1",
            "realm_access": {"roles": roles},
            "resource_access": {"account": {"roles": ["manage-account"]}},
            "scope": "openid profile email", "email_verified": true, "preferred_username": "somebody",
        })
    }

    /// Starts a server that knows only the issuer, and binds people by their subjects.
    async fn server(&self, folder: &Path) -> Server {
        let settings = [
            ("ISSUER", self.url.as_str()),
            ("AUDIENCE", r#"["context-manager"]"#),
            ("TENANT", "acme"),
            ("USER_CLAIM", "sub"),
            ("PERMISSIONS_CLAIM", "realm_access.roles"),
            ("PERMISSIONS_PREFIX", "memory-"),
        ];
        let settings = settings.map(|(name, value)| (format!("CONTEXT_MANAGER_AUTH__JWT__{name}"), value));
        let mut settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        settings.push(("CONTEXT_MANAGER_HEALTH__MIN_CHECK_INTERVAL_MS", "1"));
        Server::with(&folder.join("data"), &settings).await
    }
}

async fn call(server: &Server, token: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let url = format!("{}/api/v1{path}", server.url);
    let mut request = server.client.request(method.parse().unwrap(), url).bearer_auth(token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

async fn becomes(server: &Server, token: &str, status: u16) {
    server.becomes("/api/v1/stats", Some(token), status).await;
}

#[tokio::test]
async fn keys_are_found_by_the_issuer_and_followed_when_they_rotate_or_move() {
    let folder = tempfile::tempdir().unwrap();
    let (realm, old, new) = (Realm::start().await, Signer::new("old"), Signer::new("new"));
    let server = realm.server(folder.path()).await;
    let [first, second] = [&old, &new].map(|signer| signer.token(&realm.claims("ann", &["memory-read"])));
    let provider_is = async |status: &str| {
        let request = server.client.get(format!("{}/health?fresh=true", server.url));
        let health: Value = request.send().await.unwrap().json().await.unwrap();
        let mut parts = health["components"].as_array().unwrap().iter();
        parts.any(|part| part["name"] == "identity_provider" && part["status"] == status)
    };
    // The server serves, and says that it does not know the keys.
    becomes(&server, &first, 503).await;
    until("the metadata is missed", async || provider_is("degraded").await).await;
    let certs = "protocol/openid-connect/certs";
    realm.publish(certs, &[&old]);
    // Metadata of another issuer opens nothing.
    realm.describe("https://id.example.com/realms/acme", certs);
    until("it is asked again", async || {
        server.output().contains("names another issuer")
    })
    .await;
    becomes(&server, &first, 503).await;

    realm.describe(&realm.url, certs);
    becomes(&server, &first, 200).await;
    until("the provider is healthy", async || provider_is("healthy").await).await;
    realm.publish(certs, &[&old, &new]);
    becomes(&server, &second, 200).await;
    becomes(&server, &first, 200).await;
    realm.publish("moved", &[&new]);
    realm.describe(&realm.url, "moved");
    let unknown = Signer::new("unknown").token(&realm.claims("ann", &[]));
    // A token of an unknown key has the keys looked for.
    until("the old key is withdrawn", async || {
        let unknown = call(&server, &unknown, "GET", "/stats", None).await.0;
        unknown == 401 && call(&server, &first, "GET", "/stats", None).await.0 == 401
    })
    .await;
    becomes(&server, &second, 200).await;
    let output = server.output();
    assert!(
        !output.contains(&first) && !output.contains(&second),
        "tokens are never logged"
    );
}

#[tokio::test]
async fn people_of_a_realm_meet_their_own_contexts_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (realm, signer) = (Realm::start().await, Signer::new("a"));
    realm.publish("certs", &[&signer]);
    realm.describe(&realm.url, "certs");
    let server = realm.server(folder.path()).await;
    let (anns, bobs) = (
        "0c9a1e9e-6d8f-4f0b-9d56-2f2f3a5a2b10",
        "5a1c4e3f-0000-4000-8000-7c1d3b9a6e55",
    );
    let both = ["memory-read", "memory-write"];
    let [ann, bob] = [anns, bobs].map(|subject| signer.token(&realm.claims(subject, &both)));
    becomes(&server, &ann, 200).await;

    let body = json!({"text": "The safe is behind the painting."});
    let (status, stored) = call(&server, &ann, "POST", "/contexts", Some(body)).await;
    assert_eq!((status, &stored["user_id"]), (201, &json!(anns)));
    let path = format!("/contexts/{}", stored["id"].as_str().unwrap());
    assert_eq!(call(&server, &ann, "GET", &path, None).await.0, 200);
    assert_eq!(call(&server, &bob, "GET", &path, None).await.0, 404);
    let question = json!({"query": "where is the safe"});
    let (_, found) = call(&server, &bob, "POST", "/contexts/search", Some(question.clone())).await;
    assert_eq!(texts(&found), [""; 0]);
    let (_, found) = call(&server, &ann, "POST", "/contexts/search", Some(question)).await;
    assert_eq!(texts(&found).len(), 1);
    assert_eq!(
        call(&server, &bob, "DELETE", &format!("/users/{anns}"), None).await.0,
        403
    );

    let operator = signer.token(&realm.claims(anns, &["memory-read", "memory-admin"]));
    let (status, refused) = call(&server, &operator, "GET", "/admin/export", None).await;
    let detail = refused["detail"].as_str().unwrap_or_default();
    assert_eq!(status, 403);
    assert!(
        detail.contains("`realm_access.roles`") && detail.contains("bound to a user"),
        "{detail}"
    );
    let without_roles = signer.token(&realm.claims(anns, &[]));
    assert_eq!(call(&server, &without_roles, "GET", "/stats", None).await.0, 403);
}

/// The settings of a recipe in the documentation, with words in capitals replaced.
fn recipe(name: &str) -> JwtConfig {
    let page = include_str!("../../../../docs/how-to/identity-provider.md");
    let (_, section) = page.split_once(&format!("### {name}\n")).unwrap();
    let (_, block) = section.split_once("```toml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let block = ["TENANT_ID", "CLIENT_ID", "ORG"]
        .iter()
        .fold(block.to_owned(), |block, word| {
            block.replace(word, &word.to_lowercase())
        });
    let table: toml::Table = toml::from_str(&block).unwrap();
    table["auth"]["jwt"].clone().try_into().unwrap()
}

/// The claims of a token of each provider that its settings are about, and the tenant and user that it is for.
fn tokens() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    vec![
        (
            "Keycloak",
            json!({
                "iss": "https://id.example.com/realms/acme", "aud": ["context-manager", "account"], "typ": "Bearer",
                "sub": "0c9a1e9e-6d8f", "realm_access": {"roles": ["uma_authorization", "memory-read", "memory-write"]},
                "scope": "openid profile", "preferred_username": "ann",
            }),
            "acme",
            "0c9a1e9e-6d8f",
        ),
        (
            "Microsoft Entra ID",
            json!({
                "iss": "https://login.microsoftonline.com/tenant_id/v2.0", "aud": "client_id", "ver": "2.0",
                "tid": "tenant_id", "oid": "690222be-ff1a", "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVr",
                "scp": "memory.read memory.write", "preferred_username": "ann@example.com",
            }),
            "acme",
            "690222be-ff1a",
        ),
        (
            "Okta",
            json!({
                "ver": 1, "iss": "https://org.okta.com/oauth2/default", "aud": "https://memory.example.com",
                "cid": "0oa1", "uid": "00uid4BxXw6I6TV4m0g3", "scp": ["openid", "memory.read", "memory.write"],
                "sub": "ann@example.com",
            }),
            "acme",
            "00uid4BxXw6I6TV4m0g3",
        ),
        (
            "Google",
            json!({
                "iss": "https://accounts.google.com", "aud": "client_id.apps.googleusercontent.com",
                "azp": "client_id.apps.googleusercontent.com", "sub": "110169484474386276334", "hd": "example.com",
                "email": "ann@example.com", "email_verified": true,
            }),
            "example.com",
            "110169484474386276334",
        ),
    ]
}

#[tokio::test]
async fn tokens_of_known_providers_are_for_the_person_that_the_recipes_say() {
    for (provider, claims, tenant, user) in tokens() {
        let (signer, folder) = (Signer::new("a"), tempfile::tempdir().unwrap());
        let file = folder.path().join("jwks.json");
        std::fs::write(&file, signer.set()).unwrap();
        let app = TestApp::with(|config| {
            config.auth.jwt = JwtConfig {
                jwks_file: Some(file),
                ..recipe(provider)
            };
            assert_eq!(config.problems(), [""; 0], "{provider}");
        })
        .await;
        let token = |mut claims: Value| {
            claims["exp"] = json!(SystemClock.now().as_second() + 300);
            signer.token(&claims)
        };
        let body = json!({"text": "The safe is behind the painting."});
        let valid = token(claims.clone());
        let stored = app.call_with_key(&valid, "POST", "/api/v1/contexts", Some(&body)).await;
        assert_eq!(stored.status, StatusCode::CREATED, "{provider}: {}", stored.text);
        assert_eq!(stored.body["user_id"], user, "{provider}");
        let scope = context_manager_core::Scope::maintenance(context_manager_core::TenantId::try_new(tenant).unwrap());
        let in_tenant = app.memory.engine.usage(&scope, false).await.unwrap();
        assert_eq!(in_tenant.contexts, 1, "{provider}");

        // Nobody gets in without a person, nor without a tenant where the token names it.
        let settings = &app.config.auth.jwt;
        let mut needed: Vec<&str> = settings.user_claim.as_deref().into_iter().collect();
        needed.extend(settings.tenant.is_none().then_some(settings.tenant_claim.as_str()));
        for claim in needed {
            let mut claims = claims.clone();
            claims.as_object_mut().unwrap().remove(claim);
            let refused = app.call_with_key(&token(claims), "GET", "/api/v1/stats", None).await;
            refused.problem(401, "unauthenticated");
        }
    }
}
