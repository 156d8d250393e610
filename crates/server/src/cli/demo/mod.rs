//! `context-manager demo`: a small conversation, five questions about it, and the part that each level had.

mod conversation;
mod serving;
mod showing;

use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use context_manager_client::Client;
use context_manager_client::wire::DeleteBody;
use context_manager_observability::{LogControl, install_metrics};

use super::connection::{KeyArgs, init_quiet_logs};
use super::options::Options;
use super::output::{Output, OutputArgs, counted};
use crate::attach::Means;
use crate::config::Config;
use conversation::contexts;
use showing::show;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Store the conversation in the tenant of this server, in the scope `demo`. Again, it changes nothing.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Remove the conversation from the server again.
    #[arg(long, requires = "server")]
    remove: bool,
    /// Go on serving the temporary folder, with the console, until Ctrl-C.
    #[arg(long, conflicts_with = "server")]
    serve: bool,
    #[command(flatten)]
    key: KeyArgs,
}

pub(super) fn run(options: &Options, args: &DemoArgs) -> anyhow::Result<()> {
    let output = OutputArgs::default().open();
    let logs = init_quiet_logs(&Config::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        match &args.server {
            Some(url) if args.remove => remove(&output, &args.key.client(url)?).await,
            Some(url) => {
                let client = args.key.client(url)?;
                show(&output, &client).await?;
                output.line(format!(
                    "\nThe console of the server shows it: {}/console. `context-manager demo --server {url} --remove` removes it.",
                    url.trim_end_matches('/')
                ))?;
                Ok(())
            }
            None => {
                let folder = tempfile::tempdir()?;
                if args.serve {
                    let mut config = on(folder.path());
                    options.apply_to(&mut config.server);
                    return serving::serve(&output, config, logs).await;
                }
                alone(&output, folder.path(), logs).await
            }
        }
    });
    runtime.shutdown_background();
    done
}

/// Returns the configuration of a server on a folder.
fn on(folder: &Path) -> Config {
    let mut config = Config::default();
    config.vector_db.embedded.path = folder.join("data");
    config
}

/// Shows everything on a folder that is removed in the end.
async fn alone(output: &Output, folder: &Path, logs: LogControl) -> anyhow::Result<()> {
    let means = Means {
        config: on(folder),
        metrics: install_metrics()?,
        logs,
        key: None,
        is_found: false,
    };
    let attached = Box::pin(means.attach()).await?;
    let shown = show(output, &attached.client).await;
    attached.close().await;
    shown?;
    output.line("\nNext: `context-manager demo --serve` shows the same in the console.")?;
    Ok(())
}

async fn remove(output: &Output, client: &Client) -> anyhow::Result<()> {
    let ids = contexts().into_iter().filter_map(|context| context.id).collect();
    let body = DeleteBody {
        ids: Some(ids),
        filter: None,
    };
    let deleted = client
        .delete_contexts(&body)
        .await
        .context("the conversation is still there")?
        .deleted;
    output.line(format!("{} removed", counted(deleted, "context")))?;
    Ok(())
}
