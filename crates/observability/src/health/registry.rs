//! Registry of components and their last cached health.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{ComponentHealth, Health, HealthCheck, HealthConfig, Importance, Phase, Status, Trouble};
use crate::metrics::{HEALTH_ANSWERS, HEALTH_CHECK_DURATION, HEALTH_STATUS};

/// Maximum interval between checks while a component is not healthy, to notice its recovery soon.
const RECHECK: Duration = Duration::from_secs(5);

/// Components of a server. Clones share them.
#[derive(Debug, Clone)]
pub struct HealthRegistry(Arc<Shared>);

struct Shared {
    config: HealthConfig,
    state: Mutex<State>,
    /// Start of the last check. Locked while a check runs, so that there is never a second one.
    checking: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    parts: Vec<Part>,
    waits_for: Option<(&'static str, &'static str)>,
}

#[derive(Debug)]
struct Part {
    check: Arc<dyn HealthCheck>,
    health: ComponentHealth,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthRegistry").finish_non_exhaustive()
    }
}

impl Default for HealthRegistry {
    fn default() -> Self {
        Self::new(HealthConfig::default())
    }
}

impl HealthRegistry {
    /// Makes the registry of a starting server, without components.
    pub fn new(config: HealthConfig) -> Self {
        Self(Arc::new(Shared {
            config,
            state: Mutex::default(),
            checking: tokio::sync::Mutex::default(),
        }))
    }

    /// Adds a component, or replaces the one of the same name. Having just been created, it is healthy until its first
    /// check.
    pub fn register(&self, name: &'static str, importance: Importance, check: impl HealthCheck) {
        metrics::gauge!(HEALTH_STATUS, "component" => name).set(Status::Healthy.level());
        let part = Part {
            check: Arc::new(check),
            health: ComponentHealth {
                name,
                importance,
                status: Status::Healthy,
                since: Instant::now(),
                latency: None,
                last_error: None,
            },
        };
        let mut state = self.lock();
        state.parts.retain(|part| part.health.name != name);
        state.parts.push(part);
    }

    /// Sets the phase of the server.
    pub fn enter(&self, phase: Phase) {
        self.lock().phase = phase;
    }

    /// Sets the component that the start waits for, with a public reason.
    pub fn wait_for(&self, part: &'static str, reason: &'static str) {
        self.lock().waits_for = Some((part, reason));
    }

    /// Returns the phase of the server.
    pub fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Returns the last cached health; never triggers a check.
    pub fn check_health(&self) -> Health {
        metrics::counter!(HEALTH_ANSWERS, "from" => "cache").increment(1);
        self.last()
    }

    /// Returns the health after a fresh check. Concurrent callers, and those within the minimum interval, share one check.
    pub async fn check_health_fresh(&self) -> Health {
        let checked = self.check_unless_just_done().await;
        let from = if checked { "check" } else { "cache" };
        metrics::counter!(HEALTH_ANSWERS, "from" => from).increment(1);
        self.last()
    }

    /// Checks periodically, for ever.
    pub async fn keep_checking(&self) {
        loop {
            self.check_unless_just_done().await;
            let ttl = Duration::from_secs(self.0.config.cache_ttl_secs);
            let all_is_well = self.last().status() == Status::Healthy;
            sleep(if all_is_well { ttl } else { ttl.min(RECHECK) }).await;
        }
    }

    /// Records the health of a component as observed by using it.
    pub fn report(&self, name: &'static str, result: Result<(), Trouble>) {
        self.record(name, None, result);
    }

    fn last(&self) -> Health {
        let state = self.lock();
        Health {
            phase: state.phase,
            components: state.parts.iter().map(|part| part.health.clone()).collect(),
            waits_for: state.waits_for,
        }
    }

