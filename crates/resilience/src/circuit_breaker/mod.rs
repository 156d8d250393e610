//! Not asking for what fails anyway.
//!
//! A circuit is closed as long as calls succeed. When they fail it opens: calls are refused at once, instead of each
//! waiting for its time-out and keeping a service down that tries to get up. After a while it is half open: a few calls are
//! let through, and how they end decides.

mod config;
mod machine;

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

pub use config::CircuitBreakerConfig;
use machine::{Machine, Outcome, Phase, Reason};

use crate::metrics::{CIRCUIT_REJECTED, CIRCUIT_STATE, CIRCUIT_TRANSITIONS};

/// Part of the time that a circuit stays open which is left to chance, so that not all replicas try at the same moment.
const JITTER: f64 = 0.5;

/// Refuses calls to a service that fails. Calls that are let through change one atomic number at most.
#[derive(Debug)]
pub struct CircuitBreaker {
    name: &'static str,
    config: CircuitBreakerConfig,
    machine: AtomicU64,
    created: Instant,
}

/// What a circuit does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// It lets all through.
    Closed,
    /// It lets a few through, to see.
    HalfOpen,
    /// It refuses all.
    Open,
}

/// The circuit is open: the service failed, and is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit of {name} is open")]
pub struct CircuitOpen {
    /// Which circuit.
    pub name: &'static str,
    /// When to come back.
    pub retry_after: Duration,
}

/// Why a guarded call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError<E> {
    /// It was not made.
    #[error(transparent)]
    Open(CircuitOpen),
    /// It failed.
    #[error(transparent)]
    Failed(E),
}

/// The right to make one call. Whoever holds it says how the call ended; dropping it says that nobody waited for the end.
#[derive(Debug)]
#[must_use = "dropping the permit tells nothing of the call"]
pub struct CallPermit<'a> {
    breaker: &'a CircuitBreaker,
    generation: u16,
    started: Instant,
    told: bool,
}

impl CircuitBreaker {
    /// A closed circuit; `name` is a label of its metrics. `config` must have no [`CircuitBreakerConfig::problems`].
    pub fn new(name: &'static str, config: CircuitBreakerConfig) -> Self {
        let breaker = Self {
            name,
            config,
            machine: AtomicU64::new(Machine::NEW.pack()),
            created: Instant::now(),
        };
        breaker.show(CircuitState::Closed);
        breaker
    }

    /// Makes a call if the circuit lets it through. `is_failure` decides which errors are the service's fault.
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

    /// The right to make one call.
    ///
    /// # Errors
    /// [`CircuitOpen`] when the service is not to be asked now.
    pub fn acquire(&self) -> Result<CallPermit<'_>, CircuitOpen> {
        let now = self.now();
        let mut refused = 0;
        let admitted = self.update(|machine| machine.admit(now, &self.config).map_err(|wait| refused = wait).ok());
        let Some((before, after)) = admitted else {
            metrics::counter!(CIRCUIT_REJECTED, "name" => self.name).increment(1);
            return Err(self.open(refused));
        };
        if before.generation != after.generation {
            tracing::info!(
                circuit = self.name,
                "the circuit is half open: a few calls are let through"
            );
            self.changed(CircuitState::HalfOpen);
        }
        Ok(CallPermit {
            breaker: self,
            generation: after.generation,
            started: Instant::now(),
            told: false,
        })
    }

    /// Whether a call would be let through, without making one.
    ///
    /// # Errors
    /// [`CircuitOpen`] when the service is not to be asked now.
    pub fn check(&self) -> Result<(), CircuitOpen> {
        let machine = self.load();
        machine
            .admit(self.now(), &self.config)
            .map(drop)
            .map_err(|wait| self.open(wait))
    }

    /// What it does with calls.
    pub fn state(&self) -> CircuitState {
        match self.load().phase {
            Phase::Closed(_) => CircuitState::Closed,
            Phase::Open { .. } => CircuitState::Open,
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    fn finish(&self, generation: u16, outcome: Outcome) {
        let now = self.now();
        // One throw for all attempts to swap.
        let chance = 1.0 - JITTER * fastrand::f64();
        let open_for = |streak| millis(self.config.open_for(streak).mul_f64(chance)).max(1);
        let mut reason = None;
        let updated = self.update(|machine| {
            let (next, why) = machine.finish(generation, outcome, now, &self.config, open_for);
            reason = why;
            Some(next)
        });
        let Some((before, after)) = updated.filter(|(before, after)| before.generation != after.generation) else {
            return;
        };
        if let (Phase::Open { until }, Some(reason)) = (after.phase, reason) {
            let why = match reason {
                Reason::ConsecutiveFailures => "calls in a row failed",
                Reason::FailureRate => "too many of the last calls failed",
                Reason::ProbeFailed => "a probe failed",
            };
            tracing::warn!(circuit = self.name, open_ms = until - now, "the circuit opens: {why}");
            self.changed(CircuitState::Open);
        } else {
            tracing::info!(
                circuit = self.name,
                after = before.streak,
                "the circuit is closed again"
            );
            self.changed(CircuitState::Closed);
        }
    }

    /// Replaces the state, unless `change` has none or it stays the same. What it was and what it is.
    fn update(&self, mut change: impl FnMut(Machine) -> Option<Machine>) -> Option<(Machine, Machine)> {
        let mut current = self.machine.load(Ordering::Acquire);
        loop {
            let before = Machine::unpack(current);
            let after = change(before)?;
            let new = after.pack();
            // A service that is well is asked from many threads: they must not fight for a number that stays the same.
            if new == current {
                return Some((before, after));
            }
            match self
                .machine
                .compare_exchange_weak(current, new, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Some((before, after)),
                Err(changed) => current = changed,
            }
        }
    }

    fn load(&self) -> Machine {
        Machine::unpack(self.machine.load(Ordering::Acquire))
    }

    fn now(&self) -> u64 {
        millis(self.created.elapsed())
    }

    fn open(&self, wait: u64) -> CircuitOpen {
        CircuitOpen {
            name: self.name,
            retry_after: Duration::from_millis(wait),
        }
    }

    fn changed(&self, to: CircuitState) {
        metrics::counter!(CIRCUIT_TRANSITIONS, "name" => self.name, "to" => to.as_str()).increment(1);
        self.show(to);
    }

    fn show(&self, state: CircuitState) {
        metrics::gauge!(CIRCUIT_STATE, "name" => self.name).set(state.level());
    }
}

impl CallPermit<'_> {
    /// The call succeeded; it counts as failed if it took too long.
    pub fn success(self) {
        let slow = self.breaker.config.is_slow(self.started.elapsed());
        self.tell(if slow { Outcome::Failure } else { Outcome::Success });
    }

    /// The call failed.
    pub fn failure(self) {
        self.tell(Outcome::Failure);
    }

    fn tell(mut self, outcome: Outcome) {
        self.told = true;
        self.breaker.finish(self.generation, outcome);
    }
}

impl Drop for CallPermit<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.breaker.finish(self.generation, Outcome::Cancelled);
        }
    }
}

impl CircuitState {
    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }

    /// Its number in the gauge.
    fn level(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::HalfOpen => 1.0,
            Self::Open => 2.0,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
