use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::Moment;
use crate::context::{Context, ContextId, Level};
use crate::engine::search::ranking::Ranked;
use crate::lexical::{self, Analyzer};
use crate::ports::{Record, TokenCounter};
use crate::rank::DropReason;
use crate::tokens::Encoding;

/// Budgets that clients ask for.
const BUDGETS: [usize; 7] = [60, 80, 100, 120, 200, 600, 2000];
const FORMATS: [Format; 4] = [Format::Markdown, Format::Xml, Format::Plain, Format::Json];

const WEEKS: usize = 5;
/// Statements of a user, each with the assistant's reply, some of which echo the statement.
const TURNS: [[&str; 2]; 20] = [
    [
        "Moving day is planned for 5 December.",
        "Got it: moving day 5 December.",
    ],
    [
        "My new address is Kanalstrasse 14, third floor left.",
        "Noted, the new address is Kanalstrasse 14.",
    ],
    ["The movers charge 900 euros for two vans.", "Will do."],
    ["My phone number is 0151 2345678 from now on.", "Saved."],
    [
        "Guest count is 11 now, as the Webers cannot come.",
        "Then the table for twelve is enough.",
    ],
    ["I am allergic to walnuts, so no walnut cake please.", "No walnut cake."],
    [
        "The caterer wants the final menu by the 20th, and half of the money two weeks before the party.",
        "I will remind you on the 18th.",
    ],
    ["My sister Ada brings the projector.", "Good to know."],
    ["Rent goes up to 1,240 euros in March.", "That is 90 euros more."],
    [
        "The keys are with the neighbour on the ground floor.",
        "Noted: keys with the neighbour.",
    ],
    ["I take the 7:12 train on weekdays.", "So you are at work by eight."],
    [
        "The cat eats only the grey tins, twice a day, and needs her drops in the evening.",
        "Grey tins twice a day, drops in the evening.",
    ],
    ["Our landlord is Mr Petrov.", "Understood."],
    [
        "The internet contract ends on 31 January.",
        "Shall I look for a new one?",
    ],
    ["I want to be called Jo, not Johanna.", "Sure, Jo."],
    [
        "The sofa does not fit through the stairwell.",
        "It could be lifted through the window.",
    ],
    ["Dad's birthday is on 9 November.", "Dad's birthday, 9 November: noted."],
    ["The dentist moved me to Thursday at 15:30.", "Thursday at 15:30."],
    ["We need 40 boxes, the big ones.", "I would take ten more."],
    ["The lease begins on 1 December.", "Lease from 1 December."],
];

/// Shared, as building one takes milliseconds.
static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::new(lexical::Config::default()));

fn record(at: usize, text: &str, level: Level, tokens: &dyn TokenCounter) -> Record {
    let at = i64::try_from(at).unwrap();
    let context = Context {
        level,
        slot: Some(at),
        token_count: u32::try_from(tokens.count(text)).unwrap(),
        // Eight turns a day.
        occurred_at: Moment::from_millisecond(1_700_000_000_000 + at / 8 * 86_400_000 + at * 1000),
        ..Context::new(text)
    };
    Record {
        terms: ANALYZER.document(text, None).terms,
        context,
        dense: None,
    }
}

/// Turns of several weeks at three levels, the newest in this session.
fn turns(tokens: &dyn TokenCounter) -> Vec<Record> {
    let turns = (1..=WEEKS).flat_map(|week| {
        let turns = TURNS
            .iter()
            .flat_map(|turn| ["User", "Assistant"].into_iter().zip(turn));
        turns.map(move |(speaker, text)| format!("{speaker}: {text} ({week})"))
    });
    turns
        .enumerate()
        .map(|(at, text)| {
            let level = match at {
                0..120 => Level::LongTerm,
                120..180 => Level::ShortTerm,
                _ => Level::Immediate,
            };
            record(at, &text, level, tokens)
        })
        .collect()
}

