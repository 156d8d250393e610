//! `context-manager export` and `import`: all contexts of a tenant as a file of JSON lines.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use context_manager_core::{Scope, TenantId};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::remote::{Remote, Server};
use super::{Options, block_on};
use crate::app::{DEFAULT_TENANT, Memory};
use crate::config::Config;
use crate::http::Lines;
use crate::service::Importer;
use crate::transfer::{Export, Gzip, Import};

/// What is read of a file at once.
const PIECE: usize = 64 * 1024;
/// Lines that could not be imported and are shown.
const SHOWN: usize = 20;
/// How gzip begins.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

#[derive(Debug, Clone, Args)]
pub(super) struct ExportArgs {
    /// The file to write, `-` for standard output; with `--all-tenants` a folder that gets one file for each tenant.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Write vectors too, so that importing need not make them again.
    #[arg(long)]
    vectors: bool,
    /// Compress.
    #[arg(long)]
    gzip: bool,
    /// Whose contexts.
    #[arg(long, value_name = "TENANT", default_value = DEFAULT_TENANT, conflicts_with = "url")]
    tenant: String,
    /// Everybody's.
    #[arg(long, conflicts_with_all = ["url", "tenant"])]
    all_tenants: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Clone, Args)]
pub(super) struct ImportArgs {
    /// A file that was exported, compressed or not.
    file: PathBuf,
    /// Whose contexts they become.
    #[arg(long, value_name = "TENANT", default_value = DEFAULT_TENANT, conflicts_with = "url")]
    tenant: String,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn export(options: Options, args: &ExportArgs) -> anyhow::Result<()> {
    let server = args.remote.clone().server()?;
    block_on(options, async |config| {
        if let Some(server) = server {
            return export_from(&server, args).await;
        }
        let memory = Memory::open_offline(&config).await?;
        let exported = export_offline(&memory, args).await;
        memory.close().await?;
        exported
    })
}

async fn export_from(server: &Server, args: &ExportArgs) -> anyhow::Result<()> {
    let mut response = server.export(args.vectors, args.gzip).await?;
    let bar = bar(None, "{spinner} {bytes} {binary_bytes_per_sec}")?;
    let mut output = Output::create(&args.output)?;
    while let Some(chunk) = response.chunk().await.context("the export was cut short")? {
        output.write(&chunk)?;
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    output.finish()
}

async fn export_offline(memory: &Memory, args: &ExportArgs) -> anyhow::Result<()> {
    if !args.all_tenants {
        let scope = scope(&args.tenant)?;
        return write_export(memory, scope, args, &args.output).await;
    }
    fs::create_dir_all(&args.output)?;
    for tenant in memory.engine.tenants().await? {
        let end = if args.gzip { "jsonl.gz" } else { "jsonl" };
        let file = args.output.join(format!("{}.{end}", tenant.as_str()));
        write_export(memory, Scope::maintenance(tenant), args, &file).await?;
    }
    Ok(())
}

async fn write_export(memory: &Memory, scope: Scope, args: &ExportArgs, file: &Path) -> anyhow::Result<()> {
    let counted = memory.engine.stats(&scope).await?.contexts.iter().sum();
    let bar = bar(Some(counted), "{wide_bar} {pos}/{len} contexts, {per_sec}, {eta} left")?;
    let mut export = Export::new(Arc::clone(&memory.engine), scope, args.vectors);
    let mut gzip = args.gzip.then(Gzip::new);
    let mut output = Output::create(file)?;
    while let Some(chunk) = export.next().await? {
        match &mut gzip {
            Some(gzip) => output.write(&gzip.add(&chunk)?)?,
            None => output.write(&chunk)?,
        }
        bar.set_position(export.written());
    }
    if let Some(gzip) = gzip {
        output.write(&gzip.finish()?)?;
    }
    bar.finish_and_clear();
    output.finish()?;
    say(
        file,
        &format!("{} contexts were exported to `{}`", export.written(), file.display()),
    );
    Ok(())
}

pub(super) fn import(options: Options, args: &ImportArgs) -> anyhow::Result<()> {
    let server = args.remote.clone().server()?;
    block_on(options, async |config| {
        let bytes = fs::metadata(&args.file)
            .with_context(|| format!("cannot read `{}`", args.file.display()))?
            .len();
        let bar = bar(Some(bytes), "{wide_bar} {bytes}/{total_bytes}, {eta} left")?;
        let gzip = is_gzip(&args.file)?;
        let answer = if let Some(server) = server {
            let sent = bar.clone();
            server
                .import(&args.file, gzip, move |bytes| sent.inc(bytes as u64))
                .await?
        } else {
            let memory = Memory::open_offline(&config).await?;
            let answer = import_offline(&config, &memory, args, gzip, &bar).await;
            memory.close().await?;
            answer?
        };
        bar.finish_and_clear();
        report(&answer)
    })
}

async fn import_offline(
    config: &Config,
    memory: &Memory,
    args: &ImportArgs,
    gzip: bool,
    bar: &ProgressBar,
) -> anyhow::Result<Value> {
    let max_line_bytes = config.server.max_line_bytes;
    let engine = Arc::clone(&memory.engine);
    let mut import = Import::new(Importer::offline(engine, scope(&args.tenant)?), max_line_bytes);
    let mut lines = Lines::new(gzip, max_line_bytes);
    let mut file = File::open(&args.file)?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        let mut rest = &piece[..read];
        while !rest.is_empty() {
            let (later, whole) = lines.take(rest)?;
            for line in whole {
                import
                    .line(line)
                    .await
                    .map_err(|problem| anyhow::anyhow!("{}", problem.detail()))?;
            }
            rest = later;
        }
        bar.inc(read as u64);
    }
    let (last, cut_short) = match lines.finish() {
        Ok(last) => (last, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    for line in last {
        import
            .line(line)
            .await
            .map_err(|problem| anyhow::anyhow!("{}", problem.detail()))?;
    }
    let answer = import.finish(cut_short).await;
    Ok(serde_json::to_value(
        answer.map_err(|problem| anyhow::anyhow!("{}", problem.detail()))?,
    )?)
}

/// Says what became of an import; an error when not all of it was imported.
#[expect(clippy::print_stdout, reason = "the command's result")]
fn report(answer: &Value) -> anyhow::Result<()> {
    let failed = answer["failed_total"].as_u64().unwrap_or_default();
    println!(
        "{} contexts were imported, {} were there already or have expired, {failed} lines failed",
        answer["imported"], answer["skipped"]
    );
    for line in answer["failed"].as_array().into_iter().flatten().take(SHOWN) {
        println!(
            "line {}: {}",
            line["line"],
            line["error"]["detail"].as_str().unwrap_or_default()
        );
    }
    if answer["complete"] != true {
        bail!(
            "the import is not complete: {}",
            answer["incomplete_because"].as_str().unwrap_or_default()
        );
    }
    if failed > 0 {
        bail!("not every line was imported");
    }
    Ok(())
}

fn scope(tenant: &str) -> anyhow::Result<Scope> {
    Ok(Scope::maintenance(TenantId::try_new(tenant)?))
}

fn is_gzip(file: &Path) -> io::Result<bool> {
    let mut magic = Vec::new();
    File::open(file)?
        .take(GZIP_MAGIC.len() as u64)
        .read_to_end(&mut magic)?;
    Ok(magic == GZIP_MAGIC)
}

/// A bar on standard error, which is not drawn where nobody looks.
fn bar(length: Option<u64>, template: &str) -> anyhow::Result<ProgressBar> {
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_style(ProgressStyle::with_template(template)?);
    Ok(bar)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn say(output: &Path, text: &str) {
    // Standard output belongs to the export then.
    if output != Path::new("-") {
        println!("{text}");
    }
}

/// Where an export goes. A file gets its name when it is whole.
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
