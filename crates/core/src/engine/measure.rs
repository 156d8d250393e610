//! Counting what is stored over all tenants, for the gauges.

use super::ContextEngine;
use crate::context::Level;
use crate::metrics::{CONTEXTS, L1_CONTEXTS, STORE_BYTES};
use crate::ports::StoreError;
use crate::{Filter, Scope, Visibility};

impl ContextEngine {
    /// Sets the gauges of how much is stored. It takes a call for each tenant and level, so it is not to be called often.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    pub async fn measure(&self) -> Result<(), StoreError> {
        let live = Filter {
            visibility: Visibility::Live(self.clock.now()),
            ..Filter::default()
        };
        let mut contexts = [0_u64; Level::ALL.len()];
        for tenant in self.store.tenants(&live).await? {
            let scope = Scope::maintenance(tenant);
            for level in Level::ALL {
                let filter = Filter {
                    levels: vec![level],
                    ..live.clone()
                };
                contexts[level.index()] += self.store.count(&scope, &filter).await?;
            }
        }
        for level in Level::ALL {
            metrics::gauge!(CONTEXTS, "level" => level.as_str()).set(as_gauge(contexts[level.index()]));
        }
        metrics::gauge!(STORE_BYTES).set(as_gauge(self.store.size_bytes().await?));
        metrics::gauge!(L1_CONTEXTS).set(as_gauge(self.l1.len() as u64));
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
fn as_gauge(count: u64) -> f64 {
    count as f64
}
