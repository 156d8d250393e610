//! Deleting contexts, sessions, and all data of a person.

use context_manager_core::context::MAX_ID_BYTES;
use context_manager_core::{ContextId, Error, Filter, Forgotten, Violations};
use sha2::{Digest, Sha256};

use super::audit::Affected;
use super::call::Call;
use super::failure::Failure;
use super::use_case::UseCase;

impl Call {
    /// Deletes a context. One that does not exist is deleted already.
    pub(crate) async fn delete(&self, id: ContextId) -> Result<u64, Failure> {
        self.remove(UseCase::DeleteContext, Filter::by_ids(vec![id])).await
    }

    /// Deletes the contexts that match, and returns their number.
    pub(crate) async fn delete_where(&self, filter: Filter) -> Result<u64, Failure> {
        self.remove(UseCase::DeleteContexts, filter).await
    }

    /// Deletes the contexts of a level that match, and returns their number.
    pub(crate) async fn clear(&self, filter: Filter) -> Result<u64, Failure> {
        self.remove(UseCase::ClearContexts, filter).await
    }

    /// Deletes a session at all levels, and returns the number of its contexts.
    pub(crate) async fn delete_session(&self, session_id: String) -> Result<u64, Failure> {
        self.enter(UseCase::DeleteSession).await?;
        let mut found = Violations::default();
        found.word("/session_id", &session_id, MAX_ID_BYTES);
        found.into_result().map_err(Error::Invalid)?;
        let filter = Filter {
            session_id: Some(session_id),
            ..Filter::default()
        };
        self.remove(UseCase::DeleteSession, filter).await
    }

    pub(super) async fn remove(&self, use_case: UseCase, filter: Filter) -> Result<u64, Failure> {
        let engine = self.engine(use_case).await?;
        let (scope, wanted) = (self.scope().clone(), self.narrow(filter.clone())?);
        let deleted = self
            .write(async move { Ok(engine.delete(&scope, &wanted).await?) })
            .await?;
        // As it was asked for: the audit log need not name the user behind every key.
        self.affected(Affected::deleted(deleted, &filter));
        Ok(deleted)
    }

    /// Forgets a person: deletes all their contexts and everything that was made from them.
    pub(crate) async fn forget_user(&self, user_id: String) -> Result<Forgotten, Failure> {
        let engine = self.engine(UseCase::ForgetUser).await?;
        self.own_user(Some(user_id.clone()))?;
        let scope = self.scope().clone();
        let hash = Sha256::digest(format!("{}\n{user_id}\n", scope.tenant().as_str()));
        let forgotten = self
            .write(async move { Ok(engine.forget_user(&scope, &user_id).await?) })
            .await?;
        self.affected(Affected {
            contexts: forgotten.deleted(),
            // Not the id: the audit log must not keep what is being forgotten.
            what: format!(
                "user_sha256={hash:x} derived={} receipt={}",
                forgotten.derived, forgotten.receipt.hash,
            ),
        });
        Ok(forgotten)
    }
}
