//! Logs, metrics, health and supervision: all that operators see of the server.
//!
//! Libraries emit through `tracing` and `metrics` only; this crate decides where that goes. It knows nothing of
//! contexts, HTTP or configuration files.
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
//! // From what was found last, which costs nothing; a check is asked for expressly.
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
