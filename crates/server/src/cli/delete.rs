//! `context-manager delete`.

use std::io::{self, IsTerminal as _};

use clap::Args;
use context_manager_client::Client;
use context_manager_client::wire::{CountBody, DeleteBody, Filter};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use uuid::Uuid;

use super::connection::{Connection, Stay, work_on};
use super::exit::{Exit, Stop};
use super::narrow::FilterArgs;
use super::options::Options;
use super::output::{OutputArgs, counted, note};

/// Maximum number of ids of a call.
const IDS: usize = 1000;

#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// Ids of contexts.
    #[arg(value_name = "ID")]
    ids: Vec<Uuid>,
    /// Contexts of this conversation.
    #[arg(long, value_name = "ID", help_heading = "Filter")]
    session: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Delete without asking.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(options: Options, args: &DeleteArgs) -> anyhow::Result<()> {
    let filter = args.filter.filter(args.session.clone());
    if args.ids.is_empty() == filter.is_none() {
        let usage = "name ids or a filter, but not both: `context-manager delete --help` lists the filters";
        return Err(Stop::new(Exit::CommandLine, usage).into());
    }
    let can_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
    if !args.yes && !can_ask {
        let usage = "nobody can be asked here: --yes deletes without asking";
        return Err(Stop::new(Exit::CommandLine, usage).into());
    }
    let output = args.output.open();
    work_on(options, &args.connection, Stay::Short, async |memory| {
        let client = &memory.client;
        if !args.yes {
            let count = match &filter {
                Some(filter) => count(client, filter).await?,
                None => args.ids.len() as u64,
            };
            if count == 0 {
                note("there are no such contexts");
                return Ok(());
            }
            if !is_agreed(&format!("Delete {}?", counted(count, "context"))).await? {
                return Err(Stop::new(Exit::Failure, "nothing was deleted").into());
            }
        }
        let mut deleted = 0;
        if let Some(filter) = filter {
            deleted = delete(client, None, Some(filter)).await?;
        }
        for ids in args.ids.chunks(IDS) {
            deleted += delete(client, Some(ids.to_vec()), None).await?;
        }
        if output.is_json() {
            return output.object(&json!({ "deleted": deleted }));
        }
        output.line(format!("{} deleted", counted(deleted, "context")))?;
        Ok(())
    })
}

async fn count(client: &Client, filter: &Filter) -> anyhow::Result<u64> {
    let body = CountBody {
        filter: Some(filter.clone()),
        include_superseded: true,
    };
    Ok(client.count_contexts(&body).await?.total)
}

async fn delete(client: &Client, ids: Option<Vec<Uuid>>, filter: Option<Filter>) -> anyhow::Result<u64> {
    Ok(client.delete_contexts(&DeleteBody { ids, filter }).await?.deleted)
}

/// Asks a question on the terminal.
#[expect(clippy::print_stderr, reason = "a question is no result")]
async fn is_agreed(question: &str) -> io::Result<bool> {
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    BufReader::new(tokio::io::stdin()).read_line(&mut answer).await?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