    /// Returns `false` if the last check is too recent for another.
    async fn check_unless_just_done(&self) -> bool {
        let mut last = self.0.checking.lock().await;
        if last.is_some_and(|last| last.elapsed() < Duration::from_millis(self.0.config.min_check_interval_ms)) {
            return false;
        }
        // Set before the check, so that callers that give up cause no more checks either.
        *last = Some(Instant::now());
        self.check_all().await;
        true
    }

    async fn check_all(&self) {
        let limit = Duration::from_millis(self.0.config.check_timeout_ms);
        let mut checks = JoinSet::new();
        for part in &self.lock().parts {
            let (name, check) = (part.health.name, Arc::clone(&part.check));
            checks.spawn(async move {
                let start = Instant::now();
                // In a task of its own, so that a panic fails this component alone.
                let mut running = JoinSet::new();
                running.spawn(async move { check.check().await });
                let result = match timeout(limit, running.join_next()).await {
                    Ok(Some(Ok(result))) => result,
                    Ok(_) => Err(Trouble::unhealthy("the check failed")),
                    Err(_) => Err(Trouble::unhealthy(format!("no answer within {limit:?}"))),
                };
                (name, start.elapsed(), result)
            });
        }
        while let Some(done) = checks.join_next().await {
            if let Ok((name, took, result)) = done {
                metrics::histogram!(HEALTH_CHECK_DURATION, "component" => name).record(took);
                self.record(name, Some(took), result);
            }
        }
    }

