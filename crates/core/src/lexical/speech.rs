//! Form of a text: its speaker, and questions.
//!
//! Conversations are stored as turns such as `[8 May 2023] Mira: I moved to Lisbon`. Terms alone do not distinguish text by
//! Mira from text addressed to her, and a question is seldom the answer to one.

/// Maximum length of a speaker's name in bytes.
const MAX_NAME_BYTES: usize = 40;

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
    fn brackets_after_a_question_are_ignored() {
        assert!(asks("Mira: Where is it? [photo: a dog]"));
        assert!(asks("\u{4f60}\u{597d}\u{ff1f}"));
        assert!(!asks("Mira: Why? I know why."));
        assert!(!asks("[photo?]"));
    }
}
