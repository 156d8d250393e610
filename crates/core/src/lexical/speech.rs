//! What the form of a text tells about it: who says it, and whether it asks.
//!
//! Conversations are stored as turns such as `[8 May 2023] Mira: I moved to Lisbon`. Words alone cannot tell what Mira
//! said from what was said to her, and a turn that asks is seldom the one that answers.

/// A name longer than this is none, in bytes.
const MAX_NAME_BYTES: usize = 40;

/// Who says a text: what stands before the first `: `, after an optional part in brackets.
pub fn speaker(text: &str) -> Option<&str> {
    let line = text.trim_start().lines().next()?;
    let line = match line.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.1.trim_start(),
        None => line,
    };
    let (name, _) = line.split_once(": ")?;
    (!name.is_empty() && name.len() <= MAX_NAME_BYTES).then_some(name)
}

/// Whether a text ends by asking; a part in brackets at its end, such as `[photo: a dog]`, does not count.
pub fn asks(text: &str) -> bool {
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
    fn the_speaker_stands_before_the_colon() {
        assert_eq!(speaker("[1:56 pm on 8 May, 2023] Mira: I moved"), Some("Mira"));
        assert_eq!(speaker("Mira Bell: see https://example.com"), Some("Mira Bell"));
        for text in ["I moved", "see https://example.com", "[only: this", ": nobody", ""] {
            assert_eq!(speaker(text), None, "{text}");
        }
        assert_eq!(speaker(&format!("{}: too long for a name", "word ".repeat(20))), None);
    }

    #[test]
    fn asking_is_seen_before_brackets() {
        assert!(asks("Mira: Where is it? [photo: a dog]"));
        assert!(asks("\u{4f60}\u{597d}\u{ff1f}"));
        assert!(!asks("Mira: Why? I know why."));
        assert!(!asks("[photo?]"));
    }
}
