//! `context-manager stats`.

use std::time::Duration;

use clap::Args;
use context_manager_client::wire::Stats;
use indicatif::{HumanBytes, HumanDuration};

use super::connection::{Connection, Stay, work_on};
use super::list::by_level;
use super::options::Options;
use super::output::{OutputArgs, count};

#[derive(Debug, Args)]
pub(super) struct StatsArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(options: Options, args: &StatsArgs) -> anyhow::Result<()> {
    let output = args.output.open();
    work_on(options, &args.connection, Stay::Short, async |memory| {
        let stats = memory.client.get_stats().await?;
        if output.is_json() {
            return output.object(&stats);
        }
        let server = if memory.is_own() {
            "none: the data folder is open in this process".to_owned()
        } else {
            memory.client.url().to_owned()
        };
        output.facts([("server", server)].into_iter().chain(facts(&stats)))?;
        Ok(())
    })
}

fn facts(stats: &Stats) -> Vec<(&'static str, String)> {
    let [immediate, short_term, long_term] = by_level(&stats.contexts);
    let mut facts = vec![
        ("contexts", count(stats.total)),
        ("  immediate", immediate),
        ("  short_term", short_term),
        ("  long_term", long_term),
        ("pending", count(stats.pending_embeddings)),
    ];
    if let Some(share) = stats.reindexed {
        facts.push(("reindexed", format!("{:.0} %", share * 100.0)));
    }
    if let Some(bytes) = stats.store_bytes {
        facts.push(("store", HumanBytes(bytes).to_string()));
    }
    if let Some(memory) = stats.memory {
        let held = format!(
            "{} of {}, {} tenants, {} contexts",
            HumanBytes(memory.bytes),
            HumanBytes(memory.budget_bytes),
            memory.tenants,
            count(memory.contexts)
        );
        facts.push(("memory", held));
    }
    let model = format!("{}, {} dimensions", stats.model.name, stats.model.dimensions);
    facts.push(("model", model));
    facts.push(("up", HumanDuration(Duration::from_secs(stats.uptime_secs)).to_string()));
    facts
}
