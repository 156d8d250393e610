//! `context-manager snapshot`: copies of the whole store, and their restore.

use std::io::{self, Write as _};

use clap::{Args, Subcommand};
use context_manager_client::wire::Restore;

use super::connection::Connection;
use super::options::{Options, block_on};
use super::target::Target;

#[derive(Debug, Clone, Args)]
pub(super) struct SnapshotArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Make a snapshot.
    Create,
    /// List all snapshots, newest first.
    List,
    /// Open a copy of a snapshot, and compare its files and contexts with the record made with it.
    Verify {
        /// Name of the snapshot.
        name: String,
    },
    /// Restore a snapshot. Contexts that were deleted after it was made are deleted again.
    Restore {
        /// Name of the snapshot.
        name: String,
        /// Restore although the log of deletions does not reach back to the snapshot, so that contexts deleted since may
        /// come back.
        #[arg(long)]
        accept_erased: bool,
    },
}

pub(super) fn run(options: Options, args: &SnapshotArgs) -> anyhow::Result<()> {
    block_on(options, async |config| {
        let target = Target::open(&args.connection, &config).await?;
        let done = perform(&target, &args.command).await;
        target.close().await?;
        print(&done?)
    })
}

async fn perform(target: &Target, command: &Command) -> anyhow::Result<serde_json::Value> {
    Ok(match command {
        Command::Create => serde_json::to_value(target.create_snapshot().await?),
        Command::List => serde_json::to_value(target.list_snapshots().await?),
        Command::Verify { name } => serde_json::to_value(target.verify_snapshot(name).await?),
        Command::Restore { name, accept_erased } => {
            let options = Restore {
                accept_erased: *accept_erased,
            };
            serde_json::to_value(target.restore_snapshot(name, &options).await?)
        }
    }?)
}

fn print(answer: &serde_json::Value) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{answer:#}")?)
}
