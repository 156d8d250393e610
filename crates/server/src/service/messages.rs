//! Messages of conversations.

use context_manager_core::context::MAX_ID_BYTES;
use context_manager_core::{Context, Error, Filter, NewContext, Stored, Violations};

use super::audit::Affected;
use super::call::Call;
use super::failure::Failure;
use super::use_case::UseCase;

impl Call {
    /// Adds messages to a session, and tells of each one what became of it.
    pub(crate) async fn store_messages<E: From<Failure>>(
        &self,
        messages: Vec<Result<NewContext, E>>,
    ) -> Result<Vec<Result<Stored, E>>, Failure> {
        let pointer = |at| format!("/messages/{at}");
        self.store_batch(UseCase::StoreMessages, "messages", messages, pointer)
            .await
    }

    /// Returns the newest messages of a session, oldest first.
    pub(crate) async fn messages(
        &self,
        session_id: String,
        limit: usize,
        max_tokens: Option<u64>,
    ) -> Result<Vec<Context>, Failure> {
        let engine = self.engine(UseCase::ListMessages).await?;
        let filter = self.narrow(of_session(session_id)?)?;
        Ok(engine.messages(self.scope(), &filter, limit, max_tokens).await?)
    }

    /// Takes the newest message of a session away.
    pub(crate) async fn pop_message(&self, session_id: String) -> Result<Option<Context>, Failure> {
        let engine = self.engine(UseCase::PopMessage).await?;
        let scope = self.scope().clone();
        let filter = self.narrow(of_session(session_id)?)?;
        let popped = self
            .write(async move { Ok(engine.pop_message(&scope, &filter).await?) })
            .await?;
        let ids = popped.iter().map(|context| context.id).collect();
        self.affected(Affected::deleted(u64::from(popped.is_some()), &Filter::by_ids(ids)));
        Ok(popped)
    }

    /// Deletes the messages of a session, and returns their number.
    pub(crate) async fn clear_messages(&self, session_id: String) -> Result<u64, Failure> {
        self.enter(UseCase::ClearMessages).await?;
        self.remove(UseCase::ClearMessages, of_session(session_id)?).await
    }
}

/// Returns the filter for the messages of a session.
fn of_session(session_id: String) -> Result<Filter, Error> {
    let mut found = Violations::default();
    found.word("/session_id", &session_id, MAX_ID_BYTES);
    found.into_result()?;
    Ok(Filter {
        session_id: Some(session_id),
        messages: true,
        ..Filter::default()
    })
}
