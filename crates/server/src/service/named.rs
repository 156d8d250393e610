//! Contexts under a key, and the scopes that hold them.

use context_manager_core::{Context, Error, Filter, Forgotten, Name, NewContext, Page, ScopeCount, Stored, Violations};

use super::audit::Affected;
use super::call::Call;
use super::failure::Failure;
use super::use_case::UseCase;

impl Call {
    /// Stores a context under its key, or replaces what is there.
    pub(crate) async fn store_by_key(&self, context: NewContext) -> Result<Stored, Failure> {
        if context.key.is_none() {
            let mut found = Violations::default();
            found.invalid("/key", "is required");
            return Err(Error::Invalid(found).into());
        }
        self.store_one(UseCase::StoreContextByKey, context).await
    }

    /// Returns the current context of a key, if there is one.
    pub(crate) async fn get_by_key(&self, name: Name) -> Result<Option<Context>, Failure> {
        let engine = self.engine(UseCase::GetContextByKey).await?;
        let filter = self.narrow(of_name(name))?;
        let page = engine.list(self.scope(), filter, false, None, 1).await?;
        Ok(page.items.into_iter().next())
    }

    /// Deletes the context of a key, with its earlier versions.
    pub(crate) async fn delete_by_key(&self, name: Name) -> Result<u64, Failure> {
        self.remove(UseCase::DeleteContextByKey, of_name(name)).await
    }

    /// Lists scopes by path.
    pub(crate) async fn scopes(
        &self,
        prefix: Option<String>,
        depth: Option<usize>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ScopeCount, String>, Failure> {
        let engine = self.engine(UseCase::ListScopes).await?;
        let filter = self.narrow(Filter {
            scope_prefix: prefix,
            ..Filter::default()
        })?;
        Ok(engine.scopes(self.scope(), &filter, depth, after, limit).await?)
    }

    /// Forgets a scope and all scopes below it: deletes their contexts, and everything that was made from them.
    pub(crate) async fn forget_scope(&self, prefix: String) -> Result<Forgotten, Failure> {
        let engine = self.engine(UseCase::ForgetScope).await?;
        let scope = self.scope().clone();
        let filter = self.narrow(Filter {
            scope_prefix: Some(prefix.clone()),
            ..Filter::default()
        })?;
        let what = filter.outline();
        let forgotten = self
            .write(async move { Ok(engine.forget(&scope, &filter, &prefix).await?) })
            .await?;
        self.affected(Affected {
            contexts: forgotten.deleted(),
            what: format!(
                "{what} derived={} receipt={}",
                forgotten.derived, forgotten.receipt.hash
            ),
        });
        Ok(forgotten)
    }
}

fn of_name(name: Name) -> Filter {
    Filter {
        names: vec![name],
        ..Filter::default()
    }
}
