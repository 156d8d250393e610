//! Many short-term contexts become one.

use context_manager_core::lifecycle::Reason;
use context_manager_core::ports::{SummarizeError, Summarizer};
use context_manager_core::{ContextId, GcAction, Level, NewContext, SearchRequest};

use super::{Bench, HOUR, new, query};

const GOATS: [&str; 3] = [
    "Goats climb argan trees in Morocco to eat the fruit.",
    "The goats of Morocco climb high into the argan trees.",
    "Farmers in Morocco watch the goats climb their argan trees.",
];

/// Short-term contexts that were worth something.
async fn stored(bench: &Bench, texts: &[&str]) -> Vec<ContextId> {
    let mut ids = Vec::new();
    for text in texts {
        let worth = NewContext {
            importance: Some(0.7),
            tags: vec!["trip".to_owned()],
            metadata: [("source".to_owned(), "chat".into()), ("n".to_owned(), ids.len().into())]
                .into_iter()
                .collect(),
            user_id: Some("ann".to_owned()),
            session_id: Some("s".to_owned()),
            ..new(text)
        };
        ids.push(bench.store(worth).await.id);
    }
    ids
}

#[tokio::test]
async fn what_is_about_the_same_becomes_one_that_can_be_opened() {
    let bench = Bench::new();
    let goats = stored(&bench, &GOATS).await;
    let alone = stored(&bench, &["The invoice number is 4711."]).await[0];
    bench.clock.advance_secs(2 * HOUR);
    let foreseen = bench.engine.collect(&bench.scope, true).await;
    let report = bench.engine.collect(&bench.scope, false).await;
    assert_eq!((&foreseen.counts, foreseen.made), (&report.counts, report.made));
    assert_eq!(report.counts[&(GcAction::Consolidate, Level::ShortTerm)], 3);
    assert_eq!((report.made, report.deleted()), (1, 1));
    assert!(bench.get(alone).await.is_none(), "nothing is near to it");

    let found = bench.found(query("Which animals climb trees?")).await;
    let [made] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((made.level, made.expires_at), (Level::LongTerm, None));
    assert_eq!(made.derived_from, goats);
    assert_eq!(made.text, GOATS.join("\n"));
    assert_eq!(
        (made.user_id.as_deref(), made.session_id.as_deref()),
        (Some("ann"), Some("s"))
    );
    assert_eq!(made.tags, ["trip"]);
    assert_eq!(made.metadata.len(), 1, "only what holds for all of them");
    let source = bench.get(goats[0]).await.expect("sources are still there");
    assert_eq!(source.superseded_by.unwrap().by, made.id);

    let open = || SearchRequest {
        open_sources: true,
        ..query("Which animals climb trees?")
    };
    let mut opened: Vec<_> = bench.found(open()).await.iter().map(|context| context.id).collect();
    opened.sort_unstable();
    assert_eq!(opened, goats, "opened into its sources");

    bench.clock.advance_secs(25 * HOUR);
    let report = bench.engine.collect(&bench.scope, false).await;
    assert_eq!(
        report.counts[&(GcAction::Delete(Reason::Superseded), Level::ShortTerm)],
        3
    );
    assert_eq!(bench.stored().await, 1);
    assert_eq!(
        bench.found(open()).await[0].id,
        made.id,
        "without sources it stands for itself"
    );
}

#[tokio::test]
async fn people_are_kept_apart_and_a_bound_of_tokens_holds() {
    let bench = Bench::with(|_, lifecycle| lifecycle.consolidation.max_tokens = 32);
    for user in ["ann", "bob"] {
        for text in GOATS {
            let worth = NewContext {
                importance: Some(0.7),
                user_id: Some(user.to_owned()),
                ..new(text)
            };
            bench.store(worth).await;
        }
    }
    bench.clock.advance_secs(2 * HOUR);
    let report = bench.engine.collect(&bench.scope, false).await;
    assert_eq!(report.made, 2);
    let made = bench.found(query("goats")).await;
    assert!(
        made.iter()
            .all(|made| made.token_count <= 32 && made.derived_from.len() == 3)
    );
}

#[tokio::test]
async fn alone_it_can_be_kept_as_it_is() {
    let bench = Bench::with(|_, lifecycle| lifecycle.consolidation.min_group = 1);
    let alone = stored(&bench, &["The invoice number is 4711."]).await[0];
    bench.clock.advance_secs(2 * HOUR);
    bench.engine.collect(&bench.scope, false).await;
    assert_eq!(bench.get(alone).await.unwrap().level, Level::LongTerm);
}

/// Writes what it is told to, or fails.
#[derive(Debug)]
struct Writer(Option<&'static str>);

#[async_trait::async_trait]
impl Summarizer for Writer {
    async fn summarize(&self, texts: &[String], _max_tokens: usize) -> Result<String, SummarizeError> {
        assert_eq!(texts, GOATS);
        self.0.map(str::to_owned).ok_or_else(|| SummarizeError("down".into()))
    }
}

#[tokio::test]
async fn a_summary_is_taken_if_it_can_be_used_and_an_extract_if_not() {
    let extract = GOATS.join("\n");
    for (said, expected) in [
        (
            Some(" Goats climb argan trees in Morocco. "),
            "Goats climb argan trees in Morocco.",
        ),
        (None, extract.as_str()),
        (Some(" "), extract.as_str()),
    ] {
        let bench = Bench::summarized_by(Writer(said));
        stored(&bench, &GOATS).await;
        bench.clock.advance_secs(2 * HOUR);
        assert_eq!(bench.engine.collect(&bench.scope, false).await.made, 1);
        assert_eq!(bench.found(query("goats")).await[0].text, expected);
    }
}
