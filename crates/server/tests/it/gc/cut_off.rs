//! A process that ends after any write of a collection or an import, at each of them once.

use std::collections::BTreeMap;

use context_manager_core::lifecycle::Policy;
use context_manager_core::{ExportRecord, ExportRequest, L2OnExpiry, Level, NewContext};

use super::{Bench, HOUR, new};

/// Something for each thing that a collection does.
async fn filled() -> Bench {
    let bench = Bench::with(|config, lifecycle| {
        config.gc_batch_size = 2;
        config.l2_on_expiry = L2OnExpiry::Forget;
        lifecycle.gc.superseded_ttl_secs = 600;
        lifecycle.gc.session_idle_secs = 600;
        lifecycle.gc.policies = vec![Policy {
            name: "scratch".to_owned(),
            tags_any: vec!["scratch".to_owned()],
            idle_secs: Some(600),
            ..Policy::default()
        }];
    });
    for n in 0..3 {
        bench
            .store(new(&format!("a remark of no importance, number {n}")))
            .await;
        let important = NewContext {
            importance: Some(0.9),
            ..new(&format!("the launch code of rocket {n}"))
        };
        bench.store(important).await;
        let scratch = NewContext {
            level: Level::LongTerm,
            tags: vec!["scratch".to_owned()],
            ..new(&format!("draft {n}"))
        };
        bench.store(scratch).await;
        let pinned = NewContext {
            pinned: true,
            ..new(&format!("house rule {n}"))
        };
        bench.store(pinned).await;
        let idle = NewContext {
            level: Level::Immediate,
            session_id: Some(format!("session {n}")),
            ..new(&format!("a question of session {n}"))
        };
        bench.store(idle).await;
        let old = NewContext {
            level: Level::LongTerm,
            ..new(&format!("office {n} is in Berlin"))
        };
        let old = bench.store(old).await.id;
        let newer = NewContext {
            level: Level::LongTerm,
            supersedes: vec![old],
            ..new(&format!("office {n} is in Lisbon"))
        };
        bench.store(newer).await;
    }
    bench.clock.advance_secs(2 * HOUR);
    // What is in the memory of the process that stored it was used a moment ago.
    bench.restarted()
}

impl Bench {
    async fn exported(&self) -> Vec<ExportRecord> {
        let request = ExportRequest {
            after: None,
            end: self.engine.export_end(&self.scope).await.unwrap(),
            limit: 1000,
            with_vectors: true,
        };
        self.engine.export(&self.scope, request).await.unwrap().items
    }

    /// Every context that is there, by its text: ids differ from bench to bench.
    async fn contents(&self) -> BTreeMap<String, Level> {
        let all = self.exported().await;
        let of = |carried: &ExportRecord| (carried.context.text.clone(), carried.context.level);
        let contents: BTreeMap<_, _> = all.iter().map(of).collect();
        assert_eq!(contents.len(), all.len(), "nothing is there twice");
        contents
    }
}

#[tokio::test]
async fn a_collection_that_ends_after_any_write_is_gone_on_with_by_the_next_process() {
    let whole = filled().await;
    assert_eq!(whole.engine.collect(&whole.scope, false).await.errors, 0);
    let expected = whole.contents().await;
    assert_eq!(expected["a question of session 0"], Level::ShortTerm);
    for writes in 0.. {
        let bench = filled().await;
        bench.store.end_after(writes);
        let cut_off = bench.engine.collect(&bench.scope, false).await.errors > 0;
        bench.store.mend();
        let bench = bench.restarted();
        for text in expected.keys().filter(|text| {
            ["house rule", "session", "Lisbon"]
                .iter()
                .any(|part| text.contains(part))
        }) {
            assert!(
                bench.contents().await.contains_key(text),
                "after {writes} writes {text} is lost"
            );
        }
        bench.engine.collect(&bench.scope, false).await;
        assert_eq!(bench.contents().await, expected, "after {writes} writes");
        if !cut_off {
            assert!(writes > 10, "each part of the collection writes: {writes}");
            break;
        }
    }
}

#[tokio::test]
async fn an_import_that_ends_after_any_write_is_completed_by_importing_again() {
    let source = filled().await;
    source.engine.collect(&source.scope, false).await;
    let exported = source.exported().await;
    for writes in 0.. {
        let bench = Bench::new();
        bench.clock.advance_secs(2 * HOUR);
        bench.store.end_after(writes);
        let mut stored = 0;
        for batch in exported.chunks(4) {
            let imported = bench.engine.import(&bench.scope, batch.to_vec()).await;
            stored += imported.iter().filter(|imported| imported.is_ok()).count();
        }
        bench.store.mend();
        let bench = bench.restarted();
        // An export ends with what was stored before it, and some of this was stored at this very moment.
        bench.clock.advance_secs(1);
        assert_eq!(
            bench.stored().await,
            stored as u64,
            "what was acknowledged is there, and only that"
        );
        for batch in exported.chunks(4) {
            let imported = bench.engine.import(&bench.scope, batch.to_vec()).await;
            assert!(imported.iter().all(Result::is_ok), "{imported:?}");
        }
        // Vectors are made one long once more, which changes their last digit.
        let contexts = |carried: Vec<ExportRecord>| carried.into_iter().map(|one| one.context).collect::<Vec<_>>();
        let complete = contexts(bench.exported().await) == contexts(exported.clone());
        assert!(complete, "after {writes} writes");
        if stored == exported.len() {
            assert!(writes >= 3, "each batch writes");
            break;
        }
    }
}
