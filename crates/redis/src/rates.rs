//! Rate limits that servers share.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::TenantId;
use context_manager_resilience::{Allowance, Rate, RateLimited};
use redis::Script;

use crate::{Config, Connection, Error};

/// Limits the calls of callers, whichever server they come to, by the generic cell rate algorithm.
pub struct RedisRates {
    connection: Arc<Connection>,
    charge: Script,
    prefix: String,
}

/// Limit of one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited<'a> {
    /// Name of the limit.
    pub limit: &'a str,
    /// The caller within its tenant; empty for the tenant.
    pub caller: &'a str,
    /// Rate of the caller.
    pub rate: Rate,
}

impl fmt::Debug for RedisRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRates").finish_non_exhaustive()
    }
}

impl RedisRates {
    /// Creates limits on a connection.
    pub fn new(connection: Arc<Connection>, config: &Config) -> Self {
        Self {
            connection,
            charge: Script::new(include_str!("lua/charge.lua")),
            prefix: config.key_prefix.clone(),
        }
    }

    /// Charges a call to all of these limits, or to none, and returns what remains of each. A cost above a burst counts as
    /// the burst. The inner error is the position of the limit that refuses, and the refusal.
    ///
    /// # Errors
    /// [`Error`] when Redis did not answer; the call may have been charged.
    pub async fn charge(
        &self,
        tenant: &TenantId,
        limits: &[Limited<'_>],
        cost: NonZeroU32,
    ) -> Result<Result<Vec<Allowance>, (usize, RateLimited)>, Error> {
        let answer: Vec<i64> = self
            .connection
            .invoke(|_run| {
                let mut call = self.charge.prepare_invoke();
                call.arg(cost.get());
                for Limited { limit, caller, rate } in limits {
                    call.key(format!("{{{}:{}}}:rate:{limit}:{caller}", self.prefix, tenant.as_str()));
                    call.arg(1e6 / f64::from(rate.per_sec.get())).arg(rate.burst.get());
                }
                call
            })
            .await?;
        Ok(match answer.as_slice() {
            &[refused, micros] if refused < 0 => {
                let at = usize::try_from(-refused - 1).unwrap_or(0).min(limits.len() - 1);
                let wait = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
                Err((at, RateLimited::new(limits[at].rate, wait)))
            }
            remaining => Ok(limits
                .iter()
                .zip(remaining)
                .map(|(limited, left)| Allowance::new(limited.rate, u32::try_from(*left).unwrap_or(0)))
                .collect()),
        })
    }
}
