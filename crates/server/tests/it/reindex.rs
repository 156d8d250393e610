//! Indexing again after a change of the analysis of texts, on every kind of store of this machine.

use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::lexical::{self, Analyzer, Language, LanguageChoice};
use context_manager_core::ports::{
    EmbedError, Embedder, ListRequest, ModelFingerprint, QueryEmbedding, Record, VectorStore,
};
use context_manager_core::{
    Config, ContextEngine, ContextId, Deps, Filter, NewContext, Patch, Scope, SearchMode, SearchRequest, TenantId,
};
use context_manager_vector_store::MemoryStore;
use context_manager_vector_store::embedded;
use futures::FutureExt as _;

/// Gives every text the same vector.
#[derive(Debug)]
struct Same(ModelFingerprint);

#[async_trait]
impl Embedder for Same {
    fn fingerprint(&self) -> &ModelFingerprint {
        &self.0
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        texts.iter().map(|_| Ok(vec![1.0, 0.0])).collect()
    }

    async fn embed_query(&self, _text: &str) -> Result<QueryEmbedding, EmbedError> {
        Ok(QueryEmbedding::new(vec![1.0, 0.0]))
    }
}

fn model() -> ModelFingerprint {
    ModelFingerprint {
        name: "same".to_owned(),
        dimensions: 2,
        probe: String::new(),
    }
}

fn engine(store: &Arc<dyn VectorStore>, language: LanguageChoice) -> ContextEngine {
    let config = lexical::Config {
        language,
        ..lexical::Config::default()
    };
    let deps = Deps {
        analyzer: Analyzer::new(config),
        ..Deps::new(Arc::clone(store), Arc::new(Same(model())))
    };
    ContextEngine::new(Config::default(), deps)
}

fn scope() -> Scope {
    Scope::authenticated(TenantId::try_new("t").unwrap())
}

/// German texts, each with a word of another form.
const TEXTS: [(&str, &str); 4] = [
    ("Die Verträge liegen beim Notar.", "Vertrag"),
    ("Neue Mieter zahlen die Kautionen.", "Kaution"),
    ("Kündigungen brauchen drei Monate.", "Kündigung"),
    ("Handwerker reparieren Heizungen.", "Heizung"),
];

async fn found(engine: &ContextEngine, words: &str) -> Vec<ContextId> {
    let request = SearchRequest {
        query: words.to_owned(),
        mode: SearchMode::Lexical,
        ..SearchRequest::default()
    };
    let found = engine.search(&scope(), request).await.unwrap().contexts;
    found.into_iter().map(|found| found.context.id).collect()
}

async fn stored(store: &Arc<dyn VectorStore>) -> Vec<Record> {
    let request = ListRequest {
        limit: 1000,
        with_vectors: true,
        ..ListRequest::default()
    };
    store.list(&scope(), request).await.unwrap().items
}

/// Runs `test` on every kind of store.
async fn on_each<F: Future<Output = ()>>(test: impl Fn(Arc<dyn VectorStore>) -> F) {
    test(Arc::new(MemoryStore::new(2))).await;
    let folder = tempfile::tempdir().unwrap();
    let config = embedded::Config {
        path: folder.path().join("data"),
        ..embedded::Config::default()
    };
    let snapshots = embedded::SnapshotConfig::default();
    let store = embedded::open_store(config, snapshots, &model()).await.unwrap();
    test(Arc::clone(&store.contexts)).await;
    store.handle.close().await.unwrap();
}

#[tokio::test]
async fn what_was_stored_before_is_found_by_its_words_in_the_new_language() {
    on_each(|store| async move {
        let before = engine(&store, LanguageChoice::None);
        assert_eq!(before.reindex().await.unwrap(), Some(0));
        let mut ids = Vec::new();
        for (text, word) in TEXTS {
            ids.push(before.store(&scope(), NewContext::new(text)).await.unwrap().context.id);
            assert_eq!(found(&before, word).await, [], "{word}");
        }
        let vectors = stored(&store).await;

        let after = engine(&store, LanguageChoice::Of(Language::German));
        // Nothing is lost before: words are found as they are written.
        assert_eq!(found(&after, "Kautionen").await, [ids[1]]);
        assert_eq!(after.reindex().await.unwrap(), Some(4));
        for (id, (_, word)) in ids.iter().zip(TEXTS) {
            assert_eq!(found(&after, word).await, [*id], "{word}");
        }
        assert_eq!(after.reindex().await.unwrap(), None);
        let same = |record: &Record| (record.context.id, record.dense.clone(), record.context.updated_at);
        let now = stored(&store).await;
        assert_eq!(
            now.iter().map(same).collect::<Vec<_>>(),
            vectors.iter().map(same).collect::<Vec<_>>()
        );
        assert!(
            after
                .stats(&scope(), Filter::default())
                .await
                .unwrap()
                .reindexed
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on() {
    on_each(|store| async move {
        let before = engine(&store, LanguageChoice::None);
        for n in 0..200 {
            let text = format!("Die Verträge {n} liegen beim Notar.");
            before.store(&scope(), NewContext::new(text)).await.unwrap();
        }
        let after = engine(&store, LanguageChoice::Of(Language::German));
        let is_new = async || {
            let terms = Analyzer::new(lexical::Config {
                language: LanguageChoice::Of(Language::German),
                ..lexical::Config::default()
            });
            let records = stored(&store).await;
            let made = records
                .iter()
                .filter(|record| terms.document(&record.context.text, None).terms == record.terms);
            made.count()
        };
        let mut run = Box::pin(after.reindex());
        while is_new().await == 0 {
            assert!(run.as_mut().now_or_never().is_none(), "cut off before its end");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        drop(run);
        let done = is_new().await;
        assert!(done < 200);
        assert_eq!(store.analyzer().await.unwrap(), None);
        assert_eq!(
            engine(&store, LanguageChoice::Of(Language::German))
                .reindex()
                .await
                .unwrap(),
            Some(200 - done as u64)
        );
        assert_eq!(is_new().await, 200);
    })
    .await;
}

#[tokio::test]
async fn a_language_is_detected_or_given() {
    on_each(|store| async move {
        let engine = engine(&store, LanguageChoice::Auto);
        let tag =
            |context: &context_manager_core::Context| context.language.as_ref().map(|language| language.tag.clone());
        let stored = engine
            .store(&scope(), NewContext::new("Die Verträge liegen beim Notar."))
            .await
            .unwrap()
            .context;
        assert_eq!(tag(&stored).as_deref(), Some("de"));
        let english = Patch {
            text: Some("The contracts are with the notary now.".to_owned()),
            ..Patch::default()
        };
        assert_eq!(
            tag(&engine.update(&scope(), stored.id, english).await.unwrap()).as_deref(),
            Some("en")
        );
        let given = Patch {
            language: Some("nb-NO".to_owned()),
            ..Patch::default()
        };
        engine.update(&scope(), stored.id, given).await.unwrap();
        let other = Patch {
            text: Some("The contracts are with the notary.".to_owned()),
            ..Patch::default()
        };
        engine.update(&scope(), stored.id, other).await.unwrap();
        assert_eq!(
            tag(&engine.get(&scope(), stored.id).await.unwrap()).as_deref(),
            Some("nb-NO"),
            "a given one stays"
        );
    })
    .await;
}
