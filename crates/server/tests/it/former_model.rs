//! Data of the built-in model of earlier versions.

use context_manager::config::Config;
use context_manager_core::ReembedPhase;
use context_manager_embedding::{SentenceEncoder, StaticTable};
use serde_json::json;

use crate::support::{TestApp, until};

/// Names the built-in model, which is the present one without a name.
fn name(config: &mut Config, model: &str) {
    model.clone_into(&mut config.embedding.model.api.model);
}

async fn serving(app: &TestApp) -> String {
    let stats = app.get("/api/v1/stats").await;
    stats.body["model"]["name"].as_str().unwrap().to_owned()
}

/// The best hit by vectors alone, for a question in other words than what is stored.
async fn best(app: &TestApp) -> String {
    let question = json!({"query": "Did a puppy run after the kitten?", "mode": "dense", "limit": 1});
    app.found(question).await.remove(0)
}

#[tokio::test]
async fn data_of_the_former_built_in_model_are_served_and_embedded_again() {
    let app = TestApp::with(|config| name(config, StaticTable::NAME)).await;
    let texts = [
        "The dog chased a cat",
        "The laundry smells of mildew",
        "Rates rose in March",
    ];
    for text in texts {
        app.store(json!({"text": text})).await;
    }
    assert_eq!(
        (serving(&app).await.as_str(), best(&app).await.as_str()),
        (StaticTable::NAME, texts[0])
    );

    let app = app.restart_with(|config| name(config, "")).await;
    if app.memory.store.models.is_none() {
        assert_eq!(
            serving(&app).await,
            StaticTable::NAME,
            "a Qdrant server keeps vectors of one model"
        );
        return;
    }
    assert_eq!(best(&app).await, texts[0], "the former model's vectors serve meanwhile");
    app.memory.reembedding.resume().await.unwrap();
    until("the present model takes over", async || {
        let (_, progress) = app.memory.reembedding.status();
        progress.is_some_and(|progress| progress.phase == ReembedPhase::Done)
    })
    .await;
    assert_eq!(serving(&app).await, SentenceEncoder::BUILT_IN);
    assert_eq!(best(&app).await, texts[0], "no vector is left of the former model");

    // It is done once, and can be undone by naming the former model.
    let app = app.restart().await;
    app.memory.reembedding.resume().await.unwrap();
    assert_eq!(app.memory.reembedding.status().1, None);
    assert_eq!(serving(&app).await, SentenceEncoder::BUILT_IN);
}

#[tokio::test]
async fn the_former_model_stays_where_it_is_named() {
    let app = TestApp::with(|config| name(config, StaticTable::NAME)).await;
    app.store(json!({"text": "The dog chased a cat"})).await;
    let app = app.restart().await;
    app.memory.reembedding.resume().await.unwrap();
    assert_eq!(app.memory.reembedding.status().1, None);
    assert_eq!(serving(&app).await, StaticTable::NAME);
}
