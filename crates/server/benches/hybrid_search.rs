//! A whole search beside what the engine underneath needs for a hybrid query of its own.
//!
//! `cargo bench -p context-manager --bench hybrid_search` (add `-- 10000 100000` to choose how many contexts). Both sides
//! ask the same questions of the same points in this process, in turns: the bare engine fuses the ranks of its two
//! searches and reads the payloads of the best, once with words weighed by how rare they are in the whole collection and
//! once in the tenant's part of it; ours embeds the question, compares all candidates again, brings in neighbours, ranks,
//! and spends a budget. What counts is the ratio.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark, which reports to whoever started it"
)]

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use comfy_table::Table;
use context_manager::app::{Memory, default_tenant};
use context_manager::config::Config;
use context_manager_core::lexical::{self, Analyzer};
use context_manager_core::ports::{Clock, Embedder, SystemClock};
use context_manager_core::{Level, NewContext, Scope, SearchRequest};
use context_manager_embedding::StaticTable;
use qdrant_edge::external::ordered_float::OrderedFloat;
use qdrant_edge::{
    Condition, CreateIndex, EdgeConfig, EdgeShard, FieldCondition, FieldIndexOperations, Filter, Fusion,
    IdfCorpusParams, IdfParams, Match, Modifier, NamedQuery, PayloadFieldSchema, PointInsertOperations,
    PointOperations, PointStructPersisted, Prefetch, PrefetchBuilder, QueryEnum, QueryRequest, QueryRequestBuilder,
    Range, ScoringQuery, ScrollRequestBuilder, SearchParams, SparseVector, UpdateOperation, VectorInternal,
    WithPayloadInterface, WithVector,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};
use tokio::time::Instant;

/// Turns of a session.
const TURNS: usize = 20;
/// Words there are, used as Zipf's law says.
const WORDS: f64 = 20_000.0;
/// Contexts stored at once.
const BATCH: usize = 500;
/// Questions of a turn. The first ones do not count: a store that was just opened reads from the disk, for either side.
const QUESTIONS: usize = 900;
const WARM_UP: usize = 600;
/// Number of turns of each side.
const ROUNDS: u64 = 2;
/// Number of contexts asked for, and of candidates of each kind: as many as our default.
const LIMIT: usize = 10;
const CANDIDATES: usize = 40;

#[tokio::main]
async fn main() {
    let counts: Vec<usize> = env::args().filter_map(|argument| argument.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![10_000] } else { counts };
    let mut table = Table::new();
    table.set_header([
        "contexts",
        "engine p50 ms",
        "p95",
        "frequencies of each tenant p50",
        "p95",
        "whole search p50",
        "p95",
        "ratio of p50",
        "to frequencies of each tenant",
    ]);
    for count in counts {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.vector_db.embedded.path = folder.path().join("data");
        // The indexes are built once, between storing and asking.
        config.vector_db.embedded.optimize_after_changes = u64::MAX;
        config.vector_db.embedded.optimize_idle_secs = 86_400;
        fill(&config, count).await;
        let (mut engine, mut of_tenant, mut search) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let questions = questions(round);
            engine.extend(bare(&config.vector_db.embedded.path, &questions, DocumentFrequencies::OfAll).await);
            of_tenant.extend(
                bare(
                    &config.vector_db.embedded.path,
                    &questions,
                    DocumentFrequencies::OfTenant,
                )
                .await,
            );
            search.extend(whole(&config, &questions).await);
        }
        let (engine, of_tenant, search) = (Times::of(engine), Times::of(of_tenant), Times::of(search));
        let ratio = |engine: &Times| format!("{:.2}", search.median.as_secs_f64() / engine.median.as_secs_f64());
        table.add_row([
            count.to_string(),
            millis(engine.median),
            millis(engine.p95),
            millis(of_tenant.median),
            millis(of_tenant.p95),
            millis(search.median),
            millis(search.p95),
            ratio(&engine),
            ratio(&of_tenant),
        ]);
    }
    println!("{table}");
}

/// Stores `count` turns of conversations and has the engine build all its indexes.
async fn fill(config: &Config, count: usize) {
    let memory = Memory::open(config).await.unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let scope = scope();
    for first in (0..count).step_by(BATCH) {
        let batch = (first..count.min(first + BATCH)).map(|number| context(number, &mut rng));
        let stored = memory
            .engine
            .store_many(&scope, batch.collect(), |_| String::new())
            .await;
        assert!(stored.iter().all(Result::is_ok));
    }
    memory.close().await.unwrap();
    drop(memory);
    let shard = EdgeShard::load(&config.vector_db.embedded.path.join("shard"), None).unwrap();
    index(&shard);
    weigh_words(&shard, &bare_shard(&config.vector_db.embedded.path));
}

fn index(shard: &EdgeShard) {
    while shard.optimize().unwrap() {}
    shard.flush().unwrap();
}

/// The same points and indexes in a second shard, where the engine weighs words by itself.
fn weigh_words(ours: &EdgeShard, path: &Path) {
    let mut config = EdgeConfig::load(ours.path()).unwrap().unwrap();
    for words in config.sparse_vectors.values_mut() {
        words.modifier = Some(Modifier::Idf);
    }
    std::fs::create_dir_all(path).unwrap();
    let shard = EdgeShard::new(path, config).unwrap();
    for (field_name, index) in ours.info().unwrap().payload_schema {
        let field_schema = index.params.map(PayloadFieldSchema::FieldParams);
        let create = FieldIndexOperations::CreateIndex(CreateIndex {
            field_name,
            field_schema,
        });
        shard.update(UpdateOperation::FieldIndexOperation(create)).unwrap();
    }
    let mut page = ScrollRequestBuilder::new()
        .limit(BATCH)
        .with_vector(WithVector::Bool(true))
        .build();
    loop {
        let (records, next) = ours.scroll(page.clone()).unwrap();
        let points = records.into_iter().map(|record| PointStructPersisted {
            id: record.id,
            vector: record.vector.unwrap().into(),
            payload: record.payload,
        });
        let upsert = PointInsertOperations::PointsList(points.collect());
        shard
            .update(UpdateOperation::PointOperation(PointOperations::UpsertPoints(upsert)))
            .unwrap();
        if next.is_none() {
            break;
        }
        page.offset = next;
    }
    index(&shard);
}

