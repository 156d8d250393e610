//! `context-manager snapshot`: copies of the whole store, and going back to one.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use context_manager_client::wire;
use reqwest::Method;
use serde_json::{Value, json};

use super::remote::{Remote, Server};
use super::{Options, block_on};
use crate::app::Memory;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum SnapshotCommand {
    /// Make one.
    Create {
        #[command(flatten)]
        remote: Remote,
    },
    /// Show those there are, newest first.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Open a copy of one, and compare its files and contexts with what was written down when it was made.
    Verify {
        /// Its name.
        name: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Set the store back to one. What was deleted after it was made is deleted again.
    Restore {
        /// Its name.
        name: String,
        /// Go on where contexts that were deleted since may come back, as the log of deletions does not reach back that far.
        #[arg(long)]
        accept_erased: bool,
        #[command(flatten)]
        remote: Remote,
    },
}

impl SnapshotCommand {
    fn remote(&self) -> &Remote {
        match self {
            Self::Create { remote }
            | Self::List { remote }
            | Self::Verify { remote, .. }
            | Self::Restore { remote, .. } => remote,
        }
    }
}

pub(super) fn run(options: Options, command: &SnapshotCommand) -> anyhow::Result<()> {
    let server = command.remote().clone().server()?;
    block_on(options, async |config| {
        let answer = if let Some(server) = server {
            ask(&server, command).await?
        } else {
            let memory = Memory::open_offline(&config).await?;
            let answer = perform(&memory, command).await;
            memory.close().await?;
            answer?
        };
        print(&answer);
        Ok(())
    })
}

async fn ask(server: &Server, command: &SnapshotCommand) -> anyhow::Result<Value> {
    let path = "/admin/snapshots";
    match command {
        SnapshotCommand::Create { .. } => server.call(Method::POST, path, None).await,
        SnapshotCommand::List { .. } => server.call(Method::GET, path, None).await,
        SnapshotCommand::Verify { name, .. } => {
            let path = format!("{path}/{}/verify", checked(name)?);
            server.call(Method::POST, &path, None).await
        }
        SnapshotCommand::Restore {
            name, accept_erased, ..
        } => {
            let path = format!("{path}/{}/restore", checked(name)?);
            let body = json!({ "accept_erased": accept_erased });
            server.call(Method::POST, &path, Some(body)).await
        }
    }
}

async fn perform(memory: &Memory, command: &SnapshotCommand) -> anyhow::Result<Value> {
    let snapshots = memory.store.snapshots.as_deref();
    let snapshots = snapshots.context("this store makes no snapshots: a Qdrant server makes its own")?;
    Ok(match command {
        SnapshotCommand::Create { .. } => serde_json::to_value(wire::Snapshot::from(snapshots.create().await?))?,
        SnapshotCommand::List { .. } => {
            let snapshots = snapshots.list().await?.into_iter().map(Into::into).collect();
            serde_json::to_value(wire::SnapshotList { snapshots })?
        }
        SnapshotCommand::Verify { name, .. } => {
            serde_json::to_value(wire::VerifiedSnapshot::from(snapshots.verify(name).await?))?
        }
        SnapshotCommand::Restore {
            name, accept_erased, ..
        } => {
            let restored = memory.engine.restore(snapshots, name, *accept_erased).await?;
            serde_json::to_value(wire::Restored::from(restored))?
        }
    })
}

/// A name that may stand in a URL as it is.
fn checked(name: &str) -> anyhow::Result<&str> {
    if name.is_empty() || name.contains(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))) {
        bail!("there is no snapshot of this name");
    }
    Ok(name)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn print(answer: &Value) {
    println!("{answer:#}");
}
