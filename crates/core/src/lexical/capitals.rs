//! Capital letters that tell a name from a function word: `IT`, vitamin `A`, `Will`.

use std::ops::Range;

use super::Language;

/// Capitals of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capital {
    /// It has none, or would have them anyway.
    None,
    /// It begins with one inside a sentence.
    Title,
    /// It has no other letters.
    Acronym,
}

impl Capital {
    /// Returns `true` if the word is a name in this language; German writes nouns and forms of address so.
    pub(super) fn is_name(self, language: Option<Language>) -> bool {
        self == Self::Acronym || (self == Self::Title && language != Some(Language::German))
    }
}

/// Capitals of a text.
pub(super) struct Capitals<'a> {
    text: &'a str,
    /// Set in a text without small letters, or of titles, where capitals tell nothing.
    everywhere: bool,
}

impl<'a> Capitals<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let (mut words, mut small) = (0, 0);
        for word in text.split_whitespace() {
            words += usize::from(word.starts_with(char::is_alphabetic));
            small += usize::from(word.starts_with(char::is_lowercase));
        }
        Self {
            text,
            everywhere: words > 2 && small * 5 < words,
        }
    }

    /// Returns the capitals of the word at a place.
    pub(super) fn of_word(&self, place: &Range<usize>) -> Capital {
        let word = &self.text[place.clone()];
        if self.everywhere || !word.starts_with(char::is_uppercase) || word == "I" {
            return Capital::None;
        }
        let opening =
            |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\u{201c}' | '\u{2018}' | '(' | '[' | '*' | '#');
        let before = self.text[..place.start].trim_end_matches(opening).chars().next_back();
        let ends = |c| {
            matches!(
                c,
                '.' | '!' | '?' | ':' | ']' | '-' | '\u{2026}' | '\u{2013}' | '\u{2014}' | '\u{bf}' | '\u{a1}'
            )
        };
        let begins = before.is_none_or(ends);
        let is_long = word.chars().nth(1).is_some();
        if !word.chars().any(char::is_lowercase) && (is_long || !begins) {
            Capital::Acronym
        } else if begins {
            Capital::None
        } else {
            Capital::Title
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_tell_names_where_others_are_small() {
        for (text, word, expected) in [
            ("Who works in IT?", "IT", Capital::Acronym),
            ("IT is down", "IT", Capital::Acronym),
            ("When do I take vitamin A?", "A", Capital::Acronym),
            ("When do I take vitamin A?", "I", Capital::None),
            ("A dog barked", "A", Capital::None),
            ("What does Will want?", "Will", Capital::Title),
            ("What does Will want?", "What", Capital::None),
            ("Mira: Will you come?", "Will", Capital::None),
            ("What Is The Name Of My Dog", "The", Capital::None),
            ("WHO WORKS IN IT", "IT", Capital::None),
        ] {
            let start = text.find(word).unwrap();
            let found = Capitals::of(text).of_word(&(start..start + word.len()));
            assert_eq!(found, expected, "{word} in {text}");
        }
        assert!(!Capital::Title.is_name(Some(Language::German)) && Capital::Acronym.is_name(Some(Language::German)));
    }
}
