//! Numbers by level.

use context_manager_core::Level;
use serde::{Deserialize, Serialize};

/// One number for each level.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LevelCounts<T> {
    /// Working memory.
    pub immediate: T,
    /// Recent knowledge.
    pub short_term: T,
    /// Lasting knowledge.
    pub long_term: T,
}

impl<T> From<[T; Level::ALL.len()]> for LevelCounts<T> {
    fn from([immediate, short_term, long_term]: [T; Level::ALL.len()]) -> Self {
        Self {
            immediate,
            short_term,
            long_term,
        }
    }
}
