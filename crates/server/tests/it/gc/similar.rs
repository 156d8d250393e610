//! Statements that are like others, and are memories of their own all the same.

use context_manager_core::context::Similar;
use context_manager_core::lifecycle::DedupPolicy;
use context_manager_core::{Level, NewContext, SearchRequest};

use super::{Bench, HOUR, new, query};

const PAIRS: [[&str; 2]; 8] = [
    [
        "The intern can deploy to production on Fridays",
        "The intern can't deploy to production on Fridays",
    ],
    [
        "Nora's night train goes from Berlin to Munich",
        "Nora's night train goes to Berlin from Munich",
    ],
    [
        "Maria is the on-call lead for payments",
        "Maria was the on-call lead for payments",
    ],
    [
        "It has -18 degrees in the cold store",
        "It has 18 degrees in the cold store",
    ],
    ["if (a && b) retry", "if (a || b) retry"],
    ["the build is \u{2705}", "the build is \u{274c}"],
    [
        "Spare badge for the north loading dock turnstile number is kept by Keller.",
        "Spare badge for the north loading dock turnstile number is kept by Okafor.",
    ],
    ["Juan puede comer cacahuetes", "Juan no puede comer cacahuetes"],
];

#[tokio::test]
async fn both_of_two_statements_are_found_and_outlive_their_level() {
    let bench = Bench::new();
    for (n, pair) in PAIRS.iter().enumerate() {
        let user = format!("user {n}");
        let of_user = |text: &str| NewContext {
            user_id: Some(user.clone()),
            session_id: Some("s".to_owned()),
            ..new(text)
        };
        let search = || {
            let mut request = query(pair[0]);
            request.filter.user_id = Some(user.clone());
            request.session_id = Some("s".to_owned());
            request
        };
        let first = bench.store(of_user(pair[0])).await;
        assert_eq!(bench.found(search()).await.len(), 1);
        let second = bench.store(of_user(pair[1])).await;
        assert!(
            second.tags.is_empty() && second.derived_from.is_empty(),
            "news is no echo"
        );
        for _ in 0..2 {
            let mut found: Vec<_> = bench.found(search()).await.iter().map(|context| context.id).collect();
            found.sort_unstable();
            assert_eq!(found, [first.id, second.id], "{pair:?}");
            bench.clock.advance_secs(2 * HOUR);
            assert_eq!(bench.engine.collect(&bench.scope, false).await.deleted(), 0);
        }
    }
}

#[tokio::test]
async fn only_the_same_text_is_passed_over() {
    let bench = Bench::new();
    for text in ["caf\u{e9} at\nnoon", "cafe\u{301}  at noon", "caf\u{e9} at noon."] {
        bench.store(new(text)).await;
    }
    let response = bench
        .engine
        .search(&bench.scope, query("caf\u{e9} noon"))
        .await
        .unwrap();
    assert_eq!((response.contexts.len(), response.near_duplicates), (2, 1));
}

#[tokio::test]
async fn a_post_is_repeated_with_the_same_answer_after_it_was_served() {
    let bench = Bench::new();
    let said = || NewContext {
        id: Some(
            "0193b2c0-0000-7000-8000-000000000001"
                .parse()
                .map(context_manager_core::ContextId)
                .unwrap(),
        ),
        session_id: Some("s".to_owned()),
        tags: vec!["echo".to_owned()],
        ..new("The user prefers dark mode in the editor")
    };
    let first = bench.store(said()).await;
    let asked = SearchRequest {
        session_id: Some("s".to_owned()),
        ..query("dark mode")
    };
    assert_eq!(bench.found(asked).await.len(), 1);
    let again = bench.engine.store(&bench.scope, said()).await.unwrap();
    assert!(again.deduplicated);
    assert_eq!(
        (again.context.id, again.context.tags),
        (first.id, vec!["echo".to_owned()])
    );
}

#[tokio::test]
async fn a_report_names_what_is_close_in_the_same_scope_and_changes_nothing() {
    let bench = Bench::with(|_, lifecycle| {
        lifecycle.dedup.policy = DedupPolicy::Report;
        lifecycle.dedup.similarity_threshold = 0.9;
    });
    let said = |text: &str, user: Option<&str>| NewContext {
        level: Level::LongTerm,
        user_id: user.map(str::to_owned),
        ..new(text)
    };
    let first = bench.store(said(PAIRS[0][0], None)).await;
    let of_ann = bench.store(said(PAIRS[0][0], Some("ann"))).await;
    let close = bench.store(said(PAIRS[0][1], None)).await;
    let other = bench.store(said("Goats climb trees", None)).await;
    assert!(
        [first.similar_to, of_ann.similar_to, other.similar_to]
            .concat()
            .is_empty()
    );
    let [Similar { id, similarity }] = close.similar_to[..] else {
        panic!("{:?}", close.similar_to)
    };
    assert_eq!(id, first.id);
    assert!((0.9..=1.0).contains(&similarity));
    assert_eq!(
        bench.get(close.id).await.unwrap().similar_to,
        close.similar_to,
        "it is kept"
    );
    assert_eq!(bench.stored().await, 4);
}
