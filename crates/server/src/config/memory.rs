//! Memory.

use serde::{Deserialize, Serialize};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Share of the machine's memory for contexts, unless it is set: one in this many.
const ONE_IN: u64 = 4;

/// Memory that the server may take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryConfig {
    /// Memory for the contexts of active tenants, in bytes; 0 for a quarter of what the machine or the container has.
    pub budget_bytes: u64,
}

impl MemoryConfig {
    /// Returns the memory for the contexts of active tenants, in bytes.
    pub fn for_contexts(&self) -> u64 {
        if self.budget_bytes > 0 {
            return self.budget_bytes;
        }
        let ram = MemoryRefreshKind::nothing().with_ram();
        let system = System::new_with_specifics(RefreshKind::nothing().with_memory(ram));
        let of_container = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
        system.total_memory().min(of_container) / ONE_IN
    }
}
