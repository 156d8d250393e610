//! Words made of several: identifiers, names with an apostrophe, elisions, addresses.

use std::ops::Range;

/// Heads of Romance elisions of more than two letters; what follows them is the word.
const ELISIONS: &[&str] = &[
    "all", "anch", "bell", "com", "dall", "dell", "dov", "jusqu", "lorsqu", "nell", "puisqu", "quell", "quest",
    "quoiqu", "sant", "sull", "tutt",
];
/// English endings after an apostrophe, which say nothing.
const ENDINGS: &[&str] = &["s", "t", "d", "m", "re", "ll", "ve"];

const APOSTROPHES: [char; 4] = ['\'', '\u{2019}', '\u{2bc}', '\u{2032}'];

/// A word with its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compound {
    /// The whole word without what joins its parts; `None` if the parts alone are words.
    pub(super) whole: Option<String>,
    /// Places of the parts that are words; empty if the whole alone is.
    pub(super) parts: Vec<Range<usize>>,
}

impl Compound {
    /// Takes a word apart; `None` if there is nothing to take apart.
    pub(super) fn of(word: &str) -> Option<Self> {
        if is_plain(word) {
            return None;
        }
        let name = word.trim_start_matches('.').len();
        let start = word.len() - name;
        let end = word.trim_end_matches(['+', '#']).len();
        if start > 0 || end < word.len() {
            return Some(Self::new(word, word.to_owned(), std::iter::once(start..end)));
        }
        if let Some((head, _)) = word.split_once(APOSTROPHES) {
            return Some(Self::with_apostrophe(word, head));
        }
        let pieces = pieces(word, is_joint);
        let is_number = |piece: &Range<usize>| word[piece.clone()].chars().all(char::is_numeric);
        if pieces.iter().all(is_number) {
            return None;
        }
        let whole = if pieces.iter().any(is_number) {
            word.to_owned()
        } else {
            pieces.iter().map(|piece| &word[piece.clone()]).collect()
        };
        let compound = Self::new(word, whole, pieces.into_iter().flat_map(|piece| by_case(word, piece)));
        let is_one = compound.parts.iter().any(|part| part.len() == word.len());
        (!is_one).then_some(compound)
    }

    fn with_apostrophe(word: &str, head: &str) -> Self {
        let joined: String = word.split(APOSTROPHES).collect();
        let places = pieces(word, |c| APOSTROPHES.contains(&c));
        let [first, rest @ ..] = places.as_slice() else {
            return Self::new(word, joined, []);
        };
        let tail = rest.first().map_or("", |place| &word[place.clone()]);
        let short = head.chars().count();
        if short > 1 && ENDINGS.contains(&tail.to_lowercase().as_str()) {
            return Self {
                whole: None,
                parts: vec![first.clone()],
            };
        }
        if word.chars().any(|c| ('\u{400}'..='\u{52f}').contains(&c)) {
            return Self::new(word, joined, []);
        }
        let is_small = |part: &str| part.starts_with(char::is_lowercase);
        let is_elision =
            short <= 2 && (is_small(head) || is_small(tail)) || ELISIONS.contains(&head.to_lowercase().as_str());
        if is_elision && is_word(tail) {
            return Self {
                whole: None,
                parts: rest.to_vec(),
            };
        }
        Self::new(word, joined, places)
    }

    fn new(word: &str, whole: String, parts: impl IntoIterator<Item = Range<usize>>) -> Self {
        let parts = parts.into_iter().filter(|part| is_word(&word[part.clone()]));
        Self {
            whole: Some(whole),
            parts: parts.collect(),
        }
    }
}

/// Returns `true` for the characters between the parts of an identifier.
fn is_joint(c: char) -> bool {
    matches!(c, '_' | '.' | ':' | '\u{b7}' | '\u{2027}' | '"' | '\u{5f4}')
}

