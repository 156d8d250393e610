//! `context-manager migrate`: bringing all contexts from one store into another.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use context_manager_core::ports::VectorStore;
use context_manager_core::{Filter, Scope, TenantId};
use context_manager_vector_store::copy::{Comparison, Copied, compare, copy};
use context_manager_vector_store::qdrant::Sharding;
use context_manager_vector_store::{QdrantStore, ShardedStore};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Options, block_on};
use crate::config::VectorDbConfig;
use crate::store::Store;

/// No indexes are rebuilt in the source, as nothing changes there.
const NEVER_SECS: u64 = 365 * 24 * 60 * 60;

/// What is brought where.
#[derive(Debug, Clone, Args)]
pub(super) struct Migration {
    /// Where the contexts are.
    #[arg(long, value_enum)]
    from: Kind,
    /// Where they are to be.
    #[arg(long, value_enum)]
    to: Kind,
    /// The collection they are in, if its prefix is not `vector_db.collection_prefix`.
    #[arg(long, value_name = "PREFIX")]
    from_prefix: Option<String>,
    /// The data folder to bring them into, if it is not `vector_db.path`.
    #[arg(long, value_name = "FOLDER")]
    to_path: Option<PathBuf>,
    /// Into how many shards that folder is divided, if not into `vector_db.shards`.
    #[arg(long, value_name = "NUMBER")]
    to_shards: Option<u32>,
}

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The data folder `vector_db.path`.
    Embedded,
    /// The Qdrant server at `vector_db.url`.
    Qdrant,
}

pub(super) fn run(options: Options, migration: &Migration) -> anyhow::Result<()> {
    block_on(options, async |config| migrate(&config.vector_db, migration).await)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
async fn migrate(config: &VectorDbConfig, migration: &Migration) -> anyhow::Result<()> {
    let source = source(config, migration).await?;
    let target = target(config, migration)?;
    ensure!(
        source.place() != target.place(),
        "{} cannot be brought into itself: give `--to-path` or `--from-prefix`",
        source.place()
    );
    let Some(stored) = Store::stored_models(&source).await? else {
        println!("there is nothing to bring: {} holds no data", source.place());
        return Ok(());
    };
    if let Some(other) = stored.other {
        println!("vectors of the model {}, which is not in use, stay behind", other.model);
    }
    let open = |place, role| {
        let (place, model): (&VectorDbConfig, _) = (place, &stored.in_use);
        async move {
            let opened = Store::open(place, model).await;
            opened.with_context(|| format!("cannot use {}, {role}", place.place()))
        }
    };
    let from = open(&source, "where the contexts are").await?;
    let opened = open(&target, "where the contexts are to be").await;
    let result = match &opened {
        Ok(to) => bring(&*from.contexts(), &*to.contexts()).await,
        Err(_) => Ok(Vec::new()),
    };
    from.close().await?;
    opened?.close().await?;
    let tenants = result?;
    println!("{}", report(&tenants));
    let unequal = tenants.iter().filter(|tenant| !tenant.compared.is_equal()).count();
    ensure!(
        unequal == 0,
        "{unequal} tenant(s) are not the same in {} and {}: see that nobody writes to either, and run this again",
        source.place(),
        target.place()
    );
    println!("all of {} is in {} now", source.place(), target.place());
    Ok(())
}

/// How one tenant came through.
struct Tenant {
    name: TenantId,
    copied: Copied,
    compared: Comparison,
}

/// Brings all tenants, and then compares them all.
async fn bring(from: &dyn VectorStore, to: &dyn VectorStore) -> anyhow::Result<Vec<Tenant>> {
    let everything = Filter::default();
    let mut names = from.tenants(&everything).await?;
    names.sort();
    let scope = |name: &TenantId| Scope::maintenance(name.clone());
    let mut total = 0;
    for name in &names {
        total += from.count(&scope(name), &everything).await?;
    }
    let progress = Progress::of("bringing", total)?;
    let mut copies = Vec::with_capacity(names.len());
    for name in names {
        let result = copy(from, to, &scope(&name), |done| progress.advance(done)).await;
        copies.push((result.with_context(|| interrupted(&name))?, name));
    }
    progress.end();
    let progress = Progress::of("comparing", total)?;
    let mut tenants = Vec::with_capacity(copies.len());
    for (copied, name) in copies {
        let compared = compare(from, to, &scope(&name), |done| progress.advance(done)).await;
        let compared = compared.with_context(|| interrupted(&name))?;
        tenants.push(Tenant { name, copied, compared });
    }
    progress.end();
    Ok(tenants)
}

fn interrupted(tenant: &TenantId) -> String {
    format!("stopped at tenant `{}`; run this again to go on", tenant.as_str())
}

/// Log lines in place of a bar: so many from beginning to end.
const STEPS: u64 = 20;

/// How far it is: a bar where somebody looks, and log lines elsewhere.
struct Progress {
    doing: &'static str,
    bar: ProgressBar,
    total: u64,
}

impl Progress {
    fn of(doing: &'static str, total: u64) -> anyhow::Result<Self> {
        let bar = ProgressBar::new(total).with_message(doing);
        bar.set_style(ProgressStyle::with_template(
            "{msg:9} {wide_bar} {pos}/{len} contexts, {per_sec}, {eta} left",
        )?);
        bar.enable_steady_tick(Duration::from_millis(200));
        Ok(Self { doing, bar, total })
    }

    fn advance(&self, contexts: u64) {
        let before = self.bar.position();
        self.bar.inc(contexts);
        let done = self.bar.position();
        let step = |done| done * STEPS / self.total.max(1);
        if self.bar.is_hidden() && step(done) > step(before) {
            tracing::info!(done, total = self.total, "{} contexts", self.doing);
        }
    }

    fn end(self) {
        self.bar.finish_and_clear();
    }
}

fn report(tenants: &[Tenant]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "tenant",
        "contexts",
        "there before",
        "checksum",
        "in the target",
        "checksum there",
        "verdict",
    ]);
    for Tenant { name, copied, compared } in tenants {
        let Comparison {
            from,
            to,
            missing,
            extra,
            different,
        } = compared;
        let verdict = if compared.is_equal() {
            "equal".to_owned()
        } else {
            format!("{missing} missing, {extra} too many, {different} different")
        };
        table.add_row([
            name.as_str().to_owned(),
            from.count.to_string(),
            (copied.read - copied.written).to_string(),
            from.checksum.to_string(),
            to.count.to_string(),
            to.checksum.to_string(),
            verdict,
        ]);
    }
    table
}

