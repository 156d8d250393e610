//! Batches of contexts.

use context_manager_core::Stored;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Problem, Written};

/// Contexts to store.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchBody {
    /// The contexts. Each is read by itself, so an invalid one does not affect the others.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<super::NewContext>, min_items = 1, max_items = 1000))]
    pub contexts: Vec<Box<RawValue>>,
}

/// Outcomes in the order sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchAnswer {
    /// One outcome for each context.
    pub results: Vec<BatchItem>,
}

/// Outcome for one context: the context or a receipt with 201 or 200, or an error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchItem {
    /// 201 for a stored context, 200 for one stored before or replaced under its key, or the status of the error.
    pub status: u16,
    /// The context, or its receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Written>,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

impl BatchItem {
    /// Builds the outcome for a caller who may read contexts, or may not.
    pub fn new(result: Result<Stored, impl Into<Problem>>, may_read: bool) -> Self {
        match result {
            Ok(stored) => {
                let status = if stored.deduplicated || stored.replaced {
                    200
                } else {
                    201
                };
                Self {
                    status,
                    context: Some(Written::new(stored, may_read)),
                    error: None,
                }
            }
            Err(problem) => {
                let problem = problem.into();
                Self {
                    status: problem.status,
                    context: None,
                    error: Some(problem),
                }
            }
        }
    }
}
