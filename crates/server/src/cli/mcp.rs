//! `context-manager mcp`: the tools for the agent that starts this process.

use std::sync::Arc;

use clap::Args;
use context_manager_mcp::{Memory, Owner};
use context_manager_observability::{init_telemetry, install_metrics};

use super::connection::Connection;
use super::options::{Options, warn_of_ignored_names};
use crate::attach::Means;
use crate::metrics;
use crate::stdio::{Link, serve};

#[derive(Debug, Clone, Args)]
pub(super) struct McpArgs {
    /// User that all calls are bound to. Default: `mcp.user_id`.
    #[arg(long, alias = "user-id", value_name = "ID")]
    user: Option<String>,
    /// Agent that all calls are bound to. Default: `mcp.agent_id`.
    #[arg(long, alias = "agent-id", value_name = "ID")]
    agent: Option<String>,
    /// Project that all calls are bound to. Default: `mcp.project`.
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl McpArgs {
    /// Binds calls to the owner that is named here, or else in the configuration.
    fn owner(&self, configured: Owner) -> Owner {
        Owner {
            user_id: self.user.clone().or(configured.user_id),
            agent_id: self.agent.clone().or(configured.agent_id),
            project: self.project.clone().or(configured.project),
        }
    }
}

pub(super) fn run(options: Options, args: &McpArgs) -> anyhow::Result<()> {
    let config = options.load_without_listening()?;
    // Standard output is the host's: logs go to standard error.
    let telemetry = init_telemetry(&config.log, &config.audit, &config.telemetry)?;
    warn_of_ignored_names();
    let recorder = install_metrics()?;
    metrics::describe();
    let owner = args.owner(config.mcp.owner());
    let client = args.connection.client()?;
    let key = match client {
        Some(_) => None,
        None => args.connection.key()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        if let Some(client) = client {
            let url = client.url().to_owned();
            return serve(&config, Arc::new(client), owner, &url).await;
        }
        let link = Link::new(Means {
            config: config.clone(),
            metrics: recorder,
            logs: telemetry.logs.clone(),
            key,
            is_found: true,
        });
        let served = serve(&config, Arc::clone(&link) as Arc<dyn Memory>, owner, "").await;
        link.close().await;
        served
    });
    // A read of standard input cannot be cancelled, and must not hold up the end.
    runtime.shutdown_background();
    telemetry.shutdown();
    served
}
