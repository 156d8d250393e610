//! Validation of contexts. All problems are reported at once, each with a JSON pointer to its field.

use std::io;

use serde_json::{Map, Value};

use super::message::Message;
use super::{Context, NewContext, Patch};

/// Maximum length of a text in bytes, after trimming.
pub const MAX_TEXT_BYTES: usize = 32_768;
/// Maximum size of text, tags and metadata together, as JSON.
pub const MAX_CONTENT_BYTES: usize = 65_536;
/// Maximum number of tags.
pub const MAX_TAGS: usize = 64;
/// Maximum length of a tag in bytes.
pub const MAX_TAG_BYTES: usize = 256;
/// Maximum length of `language` in bytes.
const MAX_LANGUAGE_BYTES: usize = 35;
/// Maximum length of `user_id`, `agent_id` and `session_id` in bytes.
pub const MAX_ID_BYTES: usize = 256;
/// Maximum length of a key in bytes.
pub const MAX_KEY_BYTES: usize = 1024;
/// Maximum number of contexts that one may replace.
pub const MAX_SUPERSEDES: usize = 100;
/// Maximum number of sources of a summary.
pub const MAX_DERIVED_FROM: usize = 10_000;
/// Maximum TTL in seconds: 100 years.
pub const MAX_TTL_SECS: u64 = 3_153_600_000;

/// Kind of a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Missing, empty, out of range or otherwise not allowed.
    Invalid,
    /// Larger than allowed, in bytes.
    TooLarge {
        /// Size sent.
        actual: usize,
        /// Size allowed.
        maximum: usize,
    },
}

/// Invalid field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// RFC 6901 pointer to the field in the request body.
    pub pointer: String,
    /// Expectation, for a person to read. Never repeats the value.
    pub detail: String,
    /// Kind of the violation.
    pub problem: Problem,
}

/// Violations of a request; empty if it is valid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Returns `true` if there are no violations.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the violations in the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// Adds other violations.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Adds an invalid field.
    pub fn invalid(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Violation {
            pointer: pointer.into(),
            detail: detail.into(),
            problem: Problem::Invalid,
        });
    }

    /// Adds a field if it is too large.
    pub fn limit_bytes(&mut self, pointer: impl Into<String>, what: &str, actual: usize, maximum: usize) {
        if actual > maximum {
            let detail = format!("{what} is {actual} bytes; the maximum is {maximum}");
            let problem = Problem::TooLarge { actual, maximum };
            let pointer = pointer.into();
            self.0.push(Violation {
                pointer,
                detail,
                problem,
            });
        }
    }

    /// Adds a field if `value` is outside `range`.
    pub fn in_range<T: PartialOrd + std::fmt::Display>(
        &mut self,
        pointer: impl Into<String>,
        value: &T,
        range: &std::ops::RangeInclusive<T>,
    ) {
        // `contains` is false for NaN too.
        if !range.contains(value) {
            self.invalid(pointer, format!("must be from {} to {}", range.start(), range.end()));
        }
    }

    /// Converts the violations into a result.
    ///
    /// # Errors
    /// The violations, if there are any.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }

    fn text(&mut self, pointer: String, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            self.invalid(pointer, "must not be empty or blank");
        } else if text.contains('\0') {
            self.invalid(pointer, "must not contain NUL (U+0000)");
        } else {
            self.limit_bytes(pointer, "the text", text.len(), MAX_TEXT_BYTES);
        }
    }

    /// Adds an id, tag or other word unless it has 1 to `maximum` bytes without control characters.
    pub fn word(&mut self, pointer: impl Into<String>, word: &str, maximum: usize) {
        if word.trim().is_empty() || word.len() > maximum || word.chars().any(char::is_control) {
            self.invalid(
                pointer,
                format!("must have 1 to {maximum} bytes, not blank, without control characters"),
            );
        }
    }

    /// Adds a language unless it is a BCP 47 tag.
    pub fn language(&mut self, pointer: impl Into<String>, tag: Option<&str>) {
        let Some(tag) = tag else { return };
        let mut parts = tag.split('-');
        let primary = parts.next().unwrap_or_default();
        let is_tag = (2..=8).contains(&primary.len())
            && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
            && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if !is_tag || tag.len() > MAX_LANGUAGE_BYTES {
            self.invalid(pointer, "must be a BCP 47 language tag, such as `de` or `pt-BR`");
        }
    }

    /// Adds the violations of a list of tags.
    pub fn tags(&mut self, pointer: &str, tags: &[String]) {
        if tags.len() > MAX_TAGS {
            self.invalid(pointer, format!("must have at most {MAX_TAGS} tags"));
        }
        for (index, tag) in tags.iter().enumerate() {
            self.word(format!("{pointer}/{index}"), tag, MAX_TAG_BYTES);
        }
    }

    fn metadata(&mut self, pointer: &str, metadata: &Map<String, Value>) {
        for key in metadata.keys() {
            let escaped = key.replace('~', "~0").replace('/', "~1");
            if key.is_empty() || key.contains('\0') {
                self.invalid(
                    format!("{pointer}/{escaped}"),
                    "a key must not be empty or contain NUL (U+0000)",
                );
            }
        }
    }

    fn importance(&mut self, pointer: String, importance: Option<f32>) {
        if let Some(importance) = importance {
            self.in_range(pointer, &importance, &(0.0..=1.0));
        }
    }

    fn ttl_secs(&mut self, pointer: String, ttl_secs: Option<u64>) {
        if let Some(ttl_secs) = ttl_secs {
            self.in_range(pointer, &ttl_secs, &(1..=MAX_TTL_SECS));
        }
    }

    fn content(&mut self, pointer: &str, text: &str, tags: &[String], metadata: &Map<String, Value>) {
        let actual = content_bytes(text, tags, metadata);
        self.limit_bytes(pointer, "text, tags and metadata together", actual, MAX_CONTENT_BYTES);
    }
}

