//! `context-manager migrate`: copy of all contexts from one store to another by export and import, and a comparison of both.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use async_trait::async_trait;
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use context_manager_core::lexical::Analyzer;
use context_manager_core::ports::{
    EmbedError, EmbedErrorKind, Embedder, ModelFingerprint, QueryEmbedding, SystemClock, VectorStore,
};
use context_manager_core::{ContextEngine, Deps, Filter, OnEmbeddingFailure, Scope, TenantId, Visibility};
use context_manager_vector_store::OpenStore;
use context_manager_vector_store::compare::{Comparison, compare};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::options::{Options, block_on};
use crate::config::{Config, VectorDbConfig};
use crate::http::{BodyLine, Problem};
use crate::service::Importer;
use crate::store;
use crate::transfer::{Export, Import};

/// Interval that keeps the source from rebuilding indexes, as nothing changes there.
const NEVER_SECS: u64 = 365 * 24 * 60 * 60;

/// Source and target of a migration.
#[derive(Debug, Clone, Args)]
pub(super) struct Migration {
    /// Store to copy from.
    #[arg(long, value_enum)]
    from: Kind,
    /// Store to copy to.
    #[arg(long, value_enum)]
    to: Kind,
    /// Prefix of the source collection. Default `vector_db.collection_prefix`.
    #[arg(long, value_name = "PREFIX")]
    from_prefix: Option<String>,
    /// Target data folder. Default `vector_db.path`.
    #[arg(long, value_name = "FOLDER")]
    to_path: Option<PathBuf>,
}

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Data folder `vector_db.path`.
    Embedded,
    /// Qdrant server at `vector_db.url`.
    Qdrant,
}

pub(super) fn run(options: Options, migration: &Migration) -> anyhow::Result<()> {
    block_on(options, async |config| migrate(&config, migration).await)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
async fn migrate(config: &Config, migration: &Migration) -> anyhow::Result<()> {
    let source = source(&config.vector_db, migration)?;
    let target = target(&config.vector_db, migration)?;
    ensure!(
        source.place() != target.place(),
        "{} cannot be brought into itself: give `--to-path` or `--from-prefix`",
        source.place()
    );
    let Some(stored) = store::stored_models(&source).await? else {
        println!("there is nothing to bring: {} holds no data", source.place());
        return Ok(());
    };
    if let Some(other) = stored.other {
        println!("vectors of the model {}, which is not in use, stay behind", other.model);
    }
    let open = |place, role| {
        let (place, snapshots, model): (&VectorDbConfig, _, _) = (place, &config.snapshots, &stored.in_use);
        async move {
            let opened = store::open(place, snapshots, model).await;
            opened.with_context(|| format!("cannot use {}, {role}", place.place()))
        }
    };
    let from = open(&source, "where the contexts are").await?;
    let opened = open(&target, "where the contexts are to be").await;
    let result = match &opened {
        Ok(to) => {
            let end = |store| End::of(config, store, &stored.in_use);
            bring(&end(&from), &end(to)).await
        }
        Err(_) => Ok(Vec::new()),
    };
    from.handle.close().await?;
    opened?.handle.close().await?;
    let tenants = result?;
    println!("{}", report(&tenants));
    let unequal = tenants.iter().filter(|tenant| !tenant.compared.is_equal()).count();
    ensure!(
        unequal == 0,
        "{unequal} tenant(s) are not the same in {} and {}: see that nobody writes to either, and run this again; where the \
         target holds something else under the same ids, bring them into an empty one",
        source.place(),
        target.place()
    );
    println!("all of {} is in {} now", source.place(), target.place());
    Ok(())
}

/// A store and its engine.
struct End {
    engine: Arc<ContextEngine>,
    store: Arc<dyn VectorStore>,
}

impl End {
    fn of(config: &Config, store: &OpenStore, model: &ModelFingerprint) -> Self {
        let store = Arc::clone(&store.contexts);
        let deps = Deps {
            store: Arc::clone(&store),
            sessions: None,
            embedder: Arc::new(Absent(model.clone())),
            table: None,
            on_embedding_failure: OnEmbeddingFailure::Pending,
            tokens: config.tokens.encoding.counter(),
            clock: Arc::new(SystemClock),
            analyzer: Analyzer::new(config.lexical.clone()),
        };
        let engine = Arc::new(ContextEngine::new(config.hirag.clone(), deps));
        Self { engine, store }
    }
}

/// Model of the copied vectors. It embeds nothing: pending contexts stay pending in the target.
#[derive(Debug)]
struct Absent(ModelFingerprint);

#[async_trait]
impl Embedder for Absent {
    fn fingerprint(&self) -> &ModelFingerprint {
        &self.0
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        let absent = |_| Err(EmbedErrorKind::Unavailable(None).into());
        texts.iter().map(absent).collect()
    }

    async fn embed_query(&self, _text: &str) -> Result<QueryEmbedding, EmbedError> {
        Err(EmbedErrorKind::Unavailable(None).into())
    }
}

/// Outcome for a tenant.
struct Tenant {
    name: TenantId,
    there_before: u64,
    compared: Comparison,
}

/// Copies all tenants, then compares them.
async fn bring(from: &End, to: &End) -> anyhow::Result<Vec<Tenant>> {
    let live = Filter {
        visibility: Visibility::Live(from.engine.now()),
        ..Filter::default()
    };
    let mut names = from.engine.tenants().await?;
    names.sort();
    let scope = |name: &TenantId| Scope::maintenance(name.clone());
    let mut total = 0;
    for name in &names {
        total += from.store.count(&scope(name), &live).await?;
    }
    let mut progress = Progress::new("bringing", total)?;
    let mut brought = Vec::with_capacity(names.len());
    for name in names {
        let there_before = bring_tenant(from, to, &scope(&name), &mut progress).await;
        brought.push((there_before.with_context(|| interrupted(&name))?, name));
    }
    progress.bar.finish_and_clear();
    let mut progress = Progress::new("comparing", total)?;
    let mut tenants = Vec::with_capacity(brought.len());
    for (there_before, name) in brought {
        let advance = |done| progress.advance(done);
        let compared = compare(&*from.store, &*to.store, &scope(&name), &live, advance).await;
        tenants.push(Tenant {
            compared: compared.with_context(|| interrupted(&name))?,
            name,
            there_before,
        });
    }
    progress.bar.finish_and_clear();
    Ok(tenants)
}

/// Copies a tenant, and returns the number of contexts that were there before.
async fn bring_tenant(from: &End, to: &End, scope: &Scope, progress: &mut Progress) -> anyhow::Result<u64> {
    let mut export = Export::new(Arc::clone(&from.engine), scope.clone(), true);
    let importer = Importer::offline(Arc::clone(&to.engine), scope.clone());
    let mut import = Import::new(importer, usize::MAX);
    let mut done = 0;
    while let Some(lines) = export.next().await? {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            import.line(BodyLine::Whole(line.to_vec())).await.map_err(refused)?;
        }
        progress.advance(import.done() - done);
        done = import.done();
    }
    let answer = import.finish(None).await.map_err(refused)?;
    if let Some(failed) = answer.failed.first() {
        bail!("line {} of the export: {}", failed.line, failed.error.detail);
    }
    Ok(answer.skipped)
}

