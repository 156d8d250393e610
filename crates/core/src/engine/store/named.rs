//! Contexts of a name: renamed and deleted under the lock of the name.

use super::change::{ATTEMPTS, Changer, contended};
use super::find::find;
use crate::context::{Context, MAX_KEY_BYTES, Violations, to_millis};
use crate::engine::locks::Key;
use crate::ports::StoreError;
use crate::{Error, Filter, Name, Scope};

impl Changer<'_> {
    /// Gives a context another key of its scope. Id and versions stay. [`Error::Conflict`] if another one of its user has the
    /// key; `None` if nothing has the name.
    pub(crate) async fn rename(
        &self,
        scope: &Scope,
        name: &Name,
        user: Option<&str>,
        key: String,
    ) -> Result<Option<Context>, Error> {
        let mut found = Violations::default();
        found.word("/key", &key, MAX_KEY_BYTES);
        found.into_result()?;
        let at = self.contexts;
        let new_name = Name {
            scope: name.scope.clone(),
            key,
        };
        let _model = at.models.in_use().await;
        for _ in 0..ATTEMPTS {
            let Some(read) = find(at, scope, name, user).await? else {
                return Ok(None);
            };
            let mut renamed = read.clone();
            renamed.key = Some(new_name.key.clone());
            // Each has its own name.
            let both = [read, renamed];
            let _locks = at.locks.lock_contexts(scope.tenant(), &both).await;
            // Again: another call may have renamed, deleted or replaced it before the locks were there.
            let Some(read) = find(at, scope, name, user).await? else {
                return Ok(None);
            };
            if read.id != both[0].id {
                continue;
            }
            if let Some(other) = find(at, scope, &new_name, user).await? {
                return Err(Error::Conflict(other.id));
            }
            let mut renamed = read.clone();
            renamed.key = Some(new_name.key.clone());
            renamed.updated_at = to_millis(at.now());
            let change = vec![(read, renamed.clone())];
            if !at.store.update_unchanged(scope, change).await?.is_empty() {
                return Ok(Some(renamed));
            }
        }
        Err(contended())
    }

    /// Deletes the context that has the name among those of a user, or of none; `false` if there is none.
    pub(crate) async fn delete_named(
        &self,
        scope: &Scope,
        name: &Name,
        user: Option<&str>,
    ) -> Result<bool, StoreError> {
        let _lock = self.contexts.locks.lock(scope.tenant(), [Key::Name(name)]).await;
        let Some(context) = find(self.contexts, scope, name, user).await? else {
            return Ok(false);
        };
        Ok(self.delete(scope, &Filter::by_ids(vec![context.id])).await? > 0)
    }
}
