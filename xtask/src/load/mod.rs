//! `cargo xtask load`: latency and throughput of a server, one phase after another.
//!
//! Requests are generated from a seed, so that runs can be compared. Client and server share the machine unless
//! `--server` names another one, and the client is one thread: a rate that it cannot keep shows as requests that started
//! late.

mod data;
mod pace;
mod report;
mod run;
mod settings;
mod tally;
mod words;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;
use tokio::time::{Duration, sleep};

use crate::subject::{self, Subject};
use crate::{process, report as files};
use report::{Report, Restart};
use run::Run;
use settings::Settings;

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
    #[arg(long, value_name = "FILE", conflicts_with = "vs")]
    compare: Option<PathBuf>,
    /// A built server that is put under the same load first, to compare with
    #[arg(long, value_name = "FILE")]
    vs: Option<PathBuf>,
}

/// Puts the load on the server, prints the tables and writes the report.
///
/// # Errors
/// When the server does not come up, or garbage collection fails. Requests that fail are counted.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(args.settings.concurrency > 0, "--concurrency must be at least 1");
    let target = process::metadata()?.target_directory.into_std_path_buf();
    let compare = match &args.vs {
        Some(binary) => {
            let other = subject::Choice::of_binary(binary.clone());
            let report = subject::measure(&other, &target, async |subject| measure(args, subject).await)?;
            println!("\n{report}");
            let out = target.join("load/other.json");
            files::write_json(&out, &report)?;
            Some(out)
        }
        None => args.compare.clone(),
    };
    let earlier = compare.as_deref().map(report::read).transpose()?;
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

#[cfg(test)]
mod tests {
    use context_manager_client::wire::SearchMode;

    use super::settings::Phase;
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
            "--vs other --compare report.json",
        ] {
            assert!(parse(arguments).is_err(), "{arguments}");
        }
    }
}
