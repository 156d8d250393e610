//! Means of attaching.

use context_manager_client::Secret;
use context_manager_observability::{LogControl, Metrics};

use crate::config::Config;

/// Means of attaching to the memory of a configuration.
#[derive(Debug, Clone)]
pub(crate) struct Means {
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) logs: LogControl,
    /// Key for the server.
    pub(crate) key: Option<Secret>,
    /// True if other processes find a server of this process by the data folder. A process that ends soon lets them wait
    /// for the folder instead.
    pub(crate) is_found: bool,
}
