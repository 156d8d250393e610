//! A server in this process, with the real engine and model in a temporary folder.
//!
//! With `TEST_STORE=qdrant` contexts are kept on the Qdrant server at `QDRANT_URL` instead, in a collection for each test:
//! `cargo xtask integration` runs the tests of the API that way, too.

use std::env;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use context_manager::api::router;
use context_manager::app::{Memory, default_tenant, key_places};
use context_manager::auth::Authenticator;
use context_manager::config::Config;
use context_manager::service::Service;
use context_manager_core::ports::SystemClock;
use context_manager_embedding::StaticTable;
use context_manager_observability::{AuditConfig, LogConfig, LogControl, Metrics, Phase, init_logs, install_metrics};
use qdrant_client::Qdrant;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

pub(crate) struct TestApp {
    router: Router,
    pub(crate) memory: Memory,
    pub(crate) service: Arc<Service>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) config: Box<Config>,
    folder: TempDir,
    collection: Option<Collection>,
}

/// A collection of a test's own, removed with this.
struct Collection {
    url: String,
    name: String,
}

impl Collection {
    /// Has the server of this configuration use one, if asked for by the environment.
    fn if_asked_for(config: &mut Config) -> Option<Self> {
        env::var("TEST_STORE").ok().filter(|store| store == "qdrant")?;
        let server = &mut config.vector_db.qdrant;
        if server.url.is_none() {
            server.url = Some(env::var("QDRANT_URL").expect("QDRANT_URL is set beside TEST_STORE"));
            server.api_key = env::var("QDRANT_API_KEY").ok().map(Into::into);
        }
        server.collection_prefix = format!("test_{}", uuid::Uuid::now_v7().simple());
        Some(Self {
            url: server.url.clone().unwrap(),
            name: server.collection(),
        })
    }
}

impl Drop for Collection {
    fn drop(&mut self) {
        let remove = || {
            let client = Qdrant::from_url(&self.url).api_key(env::var("QDRANT_API_KEY"));
            let client = client.skip_compatibility_check().build().unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(client.delete_collection(&self.name)).unwrap();
        };
        // A runtime cannot be waited for inside another.
        std::thread::scope(|scope| scope.spawn(remove).join().unwrap());
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Box::<Config>::default();
        config.vector_db.embedded.path = folder.path().join("data");
        // Embeds at once, so that what was written is found by its meaning.
        StaticTable::NAME.clone_into(&mut config.embedding.model.api.model);
        change(&mut config);
        let collection = Collection::if_asked_for(&mut config);
        Self::open(config, folder, collection).await
    }

    async fn open(config: Box<Config>, folder: TempDir, collection: Option<Collection>) -> Self {
        let memory = Memory::open(&config).await.unwrap();
        let authenticator = authenticator(&config);
        authenticator.refresh_shared().await.unwrap();
        let service = service(&config, &authenticator);
        memory.serve(&service, &config).unwrap();
        service.health.enter(Phase::Serving);
        Self {
            router: router(Arc::clone(&service), &config),
            memory,
            service,
            authenticator,
            config,
            folder,
            collection,
        }
    }

    /// Another server on the same Qdrant server.
    pub(crate) async fn beside(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = self.config.clone();
        config.vector_db.embedded.path = folder.path().join("data");
        Self::open(config, folder, None).await
    }

    /// The same data in a new server.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same with another configuration.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let Self {
            memory,
            mut config,
            folder,
            collection,
            ..
        } = self;
        memory.close().await.unwrap();
        drop(memory);
        change(&mut config);
        Self::open(config, folder, collection).await
    }

    pub(crate) async fn raw(&self, mut request: Request<Body>) -> Response {
        let host = HeaderValue::from_static("localhost");
        request.headers_mut().entry(header::HOST).or_insert(host);
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.raw(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let is_endless = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "text/event-stream");
        let body = if is_endless {
            Body::empty()
        } else {
            response.into_body()
        };
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A call with a key, and with a body if there is one; a text is JSON lines.
    pub(crate) async fn call_with_key(&self, key: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {key}"));
        let request = match body {
            Some(Value::String(lines)) => request
                .header(header::CONTENT_TYPE, "application/x-ndjson")
                .body(Body::from(lines.clone())),
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", &format!("/api/v1{path}"), body).await
    }

    /// Everything there is, as it is exported.
    pub(crate) async fn export(&self, query: &str) -> String {
        let answer = self.get(&format!("/api/v1/admin/export{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.text
    }

    /// Imports what was exported.
    pub(crate) async fn import(&self, lines: impl Into<Body>) -> Answer {
        let request = Request::post("/api/v1/admin/import").header(header::CONTENT_TYPE, "application/x-ndjson");
        self.send(request.body(lines.into()).unwrap()).await
    }

    /// Stores one context and returns it.
    pub(crate) async fn store(&self, body: Value) -> Value {
        let answer = self.post("/contexts", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.body
    }

    /// The texts that a search finds, best first.
    pub(crate) async fn found(&self, body: Value) -> Vec<String> {
        let answer = self.post("/contexts/search", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        texts(&answer.body)
    }
}

/// Maximum time that a test waits for something that happens by itself.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);

/// Waits until `holds` returns true.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

pub(crate) fn texts(page: &Value) -> Vec<String> {
    let contexts = page["contexts"].as_array().unwrap();
    contexts
        .iter()
        .map(|context| context["text"].as_str().unwrap().to_owned())
        .collect()
}

impl Answer {
    /// Checks that this is a problem of the given kind, and returns the pointers it names.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Vec<String> {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(
            self.body["request_id"].as_str(),
            self.headers["x-request-id"].to_str().ok()
        );
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| error["pointer"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A service that is about to open its store.
pub(crate) fn service(config: &Config, authenticator: &Arc<Authenticator>) -> Arc<Service> {
    Arc::new(Service::new(config, metrics(), logs(), Arc::clone(authenticator)))
}

fn authenticator(config: &Config) -> Arc<Authenticator> {
    let (places, tenant) = (key_places(config).unwrap(), default_tenant().unwrap());
    Arc::new(Authenticator::open(config, places, tenant, Arc::new(SystemClock)).unwrap())
}

fn logs() -> LogControl {
    static LOGS: OnceLock<LogControl> = OnceLock::new();
    LOGS.get_or_init(|| init_logs(&LogConfig::default(), &AuditConfig::default()).unwrap())
        .clone()
}

fn metrics() -> Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| install_metrics().unwrap()).clone()
}
