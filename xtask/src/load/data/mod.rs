//! Texts that look like turns of conversations, and questions about them, made from a seed.
//!
//! Context number n is the same whoever asks for it and whenever: each has a stream of random numbers of its own. So data
//! need not be kept, the order of requests does not matter, and a question can be made from a context by its number.

mod words;

use std::collections::BTreeMap;

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};

use crate::subject::client::{Level, NewContext};
use words::Words;

/// Turns of a session.
pub(super) const TURNS: u64 = 20;
/// Sessions of a user.
const SESSIONS_OF_USER: u64 = 10;
/// Sessions that go on at the same time where contexts are stored one by one.
const LIVE: u64 = 64;
/// Words of a turn; the middle is what an average turn of recorded conversations has.
const TURN_WORDS: std::ops::RangeInclusive<usize> = 6..=50;
/// Words that a question takes from the turn it is about.
const QUESTION_WORDS: usize = 6;
/// How often a word is one of the session's topic.
const TOPIC_SHARE: f64 = 0.25;
/// Words that a topic has to itself.
const TOPIC_WORDS: usize = 60;
/// Topics, each with a tag.
const TOPICS: [&str; 12] = [
    "work", "travel", "health", "food", "music", "sport", "family", "money", "garden", "school", "house", "books",
];
/// The values of the metadata key `channel`.
pub(super) const CHANNELS: [&str; 4] = ["chat", "mail", "voice", "meeting"];
/// Sessions begin so many seconds apart.
const SESSION_SECONDS: u64 = 1_800;
/// All of it happens within so many seconds from the first of 2025.
const YEAR_SECONDS: u64 = 365 * 86_400;
/// Streams of random numbers from here on are for questions.
const QUESTIONS: u64 = 1 << 62;

/// Who says which turn of which session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    session: u64,
    turn: u64,
}

/// Makes contexts and questions.
#[derive(Debug)]
pub(super) struct Data {
    seed: u64,
    level: Level,
    words: Words,
}

/// A question and what the context has that it is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) text: String,
    pub(super) user: String,
    pub(super) tag: &'static str,
    pub(super) channel: &'static str,
}

impl Data {
    /// All contexts will be of `level`.
    pub(super) fn new(seed: u64, level: Level) -> Self {
        Self {
            seed,
            level,
            words: Words::new(),
        }
    }

    /// Context `number` of those that are there before a measurement: whole sessions one after the other.
    pub(super) fn context(&self, number: u64) -> NewContext {
        self.context_at(number, Place::of(number, 1), "session")
    }

    /// Context `number` of those that come in one by one: turns of many sessions at the same time.
    pub(super) fn live_context(&self, number: u64) -> NewContext {
        self.context_at(QUESTIONS / 2 + number, Place::of(number, LIVE), "live")
    }

    /// Context `number` of those that expire as soon as they are stored.
    pub(super) fn expiring_context(&self, number: u64) -> NewContext {
        NewContext {
            level: Level::ShortTerm,
            ttl_secs: Some(1),
            ..self.context_at(QUESTIONS / 4 + number, Place::of(number, 1), "expiring")
        }
    }

    /// Question `number`, about one of the first `contexts` contexts.
    pub(super) fn question(&self, number: u64, contexts: u64) -> Question {
        let mut rng = self.stream(QUESTIONS + number);
        let about = rng.random_range(0..contexts.max(1));
        let place = Place::of(about, 1);
        let mut said: Vec<usize> = self.turn(about, place);
        // What is rare makes the question; a word that everyone uses asks for nothing.
        said.sort_unstable_by(|a, b| b.cmp(a));
        said.dedup();
        said.truncate(2 * QUESTION_WORDS);
        // Not the same words each time: the server remembers questions.
        said.shuffle(&mut rng);
        said.truncate(QUESTION_WORDS);
        let mut text = "what did we say about".to_owned();
        for word in said {
            text = text + " " + self.words.at(word);
        }
        Question {
            text,
            user: place.user(),
            tag: TOPICS[place.topic()],
            channel: place.channel(),
        }
    }

    fn context_at(&self, stream: u64, place: Place, kind: &str) -> NewContext {
        let mut text = String::new();
        for (at, word) in self.turn(stream, place).into_iter().enumerate() {
            text = text + if at == 0 { "" } else { " " } + self.words.at(word);
        }
        NewContext {
            text,
            level: self.level,
            user_id: Some(place.user()),
            session_id: Some(format!("{kind}-{}", place.session)),
            occurred_at: Some(place.said_at().to_string()),
            tags: vec![TOPICS[place.topic()].to_owned()],
            metadata: BTreeMap::from([("channel", place.channel().to_owned())]),
            ..NewContext::default()
        }
    }

