//! Contexts of a name that are one user's own, or nobody's: each user may have one. Every call is atomic.

use super::{ContextEngine, store};
use crate::context::{Context, NewContext, Patch};
use crate::{Error, Name, Scope};

impl ContextEngine {
    /// Returns the current context that has the name among those of a user, or of none.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn named(&self, scope: &Scope, name: &Name, user: Option<&str>) -> Result<Option<Context>, Error> {
        Ok(store::find(self.contexts(), scope, name, user).await?)
    }

    /// Stores a context under its key, which no other of its user may have.
    ///
    /// # Errors
    /// As [`ContextEngine::store`]; [`Error::Conflict`] if the key is taken.
    pub async fn create(&self, scope: &Scope, new: NewContext) -> Result<Context, Error> {
        let new = NewContext {
            keys_of_user: true,
            ..new
        };
        self.0.storing().create(scope, new).await
    }

    /// Changes a context that still says what was read.
    ///
    /// # Errors
    /// As [`ContextEngine::update`]; [`Error::Conflict`] if its text, metadata, key or version changed.
    pub async fn update_read(&self, scope: &Scope, read: &Context, patch: Patch) -> Result<Context, Error> {
        self.0.changer().update_read(scope, read, patch).await
    }

    /// Gives the context of a name another key in the same scope; id and versions stay. `None` if nothing has the name.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the key is taken; [`Error::Invalid`], [`Error::Store`].
    pub async fn rename(
        &self,
        scope: &Scope,
        name: &Name,
        user: Option<&str>,
        key: String,
    ) -> Result<Option<Context>, Error> {
        self.0.changer().rename(scope, name, user, key).await
    }

    /// Deletes the context of a name; `false` if there is none.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn delete_named(&self, scope: &Scope, name: &Name, user: Option<&str>) -> Result<bool, Error> {
        Ok(self.0.changer().delete_named(scope, name, user).await?)
    }
}
