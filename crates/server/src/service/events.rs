//! Following the writes to a tenant's contexts.

use context_manager_core::{Event, Followed, Follower, Resume};

use super::call::Call;
use super::failure::Failure;
use super::use_case::UseCase;

/// Events that a caller may see.
#[derive(Debug)]
pub(crate) struct Events {
    follower: Follower,
    /// The user to whom the caller is bound.
    user: Option<String>,
}

impl Call {
    /// Follows the writes to the tenant's contexts from now on, or from behind an event.
    pub(crate) async fn events(&self, after: Option<Resume>) -> Result<Events, Failure> {
        let engine = self.engine(UseCase::StreamEvents).await?;
        Ok(Events {
            follower: engine.follow(self.scope(), after),
            user: self.own_user(None)?,
        })
    }
}

impl Events {
    /// Waits for events; `None` once the server stops.
    pub(crate) async fn next(&mut self) -> Option<Followed> {
        let reaches = |event: &Event| self.user.is_none() || event.user_id == self.user;
        loop {
            match self.follower.next().await? {
                Followed::Events(mut events) => {
                    events.retain(reaches);
                    if !events.is_empty() {
                        return Some(Followed::Events(events));
                    }
                }
                gap @ Followed::Gap(_) => return Some(gap),
            }
        }
    }
}
