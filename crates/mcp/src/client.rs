//! The tools' memory behind the HTTP API.

use std::fmt::Write as _;

use async_trait::async_trait;
use context_manager_client::wire::{
    AssembleRequest, AssembleResponse, Code, Context, ContextPage, ContextPatch, DeleteBody, Filter, NewContext,
    Problem, SearchRequest, SearchResponse, Stats, Written,
};
use context_manager_client::{Client, Error, ListContexts};
use uuid::Uuid;

use crate::memory::{Fault, Memory};

#[async_trait]
impl Memory for Client {
    async fn search(&self, request: &SearchRequest) -> Result<SearchResponse, Fault> {
        Ok(self.search_contexts(request).await?)
    }

    async fn get(&self, id: Uuid) -> Result<Option<Context>, Fault> {
        match self.get_context(id).await {
            Ok(context) => Ok(Some(context)),
            Err(error) if error.code() == Some(Code::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn store(&self, context: &NewContext) -> Result<Written, Fault> {
        Ok(self.store_context(context).await?)
    }

    async fn update(&self, id: Uuid, patch: &ContextPatch) -> Result<Written, Fault> {
        Ok(self.update_context(id, patch).await?)
    }

    async fn forget(&self, filter: &Filter) -> Result<u64, Fault> {
        let body = DeleteBody {
            filter: Some(filter.clone()),
            ..DeleteBody::default()
        };
        Ok(self.delete_contexts(&body).await?.deleted)
    }

    async fn assemble(&self, request: &AssembleRequest) -> Result<AssembleResponse, Fault> {
        Ok(self.assemble_contexts(request).await?)
    }

    async fn list(&self, list: &ListContexts) -> Result<ContextPage, Fault> {
        Ok(self.list_contexts(list).await?)
    }

    async fn status(&self) -> Result<Stats, Fault> {
        Ok(self.get_stats().await?)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error.problem() {
            Some(problem) => {
                let mut text = described(problem);
                if let Some(time) = error.retry_after() {
                    let _infallible = write!(text, "; try again after {} s", time.as_secs().max(1));
                }
                Self::Refused(text)
            }
            None => Self::Unreachable(error.to_string()),
        }
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Refused(described(&problem))
    }
}

/// Describes a problem with its code and every field that is not valid.
fn described(problem: &Problem) -> String {
    let code = serde_json::to_value(problem.code).unwrap_or_default();
    let mut text = format!("{}: {}", code.as_str().unwrap_or("error"), problem.detail);
    if problem.errors.len() > 1 {
        for field in &problem.errors {
            let _infallible = write!(text, "; {}: {}", field.pointer, field.detail);
        }
    }
    text
}