fn fitting(ranked: Vec<Ranked>, max_tokens: usize, format: Format, encoding: Encoding) -> Fitting {
    let search = SearchRequest {
        max_tokens: Some(max_tokens),
        explain: true,
        ..SearchRequest::default()
    };
    Fitting {
        config: Config {
            relevance_floor: 0.3,
            ..Config::default()
        },
        text: Arc::new(Preparer {
            analyzer: Analyzer::new(lexical::Config::default()),
            tokens: encoding.counter(),
        }),
        ranking: Ranking {
            ranked,
            searched: [0; Level::ALL.len()],
            cache_hit: false,
            degraded: Vec::new(),
        },
        request: AssembleRequest {
            search,
            format,
            order: Order::Relevance,
        },
    }
}

/// Ranks the turns as a question would: a statement first, its reply somewhere behind, all scores above the floor.
fn ranking(question: usize, records: &[Record]) -> Vec<Ranked> {
    // A step that is prime to the number of turns visits each of them.
    let order = (0..records.len()).map(|n| (2 * question + 7 * n) % records.len());
    let scores = std::iter::successors(Some(0.9), |score| Some(score * 0.995));
    order
        .zip(scores)
        .map(|(at, score)| Ranked::with_score(records[at].clone(), score))
        .collect()
}

impl Fitting {
    /// Returns the tokens of a text of one candidate.
    fn alone(&self, at: usize) -> usize {
        let context = &self.ranking.ranked[at].record.context;
        let entry = Entry { context, score: 0.0 };
        assemble::write(vec![entry], self.request.format, Order::Relevance, &*self.text.tokens).tokens
    }
}

#[test]
fn the_best_is_in_every_budget_and_the_budget_is_used() {
    let mut percents = Vec::new();
    for (format, encoding) in FORMATS
        .into_iter()
        .zip([Encoding::O200kBase, Encoding::Heuristic].repeat(2))
    {
        let records = turns(&*encoding.counter());
        for max_tokens in BUDGETS {
            let mut used = 0;
            for question in 0..13 {
                let fitting = fitting(ranking(question, &records), max_tokens, format, encoding);
                let response = fitting.fit();
                let tokens = response.assembled.tokens;
                assert!(tokens <= max_tokens, "{tokens} of {max_tokens} tokens");
                let best = fitting.ranking.ranked[0].record.context.id;
                let has_best = response.assembled.citations.iter().any(|citation| citation.id == best);
                let fits = fitting.alone(0) <= max_tokens;
                assert_eq!(
                    has_best, fits,
                    "{format:?} in {max_tokens}: {}",
                    response.assembled.prompt
                );
                assert_eq!(response.more, records.len() - response.assembled.citations.len());
                used += tokens;
            }
            percents.push((format, max_tokens, used * 100 / (13 * max_tokens)));
        }
    }
    // Entries of the other formats carry their level and date, so that few fit into a small budget.
    let small = |format| {
        if matches!(format, Format::Markdown | Format::Plain) {
            80
        } else {
            200
        }
    };
    let expected = |format, max_tokens| if max_tokens >= small(format) { 90 } else { 80 };
    assert!(
        percents
            .iter()
            .all(|(format, most, used)| *used >= expected(*format, *most)),
        "percent: {percents:?}"
    );
}

/// Assembles records with their scores, in the order given; returns the texts in the prompt and the response.
fn assembled(ranked: &[(&Record, f32)], max_tokens: usize) -> (Vec<String>, AssembleResponse) {
    let ranked = ranked
        .iter()
        .map(|(record, score)| Ranked::with_score((*record).clone(), *score));
    let response = fitting(ranked.collect(), max_tokens, Format::Plain, Encoding::O200kBase).fit();
    let citations = response.assembled.citations.iter();
    let cited = citations.map(|citation| response.assembled.prompt[citation.start..citation.end].to_owned());
    (cited.collect(), response)
}

