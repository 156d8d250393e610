//! The end of a context's life, with a clock that moves when told and a store that fails when told.

mod api;
mod changed;
mod cut_off;
mod deleted;
mod faulty;
mod following;
mod gated_model;
mod killed;
mod late;
mod leases;
mod similar;
mod summaries;

use std::sync::Arc;

use context_manager_core::lexical::{self, Analyzer};
use context_manager_core::lifecycle::{Lifecycle, Policy, Reason};
use context_manager_core::ports::{ManualClock, Summarizer};
use context_manager_core::tokens::Encoding;
use context_manager_core::{
    Config, Context, ContextEngine, ContextId, Degraded, Deps, Error, Filter, GcAction, L2OnExpiry, Level, NewContext,
    OnEmbeddingFailure, Patch, Scope, SearchRequest, TenantId,
};
use context_manager_embedding::StaticTable;
use context_manager_vector_store::MemoryStore;
use jiff::Timestamp;

use faulty::Faulty;

/// An engine of its own, with everything that a test may turn.
pub(super) struct Bench {
    pub(super) clock: Arc<ManualClock>,
    store: Arc<Faulty>,
    pub(super) engine: Arc<ContextEngine>,
    pub(super) scope: Scope,
    config: Config,
    lifecycle: Lifecycle,
}

const HOUR: i64 = 3600;

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(|_, _| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Config, &mut Lifecycle)) -> Self {
        let (mut config, mut lifecycle) = (Config::default(), Lifecycle::default());
        lifecycle.gc.batch_pause_ms = 0;
        change(&mut config, &mut lifecycle);
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_700_000_000).unwrap()));
        let store = Arc::new(Faulty::default());
        Self {
            engine: engine(&config, &lifecycle, &store, &clock),
            clock,
            store,
            scope: Scope::authenticated(TenantId::try_new("t").unwrap()),
            config,
            lifecycle,
        }
    }

    /// One that forgets short-term contexts which earned nothing.
    pub(super) fn forgetting() -> Self {
        Self::with(|config, _| config.l2_on_expiry = L2OnExpiry::Forget)
    }

    /// The same store in a new process.
    pub(super) fn restarted(self) -> Self {
        Self {
            engine: engine(&self.config, &self.lifecycle, &self.store, &self.clock),
            ..self
        }
    }

    /// One whose summaries `writer` writes.
    pub(super) fn summarized_by(writer: impl Summarizer) -> Self {
        let bench = Self::new();
        let engine = Arc::into_inner(bench.engine).unwrap().with_summarizer(Arc::new(writer));
        Self {
            engine: Arc::new(engine),
            ..bench
        }
    }

    pub(super) async fn store(&self, new: NewContext) -> Context {
        let stored = self.engine.store(&self.scope, new).await.unwrap();
        assert!(!stored.deduplicated);
        stored.context
    }

    pub(super) async fn get(&self, id: ContextId) -> Option<Context> {
        match self.engine.get(&self.scope, id).await {
            Ok(context) => Some(context),
            Err(Error::NotFound(_)) => None,
            Err(other) => panic!("{other}"),
        }
    }

    /// Everything that is stored, expired or not.
    pub(super) async fn stored(&self) -> u64 {
        use context_manager_core::ports::VectorStore as _;
        self.store.count(&self.scope, &Filter::default()).await.unwrap()
    }

    pub(super) async fn found(&self, request: SearchRequest) -> Vec<Context> {
        let found = self.engine.search(&self.scope, request).await.unwrap();
        found.contexts.into_iter().map(|found| found.context).collect()
    }
}

fn engine(config: &Config, lifecycle: &Lifecycle, store: &Arc<Faulty>, clock: &Arc<ManualClock>) -> Arc<ContextEngine> {
    let deps = Deps {
        sessions: None,
        store: Arc::clone(store) as _,
        embedder: Arc::new(StaticTable::load().unwrap()),
        table: None,
        on_embedding_failure: OnEmbeddingFailure::Pending,
        tokens: Encoding::Heuristic.counter(),
        clock: Arc::clone(clock) as _,
        analyzer: Analyzer::new(lexical::Config::default()),
    };
    Arc::new(
        ContextEngine::new(config.clone(), deps)
            .with_lifecycle(lifecycle.clone())
            .with_leases(Some(Arc::new(MemoryStore::new(1)))),
    )
}

