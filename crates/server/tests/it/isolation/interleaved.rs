//! Two tenants on one store, in any order: each sees exactly what it would see alone.

use std::collections::BTreeSet;

use context_manager::app::Memory;
use context_manager_core::{ContextId, Filter, Level, NewContext, Patch, Scope, SearchRequest, TenantId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::support::TestApp;

/// Operation of a tenant. Both use the same few ids, texts and sessions.
#[derive(Debug, Clone)]
enum Act {
    Store {
        id: u8,
        text: u8,
        level: Level,
        session: u8,
    },
    Change {
        id: u8,
        text: u8,
    },
    Get {
        id: u8,
    },
    Delete {
        id: u8,
    },
    Forget {
        session: u8,
    },
    Clear {
        level: Level,
    },
    Search {
        text: u8,
        session: u8,
    },
    Look,
}

fn acts() -> impl Strategy<Value = Vec<(bool, Act)>> {
    let level = || prop::sample::select(Level::ALL.to_vec());
    let act = prop_oneof![
        4 => (0..5u8, 0..6u8, level(), 0..2u8).prop_map(|(id, text, level, session)| Act::Store { id, text, level, session }),
        1 => (0..5u8, 0..6u8).prop_map(|(id, text)| Act::Change { id, text }),
        1 => (0..5u8).prop_map(|id| Act::Get { id }),
        1 => (0..5u8).prop_map(|id| Act::Delete { id }),
        1 => (0..2u8).prop_map(|session| Act::Forget { session }),
        1 => level().prop_map(|level| Act::Clear { level }),
        2 => (0..6u8, 0..2u8).prop_map(|(text, session)| Act::Search { text, session }),
        1 => Just(Act::Look),
    ];
    prop::collection::vec((any::<bool>(), act), 1..40)
}

fn id(number: u8) -> ContextId {
    ContextId(Uuid::from_u128(0x1000 + u128::from(number)))
}

fn text(number: u8) -> String {
    let subjects = [
        "the vault",
        "the garden",
        "a boat",
        "her violin",
        "an old map",
        "the winter",
    ];
    format!("a note about {} and nothing else", subjects[usize::from(number)])
}

fn session(number: u8) -> String {
    format!("session-{number}")
}

/// Does it, and says what the tenant saw.
async fn act(memory: &Memory, scope: &Scope, act: &Act) -> String {
    let engine = &memory.engine;
    match act.clone() {
        Act::Store {
            id: number,
            text: words,
            level,
            session: place,
        } => {
            let new = NewContext {
                id: Some(id(number)),
                text: text(words),
                level,
                session_id: Some(session(place)),
                ..NewContext::default()
            };
            match engine.store(scope, new).await {
                Ok(stored) => format!("stored {} {}", stored.context.id, stored.deduplicated),
                Err(error) => error.to_string(),
            }
        }
        Act::Change {
            id: number,
            text: words,
        } => {
            let patch = Patch {
                text: Some(text(words)),
                ..Patch::default()
            };
            let changed = engine.update(scope, id(number), patch).await;
            changed.map_or_else(|error| error.to_string(), |context| context.text)
        }
        Act::Get { id: number } => {
            let found = engine.get(scope, id(number)).await;
            found.map_or_else(|error| error.to_string(), |context| context.text)
        }
        Act::Delete { id: number } => {
            let filter = Filter::by_ids(vec![id(number)]);
            format!("deleted {}", engine.delete(scope, &filter).await.unwrap())
        }
        Act::Forget { session: place } => {
            let filter = Filter {
                session_id: Some(session(place)),
                ..Filter::default()
            };
            format!("forgot {}", engine.delete(scope, &filter).await.unwrap())
        }
        Act::Clear { level } => {
            let filter = Filter {
                levels: vec![level],
                ..Filter::default()
            };
            format!("cleared {}", engine.delete(scope, &filter).await.unwrap())
        }
        Act::Search {
            text: words,
            session: place,
        } => {
            let request = SearchRequest {
                query: text(words),
                session_id: Some(session(place)),
                limit: Some(10),
                ..SearchRequest::default()
            };
            let found = engine.search(scope, request).await.unwrap();
            let found: BTreeSet<_> = found.contexts.iter().map(|found| &found.context.text).collect();
            format!("found {found:?}")
        }
        Act::Look => {
            let list = engine.list(scope, Filter::default(), true, None, 100).await.unwrap();
            let list: BTreeSet<_> = list
                .items
                .iter()
                .map(|context| (context.id, &context.text, context.level))
                .collect();
            let sessions = engine
                .sessions(scope, Filter::default(), None, 100)
                .await
                .unwrap()
                .items;
            let sessions: Vec<_> = sessions.into_iter().map(|s| (s.session_id, s.counts)).collect();
            let stats = engine.stats(scope, Filter::default()).await.unwrap();
            format!("{list:?} {sessions:?} {:?} {}", stats.contexts, stats.pending)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_in_any_order_see_what_each_would_see_alone() {
    let app = TestApp::start().await;
    let runtime = tokio::runtime::Handle::current();
    let memory = &app.memory;
    let check = move || {
        let case = std::cell::Cell::new(0);
        let cases = Config {
            cases: 24,
            failure_persistence: None,
            ..Config::default()
        };
        TestRunner::new(cases).run(&acts(), |acts| {
            case.set(case.get() + 1);
            let case = case.get();
            runtime.block_on(async {
                let scope = |name: &str| Scope::authenticated(TenantId::try_new(&format!("{name}-{case}")).unwrap());
                let together = [scope("a"), scope("b")];
                let mut seen = Vec::new();
                for (who, one) in &acts {
                    seen.push(act(memory, &together[usize::from(*who)], one).await);
                }
                for (who, alone) in [(false, scope("a-alone")), (true, scope("b-alone"))] {
                    for ((_, one), seen) in acts.iter().zip(&seen).filter(|((actor, _), _)| *actor == who) {
                        prop_assert_eq!(seen, &act(memory, &alone, one).await, "{:?}", one);
                    }
                }
                Ok(())
            })
        })
    };
    tokio::task::block_in_place(check).unwrap();
}
