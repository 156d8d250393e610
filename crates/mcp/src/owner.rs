//! User, agent and project on whose behalf tools are called.

use std::collections::BTreeMap;

use context_manager_client::ListContexts;
use context_manager_client::wire::{Context, Exact, Filter, NewContext};

/// Key of a context's metadata that names its project.
const PROJECT: &str = "project";

/// User, agent and project on whose behalf tools are called, from configuration or headers.
///
/// Contexts that are stored get all of them; none of another user, agent or project is found, read, changed or deleted. Without
/// one, contexts of any are in reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    /// Value of `user_id`.
    pub user_id: Option<String>,
    /// Value of `agent_id`.
    pub agent_id: Option<String>,
    /// Value of `metadata.project`.
    pub project: Option<String>,
}

impl Owner {
    /// Returns whether contexts of anybody are in reach.
    pub(crate) fn is_anybody(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether a context is in reach.
    pub(crate) fn owns(&self, context: &Context) -> bool {
        let same = |mine: &Option<String>, other: Option<&str>| mine.is_none() || mine.as_deref() == other;
        same(&self.user_id, context.user_id.as_deref())
            && same(&self.agent_id, context.agent_id.as_deref())
            && same(
                &self.project,
                context.metadata.get(PROJECT).and_then(|project| project.as_str()),
            )
    }

    /// Narrows a filter to what is in reach.
    pub(crate) fn narrow(&self, filter: Filter) -> Filter {
        let project = |project: &String| BTreeMap::from([(PROJECT.to_owned(), Exact(project.as_str().into()))]);
        Filter {
            user_id: self.user_id.clone(),
            agent_id: self.agent_id.clone(),
            metadata: self.project.as_ref().map(project),
            ..filter
        }
    }

    /// Narrows a list to what is in reach, but for the project, which a list knows no condition for.
    pub(crate) fn narrow_list(&self, list: ListContexts) -> ListContexts {
        ListContexts {
            user_id: self.user_id.clone(),
            agent_id: self.agent_id.clone(),
            ..list
        }
    }

    /// Makes a new context the owner's.
    pub(crate) fn sign(&self, context: NewContext) -> NewContext {
        let project = self.project.as_ref().map(|project| {
            let mut metadata = context.metadata.clone().unwrap_or_default();
            metadata.0.insert(PROJECT.to_owned(), project.as_str().into());
            metadata
        });
        NewContext {
            user_id: self.user_id.clone(),
            agent_id: self.agent_id.clone(),
            metadata: project.or(context.metadata),
            ..context
        }
    }
}