/// Beside our own folder.
fn bare_shard(path: &Path) -> PathBuf {
    path.with_file_name("bare")
}

fn context(number: usize, rng: &mut ChaCha8Rng) -> NewContext {
    NewContext {
        text: words(rng, 25),
        level: Level::LongTerm,
        session_id: Some(format!("session-{}", number / TURNS)),
        ..NewContext::default()
    }
}

/// The questions of a round, other ones in each: answers to known ones would come from a cache.
fn questions(round: u64) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(1_000 + round);
    (0..QUESTIONS).map(|_| words(&mut rng, 8)).collect()
}

/// Made-up words, spelled from the digits of their numbers, so that rare ones are long.
fn words(rng: &mut ChaCha8Rng, count: usize) -> String {
    let numbers = Zipf::new(WORDS, 1.0).unwrap();
    // What everybody says asks for nothing: the first few stand for "the" and "and".
    let word = |number: f64| {
        format!("{number}")
            .chars()
            .map(|digit| SYLLABLES[digit.to_digit(10).unwrap() as usize])
            .collect()
    };
    let words: Vec<String> = (0..count + rng.random_range(0..10))
        .map(|_| word(numbers.sample(rng)))
        .collect();
    words.join(" ")
}

const SYLLABLES: [&str; 10] = ["ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru"];

/// Among which contexts the engine counts how rare a word is.
#[derive(Debug, Clone, Copy)]
enum DocumentFrequencies {
    OfAll,
    OfTenant,
}

/// The times of the engine's own hybrid query.
async fn bare(path: &Path, questions: &[String], frequencies: DocumentFrequencies) -> Vec<Duration> {
    let (model, analyzer) = (StaticTable::load().unwrap(), Analyzer::new(lexical::Config::default()));
    let shard = EdgeShard::load(&bare_shard(path), None).unwrap();
    let mut times = Vec::new();
    for question in questions {
        let vector = model.embed_query(question).await.unwrap().vector;
        let terms = analyzer.question(question, &[lexical::Language::English]).terms;
        let query = hybrid(
            vector,
            SparseVector {
                indices: terms.indices,
                values: terms.values,
            },
            frequencies,
        );
        let start = Instant::now();
        let found = shard.query(query).unwrap();
        times.push(start.elapsed());
        assert_eq!(found.len(), LIMIT);
    }
    times.split_off(WARM_UP)
}

/// Ranks fused, for the same tenant.
fn hybrid(vector: Vec<f32>, words: SparseVector, frequencies: DocumentFrequencies) -> QueryRequest {
    let tenant = || {
        Condition::Field(FieldCondition::new_match(
            "tenant".parse().unwrap(),
            Match::from("default".to_owned()),
        ))
    };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds are below 2^53")]
    let now = Range {
        gt: Some(OrderedFloat(SystemClock.now().as_millisecond() as f64)),
        ..Range::default()
    };
    let current = Condition::Field(FieldCondition::new_range("visible".parse().unwrap(), now));
    let filter = Filter {
        must: Some(vec![tenant(), current]),
        ..Filter::default()
    };
    let corpus = IdfParams::Corpus(IdfCorpusParams {
        corpus: Filter {
            must: Some(vec![tenant()]),
            ..Filter::default()
        },
    });
    let prefetch = |using: &str, query: VectorInternal, params: SearchParams| -> Prefetch {
        PrefetchBuilder::new(CANDIDATES)
            .query(ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery {
                query,
                using: Some(using.to_owned()),
            })))
            .filter(filter.clone())
            .params(params)
            .build()
    };
    let by_words = SearchParams {
        idf: match frequencies {
            DocumentFrequencies::OfAll => None,
            DocumentFrequencies::OfTenant => Some(corpus),
        },
        ..SearchParams::default()
    };
    QueryRequestBuilder::new(LIMIT)
        .add_prefetch(prefetch(
            "dense",
            VectorInternal::Dense(vector),
            SearchParams::default(),
        ))
        .add_prefetch(prefetch("text", VectorInternal::Sparse(words), by_words))
        .with_payload(WithPayloadInterface::Bool(true))
        .query(ScoringQuery::Fusion(Fusion::Rrf { k: 60, weights: None }))
        .build()
}

/// The times of our search.
async fn whole(config: &Config, questions: &[String]) -> Vec<Duration> {
    let memory = Memory::open(config).await.unwrap();
    let scope = scope();
    let mut times = Vec::new();
    for question in questions {
        let request = SearchRequest {
            query: question.clone(),
            limit: Some(LIMIT),
            ..SearchRequest::default()
        };
        let start = Instant::now();
        let found = memory.engine.search(&scope, request).await.unwrap();
        times.push(start.elapsed());
        assert_eq!(found.contexts.len(), LIMIT);
    }
    memory.close().await.unwrap();
    times.split_off(WARM_UP)
}

fn scope() -> Scope {
    Scope::maintenance(default_tenant().unwrap())
}

struct Times {
    median: Duration,
    p95: Duration,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self {
            median: times[times.len() / 2],
            p95: times[times.len() * 95 / 100],
        }
    }
}

fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}