/// Returns `true` if nothing in a word can be a joint: only its first letter may be a capital.
fn is_plain(word: &str) -> bool {
    let mut chars = word.chars();
    let first = chars.next().is_some_and(char::is_alphanumeric);
    let is_small = |c: char| c.is_alphanumeric() && !c.is_uppercase();
    first && (chars.all(is_small) || word.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// Returns `true` for a part that is worth a search: a single letter is none.
fn is_word(part: &str) -> bool {
    let mut chars = part.chars();
    chars
        .next()
        .is_some_and(|first| first.is_numeric() || chars.next().is_some())
}

/// Returns the places between joints that are not empty.
fn pieces(word: &str, is_joint: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut start = 0;
    let ends = word.char_indices().filter(|(_, c)| is_joint(*c));
    let mut pieces = Vec::new();
    for (at, joint) in ends {
        pieces.push(start..at);
        start = at + joint.len_utf8();
    }
    pieces.push(start..word.len());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Splits a place at changes of case: `maxRetryCount`, `HTTPServer`.
fn by_case(word: &str, place: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = place.start;
    let mut before: Option<char> = None;
    let mut chars = word[place.clone()].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let is_next_small = chars.peek().is_some_and(|(_, next)| next.is_lowercase());
        let is_new = match before {
            Some(before) if before.is_lowercase() => c.is_uppercase(),
            Some(before) => before.is_uppercase() && c.is_uppercase() && is_next_small,
            None => false,
        };
        if is_new {
            parts.push(start..place.start + at);
            start = place.start + at;
        }
        before = Some(c);
    }
    parts.push(start..place.end);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_apart_where_they_are_joined() {
        for (word, whole, parts) in [
            ("O'Brien", Some("OBrien"), &["Brien"][..]),
            ("D'Souza", Some("DSouza"), &["Souza"]),
            ("Qur'an", Some("Quran"), &["Qur", "an"]),
            ("l'hôpital", None, &["hôpital"]),
            ("qu\u{2019}Antoine", None, &["Antoine"]),
            ("dell'aeroporto", None, &["aeroporto"]),
            ("d'Ivoire", None, &["Ivoire"]),
            ("user's", None, &["user"]),
            ("can't", None, &["can"]),
            ("м'ясо", Some("мясо"), &[]),
            ("rock'n'roll", Some("rocknroll"), &["rock", "roll"]),
            ("Ankara'nın", Some("Ankaranın"), &["Ankara", "nın"]),
            ("MAX_RETRY_COUNT", Some("MAXRETRYCOUNT"), &["MAX", "RETRY", "COUNT"]),
            ("OvertimeService", Some("OvertimeService"), &["Overtime", "Service"]),
            ("HTTPServer", Some("HTTPServer"), &["HTTP", "Server"]),
            ("iPhone", Some("iPhone"), &["Phone"]),
            ("nginx.conf", Some("nginxconf"), &["nginx", "conf"]),
            ("Tallinn.Then", Some("TallinnThen"), &["Tallinn", "Then"]),
            ("level:fatal", Some("levelfatal"), &["level", "fatal"]),
            ("v1.2", Some("v1.2"), &["v1", "2"]),
            ("C++", Some("C++"), &[]),
            ("C#", Some("C#"), &[]),
            (".NET", Some(".NET"), &["NET"]),
            ("notepad++", Some("notepad++"), &["notepad"]),
        ] {
            let compound = Compound::of(word).unwrap();
            let found: Vec<&str> = compound.parts.into_iter().map(|part| &word[part]).collect();
            assert_eq!((compound.whole.as_deref(), found.as_slice()), (whole, parts), "{word}");
        }
    }

    #[test]
    fn other_words_are_one() {
        for word in [
            "word",
            "Word",
            "WORD",
            "3.14",
            "1,000",
            "utf8",
            "Straße",
            "слово",
            "2026",
            "कमी",
        ] {
            assert_eq!(Compound::of(word), None, "{word}");
        }
    }
}