/// A short-term context.
pub(super) fn new(text: &str) -> NewContext {
    NewContext {
        text: text.to_owned(),
        level: Level::ShortTerm,
        ..NewContext::default()
    }
}

pub(super) fn query(text: &str) -> SearchRequest {
    SearchRequest {
        query: text.to_owned(),
        ..SearchRequest::default()
    }
}

#[tokio::test]
async fn each_context_goes_or_stays_as_it_deserves() {
    let bench = Bench::forgetting();
    let poor = bench.store(new("a remark of no importance")).await;
    let important = bench
        .store(NewContext {
            importance: Some(0.9),
            ..new("the launch code")
        })
        .await;
    let served = bench.store(new("goats climb trees in Morocco")).await;
    let pinned = bench
        .store(NewContext {
            pinned: true,
            ..new("the house rules")
        })
        .await;
    let mortal = bench
        .store(NewContext {
            level: Level::LongTerm,
            ttl_secs: Some(60),
            ..new("the ticket of today")
        })
        .await;
    let eternal = bench
        .store(NewContext {
            level: Level::LongTerm,
            ..new("the name of the dog")
        })
        .await;
    for _ in 0..10 {
        let only = SearchRequest {
            limit: Some(1),
            ..query("goats climb trees in Morocco")
        };
        assert_eq!(bench.found(only).await[0].id, served.id);
    }
    bench.clock.advance_secs(2 * HOUR);
    assert!(
        bench.get(poor.id).await.is_none(),
        "expired ones are hidden before they are collected"
    );
    let foreseen = bench.engine.collect(&bench.scope, true).await;
    assert_eq!(bench.stored().await, 6, "a dry run changes nothing");
    let report = bench.engine.collect(&bench.scope, false).await;
    assert_eq!(report, foreseen);
    assert_eq!(report.counts[&(GcAction::Promote, Level::ShortTerm)], 3);
    assert_eq!(report.counts[&(GcAction::Delete(Reason::Expired), Level::ShortTerm)], 1);
    assert_eq!(report.counts[&(GcAction::Delete(Reason::Expired), Level::LongTerm)], 1);
    for kept in [important.id, served.id, pinned.id, eternal.id] {
        let context = bench.get(kept).await.unwrap();
        assert_eq!((context.level, context.expires_at), (Level::LongTerm, None));
    }
    assert_eq!(bench.get(served.id).await.unwrap().access_count, 10);
    assert!(bench.get(mortal.id).await.is_none());
    assert_eq!(bench.stored().await, 4);
    let again = bench.engine.collect(&bench.scope, false).await;
    assert_eq!(
        again,
        context_manager_core::GcReport::default(),
        "there is nothing left to do"
    );
}

#[tokio::test]
async fn a_day_of_conversation_is_found_whole_a_week_later() {
    let bench = Bench::new();
    let mut said = Vec::new();
    for n in 0..120_usize {
        let statement = NewContext {
            level: Level::ALL[n % 3],
            session_id: Some(format!("session {}", n / 40)),
            importance: Some(0.0),
            ..new(&format!("statement {n} of the day"))
        };
        said.push(bench.store(statement).await);
        bench.clock.advance_secs(12 * 60);
        if n % 5 == 0 {
            bench.engine.collect_all().await;
        }
    }
    for _ in 0..7 {
        bench.clock.advance_secs(24 * HOUR);
        bench.engine.collect_all().await;
    }
    let bench = bench.restarted();
    bench.engine.collect_all().await;
    assert_eq!(bench.stored().await, 120);
    for context in said {
        let kept = bench.get(context.id).await.expect("nobody said that it ends");
        assert_eq!(kept.expires_at, None);
        let only = SearchRequest {
            filter: Filter::by_ids(vec![context.id]),
            ..query(&context.text)
        };
        assert_eq!(bench.found(only).await.len(), 1, "{}", context.text);
    }
}

