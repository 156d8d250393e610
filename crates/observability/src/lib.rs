//! Logs, traces, metrics, health and supervision of a tokio service.
//!
//! Libraries emit through `tracing` and `metrics` only; this crate connects them to standard error, OTLP and Prometheus.
//! It knows nothing about contexts, HTTP or configuration files.
//!
//! ```
//! use async_trait::async_trait;
//! use context_manager_observability::{HealthCheck, HealthRegistry, Importance, Phase, Trouble};
//!
//! #[derive(Debug)]
//! struct Store;
//!
//! #[async_trait]
//! impl HealthCheck for Store {
//!     async fn check(&self) -> Result<(), Trouble> {
//!         Err(Trouble::unhealthy("it does not answer"))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let health = HealthRegistry::default();
//! health.register("vector_store", Importance::Essential, Store);
//! health.enter(Phase::Serving);
//! // The last cached result costs nothing; a fresh check has to be requested.
//! assert!(health.check_health().is_ready());
//! assert!(!health.check_health_fresh().await.is_ready());
//! # }
//! ```

mod audit;
mod error;
mod health;
mod logs;
pub mod metrics;
mod metrics_catalogue;
mod metrics_recorder;
mod process;
mod supervision;
mod telemetry;
mod traces;

pub use audit::{AUDIT_TARGET, AuditConfig};
pub use error::Error;
pub use health::{
    ComponentHealth, Health, HealthCheck, HealthConfig, HealthRegistry, Importance, Phase, Status, Trouble,
};
pub use logs::{Format, LogConfig, LogControl, REQUEST_SPAN};
pub use metrics_catalogue::{DescribedMetric, MetricKind, described_metrics};
pub use metrics_recorder::{Metrics, install_metrics};
pub use process::{ProcessMetrics, describe_process_metrics};
pub use supervision::Supervisor;
pub use telemetry::{Telemetry, init_logs, init_telemetry};
pub use traces::{TelemetryConfig, continue_trace, mark_failed};
