//! Words that a model knows, by the vocabulary of its tokenizer.

use std::borrow::Cow;
use std::collections::HashSet;

use tokenizers::Tokenizer;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Size from which on a vocabulary is that of a multilingual model, which is taken to know every text: BERT's English one
/// has 30,522 pieces and the largest English ones 50,000, multilingual BERT has 119,547 and XLM-RoBERTa 250,002.
const MULTILINGUAL: usize = 100_000;
/// Known words that a text with Latin letters is taken to have besides its own: a name or an identifier in a short question
/// does not make it foreign.
const BENEFIT: f32 = 2.0;
/// Shares of known words from which on a text is known a little, and entirely. Names and terms leave an English text
/// 75 to 100 %; German has 35 % and Spanish 45 % in common with the English vocabulary.
const KNOWN: [f32; 2] = [0.45, 0.75];

/// Whole words of a vocabulary.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// In lower case; `None` if every text counts as known.
    words: Option<HashSet<Box<str>>>,
}

impl Vocabulary {
    pub(crate) fn of(tokenizer: &Tokenizer) -> Self {
        let pieces = tokenizer.get_vocab(false);
        if pieces.len() >= MULTILINGUAL {
            return Self { words: None };
        }
        // SentencePiece and byte-level BPE mark the start of a word, WordPiece marks all other pieces.
        let marks = ['▁', 'Ġ'];
        let marked = pieces.keys().filter(|piece| piece.starts_with(marks)).count() > pieces.len() / 10;
        let word = |piece: &String| {
            let word = if marked {
                piece.strip_prefix(marks)
            } else {
                Some(piece.as_str())
            };
            word.filter(|word| !word.starts_with("##"))
                .map(|word| word.to_lowercase().into())
        };
        Self {
            words: Some(pieces.keys().filter_map(word).collect()),
        }
    }

    /// Returns the share of a text's words that are known, 0 to 1, stretched so that a few strange words cost nothing.
    pub(crate) fn knows(&self, text: &str) -> f32 {
        let Some(known) = &self.words else { return 1.0 };
        let mut count = Count::default();
        for run in text.split(|letter: char| !letter.is_alphanumeric()) {
            each_word(run, |kind, word| count.add(known, kind, word));
        }
        if count.words == 0.0 {
            return 1.0;
        }
        let benefit = if count.latin { BENEFIT } else { 0.0 };
        let share = (count.known + benefit) / (count.words + benefit);
        ((share - KNOWN[0]) / (KNOWN[1] - KNOWN[0])).clamp(0.0, 1.0)
    }
}

#[derive(Debug, Default)]
struct Count {
    words: f32,
    known: f32,
    latin: bool,
}

impl Count {
    fn add(&mut self, known: &HashSet<Box<str>>, kind: Kind, word: &str) {
        let is_single = word.chars().nth(1).is_none();
        match kind {
            Kind::Digit => return,
            Kind::Letter if is_single => return,
            // An English vocabulary has the syllables too, and no Japanese word.
            Kind::Kana if is_single => self.words += 1.0,
            Kind::Letter | Kind::Kana | Kind::Ideograph => {
                self.words += 1.0;
                self.known += f32::from(is_known(known, word));
            }
        }
        self.latin |= is_latin(word);
    }
}

fn is_latin(word: &str) -> bool {
    word.starts_with(|letter: char| letter < '\u{250}')
}

fn is_known(known: &HashSet<Box<str>>, word: &str) -> bool {
    let word = if word.contains(char::is_uppercase) {
        Cow::Owned(word.to_lowercase())
    } else {
        Cow::Borrowed(word)
    };
    // Accents are signs of their own in few scripts: elsewhere a word without its vowels is another one.
    known.contains(&*word)
        || is_latin(&word) && {
            let plain: String = word.nfd().filter(|letter| !is_combining_mark(*letter)).collect();
            plain != word && known.contains(plain.as_str())
        }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Digit,
    Letter,
    Kana,
    Ideograph,
}

fn kind(letter: char) -> Kind {
    match letter {
        '\u{3040}'..='\u{30ff}' => Kind::Kana,
        '\u{3400}'..='\u{9fff}' => Kind::Ideograph,
        _ if letter.is_numeric() => Kind::Digit,
        _ => Kind::Letter,
    }
}

/// Cuts a run of letters and digits into words: where the kind changes, between ideographs, and at the humps of an
/// identifier such as `maxRetries` or `HTTPServer`.
fn each_word(run: &str, mut found: impl FnMut(Kind, &str)) {
    let mut letters = run.char_indices().peekable();
    let mut start = 0;
    while let Some((at, letter)) = letters.next() {
        let end = at + letter.len_utf8();
        let ends = letters.peek().is_none_or(|(next_at, next)| {
            let hump = next.is_uppercase() && {
                let after = run[next_at + next.len_utf8()..].chars().next();
                letter.is_lowercase() || after.is_some_and(char::is_lowercase)
            };
            kind(*next) != kind(letter) || kind(letter) == Kind::Ideograph || hump
        });
        if ends {
            found(kind(letter), &run[start..end]);
            start = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(run: &str) -> Vec<String> {
        let mut words = Vec::new();
        each_word(run, |_, word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn identifiers_and_scripts_are_cut_into_words() {
        for (run, expected) in [
            ("maxRetries", vec!["max", "Retries"]),
            ("HTTPServer2", vec!["HTTP", "Server", "2"]),
            ("plain", vec!["plain"]),
            ("東京タワー", vec!["東", "京", "タワー"]),
            ("", vec![]),
        ] {
            assert_eq!(words(run), expected);
        }
    }
}
