//! Which parts of the server work. Whoever owns a part says how it is; asking never calls out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not there yet.
    Starting,
    /// Works.
    Up,
    /// Works, but not fully; answers are still right.
    Degraded,
    /// Does not work.
    Down,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        })
    }
}

/// A part and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComponentHealth {
    /// Its name.
    pub name: &'static str,
    /// How it is.
    pub status: Status,
}

/// All parts. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct HealthRegistry {
    parts: Arc<Mutex<BTreeMap<&'static str, Status>>>,
}

/// Says how one part is.
#[derive(Debug, Clone)]
pub struct HealthHandle {
    name: &'static str,
    registry: HealthRegistry,
}

impl HealthRegistry {
    /// Adds a part, which is [`Status::Starting`] until its owner says otherwise.
    pub fn register(&self, name: &'static str) -> HealthHandle {
        self.lock().insert(name, Status::Starting);
        HealthHandle {
            name,
            registry: self.clone(),
        }
    }

    /// Whether requests can be served: every part is up or degraded.
    pub fn is_ready(&self) -> bool {
        self.lock()
            .values()
            .all(|status| matches!(status, Status::Up | Status::Degraded))
    }

    /// The state of the whole: that of its worst part.
    pub fn overall(&self) -> Status {
        let parts = self.lock();
        let worst = [Status::Down, Status::Starting, Status::Degraded];
        worst
            .into_iter()
            .find(|status| parts.values().any(|part| part == status))
            .unwrap_or(Status::Up)
    }

    /// Every part, by name.
    pub fn components(&self) -> Vec<ComponentHealth> {
        self.lock()
            .iter()
            .map(|(name, status)| ComponentHealth { name, status: *status })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Status>> {
        // A panic while holding the lock cannot leave the map half changed.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthHandle {
    /// Says how the part is now; a change is logged.
    pub fn set(&self, status: Status) {
        let before = self.registry.lock().insert(self.name, status);
        if before != Some(status) {
            tracing::info!(component = self.name, ?status, "component changed state");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_as_its_worst_part() {
        let health = HealthRegistry::default();
        assert_eq!(health.overall(), Status::Up);
        let (store, model) = (health.register("store"), health.register("model"));
        assert_eq!(health.overall(), Status::Starting);
        store.set(Status::Up);
        model.set(Status::Degraded);
        assert_eq!((health.overall(), health.is_ready()), (Status::Degraded, true));
        store.set(Status::Down);
        assert_eq!((health.overall(), health.is_ready()), (Status::Down, false));
    }
}