    fn record(&self, name: &'static str, took: Option<Duration>, result: Result<(), Trouble>) {
        let mut state = self.lock();
        let Some(part) = state.parts.iter_mut().find(|part| part.health.name == name) else {
            return;
        };
        let health = &mut part.health;
        let now = Instant::now();
        let status = result
            .as_ref()
            .map_or_else(|trouble| trouble.status, |()| Status::Healthy);
        let reason = result.err().map(|trouble| trouble.reason);
        if health.status != status {
            let reason = reason.as_deref().unwrap_or_default();
            if status == Status::Healthy {
                tracing::info!(component = name, %status, "component healthy");
            } else {
                tracing::warn!(component = name, %status, reason, "component unhealthy");
            }
            health.status = status;
            health.since = now;
            metrics::gauge!(HEALTH_STATUS, "component" => name).set(status.level());
        }
        health.latency = took.or(health.latency);
        if let Some(reason) = reason {
            health.last_error = Some((reason, now));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state half changed.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use tokio::time::advance;

    use super::*;

    /// Counts its checks and returns a scripted result.
    #[derive(Debug, Clone, Default)]
    struct Scripted {
        checks: Arc<AtomicUsize>,
        trouble: Arc<Mutex<Option<Trouble>>>,
        takes: Duration,
        panics: bool,
    }

    impl Scripted {
        fn finds(&self, trouble: Option<Trouble>) {
            *self.trouble.lock().unwrap() = trouble;
        }

        fn checks(&self) -> usize {
            self.checks.load(Ordering::Relaxed)
        }
    }

    #[async_trait]
    impl HealthCheck for Scripted {
        async fn check(&self) -> Result<(), Trouble> {
            self.checks.fetch_add(1, Ordering::Relaxed);
            sleep(self.takes).await;
            assert!(!self.panics);
            self.trouble.lock().unwrap().clone().map_or(Ok(()), Err)
        }
    }

    fn serving() -> HealthRegistry {
        let health = HealthRegistry::default();
        health.enter(Phase::Serving);
        health
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_depends_on_essential_components() {
        let health = serving();
        let (store, model) = (Scripted::default(), Scripted::default());
        health.register("store", Importance::Essential, store.clone());
        health.register("model", Importance::Helpful, model.clone());
        assert_eq!(health.check_health().status(), Status::Healthy);

        model.finds(Some(Trouble::unhealthy("it is down")));
        let found = health.check_health_fresh().await;
        assert_eq!((found.status(), found.is_ready()), (Status::Degraded, true));
        assert!(found.obstacles().is_empty());

        store.finds(Some(Trouble::unhealthy("it does not answer")));
        advance(Duration::from_secs(2)).await;
        let found = health.check_health_fresh().await;
        assert_eq!((found.status(), found.is_ready()), (Status::Unhealthy, false));
        assert_eq!(found.obstacles(), ["store is unhealthy: it does not answer"]);
    }

    #[tokio::test]
    async fn a_starting_or_stopping_server_is_not_ready() {
        let health = HealthRegistry::default();
        assert_eq!(health.check_health().obstacles(), ["the server is starting"]);
        health.wait_for("store", "it does not answer");
        assert_eq!(
            health.check_health().obstacles(),
            ["the server is starting and waits for store: it does not answer"]
        );
        health.enter(Phase::Serving);
        assert!(health.check_health().is_ready());
        health.enter(Phase::Stopping);
        assert!(!health.check_health().is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_concurrent_probes_cause_at_most_one_check() {
        let health = serving();
        let store = Scripted {
            takes: Duration::from_millis(100),
            ..Scripted::default()
        };
        health.register("store", Importance::Essential, store.clone());
        let mut probes = JoinSet::new();
        for _ in 0..100 {
            let health = health.clone();
            probes.spawn(async move { health.check_health_fresh().await.is_ready() });
        }
        assert!(probes.join_all().await.into_iter().all(|ready| ready));
        assert_eq!(store.checks(), 1);
        // Reading the cached result causes none.
        for _ in 0..100 {
            health.check_health();
        }
        advance(Duration::from_mins(1)).await;
        health.check_health();
        assert_eq!(store.checks(), 1);
        health.check_health_fresh().await;
        health.check_health_fresh().await;
        assert_eq!(store.checks(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn components_are_checked_in_the_background_and_more_often_while_one_is_not_healthy() {
        let health = serving();
        let store = Scripted::default();
        health.register("store", Importance::Essential, store.clone());
        let background = health.clone();
        let background = tokio::spawn(async move { background.keep_checking().await });
        sleep(Duration::from_secs(29)).await;
        assert_eq!(store.checks(), 1);
        store.finds(Some(Trouble::degraded("it is slow")));
        sleep(Duration::from_secs(2)).await;
        assert_eq!((store.checks(), health.check_health().status()), (2, Status::Degraded));
        store.finds(None);
        sleep(RECHECK).await;
        let found = health.check_health();
        assert_eq!((store.checks(), found.status()), (3, Status::Healthy));
        let (reason, _) = found.components[0].last_error.clone().unwrap();
        assert_eq!(reason, "it is slow", "what was wrong last stays known");
        background.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_or_panicking_check_fails_its_component_alone() {
        let health = serving();
        let hangs = Scripted {
            takes: Duration::from_hours(1),
            ..Scripted::default()
        };
        let panics = Scripted {
            panics: true,
            ..Scripted::default()
        };
        health.register("hangs", Importance::Essential, hangs);
        health.register("panics", Importance::Helpful, panics);
        health.register("works", Importance::Helpful, Scripted::default());
        let start = Instant::now();
        let found = health.check_health_fresh().await;
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        let statuses: Vec<Status> = found.components.iter().map(|part| part.status).collect();
        assert_eq!(statuses, [Status::Unhealthy, Status::Unhealthy, Status::Healthy]);
        assert_eq!(found.obstacles(), ["hangs is unhealthy: no answer within 2s"]);
        assert!(found.components[2].latency.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn since_is_the_time_of_the_last_change() {
        let health = serving();
        health.register("model", Importance::Helpful, Scripted::default());
        let since = |health: &HealthRegistry| health.check_health().components[0].since;
        let start = since(&health);
        sleep(Duration::from_secs(5)).await;
        health.report("model", Ok(()));
        assert_eq!(since(&health), start);
        health.report("model", Err(Trouble::degraded("it is down")));
        assert_eq!(since(&health) - start, Duration::from_secs(5));
    }
}
