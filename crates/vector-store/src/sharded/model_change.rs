//! A second model beside the one in use, in all shards.
//!
//! The shards change one after the other. What a crash leaves half changed is finished at the next start: when one shard
//! uses the other model, everything was ready for it in all of them.

use async_trait::async_trait;
use context_manager_core::context::{Context, ContextId};
use context_manager_core::ports::{ModelChange, ModelFingerprint, OtherModel, StoreError, StoredModels};
use context_manager_core::{Page, Scope};

use super::ShardedStore;
use crate::embedded::Config;
use crate::{EmbeddedStore, Error};

#[async_trait]
impl ModelChange for ShardedStore {
    async fn models(&self) -> Result<StoredModels, StoreError> {
        let mut stored = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            stored.push(shard.models().await?);
        }
        Ok(of_all(&stored).expect("there is at least one shard"))
    }

    async fn add_model(&self, model: &ModelFingerprint) -> Result<(), StoreError> {
        for shard in &self.shards {
            shard.add_model(model).await?;
        }
        Ok(())
    }

    async fn without_other(
        &self,
        scope: &Scope,
        after: Option<ContextId>,
        limit: usize,
    ) -> Result<Page<Context, ContextId>, StoreError> {
        self.of(scope.tenant()).without_other(scope, after, limit).await
    }

    async fn set_other_vectors(&self, scope: &Scope, vectors: Vec<(ContextId, Vec<f32>)>) -> Result<(), StoreError> {
        self.of(scope.tenant()).set_other_vectors(scope, vectors).await
    }

    async fn switch(&self) -> Result<(), StoreError> {
        let mut due = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            if shard.models().await?.other.is_none_or(|other| other.filling) {
                due.push(shard);
            }
        }
        for (done, shard) in due.iter().enumerate() {
            let Err(error) = shard.switch().await else { continue };
            for switched in &due[..done] {
                if let Err(error) = switched.switch().await {
                    tracing::error!(%error, "a shard is left with another model; restart the server");
                }
            }
            return Err(error);
        }
        Ok(())
    }

    async fn remove_other(&self) -> Result<(), StoreError> {
        for shard in &self.shards {
            shard.remove_other().await?;
        }
        Ok(())
    }
}

/// The models of all shards together; `None` without shards.
///
/// The one in use is that of a shard in which nothing is on its way to take over, if there is such a shard: there the
/// change is complete, so that it is to be finished everywhere.
pub(super) fn of_all(shards: &[StoredModels]) -> Option<StoredModels> {
    let filling = |shard: &&StoredModels| shard.other.as_ref().is_some_and(|other| other.filling);
    let settled = shards.iter().find(|shard| !filling(shard)).or(shards.first())?;
    // While room for another model is made, some shards know nothing of it yet.
    let in_use = &settled.in_use;
    let others = shards.iter().filter(|shard| shard.in_use == *in_use);
    let other = others.filter_map(|shard| shard.other.clone());
    Some(StoredModels {
        in_use: in_use.clone(),
        other: other.max_by_key(|other: &OtherModel| other.filling),
    })
}

/// Has a shard change to `model` when a crash came before its turn.
pub(super) async fn finish(config: &Config, model: &ModelFingerprint) -> Result<(), Error> {
    let Some(stored) = EmbeddedStore::stored_models(&config.path)? else {
        return Ok(());
    };
    let due = stored.in_use != *model
        && stored
            .other
            .as_ref()
            .is_some_and(|other| other.model == *model && other.filling);
    if !due {
        return Ok(());
    }
    tracing::info!(path = %config.path.display(), model = %model, "finishing a change of the embedding model");
    let shard = EmbeddedStore::open(config.clone(), &stored.in_use).await?;
    let switched = match shard.switch().await {
        Ok(()) => shard.close().await,
        Err(error) => Err(error),
    };
    switched.map_err(|source| Error::Engine {
        operation: "change the model of",
        path: config.path.clone(),
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str) -> ModelFingerprint {
        ModelFingerprint {
            name: name.to_owned(),
            dimensions: 4,
            probe: "p".to_owned(),
        }
    }

    fn shard(in_use: &str, other: Option<(&str, bool)>) -> StoredModels {
        StoredModels {
            in_use: model(in_use),
            other: other.map(|(name, filling)| OtherModel {
                model: model(name),
                filling,
            }),
        }
    }

    #[test]
    fn a_change_that_was_half_done_counts_as_done_and_one_that_was_not_begun_does_not() {
        let old = || shard("old", Some(("new", true)));
        let new = || shard("new", Some(("old", false)));
        assert_eq!(of_all(&[old(), old()]), Some(old()));
        assert_eq!(of_all(&[old(), new()]).unwrap().in_use, model("new"));
        assert_eq!(of_all(&[new(), old()]).unwrap().in_use, model("new"));
        // Room was made in one of them only.
        assert_eq!(of_all(&[old(), shard("old", None)]), Some(old()));
        // It was discarded in one of them only.
        assert_eq!(of_all(&[shard("new", None), new()]), Some(new()));
        assert_eq!(of_all(&[]), None);
    }
}