/// Returns the size of text, tags and metadata as JSON.
pub(super) fn content_bytes(text: &str, tags: &[String], metadata: &Map<String, Value>) -> usize {
    json_len(text.trim()) + json_len(tags) + json_len(metadata)
}

fn message_bytes(message: Option<&Message>) -> usize {
    message.map_or(0, |message| message.json.len())
}

/// Returns the length of a value as JSON, without building the string.
fn json_len<T: serde::Serialize + ?Sized>(value: &T) -> usize {
    let mut counter = Counter(0);
    // Writing to a counter cannot fail, and strings, lists and JSON values always serialise.
    serde_json::to_writer(&mut counter, value).map_or(usize::MAX, |()| counter.0)
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Context {
    /// Returns the size of text, tags and metadata as JSON, with that of earlier versions and of its message.
    pub fn content_bytes(&self) -> usize {
        let past = self.history.iter();
        let past = past.map(|past| content_bytes(&past.text, &past.tags, &past.metadata));
        content_bytes(&self.text, &self.tags, &self.metadata)
            + message_bytes(self.message.as_ref())
            + past.sum::<usize>()
    }
}

impl NewContext {
    /// Returns the size of text, tags and metadata as JSON, with that of its message.
    pub fn content_bytes(&self) -> usize {
        content_bytes(&self.text, &self.tags, &self.metadata) + message_bytes(self.message.as_ref())
    }

    /// Returns all violations, with pointers below `pointer` (such as `/contexts/3`, or empty for the body itself).
    pub fn validate(&self, pointer: &str) -> Violations {
        let mut found = Violations::default();
        found.text(format!("{pointer}/text"), &self.text);
        for (name, id) in [
            ("user_id", &self.user_id),
            ("agent_id", &self.agent_id),
            ("session_id", &self.session_id),
        ] {
            if let Some(id) = id {
                found.word(format!("{pointer}/{name}"), id, MAX_ID_BYTES);
            }
        }
        if let Some(scope) = &self.scope {
            found.scope_path(format!("{pointer}/scope"), scope);
        }
        if let Some(key) = &self.key {
            found.word(format!("{pointer}/key"), key, MAX_KEY_BYTES);
        }
        found.language(format!("{pointer}/language"), self.language.as_deref());
        found.tags(&format!("{pointer}/tags"), &self.tags);
        found.metadata(&format!("{pointer}/metadata"), &self.metadata);
        found.importance(format!("{pointer}/importance"), self.importance);
        found.ttl_secs(format!("{pointer}/ttl_secs"), self.ttl_secs);
        if self.supersedes.len() > MAX_SUPERSEDES {
            found.invalid(
                format!("{pointer}/supersedes"),
                format!("must name at most {MAX_SUPERSEDES} contexts"),
            );
        }
        if self.id.is_some_and(|id| self.supersedes.contains(&id)) {
            found.invalid(format!("{pointer}/supersedes"), "a context cannot replace itself");
        }
        found.content(pointer, &self.text, &self.tags, &self.metadata);
        found
    }
}

impl Patch {
    /// Returns the violations of the patch itself.
    pub fn validate(&self) -> Violations {
        let mut found = Violations::default();
        if let Some(text) = &self.text {
            found.text("/text".to_owned(), text);
        }
        found.language("/language", self.language.as_deref());
        if let Some(tags) = &self.tags {
            found.tags("/tags", tags);
        }
        if let Some(metadata) = &self.metadata {
            found.metadata("/metadata", metadata);
        }
        found.importance("/importance".to_owned(), self.importance);
        found.ttl_secs("/ttl_secs".to_owned(), self.ttl_secs);
        found
    }

    /// Returns the violations of a patched context: its size.
    pub(crate) fn validate_result(context: &Context) -> Violations {
        let mut found = Violations::default();
        found.content("", &context.text, &context.tags, &context.metadata);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(new: &NewContext) -> Vec<String> {
        new.validate("/contexts/3")
            .iter()
            .map(|violation| violation.pointer.clone())
            .collect()
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let new = NewContext {
            text: " \n".to_owned(),
            user_id: Some(String::new()),
            language: Some("German, mostly".to_owned()),
            tags: vec!["ok".to_owned(), "a\nb".to_owned()],
            importance: Some(f32::NAN),
            ttl_secs: Some(0),
            ..NewContext::default()
        };
        let expected = ["/text", "/user_id", "/language", "/tags/1", "/importance", "/ttl_secs"];
        assert_eq!(pointers(&new), expected.map(|end| format!("/contexts/3{end}")));
    }

    #[test]
    fn a_size_violation_states_both_sizes() {
        let found = NewContext::new("x".repeat(MAX_TEXT_BYTES + 1)).validate("");
        let violation = found.iter().next().unwrap();
        let (actual, maximum) = (32_769, 32_768);
        assert_eq!(violation.problem, Problem::TooLarge { actual, maximum });
        assert!(violation.detail.contains("32769") && violation.detail.contains("32768"));
    }

    #[test]
    fn text_tags_and_metadata_are_limited_together() {
        let mut new = NewContext::new("x".repeat(30_000));
        new.metadata.insert("k".to_owned(), Value::String("y".repeat(36_000)));
        assert_eq!(pointers(&new), ["/contexts/3"]);
        new.metadata.insert("k".to_owned(), Value::String("y".repeat(35_000)));
        assert!(pointers(&new).is_empty());
    }

    #[test]
    fn surrounding_white_space_is_not_counted() {
        let text = format!("  {}\n", "x".repeat(MAX_TEXT_BYTES));
        assert!(pointers(&NewContext::new(text)).is_empty());
    }

    #[test]
    fn nul_is_refused() {
        assert_eq!(pointers(&NewContext::new("a\0b")), ["/contexts/3/text"]);
    }
}