#[tokio::test]
async fn a_time_to_live_of_its_own_ends_a_context_whatever_it_earned() {
    let bench = Bench::new();
    for level in Level::ALL {
        let mortal = NewContext {
            level,
            ttl_secs: Some(60),
            importance: Some(1.0),
            tags: vec!["echo".to_owned()],
            ..new(&format!("the ticket at level {level}"))
        };
        bench.store(mortal).await;
    }
    bench.clock.advance_secs(61);
    assert_eq!(bench.engine.collect(&bench.scope, false).await.deleted(), 3);
    assert_eq!(bench.stored().await, 0);
}

#[tokio::test]
async fn the_whole_backlog_goes_and_a_batch_that_fails_is_tried_again() {
    let bench = Bench::forgetting();
    let drafts = (0..1050).map(|n| new(&format!("remark number {n}"))).collect();
    bench.engine.store_many(&bench.scope, drafts, |_| String::new()).await;
    bench.clock.advance_secs(2 * HOUR);
    bench.store.fail_deletions(2);
    let report = bench.engine.collect(&bench.scope, false).await;
    assert_eq!((report.errors, report.deleted()), (2, 850), "the others do not stop");
    assert_eq!(bench.stored().await, 200);
    let report = bench.engine.collect_all().await;
    assert_eq!((report.errors, report.deleted()), (0, 200));
    assert_eq!(bench.stored().await, 0);
}

#[tokio::test]
async fn what_is_changed_while_others_are_collected_is_not_lost() {
    let bench = Bench::with(|config, _| {
        config.gc_batch_size = 10;
        config.l2_on_expiry = L2OnExpiry::Forget;
    });
    let mut ids = Vec::new();
    for n in 0..200 {
        ids.push(bench.store(new(&format!("note {n}"))).await.id);
    }
    // Half of them are still served when they are pinned, and expire during the collection.
    bench.clock.advance_secs(HOUR - 1);
    let rescuers = (0..200).step_by(2).map(|at| {
        let (engine, scope, id) = (Arc::clone(&bench.engine), bench.scope.clone(), ids[at]);
        tokio::spawn(async move {
            let pinned = Patch {
                pinned: Some(true),
                ..Patch::default()
            };
            tokio::task::yield_now().await;
            engine.update(&scope, id, pinned).await.is_ok().then_some(id)
        })
    });
    let rescuers: Vec<_> = rescuers.collect();
    let collector = {
        let (engine, scope) = (Arc::clone(&bench.engine), bench.scope.clone());
        tokio::spawn(async move { engine.collect(&scope, false).await })
    };
    bench.clock.advance_secs(2);
    let mut rescued = Vec::new();
    for rescuer in rescuers {
        rescued.extend(rescuer.await.unwrap());
    }
    collector.await.unwrap();
    bench.engine.collect(&bench.scope, false).await;
    for id in &rescued {
        assert!(bench.get(*id).await.is_some(), "it was acknowledged as pinned");
    }
    assert_eq!(bench.stored().await, rescued.len() as u64);
}

#[tokio::test]
async fn working_memory_answers_alone_while_the_store_cannot_be_searched() {
    let bench = Bench::new();
    let at_hand = NewContext {
        level: Level::Immediate,
        session_id: Some("s".to_owned()),
        ..new("the lamp is red")
    };
    bench.store(at_hand).await;
    bench.store(new("the lamp was blue")).await;
    bench.store.fail_searches();
    let of_session = |session: &str| SearchRequest {
        session_id: Some(session.to_owned()),
        ..query("which lamp?")
    };
    let answer = bench.engine.search(&bench.scope, of_session("s")).await.unwrap();
    let texts: Vec<&str> = answer
        .contexts
        .iter()
        .map(|found| found.context.text.as_str())
        .collect();
    assert_eq!(
        (texts, answer.degraded),
        (vec!["the lamp is red"], vec![Degraded::VectorStore])
    );
    let refused = bench.engine.search(&bench.scope, of_session("another")).await;
    assert!(matches!(refused, Err(Error::Store(_))), "{refused:?}");
}

