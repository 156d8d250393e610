//! What operators see of the server: logs, metrics and the health of its parts.
//!
//! Libraries emit through `tracing` and `metrics` only; this crate decides where that goes. It knows nothing of
//! contexts, HTTP or configuration files.
//!
//! ```
//! use context_manager_observability::{HealthRegistry, Status};
//!
//! let health = HealthRegistry::default();
//! let store = health.register("vector_store");
//! assert!(!health.is_ready());
//! store.set(Status::Up);
//! assert!(health.is_ready());
//! ```

mod audit;
mod error;
mod health;
mod logs;
mod metrics_recorder;

pub use audit::{AUDIT_TARGET, AuditConfig};
pub use error::Error;
pub use health::{ComponentHealth, HealthHandle, HealthRegistry, Status};
pub use logs::{Format, LogConfig, init_logs};
pub use metrics_recorder::{Metrics, install_metrics};
