//! `cargo xtask load`: latency and throughput of a server, one phase after another.
//!
//! Requests are generated from a seed, so that runs can be compared. Client and server share the machine unless
//! `--server` names another one, and the client is one thread: a rate that it cannot keep shows as requests that started
//! late.

mod data;
mod pace;
mod report;
mod run;
mod tally;
mod words;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use context_manager_client::wire::{Level, SearchMode};
use serde::Serialize;
use tokio::time::{Duration, sleep};

use crate::subject::{self, Subject, word};
use crate::{process, report as files};
use report::{Report, Restart};
use run::{Phase, Run};

/// Settings and server of a load.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// Starts the server once more on the data of all phases and measures its start-up
    #[arg(long, conflicts_with = "server")]
    restart: bool,
    #[command(flatten)]
    server: subject::Choice,
    /// JSON report to write; default: load/report.json in cargo's target folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// JSON report of an earlier run to compare with
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
}

/// Settings of a load, which its report repeats.
#[derive(Clone, Debug, clap::Args, Serialize)]
struct Settings {
    /// Phases in this order; all but `ingest` and `expire` expect the contexts of an earlier `ingest`
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ingest,search,store,mixed")]
    phases: Vec<Phase>,
    /// Number of contexts that `ingest` stores and that questions are about
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    contexts: u64,
    /// Contexts in one call of `ingest`
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    batch: u64,
    /// Closed loop: number of workers, each of which starts a request when its last one is answered
    #[arg(long, value_name = "N", default_value_t = 4)]
    concurrency: usize,
    /// Open loop: requests started per second, whether or not earlier ones are answered; latency counts from when they
    /// were due. `ingest` and `expire` are always closed loops
    #[arg(long, value_name = "R", value_parser = positive)]
    rate: Option<f64>,
    /// Seconds of each phase but `ingest` and `expire`, warm-up not counted
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = positive)]
    duration: f64,
    /// Seconds at the beginning of each phase but `ingest` and `expire` that are not counted
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = not_negative)]
    warm_up: f64,
    /// Seconds of rest before each phase but the first
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = not_negative)]
    settle: f64,
    /// Searches among the requests of `mixed`, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 80, value_parser = clap::value_parser!(u8).range(0..=100))]
    search_percent: u8,
    /// Search mode: `hybrid`, `dense` or `lexical`
    #[arg(long, default_value = "hybrid", value_parser = word::<SearchMode>)]
    mode: SearchMode,
    /// Contexts that a search asks for
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Maximum number of tokens that a search asks for
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// Filter of searches
    #[arg(long, value_enum, default_value_t)]
    filter: FilterBy,
    /// Level of all contexts: `immediate`, `short_term` or `long_term`
    #[arg(long, default_value = "long_term", value_parser = word::<Level>)]
    level: Level,
    /// Seed of contexts and questions
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Field of the context in question that a search filters by.
#[derive(Clone, Copy, Debug, Default, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum FilterBy {
    /// No filter
    #[default]
    None,
    /// The contexts of its user
    User,
    /// A twelfth of all
    Tag,
    /// A quarter of all
    Metadata,
}

/// Puts the load on the server, prints the tables and writes the report.
///
/// # Errors
/// When the server does not come up, or garbage collection fails. Requests that fail are counted.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(args.settings.concurrency > 0, "--concurrency must be at least 1");
    let earlier = args.compare.as_deref().map(report::read).transpose()?;
    let target = process::metadata()?.target_directory.into_std_path_buf();
    let report = subject::measure(&args.server, &target, async |subject| measure(args, subject).await)?;
    println!("\n{report}");
    if let Some(earlier) = earlier {
        println!("\n{}", report.comparison(&earlier));
    }
    let out = args.out.clone().unwrap_or_else(|| target.join("load/report.json"));
    files::write_json(&out, &report)?;
    println!("report: {}", out.display());
    Ok(())
}

async fn measure(args: &Args, subject: &mut Subject) -> Result<Report> {
    let settings = &args.settings;
    let mut run = Run::new(settings);
    let mut report = Report::new(settings.clone(), subject.own());
    for (number, &phase) in settings.phases.iter().enumerate() {
        if number > 0 {
            sleep(Duration::from_secs_f64(settings.settle)).await;
        }
        println!("{phase:?}");
        let (tally, not_started) = run.phase(phase, subject.client()).await?;
        report.add(phase, &tally, not_started, subject.own());
    }
    if args.restart {
        subject.restart().await?;
        run.search_once(subject.client()).await?;
        let server = subject.own();
        report.restart = server.map(|server| Restart::new(server, server.uptime()));
    }
    Ok(report)
}

fn positive(text: &str) -> Result<f64, String> {
    let number = not_negative(text)?;
    if number > 0.0 {
        Ok(number)
    } else {
        Err("must be above 0".to_owned())
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|error| format!("{error}"))?;
    // A day: no measurement takes longer, and no duration overflows.
    if (0.0..=86_400.0).contains(&number) {
        Ok(number)
    } else {
        Err("must be between 0 and 86400".to_owned())
    }
}

#[cfg(test)]
impl Default for Settings {
    fn default() -> Self {
        Args::parse_from(["load"]).settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(format!("load {line}").split_whitespace())
    }

    #[test]
    fn phases_run_in_the_order_given() {
        assert_eq!(parse("").unwrap().settings.phases.len(), 4);
        let args = parse("--phases search,ingest --mode lexical --max-tokens 2000 --filter user --restart").unwrap();
        assert_eq!(args.settings.phases, [Phase::Search, Phase::Ingest]);
        assert_eq!(args.settings.mode, SearchMode::Lexical);
    }

    #[test]
    fn invalid_values_are_refused() {
        for arguments in [
            "--rate 0",
            "--rate NaN",
            "--duration -1",
            "--batch 1001",
            "--contexts 0",
            "--search-percent 101",
            "--phases nothing",
            "--mode semantic",
            "--restart --server http://127.0.0.1:1",
        ] {
            assert!(parse(arguments).is_err(), "{arguments}");
        }
    }
}
