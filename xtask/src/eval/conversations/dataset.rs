//! Conversations and questions in the format of the LoCoMo benchmark.

use std::path::Path;
use std::{fmt, fs};

use anyhow::{Context, Result};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Format of a session's date, as in "1:56 pm on 8 May, 2023".
const DATE_FORMAT: &str = "%I:%M %p on %d %B, %Y";

/// A long conversation of two people and the questions about it.
#[derive(Debug, Deserialize)]
pub(super) struct Conversation {
    #[serde(rename = "conversation_id")]
    pub(super) id: String,
    pub(super) sessions: Vec<Session>,
    pub(super) questions: Vec<Question>,
}

/// A session of a conversation.
#[derive(Debug, Deserialize)]
pub(super) struct Session {
    #[serde(rename = "session_id")]
    pub(super) id: String,
    date_time: String,
    pub(super) turns: Vec<Turn>,
}

/// A turn of one speaker.
#[derive(Debug, Deserialize)]
pub(super) struct Turn {
    /// Unique within the conversation; evidence refers to it.
    pub(super) id: String,
    speaker: String,
    text: String,
    /// The caption of a photo that was shared with it.
    photo: Option<String>,
}

/// A question and the turns that answer it.
#[derive(Debug, Deserialize)]
pub(super) struct Question {
    #[serde(rename = "question")]
    pub(super) text: String,
    pub(super) category: Category,
    pub(super) evidence: Vec<String>,
}

/// Category of a question, by the benchmark's numbers from 1 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub(super) struct Category(u8);

impl Category {
    /// The benchmark's names.
    const NAMES: [&str; 5] = ["multi-hop", "temporal", "open-domain", "single-hop", "adversarial"];

    /// Returns all categories by number.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (1..=5).map(Self)
    }

    /// Returns whether the total includes it: adversarial questions, the last, have no answer.
    pub(super) fn in_total(self) -> bool {
        self.0 < 5
    }
}

impl TryFrom<u8> for Category {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        let known = (1..=5).contains(&number).then_some(Self(number));
        known.ok_or_else(|| format!("unknown category {number}, known are 1 to 5"))
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, Self::NAMES[usize::from(self.0) - 1])
    }
}

impl Conversation {
    /// Returns the number of turns of all sessions.
    pub(super) fn turn_count(&self) -> usize {
        self.sessions.iter().map(|session| session.turns.len()).sum()
    }
}

impl Session {
    /// Returns the text to store for a turn: `[date] speaker: text [shared photo: caption]`.
    pub(super) fn text_of(&self, turn: &Turn) -> String {
        let text = format!("[{}] {}: {}", self.date_time, turn.speaker, turn.text);
        turn.photo
            .iter()
            .fold(text, |text, caption| format!("{text} [shared photo: {caption}]"))
    }

    /// Returns the beginning of the session, taken as UTC.
    ///
    /// # Errors
    /// When the date is not in the benchmark's form.
    pub(super) fn began_at(&self) -> Result<Timestamp> {
        let date = DateTime::strptime(DATE_FORMAT, &self.date_time)
            .with_context(|| format!("{}: cannot read the date {:?}", self.id, self.date_time))?;
        Ok(date.to_zoned(TimeZone::UTC)?.timestamp())
    }

    /// Returns the time of the turn at `index`: a second each, which keeps their order.
    ///
    /// # Errors
    /// As [`Self::began_at`].
    pub(super) fn said_at(&self, index: usize) -> Result<Timestamp> {
        Ok(self
            .began_at()?
            .checked_add(SignedDuration::from_secs(i64::try_from(index)?))?)
    }
}

/// Reads all conversations of a file.
///
/// # Errors
/// When it cannot be read or has another form.
pub(super) fn load(path: &Path) -> Result<Vec<Conversation>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} does not hold conversations", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"[{"conversation_id": "c-1", "speakers": ["Ann", "Bob"],
        "sessions": [{"session_id": "session_1", "date_time": "1:56 pm on 8 May, 2023", "turns": [
            {"id": "D1:1", "speaker": "Ann", "text": "Hello!"},
            {"id": "D1:2", "speaker": "Bob", "text": "Look.", "photo": "a dog"}]}],
        "questions": [{"question": "Who has a dog?", "category": 4, "answer": 2022, "evidence": ["D1:2"]}]}]"#;

    fn session(date_time: &str) -> Session {
        Session {
            id: "session_1".to_owned(),
            date_time: date_time.to_owned(),
            turns: Vec::new(),
        }
    }

    #[test]
    fn a_file_is_read_and_turns_become_texts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), ONE).unwrap();
        let conversations = load(file.path()).unwrap();
        let session = &conversations[0].sessions[0];
        let texts: Vec<_> = session.turns.iter().map(|turn| session.text_of(turn)).collect();
        let expected = [
            "[1:56 pm on 8 May, 2023] Ann: Hello!",
            "[1:56 pm on 8 May, 2023] Bob: Look. [shared photo: a dog]",
        ];
        assert_eq!(texts, expected);
        assert_eq!(conversations[0].turn_count(), 2);
        assert_eq!(conversations[0].questions[0].category, Category(4));
    }

    #[test]
    fn dates_are_read_and_turns_keep_their_order() {
        for (date, turn, expected) in [
            ("1:56 pm on 8 May, 2023", 61, "2023-05-08T13:57:01Z"),
            ("12:09 am on 13 September, 2023", 1, "2023-09-13T00:09:01Z"),
            ("12:30 pm on 1 January, 2022", 0, "2022-01-01T12:30:00Z"),
        ] {
            assert_eq!(session(date).said_at(turn).unwrap().to_string(), expected);
        }
        let error = session("yesterday").began_at().unwrap_err();
        assert!(error.to_string().contains("yesterday"), "{error}");
    }

    #[test]
    fn an_unknown_category_is_an_error() {
        let error = serde_json::from_str::<Category>("6").unwrap_err();
        assert!(error.to_string().contains("unknown category 6"), "{error}");
        assert_eq!(Category(2).to_string(), "2 temporal");
    }
}
