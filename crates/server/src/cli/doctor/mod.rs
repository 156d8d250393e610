//! `context-manager doctor`: what is wrong with an installation, and what mends it. It changes nothing.

mod certificates;
mod clock;
mod embedder;
mod finding;
mod folder;
mod holder;
mod keys;
mod machine;
mod port;
mod provider;
mod proxies;
mod running;
mod store;

use clap::Args;
use context_manager_core::ports::StoredModels;

use super::connection::{Connection, init_quiet_logs};
use super::exit::{Exit, Stop};
use super::options::Options;
use super::output::{BAD, DIM, GOOD, Output, OutputArgs, WARNING, counted};
use crate::config::{Config, ConfigError, ignored_names};
use finding::{Findings, Grade};

const CONFIGURATION: &str = "configuration";

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(options: Options, args: &DoctorArgs) -> anyhow::Result<()> {
    let output = args.output.open();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut found = Findings::default();
    if let Some(client) = args.connection.client()? {
        init_quiet_logs(&Config::default())?;
        runtime.block_on(running::check_named(&client, &mut found));
    } else if let Some(config) = configuration(options, &mut found) {
        init_quiet_logs(&config)?;
        runtime.block_on(check_all(&config, args, &mut found));
    }
    runtime.shutdown_background();
    report(&output, &found)
}

/// Loads the configuration of a server, and reports every problem with it.
fn configuration(options: Options, found: &mut Findings) -> Option<Config> {
    const MEND: &str = "`context-manager config-reference` prints all keys, with their variables and defaults";

    let ignored = ignored_names();
    if !ignored.is_empty() {
        let names = ignored.join(", ");
        found.warning(
            CONFIGURATION,
            format!("variables without a section set nothing: {names}"),
            "settings have two underscores between section and key, such as CONTEXT_MANAGER_SERVER__PORT",
        );
    }
    match options.load() {
        Ok(config) => {
            found.good(CONFIGURATION, "sound");
            Some(config)
        }
        Err(ConfigError::Problems(problems)) => {
            for problem in problems {
                found.error(CONFIGURATION, problem, MEND);
            }
            None
        }
        Err(error @ ConfigError::NoFile(_)) => {
            found.error(
                CONFIGURATION,
                error.to_string(),
                "name another one with --config or CONFIG_PATH",
            );
            None
        }
    }
}

async fn check_all(config: &Config, args: &DoctorArgs, found: &mut Findings) {
    machine::check(config, found);
    port::check(config, found);
    keys::check(config, found).await;
    certificates::check(config, found).await;
    proxies::check(config, found);
    let stored: Option<StoredModels> = if config.vector_db.qdrant.url.is_some() {
        store::check_server(config, found).await
    } else {
        folder::check(config, found);
        let stored = store::check_folder(config, found);
        running::check_holder(config, &args.connection, found).await;
        stored
    };
    embedder::check(config, stored.as_ref(), found).await;
    provider::check(config, found).await;
    clock::check(config, found).await;
}

fn report(output: &Output, found: &Findings) -> anyhow::Result<()> {
    let errors = found.count(Grade::Error);
    if output.is_json() {
        found.0.iter().try_for_each(|finding| output.object(finding))?;
    } else {
        for finding in &found.0 {
            let (mark, style) = match finding.grade {
                Grade::Good => ("✓", GOOD),
                Grade::Warning => ("!", WARNING),
                Grade::Error => ("✗", BAD),
            };
            let part = format!("{:14}", finding.part);
            output.line(format!(
                "{} {part} {}",
                output.paint(style, mark),
                output.text(&finding.found)
            ))?;
            if let Some(mend) = &finding.mend {
                output.line(format!(
                    "{:17}{}",
                    "",
                    output.paint(DIM, format!("→ {}", output.text(mend)))
                ))?;
            }
        }
        let warnings = counted(found.count(Grade::Warning) as u64, "warning");
        output.line(format!("\n{}, {warnings}", counted(errors as u64, "error")))?;
    }
    if errors > 0 {
        return Err(Stop::silent(Exit::Failure).into());
    }
    Ok(())
}