#[expect(clippy::needless_pass_by_value, reason = "the form that `map_err` takes")]
fn refused(problem: Problem) -> anyhow::Error {
    anyhow!("{}", problem.detail())
}

fn interrupted(tenant: &TenantId) -> String {
    format!("stopped at tenant `{}`; run this again to go on", tenant.as_str())
}

/// Interval of log lines about progress, where there is no terminal.
const LOG_INTERVAL: Duration = Duration::from_secs(3);

/// Progress of a step: a bar on a terminal, log lines elsewhere.
struct Progress {
    step: &'static str,
    bar: ProgressBar,
    logged: Instant,
}

impl Progress {
    fn new(step: &'static str, total: u64) -> anyhow::Result<Self> {
        let bar = ProgressBar::new(total).with_message(step);
        bar.set_style(ProgressStyle::with_template(
            "{msg:9} {wide_bar} {pos}/{len} contexts, {per_sec}, {eta} left",
        )?);
        bar.enable_steady_tick(Duration::from_millis(200));
        let logged = Instant::now();
        Ok(Self { step, bar, logged })
    }

    fn advance(&mut self, contexts: u64) {
        self.bar.inc(contexts);
        if self.bar.is_hidden() && self.logged.elapsed() >= LOG_INTERVAL {
            self.logged = Instant::now();
            tracing::info!(
                done = self.bar.position(),
                total = self.bar.length(),
                "{} contexts",
                self.step
            );
        }
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
    for Tenant {
        name,
        there_before,
        compared,
    } in tenants
    {
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
            there_before.to_string(),
            from.checksum.to_string(),
            to.count.to_string(),
            to.checksum.to_string(),
            verdict,
        ]);
    }
    table
}

/// Returns the settings of the source.
fn source(config: &VectorDbConfig, migration: &Migration) -> anyhow::Result<VectorDbConfig> {
    let mut source = of_kind(config, migration.from)?;
    match migration.from {
        Kind::Embedded => {
            let embedded = &mut source.embedded;
            embedded.optimize_after_changes = u64::MAX;
            embedded.optimize_idle_secs = NEVER_SECS;
        }
        Kind::Qdrant => {
            if let Some(prefix) = &migration.from_prefix {
                source.qdrant.collection_prefix.clone_from(prefix);
            }
        }
    }
    Ok(source)
}

fn target(config: &VectorDbConfig, migration: &Migration) -> anyhow::Result<VectorDbConfig> {
    let mut target = of_kind(config, migration.to)?;
    if let Some(path) = &migration.to_path {
        target.embedded.path.clone_from(path);
    }
    Ok(target)
}

/// Returns the configuration of a store of this kind.
fn of_kind(config: &VectorDbConfig, kind: Kind) -> anyhow::Result<VectorDbConfig> {
    let mut config = config.clone();
    match kind {
        Kind::Embedded => config.qdrant.url = None,
        Kind::Qdrant if config.qdrant.url.is_none() => bail!("`vector_db.url` is not set"),
        Kind::Qdrant => {}
    }
    Ok(config)
}
