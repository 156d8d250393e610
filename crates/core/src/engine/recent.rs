//! What was asked lately, to try another embedding model on. Kept in memory alone.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::search::{SearchMode, SearchRequest};
use crate::{Filter, Scope};

/// How many questions are remembered.
const REMEMBERED: usize = 50;

/// A question and where it was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) scope: Scope,
    pub(super) query: String,
    pub(super) filter: Filter,
}

/// The last questions.
#[derive(Debug, Default)]
pub(super) struct RecentQueries(Mutex<VecDeque<Asked>>);

impl RecentQueries {
    /// Remembers a question, unless vectors have no part in it or the server itself asks.
    pub(super) fn asked(&self, scope: &Scope, request: &SearchRequest) {
        if request.mode == SearchMode::Lexical || scope.tenant().is_reserved() {
            return;
        }
        let asked = Asked {
            scope: scope.clone(),
            query: request.query.clone(),
            filter: request.filter.clone(),
        };
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(asked);
    }

    /// Forgets what was asked about a user's contexts.
    pub(super) fn forget_user(&self, scope: &Scope, user_id: &str) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|asked| asked.scope != *scope || asked.filter.user_id.as_deref() != Some(user_id));
    }

    /// All that are remembered.
    pub(super) fn all(&self) -> Vec<Asked> {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().cloned().collect()
    }
}
