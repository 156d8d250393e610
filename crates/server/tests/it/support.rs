//! A server in this process, with the real engine and model in a temporary folder.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use context_manager::api::{ApiState, Limits, Services, router};
use context_manager::app::{Memory, anonymous_scope};
use context_manager::config::Config;
use context_manager_observability::{
    HealthRegistry, LogConfig, LogControl, Metrics, Phase, init_logs, install_metrics,
};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) struct TestApp {
    router: Router,
    pub(crate) memory: Memory,
    pub(crate) state: ApiState,
    pub(crate) config: Config,
    folder: TempDir,
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
        let mut config = Config::default();
        config.vector_db.embedded.path = folder.path().join("data");
        change(&mut config);
        Self::open(config, folder).await
    }

    async fn open(config: Config, folder: TempDir) -> Self {
        let memory = Memory::open(&config).await.unwrap();
        let health = HealthRegistry::default();
        context_manager::health::register(&health, &memory.engine, anonymous_scope().unwrap(), &config);
        health.enter(Phase::Serving);
        let state = ApiState {
            services: Arc::new(OnceLock::new()),
            health,
            metrics: metrics(),
            logs: logs(),
            writes: tokio_util::task::TaskTracker::default(),
            anonymous: anonymous_scope().unwrap(),
            started: tokio::time::Instant::now(),
        };
        state
            .services
            .set(Services {
                reembedding: Arc::clone(&memory.reembedding),
                engine: Arc::clone(&memory.engine),
            })
            .unwrap();
        let limits = Limits {
            request_timeout: Duration::from_millis(config.server.request_timeout_ms),
            max_body_bytes: config.server.max_body_bytes,
        };
        Self {
            router: router(state.clone(), limits),
            memory,
            state,
            config,
            folder,
        }
    }

    /// The same data in a new server.
    pub(crate) async fn restart(self) -> Self {
        let Self {
            memory, config, folder, ..
        } = self;
        memory.close().await.unwrap();
        drop(memory);
        Self::open(config, folder).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
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

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", &format!("/api/v1{path}"), body).await
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

fn logs() -> LogControl {
    static LOGS: OnceLock<LogControl> = OnceLock::new();
    LOGS.get_or_init(|| init_logs(&LogConfig::default()).unwrap()).clone()
}

fn metrics() -> Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| install_metrics().unwrap()).clone()
}