/// The settings of the source: as it is stored, whatever is configured for a new one.
async fn source(config: &VectorDbConfig, migration: &Migration) -> anyhow::Result<VectorDbConfig> {
    let mut source = of_kind(config, migration.from)?;
    match migration.from {
        Kind::Embedded => {
            let embedded = &mut source.embedded;
            embedded.shards = ShardedStore::stored_shards(&embedded.path)?.unwrap_or(1);
            embedded.optimize_after_changes = u64::MAX;
            embedded.optimize_idle_secs = NEVER_SECS;
        }
        Kind::Qdrant => {
            if let Some(prefix) = &migration.from_prefix {
                source.qdrant.collection_prefix.clone_from(prefix);
            }
            let sharding = QdrantStore::stored_sharding(&source.server()).await?;
            source.qdrant.sharding = sharding.unwrap_or(Sharding::Hash);
        }
    }
    Ok(source)
}

fn target(config: &VectorDbConfig, migration: &Migration) -> anyhow::Result<VectorDbConfig> {
    let mut target = of_kind(config, migration.to)?;
    if let Some(path) = &migration.to_path {
        target.embedded.path.clone_from(path);
    }
    if let Some(shards) = migration.to_shards {
        target.embedded.shards = shards;
    }
    Ok(target)
}

/// The configuration with a store of this kind.
fn of_kind(config: &VectorDbConfig, kind: Kind) -> anyhow::Result<VectorDbConfig> {
    let mut config = config.clone();
    match kind {
        Kind::Embedded => config.qdrant.url = None,
        Kind::Qdrant if config.qdrant.url.is_none() => bail!("`vector_db.url` is not set"),
        Kind::Qdrant => {}
    }
    Ok(config)
}
