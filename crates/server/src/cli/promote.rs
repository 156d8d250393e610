//! `context-manager promote`: a shard of its own for a large tenant.

use anyhow::Context as _;
use clap::Args;
use context_manager_core::TenantId;
use context_manager_vector_store::QdrantStore;

use super::{Options, block_on};
use crate::config::VectorDbConfig;

/// Who gets a shard.
#[derive(Debug, Clone, Args)]
pub(super) struct Promotion {
    /// The tenant's name.
    #[arg(long)]
    tenant: String,
}

pub(super) fn run(options: Options, promotion: &Promotion) -> anyhow::Result<()> {
    let tenant = TenantId::try_new(&promotion.tenant)?;
    block_on(options, async |config| promote(&config.vector_db, &tenant).await)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
async fn promote(config: &VectorDbConfig, tenant: &TenantId) -> anyhow::Result<()> {
    config
        .qdrant
        .url
        .as_ref()
        .context("`vector_db.url` is not set, and only a Qdrant server has shards of tenants")?;
    let server = config.server();
    let stored = QdrantStore::stored_model(&server).await?;
    let model = stored.with_context(|| format!("there is no {}", config.place()))?;
    let store = QdrantStore::connect(&server, &model).await?;
    store.promote(tenant).await?;
    println!("tenant `{}` has a shard of its own now", tenant.as_str());
    Ok(())
}
