//! Exporting and importing all contexts of a tenant.

use std::sync::Arc;

use context_manager_core::{ContextEngine, Error, ExportRecord, Imported, Scope};

use super::call::Call;
use super::failure::Failure;
use super::use_case::UseCase;
use crate::limits::Reservation;

impl Call {
    /// Admits an export, and returns the engine and the scope that it reads.
    pub(crate) async fn export(&self) -> Result<(Arc<ContextEngine>, Scope), Failure> {
        Ok((self.engine(UseCase::ExportContexts).await?, self.scope().clone()))
    }

    /// Admits an import.
    pub(crate) async fn import(&self) -> Result<Importer, Failure> {
        Ok(Importer {
            engine: self.engine(UseCase::ImportContexts).await?,
            scope: self.scope().clone(),
            call: Some(self.clone()),
        })
    }
}

/// Stores the records of an export, batch by batch.
#[derive(Debug)]
pub(crate) struct Importer {
    engine: Arc<ContextEngine>,
    scope: Scope,
    /// `None` for the operator of the data folder, who has no quotas.
    call: Option<Call>,
}

impl Importer {
    /// Creates an importer into a store that no server has open.
    pub(crate) fn offline(engine: Arc<ContextEngine>, scope: Scope) -> Self {
        Self {
            engine,
            scope,
            call: None,
        }
    }

    /// Stores a batch, and tells of each record what became of it.
    pub(crate) async fn store(&self, batch: Vec<ExportRecord>) -> Result<Vec<Result<Imported, Failure>>, Failure> {
        let mut results = Vec::with_capacity(batch.len());
        let (mut records, mut rooms) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for record in batch {
            match self.reserve(&record).await {
                Ok(room) => {
                    rooms.push(room);
                    records.push(record);
                    results.push(None);
                }
                Err(full @ Failure::QuotaExceeded(_)) => results.push(Some(Err(full))),
                Err(error) => return Err(error),
            }
        }
        let mut stored = self.write(records, rooms).await?.into_iter();
        let results = results
            .into_iter()
            .map(|refused| refused.or_else(|| Some(stored.next()?.map_err(Failure::from))));
        Ok(results.flatten().collect())
    }

    async fn reserve(&self, record: &ExportRecord) -> Result<Reservation, Failure> {
        let Some(call) = &self.call else {
            return Ok(Reservation::default());
        };
        let context = &record.context;
        let quotas = &call.service().guards.quotas;
        let room = quotas.reserve_import(&self.engine, &self.scope, context).await;
        let room = room.map_err(Failure::from);
        // A record that is stored already, or has expired, takes no room.
        if matches!(room, Err(Failure::QuotaExceeded(_)))
            && (!context.is_live(self.engine.now()) || self.engine.get(&self.scope, context.id).await.is_ok())
        {
            return Ok(Reservation::default());
        }
        room
    }

    async fn write(
        &self,
        records: Vec<ExportRecord>,
        rooms: Vec<Reservation>,
    ) -> Result<Vec<Result<Imported, Error>>, Failure> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let (engine, scope) = (Arc::clone(&self.engine), self.scope.clone());
        let work = async move {
            let results = engine.import(&scope, records).await;
            for (room, result) in rooms.into_iter().zip(&results) {
                if matches!(result, Ok(Imported::Stored)) {
                    room.keep();
                }
            }
            Ok(results)
        };
        match &self.call {
            Some(call) => call.write(work).await,
            None => work.await,
        }
    }
}
