//! Documents.

use context_manager_core::context::MAX_ID_BYTES;
use context_manager_core::{Context, Cursor, DocumentStored, Error, Filter, NewDocument, Page, Violations};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::call::Call;
use super::failure::Failure;
use super::use_case::UseCase;

/// Documents that are cut at once: some documents of ten megabytes take half a gigabyte while they are read.
static CUTTING: Semaphore = Semaphore::const_new(2);

/// A document that was stored.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) id: String,
    pub(crate) contexts: usize,
    pub(crate) bytes: u64,
    pub(crate) stored: DocumentStored,
}

impl Call {
    /// Stores a document in the place of the one with its id. It counts as one call for the rate limits, and in quotas with
    /// each of its parts.
    pub(crate) async fn store_document(&self, new: NewDocument) -> Result<Outcome, Failure> {
        let engine = self.engine(UseCase::StoreDocument).await?;
        let scope = self.scope().clone();
        let each = self.sign(new.each)?;
        let new = NewDocument { each, ..new };
        let cutting = CUTTING.acquire().await.map_err(|_closed| Failure::Interrupted)?;
        let parts = spawn_blocking(move || {
            // Kept also when the client goes away: the work goes on.
            let _cutting = cutting;
            new.parts()
        })
        .await
        .map_err(|_| Failure::Interrupted)??;
        let (id, contexts, bytes) = (parts.id.clone(), parts.contexts.len(), parts.bytes);
        let mut rooms = Vec::with_capacity(contexts);
        for part in &parts.contexts {
            rooms.push(self.service().guards.quotas.reserve(&engine, &scope, part).await?);
        }
        let stored = self
            .write(async move {
                let stored = engine.store_document(&scope, parts).await?;
                if stored == DocumentStored::Stored {
                    rooms.into_iter().for_each(crate::limits::Reservation::keep);
                }
                Ok(stored)
            })
            .await?;
        Ok(Outcome {
            id,
            contexts,
            bytes,
            stored,
        })
    }

    /// Lists documents by their first parts, newest first.
    pub(crate) async fn documents(
        &self,
        filter: Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Context>, Failure> {
        let engine = self.engine(UseCase::ListDocuments).await?;
        Ok(engine
            .documents(self.scope(), self.narrow(filter)?, after, limit)
            .await?)
    }

    /// Returns the first part of a document, if there is one.
    pub(crate) async fn document(&self, id: String) -> Result<Option<Context>, Failure> {
        let engine = self.engine(UseCase::GetDocument).await?;
        let filter = self.narrow(of_document(id)?)?;
        Ok(engine
            .documents(self.scope(), filter, None, 1)
            .await?
            .items
            .into_iter()
            .next())
    }

    /// Deletes a document, and returns the number of its contexts.
    pub(crate) async fn delete_document(&self, id: String) -> Result<u64, Failure> {
        self.enter(UseCase::DeleteDocument).await?;
        self.remove(UseCase::DeleteDocument, of_document(id)?).await
    }
}

/// Returns the filter for the parts of a document.
fn of_document(id: String) -> Result<Filter, Error> {
    let mut found = Violations::default();
    found.word("/id", &id, MAX_ID_BYTES);
    found.into_result()?;
    Ok(Filter {
        document_id: Some(id),
        ..Filter::default()
    })
}