#[tokio::test]
async fn the_working_memory_of_an_idle_session_becomes_short_term() {
    let bench = Bench::with(|_, lifecycle| lifecycle.gc.session_idle_secs = 600);
    let said = |session: &str, text: &str, pinned| NewContext {
        level: Level::Immediate,
        session_id: Some(session.to_owned()),
        pinned,
        ..new(text)
    };
    let old = bench.store(said("old", "a question of yesterday", false)).await;
    let pinned = bench.store(said("old", "the rule of this session", true)).await;
    bench.clock.advance_secs(1000);
    let fresh = bench.store(said("fresh", "a question of today", false)).await;
    // It is not in memory, as after a restart, or was not used for as long.
    bench.engine.collect(&bench.scope, false).await;
    assert_eq!(
        bench.get(old.id).await.unwrap().level,
        Level::Immediate,
        "it was used a moment ago, by another clock"
    );
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(1000)).await;
    let report = bench.engine.collect(&bench.scope, false).await;
    assert_eq!(report.counts[&(GcAction::Settle, Level::Immediate)], 1);
    let settled = bench.get(old.id).await.unwrap();
    assert_eq!(settled.level, Level::ShortTerm);
    assert!(settled.expires_at.is_none(), "nobody said that it ends");
    assert_eq!(bench.get(pinned.id).await.unwrap().level, Level::Immediate);
    assert_eq!(bench.get(fresh.id).await.unwrap().level, Level::Immediate);
    let memory = SearchRequest {
        session_id: Some("old".to_owned()),
        levels: vec![Level::Immediate],
        ..query("question rule")
    };
    let left: Vec<_> = bench
        .found(memory)
        .await
        .into_iter()
        .map(|context| context.id)
        .collect();
    assert_eq!(left, [pinned.id]);
}

#[tokio::test]
async fn policies_collect_what_nobody_needs_and_never_a_pinned_one() {
    let scratch = |policy: Policy| Policy {
        name: "scratch".to_owned(),
        tags_any: vec!["scratch".to_owned()],
        ..policy
    };
    let bench = Bench::with(|_, lifecycle| {
        lifecycle.gc.policies = vec![
            scratch(Policy {
                idle_secs: Some(600),
                ..Policy::default()
            }),
            Policy {
                name: "quota".to_owned(),
                user_max_contexts: Some(2),
                ..Policy::default()
            },
        ];
    });
    let long = |text: &str| NewContext {
        level: Level::LongTerm,
        ..new(text)
    };
    let tagged = |text: &str, pinned| NewContext {
        tags: vec!["scratch".to_owned()],
        pinned,
        ..long(text)
    };
    let idle = bench.store(tagged("draft one", false)).await;
    let pinned = bench.store(tagged("draft two", true)).await;
    let other = bench.store(long("no draft")).await;
    let of_ann = |text: &str, importance| NewContext {
        user_id: Some("ann".to_owned()),
        importance: Some(importance),
        ..long(text)
    };
    let (low, high, mid) = (
        bench.store(of_ann("worth little", 0.1)).await,
        bench.store(of_ann("worth much", 0.9)).await,
        bench.store(of_ann("worth something", 0.5)).await,
    );
    bench.clock.advance_secs(700);
    let report = bench.engine.collect(&bench.scope, false).await;
    let mut gone: Vec<_> = report
        .listed
        .iter()
        .map(|gone| (gone.id, gone.policy.as_deref()))
        .collect();
    gone.sort_unstable();
    let mut expected = vec![(idle.id, Some("scratch")), (low.id, Some("quota"))];
    expected.sort_unstable();
    assert_eq!(gone, expected);
    for kept in [pinned.id, other.id, high.id, mid.id] {
        assert!(bench.get(kept).await.is_some());
    }
}

#[tokio::test]
async fn of_what_was_replaced_nothing_stays_for_ever() {
    let bench = Bench::with(|_, lifecycle| lifecycle.gc.superseded_ttl_secs = 600);
    let long = |text: &str, supersedes| NewContext {
        level: Level::LongTerm,
        supersedes,
        ..new(text)
    };
    let old = bench.store(long("the office is in Berlin", Vec::new())).await;
    let newer = bench.store(long("the office is in Lisbon", vec![old.id])).await;
    let replaced = bench.get(old.id).await.expect("it stays readable");
    assert_eq!(replaced.superseded_by.unwrap().by, newer.id);
    assert_eq!(bench.found(query("where is the office")).await[0].id, newer.id);
    bench.clock.advance_secs(700);
    let report = bench.engine.collect(&bench.scope, false).await;
    assert_eq!(
        report.counts[&(GcAction::Delete(Reason::Superseded), Level::LongTerm)],
        1
    );
    assert_eq!(bench.stored().await, 1);
}
