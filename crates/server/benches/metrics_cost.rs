//! Cost of recording metrics for a request: the same requests with the Prometheus recorder and with none.
//!
//! `cargo bench -p context-manager --bench metrics_cost`. Both sides take turns in this process, on one thread, through the
//! whole router and without a network. What counts is the difference.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark, which reports to whoever started it"
)]

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use context_manager::api::router;
use context_manager::app::{Memory, default_tenant, key_places};
use context_manager::auth::Authenticator;
use context_manager::config::Config;
use context_manager::service::Service;
use context_manager_core::ports::SystemClock;
use context_manager_core::{Level, NewContext, Scope};
use context_manager_observability::{AuditConfig, LogConfig, Phase, init_logs, install_metrics};
use metrics::NoopRecorder;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use tower::ServiceExt;

/// Contexts to search in.
const CONTEXTS: usize = 1000;
/// Requests of a round, and rounds of each side.
const REQUESTS: u32 = 500;
const ROUNDS: usize = 15;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.vector_db.embedded.path = folder.path().join("data");
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let router = runtime.block_on(serve(&config));
    println!("microseconds a request, median of {ROUNDS} rounds of {REQUESTS}");
    let live = || {
        let request = Request::get("/health/live").header(header::HOST, "localhost");
        request.body(Body::empty()).unwrap()
    };
    compare(&runtime, &router, "GET /health/live", live);
    let search = || {
        Request::post("/api/v1/contexts/search")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(r#"{"query": "which number is seven?", "limit": 10}"#))
            .unwrap()
    };
    compare(&runtime, &router, "POST /api/v1/contexts/search", search);
}

fn compare(runtime: &Runtime, router: &Router, name: &str, request: impl Fn() -> Request<Body>) {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // The recorder of a thread goes before that of the process.
        without.push(metrics::with_local_recorder(&NoopRecorder, || {
            round(runtime, router, &request)
        }));
        with.push(round(runtime, router, &request));
    }
    let (with, without) = (median(with), median(without));
    println!(
        "{name}: {without:.1} without metrics, {with:.1} with, {:.1} more",
        with - without
    );
}

fn round(runtime: &Runtime, router: &Router, request: &impl Fn() -> Request<Body>) -> f64 {
    runtime.block_on(async {
        let start = Instant::now();
        for _ in 0..REQUESTS {
            let response = router.clone().oneshot(request()).await.unwrap();
            assert!(response.status().is_success());
            to_bytes(response.into_body(), usize::MAX).await.unwrap();
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from(REQUESTS)
    })
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

async fn serve(config: &Config) -> Router {
    let log = LogConfig {
        filter: "warn".to_owned(),
        ..LogConfig::default()
    };
    let logs = init_logs(&log, &AuditConfig::default());
    let memory = Memory::open(config).await.unwrap();
    let context = |number| NewContext {
        text: format!("the number of context {number} is {}", number % 17),
        level: Level::LongTerm,
        ..NewContext::default()
    };
    let contexts = (0..CONTEXTS).map(context).collect();
    let scope = Scope::maintenance(default_tenant().unwrap());
    memory.engine.store_many(&scope, contexts, |_| String::new()).await;
    let (places, tenant) = (key_places(config).unwrap(), default_tenant().unwrap());
    let auth = Authenticator::open(config, places, tenant, Arc::new(SystemClock)).unwrap();
    let service = Service::new(config, install_metrics().unwrap(), logs.unwrap(), Arc::new(auth));
    memory.serve(&service, config).unwrap();
    service.health.enter(Phase::Serving);
    // It lives as long as the process.
    std::mem::forget(memory);
    router(Arc::new(service), config)
}
