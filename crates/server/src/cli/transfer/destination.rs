//! Destination of an import: a running server, or a tenant of a data folder.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use context_manager_client::wire;
use context_manager_core::Scope;
use futures::{Stream, TryStreamExt};

use crate::app::DEFAULT_TENANT;
use crate::cli::connection::Connection;
use crate::cli::target::{Target, scope};
use crate::config::Config;
use crate::http::{BodyLine, Lines};
use crate::service::Importer;
use crate::transfer::Import;

#[derive(Debug, Clone, Args)]
pub(super) struct DestinationArgs {
    /// Tenant to import into.
    #[arg(long, value_name = "TENANT", default_value = DEFAULT_TENANT, conflicts_with = "server")]
    tenant: String,
    #[command(flatten)]
    connection: Connection,
}

/// A running server, or a tenant of a data folder.
#[derive(Debug)]
pub(super) struct Destination {
    target: Target,
    scope: Scope,
    max_line_bytes: usize,
}

impl DestinationArgs {
    pub(super) async fn open(&self, config: &Config) -> anyhow::Result<Destination> {
        Ok(Destination {
            scope: scope(&self.tenant)?,
            target: Target::open(&self.connection, config).await?,
            max_line_bytes: config.server.max_line_bytes,
        })
    }
}

impl Destination {
    /// Imports the bytes of an export.
    pub(super) async fn import(
        &self,
        bytes: impl Stream<Item = io::Result<Vec<u8>>> + Send + 'static,
        gzip: bool,
    ) -> anyhow::Result<wire::Import> {
        match &self.target {
            Target::Server(client) => Ok(client.import_contexts(bytes, gzip).await?),
            Target::Folder(memory) => {
                let importer = Importer::offline(Arc::clone(&memory.engine), self.scope.clone());
                let import = Import::new(importer, self.max_line_bytes);
                read_all(import, Lines::new(gzip, self.max_line_bytes), bytes).await
            }
        }
    }

    /// Closes the data folder.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.target.close().await
    }
}

async fn read_all(
    mut import: Import,
    mut lines: Lines,
    bytes: impl Stream<Item = io::Result<Vec<u8>>>,
) -> anyhow::Result<wire::Import> {
    let mut bytes = pin!(bytes);
    while let Some(piece) = bytes.try_next().await? {
        let mut rest = &piece[..];
        while !rest.is_empty() {
            let (later, whole) = lines.take(rest)?;
            take(&mut import, whole).await?;
            rest = later;
        }
    }
    let cut_short = match lines.finish() {
        Ok(last) => {
            take(&mut import, last).await?;
            None
        }
        Err(error) => Some(error.to_string()),
    };
    let answer = import.finish(cut_short).await;
    answer.map_err(|problem| anyhow!("{}", problem.detail()))
}

async fn take(import: &mut Import, lines: Vec<BodyLine>) -> anyhow::Result<()> {
    for line in lines {
        let taken = import.line(line).await;
        taken.map_err(|problem| anyhow!("{}", problem.detail()))?;
    }
    Ok(())
}
