//! `context-manager import`: the contexts of an exported file, or those made of another system's export.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use context_manager_client::wire;
use futures::{Stream, stream};
use indicatif::ProgressBar;

use super::destination::DestinationArgs;
use super::foreign::{self, ForeignArgs};
use crate::cli::bar::bytes_bar;
use crate::cli::options::{Options, block_on};
use crate::config::Config;

/// Number of bytes read from a file at once.
const CHUNK: usize = 64 * 1024;
/// Maximum number of failed lines to show.
const SHOWN: usize = 20;
/// First bytes of gzip.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ImportArgs {
    /// A file that was exported, compressed or not; with `--from`, a file or folder of that system.
    file: PathBuf,
    #[command(flatten)]
    foreign: ForeignArgs,
    #[command(flatten)]
    destination: DestinationArgs,
}

pub(in crate::cli) fn import(options: Options, args: &ImportArgs) -> anyhow::Result<()> {
    block_on(options, async |config| match args.foreign.source() {
        Some(source) => foreign::import(&config, source, &args.foreign, &args.file, &args.destination).await,
        None => import_file(&config, &args.file, &args.destination).await,
    })
}

async fn import_file(config: &Config, file: &Path, destination: &DestinationArgs) -> anyhow::Result<()> {
    let mut file = File::open(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let bar = bytes_bar(file.metadata()?.len())?;
    let mut start = Vec::new();
    Read::by_ref(&mut file)
        .take(GZIP_MAGIC.len() as u64)
        .read_to_end(&mut start)?;
    let gzip = start == GZIP_MAGIC;
    let bytes = pieces(start, file, bar.clone());
    let destination = destination.open(config).await?;
    let imported = destination.import(bytes, gzip).await;
    destination.close().await?;
    bar.finish_and_clear();
    report(&imported?)
}

/// Returns the bytes of a file, after those that were read from it, and moves the bar.
fn pieces(start: Vec<u8>, file: File, bar: ProgressBar) -> impl Stream<Item = io::Result<Vec<u8>>> + Send + 'static {
    stream::iter([Ok(start)].into_iter().chain(std::iter::from_fn({
        let mut file = file;
        move || {
            let mut chunk = vec![0; CHUNK];
            let read = file.read(&mut chunk).map(|read| chunk.truncate(read));
            bar.inc(chunk.len() as u64);
            match read {
                Ok(()) if chunk.is_empty() => None,
                Ok(()) => Some(Ok(chunk)),
                Err(error) => Some(Err(error)),
            }
        }
    })))
}

/// Prints the outcome of an import; an error when not all of it was imported.
#[expect(clippy::print_stdout, reason = "the command's result")]
fn report(answer: &wire::Import) -> anyhow::Result<()> {
    println!(
        "{} contexts were imported, {} were there already or have expired, {} lines failed",
        answer.imported, answer.skipped, answer.failed_total
    );
    for line in answer.failed.iter().take(SHOWN) {
        println!("line {}: {}", line.line, line.error.detail);
    }
    if !answer.complete {
        let reason = answer.incomplete_because.as_deref().unwrap_or_default();
        bail!("the import is not complete: {reason}");
    }
    ensure!(answer.failed_total == 0, "not every line was imported");
    Ok(())
}
