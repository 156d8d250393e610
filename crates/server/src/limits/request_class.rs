//! Bounded concurrency per request class: health and metrics, administration, and everything else never wait for one
//! another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use context_manager_resilience::{Bulkhead, Deadline, Limits, Overloaded, Permit};
use tokio::sync::OwnedSemaphorePermit;

use crate::config::RequestsConfig;

/// Counter of requests answered 503 because too much was under way; label `lane`.
pub(crate) const REQUESTS_SHED: &str = "context_manager_requests_shed_total";
/// Value of `Retry-After` for a request that is turned away.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Class of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestClass {
    /// Requests of agents and applications.
    Api,
    /// Administration.
    Admin,
    /// Health and metrics.
    Operations,
}

impl RequestClass {
    const ALL: [Self; 3] = [Self::Api, Self::Admin, Self::Operations];

    /// Its name in metrics and statistics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Admin => "admin",
            Self::Operations => "operations",
        }
    }
}

/// Concurrency limits of all request classes.
#[derive(Debug)]
pub(crate) struct RequestClasses {
    classes: [Class; 3],
    max_wait: Duration,
}

#[derive(Debug)]
struct Class {
    bulkhead: Bulkhead,
    shed: AtomicU64,
}

/// Permit of a request to run, with the memory of its body. Dropping it lets the next one run.
#[derive(Debug)]
pub(crate) struct RequestPermit {
    _permit: Permit,
    _memory: Option<OwnedSemaphorePermit>,
}

impl RequestPermit {
    /// Returns the permit holding the memory of a body too.
    pub(crate) fn with_memory(self, memory: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            _memory: memory,
            ..self
        }
    }
}

/// Usage of one request class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassUse {
    pub(crate) name: &'static str,
    pub(crate) in_flight: usize,
    pub(crate) waiting: usize,
    pub(crate) shed: u64,
}

impl RequestClasses {
    pub(super) fn new(config: &RequestsConfig) -> Self {
        let classes = RequestClass::ALL.map(|class| {
            let (max_concurrent, max_waiting) = match class {
                RequestClass::Api => (config.max_concurrent, config.max_waiting),
                RequestClass::Admin => (config.max_concurrent_admin, config.max_concurrent_admin),
                RequestClass::Operations => (config.max_concurrent_operations, config.max_concurrent_operations),
            };
            let limits = Limits {
                max_concurrent,
                max_waiting,
                retry_after: RETRY_AFTER,
            };
            Class {
                bulkhead: Bulkhead::new(class.as_str(), limits),
                shed: AtomicU64::new(0),
            }
        });
        Self {
            classes,
            max_wait: Duration::from_millis(config.max_wait_ms),
        }
    }

    /// Checks that a request of this class can run or wait now, before anything is done for it.
    ///
    /// # Errors
    /// [`Overloaded`] when it can do neither.
    pub(crate) fn check(&self, class: RequestClass) -> Result<(), Overloaded> {
        let class = &self.classes[class as usize];
        class.bulkhead.check().map_err(|overloaded| class.shed(overloaded))
    }

    /// Waits for a permit of this class.
    ///
    /// # Errors
    /// [`Overloaded`] when too many wait, or none came in time.
    pub(crate) async fn acquire(&self, class: RequestClass) -> Result<RequestPermit, Overloaded> {
        let class = &self.classes[class as usize];
        let permit = class.bulkhead.acquire_by(Deadline::after(self.max_wait)).await;
        Ok(RequestPermit {
            _permit: permit.map_err(|overloaded| class.shed(overloaded))?,
            _memory: None,
        })
    }

    /// Returns the usage of each class.
    pub(crate) fn used(&self) -> [ClassUse; 3] {
        RequestClass::ALL.map(|class| {
            let Class { bulkhead, shed } = &self.classes[class as usize];
            ClassUse {
                name: class.as_str(),
                in_flight: bulkhead.in_flight(),
                waiting: bulkhead.waiting(),
                shed: shed.load(Ordering::Relaxed),
            }
        })
    }
}

impl Class {
    fn shed(&self, overloaded: Overloaded) -> Overloaded {
        self.shed.fetch_add(1, Ordering::Relaxed);
        metrics::counter!(REQUESTS_SHED, "lane" => overloaded.name).increment(1);
        overloaded
    }
}
