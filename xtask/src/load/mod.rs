//! `cargo xtask load`: how fast is the server, and where does the time go?
//!
//! Puts load on the public HTTP API, one phase after another, with generated data that is the same for the same seed, and
//! reports latencies, throughput and errors as a client sees them, the server's own histograms of the same stretch of
//! time, its memory and its start-up. Client and server share the machine unless `--server` names another one, and the
//! client is one thread: a rate that it cannot keep shows as requests that started late.

mod collection;
mod data;
mod pace;
mod phase;
mod report;
mod request;
mod scrape;
mod siege;
mod tally;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use serde::Serialize;
use tokio::time::{Duration, sleep};

use crate::subject::Subject;
use crate::subject::client::{Level, Mode};
use crate::{process, subject};
use phase::{Phase, Run};
use report::{Report, Restart};
use request::Verdict;

/// What to do to which server.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// Starts the server once more on the data of all phases, and tells how long that takes
    #[arg(long, conflicts_with = "server")]
    restart: bool,
    #[command(flatten)]
    server: subject::Choice,
    /// Where the JSON report goes; default: load/report.json in cargo's target folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What to do; written into the report, so that it can be done again.
#[derive(Clone, Debug, clap::Args, Serialize)]
struct Settings {
    /// What to do, in this order; all but `ingest` and `expire` expect the contexts to be there
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ingest,search,store,mixed")]
    phases: Vec<Phase>,
    /// How many contexts are stored before anything else, and asked about
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    contexts: u64,
    /// Contexts in one call of `ingest`
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    batch: u64,
    /// Closed loop: so many workers, each starting a request when its last one is answered
    #[arg(long, value_name = "N", default_value_t = 4)]
    concurrency: usize,
    /// Open loop: so many requests a second start whether or not earlier ones are answered, and latency counts from
    /// when they were due; `ingest` is always a closed loop
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
    /// What the server searches by
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// Contexts that a search asks for
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: u32,
    /// Tokens that a search asks for at most
    #[arg(long, value_name = "N")]
    max_tokens: Option<u32>,
    /// What searches are narrowed by
    #[arg(long, value_enum, default_value_t)]
    filter: FilterBy,
    /// The level of all contexts
    #[arg(long, value_enum, default_value_t)]
    level: Level,
    /// Connections of `siege` that never finish a request's headers
    #[arg(long, value_name = "N", default_value_t = 500)]
    siege_connections: usize,
    /// Requests a second of the client of `siege` that asks too much
    #[arg(long, value_name = "R", default_value_t = 1_000.0, value_parser = positive)]
    siege_rate: f64,
    /// The same seed gives the same contexts and questions
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// By which field of the context that a question is about.
#[derive(Clone, Copy, Debug, Default, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum FilterBy {
    /// Everything is searched
    #[default]
    None,
    /// The contexts of its user
    User,
    /// A twelfth of all
    Tag,
    /// A quarter of all
    Metadata,
}

impl Settings {
    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.duration)
    }

    fn warm_up(&self) -> Duration {
        Duration::from_secs_f64(self.warm_up)
    }
}

/// Puts the load on the server, prints the tables and writes the report.
///
/// # Errors
/// When the server does not come up or its metrics cannot be read. Requests that fail are counted.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(args.settings.concurrency > 0, "--concurrency must be at least 1");
    let target = process::metadata()?.target_directory.into_std_path_buf();
    let report = subject::measure(&args.server, &target, async |subject| measure(args, subject).await)?;
    println!("\n{report}");
    let out = args.out.clone().unwrap_or_else(|| target.join("load/report.json"));
    crate::report::write_json(&out, &report)?;
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
        let outcome = run.phase(phase, subject.client()).await?;
        report.add(&outcome, subject.own());
    }
    if args.restart {
        report.restarted(restart(&run, subject).await?);
    }
    Ok(report)
}

/// Starts the server again and searches once.
async fn restart(run: &Run<'_>, subject: &mut Subject) -> Result<Option<Restart>> {
    subject.restart().await?;
    let request = run.first_search();
    let answer = subject.client().send(request.path, request.body).await;
    let answered = subject.own().map(subject::Server::uptime);
    let verdict = Verdict::of(request.kind, answer);
    ensure!(
        verdict.errors.is_empty() && verdict.contexts > 0,
        "the restarted server did not find anything: {:?}",
        verdict.errors
    );
    Ok(subject
        .own()
        .zip(answered)
        .map(|(own, answered)| Restart::new(own, answered)))
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
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn phases_are_taken_in_the_order_given() {
        assert_eq!(parse("load").unwrap().settings.phases.len(), 4);
        let phases = parse("load --phases search,ingest").unwrap().settings.phases;
        assert_eq!(phases, [Phase::Search, Phase::Ingest]);
    }

    #[test]
    fn loads_of_later_work_can_be_described() {
        let mixed = parse("load --phases ingest,mixed --rate 2000 --duration 60 --search-percent 80").unwrap();
        assert_eq!(mixed.settings.duration(), Duration::from_mins(1));
        assert!(mixed.settings.rate.is_some());
        parse("load --contexts 100000 --batch 500 --mode hybrid --max-tokens 2000 --filter user --restart").unwrap();
    }

    #[test]
    fn senseless_values_are_refused() {
        for arguments in [
            "--rate 0",
            "--rate NaN",
            "--duration -1",
            "--batch 1001",
            "--contexts 0",
            "--search-percent 101",
            "--phases nothing",
            "--restart --server http://127.0.0.1:1",
        ] {
            assert!(parse(&format!("load {arguments}")).is_err(), "{arguments}");
        }
    }
}