#[test]
fn only_what_reaches_the_floor_is_quoted_wherever_it_is_ranked() {
    let records = turns(&*Encoding::O200kBase.counter());
    let (first, second, third) = (&records[0], &records[2], &records[4]);
    let (cited, response) = assembled(&[(first, 0.2), (second, 0.6), (third, 0.1)], 500);
    assert_eq!(cited, [second.context.text.as_str()]);
    let Relevance {
        best_score,
        nothing_relevant,
        ..
    } = response.relevance;
    assert_eq!((best_score, nothing_relevant, response.more), (0.6, false, 0));
    let dropped: Vec<_> = response
        .dropped
        .iter()
        .map(|dropped| (dropped.id, dropped.reason))
        .collect();
    let below = |record: &Record| (record.context.id, DropReason::BelowMinScore);
    assert_eq!(dropped, [below(first), below(third)]);

    let (cited, response) = assembled(&[(first, 0.2), (third, 0.1)], 500);
    assert!(cited.is_empty() && response.assembled.prompt.is_empty());
    assert!(response.relevance.nothing_relevant);
}

#[test]
fn no_level_lifts_what_is_much_worse() {
    let records = turns(&*Encoding::O200kBase.counter());
    let of_session = records.last().unwrap();
    let mut ranked: Vec<(&Record, f32)> = (0..20).map(|at| (&records[2 * at], 0.8)).collect();
    ranked.push((of_session, 0.4));
    assert!(!assembled(&ranked, 200).0.contains(&of_session.context.text));
    // About as good as the others, it has the share of its level.
    ranked[20].1 = 0.7;
    assert!(assembled(&ranked, 200).0.contains(&of_session.context.text));
}

#[test]
fn an_echo_takes_no_room_from_anything_else() {
    let records = turns(&*Encoding::O200kBase.counter());
    let (said, echo, other) = (&records[0], &records[1], &records[8]);
    let ranked = [(said, 0.8), (echo, 0.7), (other, 0.5)];
    let texts = |records: &[&Record]| -> Vec<String> { records.iter().map(|of| of.context.text.clone()).collect() };
    let room = assembled(&[(said, 0.8), (other, 0.5)], 500).1.assembled.tokens;
    assert_eq!(assembled(&ranked, room).0, texts(&[said, other]));
    assert_eq!(assembled(&ranked, 500).0.len(), 3, "nothing is hidden");
}

fn any_ranking() -> impl Strategy<Value = Vec<(usize, f32, bool)>> {
    prop::collection::vec((0_usize..40, 0.0_f32..1.0, any::<bool>()), 0..40)
}

proptest! {
    #[test]
    fn texts_fit_and_hold_the_best_that_fits(
        raw in any_ranking(),
        max_tokens in 1_usize..400,
        format in prop::sample::select(&FORMATS[..]),
    ) {
        let encoding = Encoding::Heuristic;
        let records = turns(&*encoding.counter());
        let ranked: Vec<Ranked> = raw
            .iter()
            .map(|(at, score, pinned)| {
                let mut record = records[*at].clone();
                record.context.id = ContextId::generate();
                record.context.pinned = *pinned;
                Ranked::with_score(record, *score)
            })
            .collect();
        let fitting = fitting(ranked, max_tokens, format, encoding);
        let response = fitting.fit();
        let assembled = &response.assembled;
        prop_assert!(assembled.tokens <= max_tokens);
        prop_assert_eq!(assembled.tokens, fitting.text.tokens.count(&assembled.prompt));

        let floor = response.relevance.floor;
        let ranked = &fitting.ranking.ranked;
        let relevant: Vec<usize> = (0..ranked.len()).filter(|at| ranked[*at].score >= floor).collect();
        prop_assert_eq!(response.relevance.nothing_relevant, relevant.is_empty());
        prop_assert!(assembled.citations.iter().all(|citation| citation.score >= floor));
        let shown = assembled.citations.len() + response.near_duplicates;
        prop_assert_eq!(shown + response.more, relevant.len());
        let best = relevant.first().filter(|at| fitting.alone(**at) <= max_tokens);
        if let Some(best) = best {
            let id = ranked[*best].record.context.id;
            prop_assert!(assembled.citations.iter().any(|citation| citation.id == id), "the best fits");
        }
    }
}
