//! `context-manager export`: all contexts of a tenant as a file of JSON lines.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use context_manager_core::{Filter, Scope};
use futures::{Stream, TryStreamExt, stream};
use indicatif::ProgressBar;

use crate::app::{DEFAULT_TENANT, Memory};
use crate::cli::bar::bar;
use crate::cli::connection::Connection;
use crate::cli::options::{Options, block_on};
use crate::cli::target::{Target, scope};
use crate::transfer::{Export, Gzip};

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ExportArgs {
    /// The file to write, `-` for standard output; with `--all-tenants` a folder, with a file for each tenant.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Write vectors as well, so that an import need not make them again.
    #[arg(long)]
    vectors: bool,
    /// Compress.
    #[arg(long)]
    gzip: bool,
    /// Tenant to export.
    #[arg(long, value_name = "TENANT", default_value = DEFAULT_TENANT, conflicts_with = "server")]
    tenant: String,
    /// Export all tenants.
    #[arg(long, conflicts_with_all = ["server", "tenant"])]
    all_tenants: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(in crate::cli) fn export(options: Options, args: &ExportArgs) -> anyhow::Result<()> {
    block_on(options, async |config| {
        let target = Target::open(&args.connection, &config).await?;
        let exported = match &target {
            Target::Server(client) => {
                let bar = bar(None, "{spinner} {bytes} {binary_bytes_per_sec}")?;
                let chunks = client.export_contexts(args.vectors, args.gzip).await?;
                let received = bar.clone();
                let chunks = chunks.inspect_ok(move |chunk| received.inc(chunk.len() as u64));
                write(chunks.map_err(anyhow::Error::from), &args.output, &bar).await
            }
            Target::Folder(memory) => export_offline(memory, args).await,
        };
        target.close().await?;
        exported
    })
}

async fn export_offline(memory: &Memory, args: &ExportArgs) -> anyhow::Result<()> {
    if !args.all_tenants {
        return export_tenant(memory, scope(&args.tenant)?, args, &args.output).await;
    }
    fs::create_dir_all(&args.output)?;
    for tenant in memory.engine.tenants().await? {
        let end = if args.gzip { "jsonl.gz" } else { "jsonl" };
        let file = args.output.join(format!("{}.{end}", tenant.as_str()));
        export_tenant(memory, Scope::maintenance(tenant), args, &file).await?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's result")]
async fn export_tenant(memory: &Memory, scope: Scope, args: &ExportArgs, file: &Path) -> anyhow::Result<()> {
    let counted = memory
        .engine
        .stats(&scope, Filter::default())
        .await?
        .contexts
        .iter()
        .sum();
    let bar = bar(Some(counted), "{wide_bar} {pos}/{len} contexts, {per_sec}, {eta} left")?;
    let export = Export::new(Arc::clone(&memory.engine), scope, args.vectors);
    let gzip = args.gzip.then(Gzip::new);
    write(chunks(export, gzip, bar.clone()), file, &bar).await?;
    // Standard output may be the export's.
    if file != Path::new("-") {
        println!("{} contexts were exported to `{}`", bar.position(), file.display());
    }
    Ok(())
}

/// Returns the bytes of an export and moves the bar.
fn chunks(export: Export, gzip: Option<Gzip>, bar: ProgressBar) -> impl Stream<Item = anyhow::Result<Vec<u8>>> {
    stream::try_unfold((Some(export), gzip), move |(export, gzip)| {
        let bar = bar.clone();
        async move {
            let (Some(mut export), mut gzip) = (export, gzip) else {
                return Ok(None);
            };
            let chunk = export.next().await?;
            bar.set_position(export.written());
            Ok(match (chunk, gzip.take()) {
                (Some(chunk), None) => Some((chunk, (Some(export), None))),
                (Some(chunk), Some(mut gzip)) => Some((gzip.add(&chunk)?, (Some(export), Some(gzip)))),
                (None, Some(gzip)) => Some((gzip.finish()?, (None, None))),
                (None, None) => None,
            })
        }
    })
}

async fn write(
    chunks: impl Stream<Item = anyhow::Result<Vec<u8>>>,
    file: &Path,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let mut output = Output::create(file)?;
    let mut chunks = pin!(chunks);
    while let Some(chunk) = chunks.try_next().await.context("the export was cut short")? {
        output.write(&chunk)?;
    }
    bar.finish_and_clear();
    output.finish()
}

/// Destination of an export. A file gets its name when it is complete.
enum Output {
    Standard,
    File {
        file: BufWriter<File>,
        part: PathBuf,
        name: PathBuf,
    },
}

impl Output {
    fn create(name: &Path) -> anyhow::Result<Self> {
        if name == Path::new("-") {
            return Ok(Self::Standard);
        }
        let part = PathBuf::from(format!("{}.part", name.display()));
        let file = File::create(&part).with_context(|| format!("cannot write `{}`", part.display()))?;
        Ok(Self::File {
            file: BufWriter::new(file),
            part,
            name: name.to_owned(),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Standard => io::stdout().write_all(bytes),
            Self::File { file, .. } => file.write_all(bytes),
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Standard => io::stdout().flush()?,
            Self::File { file, part, name } => {
                file.into_inner()?.sync_all()?;
                fs::rename(part, name)?;
            }
        }
        Ok(())
    }
}
