//! `context-manager reembed`: change of the embedding model of a data folder that no server has open.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use context_manager_core::lexical::Analyzer;
use context_manager_core::ports::{Embedder, SystemClock};
use context_manager_core::{ContextEngine, Deps, OnEmbeddingFailure, ReembedPhase, ReembedProgress, ReembedSettings};
use indicatif::{ProgressBar, ProgressStyle};

use super::options::{Options, block_on};
use crate::config::Config;
use crate::embedders::Embedders;
use crate::store;
use context_manager_vector_store::OpenStore;

/// Number of texts embedded at once.
const BATCH: usize = 256;

pub(super) fn run(options: Options) -> anyhow::Result<()> {
    block_on(options, async |config| change(&config).await)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
async fn change(config: &Config) -> anyhow::Result<()> {
    if config.vector_db.qdrant.url.is_some() {
        bail!(
            "`vector_db.url` is set, and contexts on a Qdrant server cannot be given another model's vectors there, see \
             \"Changing the embedding model\" in docs/how-to/embedding-models.md"
        );
    }
    let Some(stored) = store::stored_models(&config.vector_db).await? else {
        println!("there is nothing to embed: {} holds no data", config.vector_db.place());
        return Ok(());
    };
    let embedders = Embedders::connect(&config.embedding, Some(&stored)).await?;
    let Some(to) = embedders.other_than(&stored.in_use) else {
        println!("there is nothing to do: {} is in use already", stored.in_use);
        return Ok(());
    };
    let store = store::open(&config.vector_db, &config.snapshots, &stored.in_use)
        .await
        .context("a server that has the folder open changes its model itself, by `POST /api/v1/admin/reembed`")?;
    let result = embed_all(config, &store, to).await;
    store.handle.close().await?;
    let done = result?;
    if done.phase != ReembedPhase::Done {
        bail!("the model was not changed");
    }
    println!(
        "{} took over from {}: {} contexts were embedded, {} are found by their words alone as it refused them. The vectors \
         of the old model are kept; configure it again and run this again to go back",
        done.to, done.from, done.embedded, done.refused
    );
    Ok(())
}

async fn embed_all(config: &Config, store: &OpenStore, to: Arc<dyn Embedder>) -> anyhow::Result<ReembedProgress> {
    let models = store.models.as_ref().context("this store keeps one model only")?;
    // Nothing is searched or stored here, so the model in use is not needed.
    let deps = Deps {
        store: Arc::clone(&store.contexts),
        sessions: None,
        embedder: Arc::clone(&to),
        table: None,
        on_embedding_failure: OnEmbeddingFailure::default(),
        tokens: config.tokens.encoding.counter(),
        clock: Arc::new(SystemClock),
        analyzer: Analyzer::new(config.lexical.clone()),
    };
    let engine = ContextEngine::new(config.hirag.clone(), deps);
    let settings = ReembedSettings {
        batch: BATCH,
        texts_per_sec: config.embedding.background_texts_per_sec,
    };
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template(
        "{wide_bar} {pos}/{len} contexts, {per_sec}, {eta} left",
    )?);
    bar.enable_steady_tick(Duration::from_millis(200));
    let report = |progress: &ReembedProgress| {
        bar.set_length(progress.total);
        bar.set_position(progress.embedded + progress.refused);
    };
    let done = engine.reembed(&**models, to, settings, report).await;
    bar.finish_and_clear();
    Ok(done?)
}
