//! A circuit breaker for calls to another service.
//!
//! The circuit is closed while calls succeed. It opens when they fail: calls are refused at once, which spares callers the
//! timeout and the service the load. After a while it is half open and admits a few probes, whose results decide.

mod config;
mod state;

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use config::CircuitBreakerConfig;
use state::{Outcome, Phase, State, Transition};

use crate::metrics::{CIRCUIT_REJECTED, CIRCUIT_STATE, CIRCUIT_TRANSITIONS};

/// Random part of the time that a circuit stays open, so that replicas do not probe at the same moment.
const JITTER: f64 = 0.5;

/// Refuses calls to a failing service.
#[derive(Debug)]
pub struct CircuitBreaker {
    name: &'static str,
    config: CircuitBreakerConfig,
    state: Mutex<State>,
}

/// State of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// Admits all calls.
    Closed,
    /// Admits a few probes.
    HalfOpen,
    /// Refuses all calls.
    Open,
}

/// The circuit is open and refused the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit of {name} is open")]
#[non_exhaustive]
pub struct CircuitOpen {
    /// Name of the circuit.
    pub name: &'static str,
    /// Time after which to try again.
    pub retry_after: Duration,
}

/// Error of a guarded call.
#[derive(Debug, thiserror::Error)]
pub enum CallError<E> {
    /// The circuit refused the call.
    #[error(transparent)]
    Open(CircuitOpen),
    /// The call failed.
    #[error(transparent)]
    Failed(E),
}

/// Permit for one call, whose holder reports the result. Dropping it reports that nobody waited for the result.
#[derive(Debug)]
#[must_use = "dropping the permit reports no result"]
pub struct CallPermit<'a> {
    breaker: &'a CircuitBreaker,
    generation: u64,
    started: Instant,
    reported: bool,
}

impl CircuitBreaker {
    /// Makes a closed circuit; `name` labels its metrics. `config` must have no [`CircuitBreakerConfig::problems`].
    pub fn new(name: &'static str, config: CircuitBreakerConfig) -> Self {
        metrics::gauge!(CIRCUIT_STATE, "name" => name).set(CircuitState::Closed.level());
        Self {
            name,
            config,
            state: Mutex::new(State::new()),
        }
    }

    /// Makes a call if the circuit admits it. `is_failure` selects the errors that count against the service.
    ///
    /// # Errors
    /// [`CallError::Open`] at once when the circuit refuses, [`CallError::Failed`] with the call's own error.
    pub async fn call<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        is_failure: impl FnOnce(&E) -> bool,
    ) -> Result<T, CallError<E>> {
        let permit = self.acquire().map_err(CallError::Open)?;
        let result = call.await;
        match &result {
            Err(error) if is_failure(error) => permit.failure(),
            Ok(_) | Err(_) => permit.success(),
        }
        result.map_err(CallError::Failed)
    }

    /// Returns a permit for one call.
    ///
    /// # Errors
    /// [`CircuitOpen`] when the circuit refuses the call.
    pub fn acquire(&self) -> Result<CallPermit<'_>, CircuitOpen> {
        let now = Instant::now();
        let mut state = self.lock();
        let transition = state.admit(now, &self.config).map_err(|wait| {
            metrics::counter!(CIRCUIT_REJECTED, "name" => self.name).increment(1);
            self.open(wait)
        })?;
        self.report(transition);
        Ok(CallPermit {
            breaker: self,
            generation: state.generation,
            started: now,
            reported: false,
        })
    }

    /// Checks that a call would be admitted, without making one.
    ///
    /// # Errors
    /// [`CircuitOpen`] when it would be refused.
    pub fn check(&self) -> Result<(), CircuitOpen> {
        let wait = self.lock().wait(Instant::now(), &self.config);
        wait.map_or(Ok(()), |wait| Err(self.open(wait)))
    }

    /// Returns the state of the circuit.
    pub fn state(&self) -> CircuitState {
        match self.lock().phase {
            Phase::Closed(_) => CircuitState::Closed,
            Phase::Open { .. } => CircuitState::Open,
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    fn finish(&self, generation: u64, outcome: Outcome) {
        let jitter = 1.0 - JITTER * fastrand::f64();
        let mut state = self.lock();
        let transition = state.finish(generation, outcome, Instant::now(), &self.config, jitter);
        self.report(transition);
    }

    /// Logs and counts a transition. Called under the lock, so that the gauge shows the last one.
    fn report(&self, transition: Option<Transition>) {
        let Some(transition) = transition else { return };
        let circuit = self.name;
        let to = match transition {
            Transition::Opened { reason, open_for } => {
                tracing::warn!(circuit, open_ms = open_for.as_millis(), "circuit opened: {reason}");
                CircuitState::Open
            }
            Transition::HalfOpened => {
                tracing::info!(circuit, "circuit half open: admitting probes");
                CircuitState::HalfOpen
            }
            Transition::Closed { times_opened } => {
                tracing::info!(circuit, times_opened, "circuit closed");
                CircuitState::Closed
            }
        };
        metrics::counter!(CIRCUIT_TRANSITIONS, "name" => circuit, "to" => to.as_str()).increment(1);
        metrics::gauge!(CIRCUIT_STATE, "name" => circuit).set(to.level());
    }

    fn open(&self, retry_after: Duration) -> CircuitOpen {
        CircuitOpen {
            name: self.name,
            retry_after,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallPermit<'_> {
    /// Reports success; the call counts as failed if it was too slow.
    pub fn success(self) {
        let slow = self.breaker.config.is_slow(self.started.elapsed());
        self.report(if slow { Outcome::Failure } else { Outcome::Success });
    }

    /// Reports failure.
    pub fn failure(self) {
        self.report(Outcome::Failure);
    }

    fn report(mut self, outcome: Outcome) {
        self.reported = true;
        self.breaker.finish(self.generation, outcome);
    }
}

impl Drop for CallPermit<'_> {
    fn drop(&mut self) {
        if !self.reported {
            self.breaker.finish(self.generation, Outcome::Cancelled);
        }
    }
}

impl CircuitState {
    /// Returns its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }

    /// Returns its value in the gauge.
    fn level(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::HalfOpen => 1.0,
            Self::Open => 2.0,
        }
    }
}

#[cfg(test)]
mod tests;