    /// The words of a turn, as places in the vocabulary.
    fn turn(&self, stream: u64, place: Place) -> Vec<usize> {
        let mut rng = self.stream(stream);
        let length = rng.random_range(TURN_WORDS);
        (0..length).map(|_| self.word(place.topic(), &mut rng)).collect()
    }

    fn word(&self, topic: usize, rng: &mut impl Rng) -> usize {
        if rng.random_bool(TOPIC_SHARE) {
            words::FREQUENT + topic * TOPIC_WORDS + rng.random_range(0..TOPIC_WORDS)
        } else {
            self.words.draw(rng)
        }
    }

    fn stream(&self, stream: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream);
        rng
    }
}

impl Place {
    /// The place of context `number` when `at_once` sessions take turns.
    fn of(number: u64, at_once: u64) -> Self {
        let block = at_once * TURNS;
        Self {
            session: number / block * at_once + number % at_once,
            turn: number % block / at_once,
        }
    }

    fn user(self) -> String {
        format!("user-{}", self.session / SESSIONS_OF_USER)
    }

    fn topic(self) -> usize {
        index(self.session, TOPICS.len())
    }

    fn channel(self) -> &'static str {
        // Not in step with the topics.
        CHANNELS[index(self.session / 3, CHANNELS.len())]
    }

    fn said_at(self) -> Timestamp {
        let start = date(2025, 1, 1).to_zoned(TimeZone::UTC).map(|start| start.timestamp());
        let seconds = (self.session * SESSION_SECONDS) % YEAR_SECONDS + self.turn * 30;
        let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0));
        start
            .and_then(|start| start.checked_add(seconds))
            .expect("a second of the years 2025 and 2026 is a time")
    }
}

/// `number` modulo `length`.
fn index(number: u64, length: usize) -> usize {
    usize::try_from(number % length as u64).expect("less than a length is an index")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::to_value;

    use super::*;

    #[test]
    fn same_seed_gives_the_same_data_in_any_order() {
        let (one, other) = (Data::new(7, Level::LongTerm), Data::new(7, Level::LongTerm));
        let forth: Vec<_> = (0..50).map(|n| to_value(one.context(n)).unwrap()).collect();
        let mut back: Vec<_> = (0..50).rev().map(|n| to_value(other.context(n)).unwrap()).collect();
        back.reverse();
        assert_eq!(forth, back);
        assert_eq!(one.question(3, 50), other.question(3, 50));
        let another = Data::new(8, Level::LongTerm);
        assert_ne!(one.context(0).text, another.context(0).text);
        assert_ne!(one.question(3, 50).text, another.question(3, 50).text);
    }

    #[test]
    fn first_context_of_seed_1_never_changes() {
        // Figures of different days can be compared only while this holds; a new release of rand may break it.
        let context = Data::new(1, Level::LongTerm).context(0);
        assert_eq!(
            context.text.split(' ').take(8).collect::<Vec<_>>().join(" "),
            "and falclor i sumlol you nealpeat steamsen sumlol"
        );
        assert_eq!(context.occurred_at.unwrap(), "2025-01-01T00:00:00Z");
    }

    #[test]
    fn contexts_are_distinct_and_of_the_length_of_turns() {
        let data = Data::new(1, Level::LongTerm);
        let texts: Vec<_> = (0..1_000)
            .flat_map(|n| [data.context(n).text, data.live_context(n).text])
            .collect();
        assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len());
        assert!(texts.iter().all(|text| TURN_WORDS.contains(&text.split(' ').count())));
    }

    #[test]
    fn question_has_the_rare_words_of_a_context_of_its_user() {
        let data = Data::new(1, Level::LongTerm);
        let question = data.question(0, 2_000);
        let rare = question.text.strip_prefix("what did we say about ").unwrap();
        let holds_all = |context: &NewContext| {
            let words: HashSet<_> = context.text.split(' ').collect();
            rare.split(' ').all(|word| words.contains(word))
        };
        let context = (0..2_000).map(|n| data.context(n)).find(holds_all).unwrap();
        assert_eq!(context.user_id.unwrap(), question.user);
        assert_eq!(context.tags, [question.tag]);
        assert_eq!(context.metadata["channel"], question.channel);
    }

    #[test]
    fn stored_sessions_follow_each_other_and_live_ones_take_turns() {
        assert_eq!(Place::of(TURNS + 1, 1), Place { session: 1, turn: 1 });
        assert_eq!(Place::of(1, LIVE), Place { session: 1, turn: 0 });
        assert_eq!(Place::of(LIVE, LIVE), Place { session: 0, turn: 1 });
        assert_eq!(Place::of(LIVE * TURNS, LIVE), Place { session: LIVE, turn: 0 });
    }
}
