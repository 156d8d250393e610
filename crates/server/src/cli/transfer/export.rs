//! `context-manager export` and `import`: all contexts of a tenant as a file of JSON lines.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;
use context_manager_client::wire;
use context_manager_core::{Filter, Scope, TenantId};
use futures::{Stream, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};

use super::options::{Options, block_on};
use super::target::{Remote, Target};
use crate::app::{DEFAULT_TENANT, Memory};
use crate::http::{BodyLine, Lines};
use crate::service::Importer;
use crate::transfer::{Export, Gzip, Import};

/// Number of bytes read from a file at once.
const CHUNK: usize = 64 * 1024;
/// Maximum number of failed lines to show.
const SHOWN: usize = 20;
/// First bytes of gzip.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

#[derive(Debug, Clone, Args)]
pub(super) struct ExportArgs {
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
    #[arg(long, value_name = "TENANT", default_value = DEFAULT_TENANT, conflicts_with = "url")]
    tenant: String,
    /// Export all tenants.
    #[arg(long, conflicts_with_all = ["url", "tenant"])]
    all_tenants: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Clone, Args)]
pub(super) struct ImportArgs {
    /// A file that was exported, compressed or not.
    file: PathBuf,
    /// Tenant to import into.
    #[arg(long, value_name = "TENANT", default_value = DEFAULT_TENANT, conflicts_with = "url")]
    tenant: String,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn export(options: Options, args: &ExportArgs) -> anyhow::Result<()> {
    block_on(options, async |config| {
        let target = args.remote.open(&config).await?;
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

pub(super) fn import(options: Options, args: &ImportArgs) -> anyhow::Result<()> {
    block_on(options, async |config| {
        let mut file = File::open(&args.file).with_context(|| format!("cannot read `{}`", args.file.display()))?;
        let bar = bar(
            Some(file.metadata()?.len()),
            "{wide_bar} {bytes}/{total_bytes}, {eta} left",
        )?;
        let mut start = Vec::new();
        Read::by_ref(&mut file)
            .take(GZIP_MAGIC.len() as u64)
            .read_to_end(&mut start)?;
        let gzip = start == GZIP_MAGIC;
        let bytes = pieces(start, file, bar.clone());
        let target = args.remote.open(&config).await?;
        let imported = match &target {
            Target::Server(client) => client.import_contexts(bytes, gzip).await.map_err(anyhow::Error::from),
            Target::Folder(memory) => {
                let max_line_bytes = config.server.max_line_bytes;
                let engine = Arc::clone(&memory.engine);
                let importer = Importer::offline(engine, scope(&args.tenant)?);
                let import = Import::new(importer, max_line_bytes);
                read_all(import, Lines::new(gzip, max_line_bytes), bytes).await
            }
        };
        target.close().await?;
        bar.finish_and_clear();
        report(&imported?)
    })
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

async fn read_all(
    mut import: Import,
    mut lines: Lines,
    bytes: impl Stream<Item = io::Result<Vec<u8>>>,
) -> anyhow::Result<wire::Import> {
    let mut bytes = pin!(bytes);
    while let Some(piece) = bytes.try_next().await? {
        let mut rest = &piece[..];
        while !rest.is_empty() {
            let (later, whole) = lines.take(rest)?;
            take(&mut import, whole).await?;
            rest = later;
        }
    }
    let cut_short = match lines.finish() {
        Ok(last) => {
            take(&mut import, last).await?;
            None
        }
        Err(error) => Some(error.to_string()),
    };
    let answer = import.finish(cut_short).await;
    answer.map_err(|problem| anyhow!("{}", problem.detail()))
}

async fn take(import: &mut Import, lines: Vec<BodyLine>) -> anyhow::Result<()> {
    for line in lines {
        let taken = import.line(line).await;
        taken.map_err(|problem| anyhow!("{}", problem.detail()))?;
    }
    Ok(())
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

fn scope(tenant: &str) -> anyhow::Result<Scope> {
    Ok(Scope::maintenance(TenantId::try_new(tenant)?))
}

/// Builds a bar on standard error, which draws nothing without a terminal.
fn bar(length: Option<u64>, template: &str) -> anyhow::Result<ProgressBar> {
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_style(ProgressStyle::with_template(template)?);
    Ok(bar)
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
