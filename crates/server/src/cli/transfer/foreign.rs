//! `context-manager import --from`: the contexts made of another system's export.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use context_manager_client::Error;
use context_manager_client::wire::{self, Code};
use context_manager_core::ports::{Clock as _, SystemClock};
use futures::stream;
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::destination::{Destination, DestinationArgs};
use crate::cli::bar::bytes_bar;
use crate::config::Config;
use crate::transfer::foreign::{Intake, Report, Source, files_of, read, size};

/// Maximum number of failures to show.
const SHOWN: usize = 20;
/// Maximum number of attempts while the server is busy, and the pause where it names none.
const ATTEMPTS: u32 = 8;
const BUSY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Args)]
pub(super) struct ForeignArgs {
    /// System that wrote the export.
    #[arg(long, value_enum, value_name = "SYSTEM")]
    from: Option<Source>,
    /// User to whom everything belongs. Default: the one that the export names, if any.
    #[arg(long, value_name = "USER", requires = "from")]
    user: Option<String>,
    /// Read and report, and store nothing.
    #[arg(long, requires = "from")]
    dry_run: bool,
    /// Print the report as JSON.
    #[arg(long, requires = "from")]
    json: bool,
}

impl ForeignArgs {
    pub(super) fn source(&self) -> Option<Source> {
        self.from
    }
}

pub(super) async fn import(
    config: &Config,
    source: Source,
    args: &ForeignArgs,
    path: &Path,
    destination: &DestinationArgs,
) -> anyhow::Result<()> {
    let files = files_of(source, path)?;
    let bar = bytes_bar(size(&files))?;
    let destination = if args.dry_run {
        None
    } else {
        Some(destination.open(config).await?)
    };
    let (report, outcome) = block_in_place(|| {
        let mut deliver = destination
            .as_ref()
            .map(|destination| |lines| Handle::current().block_on(deliver(destination, lines)));
        let deliver = deliver.as_mut().map(|deliver| deliver as _);
        let mut intake = Intake::new(source, args.user.clone(), SystemClock.now(), bar.clone(), deliver);
        let outcome = read(&files, &mut intake);
        (intake.into_report(), outcome)
    });
    bar.finish_and_clear();
    if let Some(destination) = destination {
        destination.close().await?;
    }
    print(&report, args.json)?;
    outcome?;
    ensure!(report.failed_total == 0, "not everything was imported");
    Ok(())
}

/// Imports a batch, again while the server is busy.
async fn deliver(destination: &Destination, lines: Vec<u8>) -> anyhow::Result<wire::Import> {
    for _ in 1..ATTEMPTS {
        let imported = destination.import(stream::iter([Ok(lines.clone())]), false).await;
        let error = imported.as_ref().err().and_then(|error| error.downcast_ref::<Error>());
        match error.map(|error| (error.code(), error.retry_after())) {
            Some((Some(Code::RateLimited | Code::ServiceUnavailable), pause)) => sleep(pause.unwrap_or(BUSY)).await,
            _ => return imported,
        }
    }
    destination.import(stream::iter([Ok(lines)]), false).await
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn print(report: &Report, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    let done = if report.dry_run { "would be" } else { "were" };
    println!(
        "{} contexts {done} imported from {}",
        report.imported,
        report.source.name()
    );
    let more = [
        (report.known, "were there already"),
        (report.changed, "are there in another form, and stay as they are"),
        (
            report.cut,
            "were longer than a context may be: their beginning is what searches see",
        ),
    ];
    for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
        println!("{count} {what}");
    }
    for (reason, count) in &report.left_out {
        println!("left out: {count} {}", reason.as_str());
    }
    for failed in report.failed.iter().take(SHOWN) {
        println!("failed: {}: {}", failed.place, failed.detail);
    }
    if report.failed_total > SHOWN as u64 {
        println!("failed: {} in all", report.failed_total);
    }
    Ok(())
}
