//! Contexts in reach of a credential that is bound to a user: those of that user alone.
//!
//! Every use case asks here, and nowhere else, before it stores, reads, changes or deletes. A credential that is bound to
//! nobody reaches all users of its tenant.

use std::collections::HashSet;

use context_manager_core::{Context, ContextEngine, ContextId, Error, Filter, NewContext};

use super::call::Call;
use super::failure::Failure;
use crate::auth::AUTH_FAILURES;

/// Number of contexts whose users are looked up at once.
const LOOKED_UP_AT_ONCE: usize = 1000;

impl Call {
    /// Returns the user of a call that names one or none. A bound credential's user stands in for none.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] for another user than the credential's.
    pub(super) fn own_user(&self, named: Option<String>) -> Result<Option<String>, Failure> {
        let Some(user) = self.user() else { return Ok(named) };
        if named.is_some_and(|named| named != user) {
            metrics::counter!(AUTH_FAILURES, "reason" => "forbidden").increment(1);
            return Err(Failure::Forbidden(
                "the key or token is bound to one user, and this call names another `user_id`; leave it out".to_owned(),
            ));
        }
        Ok(Some(user.to_owned()))
    }

    /// Gives a new context to the user of the credential, and notes the credential in it.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] if it belongs to another one.
    pub(super) fn sign(&self, new: NewContext) -> Result<NewContext, Failure> {
        let user_id = self.own_user(new.user_id)?;
        Ok(NewContext {
            user_id,
            by: Some(self.key_id()),
            keys_of_user: self.user().is_some(),
            ..new
        })
    }

    /// Narrows a filter to contexts in reach.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] if it names another user.
    pub(super) fn narrow(&self, filter: Filter) -> Result<Filter, Failure> {
        let user_id = self.own_user(filter.user_id)?;
        Ok(Filter { user_id, ..filter })
    }

    /// Passes a context on if it is in reach.
    ///
    /// # Errors
    /// [`Error::NotFound`] otherwise, as for an unknown id.
    pub(super) fn own(&self, context: Context) -> Result<Context, Failure> {
        if self.reaches(&context) {
            Ok(context)
        } else {
            Err(Error::NotFound(context.id).into())
        }
    }

    /// Checks that a context which is about to be changed is in reach.
    ///
    /// # Errors
    /// As [`Call::own`].
    pub(super) async fn check_own(&self, engine: &ContextEngine, id: ContextId) -> Result<(), Failure> {
        if self.user().is_some() {
            self.own(engine.get(self.scope(), id).await?)?;
        }
        Ok(())
    }

    /// Leaves contexts of other users unreplaced: new contexts that supersede them are stored as if they named unknown ids.
    pub(super) async fn spare_others(&self, engine: &ContextEngine, new: &mut [NewContext]) -> Result<(), Failure> {
        if self.user().is_none() {
            return Ok(());
        }
        let superseded: HashSet<ContextId> = new.iter().flat_map(|new| new.supersedes.iter().copied()).collect();
        let superseded: Vec<ContextId> = superseded.into_iter().collect();
        let mut others = HashSet::new();
        for ids in superseded.chunks(LOOKED_UP_AT_ONCE) {
            let filter = Filter::by_ids(ids.to_vec());
            let found = engine.list(self.scope(), filter, true, None, ids.len()).await?.items;
            others.extend(found.iter().filter(|old| !self.reaches(old)).map(|old| old.id));
        }
        for context in new {
            context.supersedes.retain(|old| !others.contains(old));
        }
        Ok(())
    }

    fn reaches(&self, context: &Context) -> bool {
        self.user().is_none_or(|user| context.user_id.as_deref() == Some(user))
    }
}
