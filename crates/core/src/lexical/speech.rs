//! Form of a text: its speaker, questions, and announcements of a change.
//!
//! Conversations are stored as turns such as `[8 May 2023] Mira: I moved to Lisbon`. Terms alone do not distinguish text by
//! Mira from text addressed to her, and a question is seldom the answer to one.

use unicode_segmentation::UnicodeSegmentation;

use crate::context::Context;

/// Maximum length of a speaker's name in bytes.
const MAX_NAME_BYTES: usize = 40;
/// Names of speakers, and values of `role` in metadata, that mean an assistant.
const ASSISTANTS: [&str; 5] = ["assistant", "ai", "bot", "model", "agent"];
/// English words of texts that say that something is no longer as it was.
const CHANGE_WORDS: [&str; 23] = [
    "actually",
    "anymore",
    "became",
    "cancel",
    "canceled",
    "cancelled",
    "change",
    "changed",
    "instead",
    "longer",
    "move",
    "moved",
    "now",
    "postponed",
    "replaced",
    "rescheduled",
    "switched",
    "update",
    "updated",
    "quit",
    "stopped",
    "corrected",
    "renamed",
];

/// Returns the speaker of a text: the part before the first `: `, after an optional part in brackets.
pub(crate) fn speaker(text: &str) -> Option<&str> {
    let line = text.trim_start().lines().next()?;
    let line = match line.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.1.trim_start(),
        None => line,
    };
    let (name, _) = line.split_once(": ")?;
    (!name.is_empty() && name.len() <= MAX_NAME_BYTES).then_some(name)
}

/// Returns `true` if a context is a turn of an assistant, by the role of its message or in its metadata, or by its speaker.
pub(crate) fn is_of_assistant(context: &Context) -> bool {
    let role = context.message.as_ref().map(|message| message.role.as_str());
    let role = role.or_else(|| context.metadata.get("role")?.as_str());
    let name = role.or_else(|| speaker(&context.text)).unwrap_or_default();
    ASSISTANTS.iter().any(|assistant| name.eq_ignore_ascii_case(assistant))
}

/// Returns `true` if a text says that something changed.
pub(crate) fn announces_change(text: &str) -> bool {
    let is_one = |word: &str| CHANGE_WORDS.iter().any(|change| word.eq_ignore_ascii_case(change));
    text.unicode_words().any(is_one)
}

/// Returns `true` if a text ends with a question; a final part in brackets, such as `[photo: a dog]`, is ignored.
pub(crate) fn asks(text: &str) -> bool {
    let mut text = text.trim_end();
    while let Some((before, _)) = text.strip_suffix(']').and_then(|inner| inner.rsplit_once('[')) {
        text = before.trim_end();
    }
    text.ends_with(['?', '\u{ff1f}', '\u{61f}'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Message;

    #[test]
    fn the_speaker_is_the_part_before_the_colon() {
        assert_eq!(speaker("[1:56 pm on 8 May, 2023] Mira: I moved"), Some("Mira"));
        assert_eq!(speaker("Mira Bell: see https://example.com"), Some("Mira Bell"));
        for text in ["I moved", "see https://example.com", "[only: this", ": nobody", ""] {
            assert_eq!(speaker(text), None, "{text}");
        }
        assert_eq!(speaker(&format!("{}: too long for a name", "word ".repeat(20))), None);
    }

    #[test]
    fn assistants_and_changes_are_told_by_whole_words() {
        let is_of_assistant = |text: &str| is_of_assistant(&Context::new(text));
        assert!(is_of_assistant("Assistant: Done.") && is_of_assistant("[8 May] AI: Done."));
        assert!(!is_of_assistant("Mira: my assistant: Ann") && !is_of_assistant("the AI is down"));
        assert!(announces_change("The meeting moved to Friday.") && announces_change("it's 11 now"));
        assert!(!announces_change("A remover knows the movers."));
    }

    #[test]
    fn the_role_of_a_message_tells_an_assistant() {
        let by = |role: &str| Context {
            message: Some(Message {
                role: role.to_owned(),
                json: "{}".to_owned(),
            }),
            ..Context::new("The train leaves at nine")
        };
        assert!(is_of_assistant(&by("assistant")) && !is_of_assistant(&by("user")));
    }

    #[test]
    fn brackets_after_a_question_are_ignored() {
        assert!(asks("Mira: Where is it? [photo: a dog]"));
        assert!(asks("\u{4f60}\u{597d}\u{ff1f}"));
        assert!(!asks("Mira: Why? I know why."));
        assert!(!asks("[photo?]"));
    }
}
