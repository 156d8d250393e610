//! `context-manager install` and `uninstall`: the hooks and the MCP server in the configuration of agent hosts.

use std::env;
use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use context_manager_hooks::{Host, Outcome, Places, Program, Settings};

use super::hook::Given;

/// Name of all hosts that are used on this machine.
const ALL: &str = "all";

#[derive(Debug, Args)]
pub(super) struct InstallArgs {
    #[command(flatten)]
    hosts: Hosts,
    #[command(flatten)]
    given: Given,
}

#[derive(Debug, Args)]
pub(super) struct UninstallArgs {
    #[command(flatten)]
    hosts: Hosts,
}

#[derive(Debug, Args)]
struct Hosts {
    /// Hosts, or `all` for those that are used on this machine.
    #[arg(required = true, value_name = "HOST", value_parser = names())]
    hosts: Vec<String>,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(Host::all().map(Host::name).chain([ALL]))
}

impl Hosts {
    fn find(&self, places: &Places) -> anyhow::Result<Vec<Host>> {
        let all = self.hosts.iter().any(|name| name == ALL);
        let found: Vec<Host> = Host::all()
            .filter(|host| {
                self.hosts.iter().any(|name| name == host.name()) || (all && host.is_present(places, &variable))
            })
            .collect();
        if found.is_empty() {
            bail!("no host is used on this machine; name one");
        }
        Ok(found)
    }
}

pub(super) fn install(args: InstallArgs) -> anyhow::Result<()> {
    let places = places()?;
    let hosts = args.hosts.find(&places)?;
    let path = places.settings();
    let mut settings = Settings::load(&path)?;
    args.given.apply(&mut settings);
    if let Some(file) = &mut settings.key_file {
        *file = file
            .canonicalize()
            .with_context(|| format!("the key file {}", file.display()))?;
    }
    settings.save(&path)?;
    let program = program(&settings)?;
    for host in hosts {
        let outcome = context_manager_hooks::install(host, &program, &places, &variable)?;
        report(&outcome, "installed", "is installed already");
    }
    Ok(())
}

pub(super) fn uninstall(args: &UninstallArgs) -> anyhow::Result<()> {
    let places = places()?;
    let program = program(&Settings::load(&places.settings())?)?;
    for host in args.hosts.find(&places)? {
        let outcome = context_manager_hooks::uninstall(host, &program, &places, &variable)?;
        report(&outcome, "uninstalled", "has nothing of ours");
    }
    Ok(())
}

fn places() -> anyhow::Result<Places> {
    Places::find(variable).context("there is no home folder")
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}

/// Returns this program with the arguments of its MCP server.
fn program(settings: &Settings) -> anyhow::Result<Program> {
    let mut mcp = vec!["mcp".to_owned(), "--server".to_owned(), settings.server.clone()];
    let key_file = settings.key_file.as_deref().map(Path::to_string_lossy);
    let options = [
        ("--key-file", key_file.as_deref()),
        ("--user", settings.user.as_deref()),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            mcp.extend([name.to_owned(), value.to_owned()]);
        }
    }
    Ok(Program {
        path: env::current_exe().context("the path of this program is unknown")?,
        mcp,
    })
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn report(outcome: &Outcome, done: &str, nothing: &str) {
    if outcome.changed.is_empty() {
        println!("{}: {nothing}", outcome.host);
    } else {
        println!("{}: {done}", outcome.host);
    }
    for path in &outcome.changed {
        println!("  {}", path.display());
    }
    for path in &outcome.backups {
        println!("  backup: {}", path.display());
    }
    if let Some(step) = outcome.next_step {
        println!("  {step}");
    }
}
