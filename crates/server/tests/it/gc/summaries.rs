//! Summaries of promoted contexts.

use context_manager_core::ports::{SummarizeError, Summarizer};
use context_manager_core::{ContextId, GcAction, Level, NewContext};

use super::{Bench, HOUR, new, query};

const GOATS: [&str; 3] = [
    "Goats climb argan trees in Morocco to eat the fruit.",
    "The goats of Morocco climb high into the argan trees.",
    "Farmers in Morocco watch the goats climb their argan trees.",
];

async fn stored(bench: &Bench, texts: &[&str]) -> Vec<ContextId> {
    let mut ids = Vec::new();
    for text in texts {
        let statement = NewContext {
            importance: Some(0.7),
            tags: vec!["trip".to_owned()],
            metadata: [("source".to_owned(), "chat".into()), ("n".to_owned(), ids.len().into())]
                .into_iter()
                .collect(),
            user_id: Some("ann".to_owned()),
            session_id: Some("s".to_owned()),
            ..new(text)
        };
        ids.push(bench.store(statement).await.id);
    }
    ids
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
async fn a_summary_stands_beside_its_sources() {
    let bench = Bench::summarized_by(Writer(Some(" Goats climb argan trees in Morocco. ")));
    let goats = stored(&bench, &GOATS).await;
    let alone = stored(&bench, &["The invoice number is 4711."]).await[0];
    bench.clock.advance_secs(2 * HOUR);
    let foreseen = bench.engine.collect(&bench.scope, true).await;
    let report = bench.engine.collect(&bench.scope, false).await;
    assert_eq!((&foreseen.counts, foreseen.made), (&report.counts, report.made));
    assert_eq!(report.counts[&(GcAction::Promote, Level::ShortTerm)], 4);
    assert_eq!(report.counts[&(GcAction::Consolidate, Level::ShortTerm)], 3);
    assert_eq!((report.made, report.deleted()), (1, 0));

    let found = bench.found(query("Which animals climb trees?")).await;
    let made = found.iter().find(|context| !context.derived_from.is_empty()).unwrap();
    assert_eq!((made.level, made.expires_at), (Level::LongTerm, None));
    assert_eq!(made.derived_from, goats);
    assert_eq!(made.text, "Goats climb argan trees in Morocco.");
    assert_eq!(
        (made.user_id.as_deref(), made.session_id.as_deref()),
        (Some("ann"), Some("s"))
    );
    assert_eq!(made.tags, ["trip"]);
    assert_eq!(made.metadata.len(), 1, "only what holds for all of them");
    for id in goats.into_iter().chain([alone]) {
        let source = bench.get(id).await.expect("sources stay");
        assert_eq!((source.level, source.superseded_by), (Level::LongTerm, None));
        assert!(found.iter().any(|context| context.id == id), "and are found");
    }
    assert_eq!(bench.engine.collect(&bench.scope, false).await.made, 0, "once");
}

#[tokio::test]
async fn a_summary_that_cannot_be_used_costs_nothing_else() {
    for said in [None, Some(" ")] {
        let bench = Bench::summarized_by(Writer(said));
        let goats = stored(&bench, &GOATS).await;
        bench.clock.advance_secs(2 * HOUR);
        assert_eq!(bench.engine.collect(&bench.scope, false).await.made, 0);
        for id in goats {
            assert_eq!(bench.get(id).await.unwrap().level, Level::LongTerm);
        }
    }
}
