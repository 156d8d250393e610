//! `context-manager mcp`: the tools for the agent that starts this process.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use context_manager_client::{Client, Config as ClientConfig, Secret};
use context_manager_mcp::{Memory, Owner};
use context_manager_observability::{init_telemetry, install_metrics};

use super::options::{Options, warn_of_ignored_names};
use crate::config::API_KEY_VARIABLE;
use crate::metrics;
use crate::stdio::{Link, serve};

#[derive(Debug, Clone, Args)]
pub(super) struct McpArgs {
    /// URL of a running server, such as `https://memory.example.com`. Default: the server that has the data folder open, or
    /// the data folder itself.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Key for that server; it decides the tenant.
    #[arg(long, env = API_KEY_VARIABLE, hide_env_values = true, value_name = "KEY")]
    api_key: Option<String>,
    /// File with the key; it comes before `--api-key`.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// User that all calls are bound to. Default: `mcp.user_id`.
    #[arg(long, alias = "user-id", value_name = "ID")]
    user: Option<String>,
    /// Agent that all calls are bound to. Default: `mcp.agent_id`.
    #[arg(long, alias = "agent-id", value_name = "ID")]
    agent: Option<String>,
    /// Project that all calls are bound to. Default: `mcp.project`.
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
}

impl McpArgs {
    fn key(&self) -> anyhow::Result<Option<Secret>> {
        let key = match &self.key_file {
            Some(file) => {
                let text = fs::read_to_string(file);
                Some(text.with_context(|| format!("cannot read the key in `{}`", file.display()))?)
            }
            None => self.api_key.clone(),
        };
        let key = key.map(|key| key.trim().to_owned());
        Ok(key.filter(|key| !key.is_empty()).map(Secret::from))
    }

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
    let key = args.key()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let Some(url) = &args.server else {
            let link = Link::new(config.clone(), recorder, telemetry.logs.clone(), key);
            let served = serve(&config, Arc::clone(&link) as Arc<dyn Memory>, owner, "").await;
            link.close().await;
            return served;
        };
        let client = Client::new(
            url,
            ClientConfig {
                api_key: key,
                ..ClientConfig::default()
            },
        )?;
        serve(&config, Arc::new(client), owner, url).await
    });
    // A read of standard input cannot be cancelled, and must not hold up the end.
    runtime.shutdown_background();
    telemetry.shutdown();
    served
}
