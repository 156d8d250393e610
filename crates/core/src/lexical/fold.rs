//! Lower case, and folding of what people leave out or write in two ways: accents, points, dots, ligatures.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_canonical;

use super::Language;
use super::script::{Script, script};

/// Returns a word in lower case with compatibility forms replaced (`ﬁ` to `fi`, full width to ASCII).
pub(super) fn lower(word: &str, language: Option<Language>) -> String {
    let turkish = matches!(language, Some(Language::Turkish | Language::Azerbaijani));
    if word.is_ascii() && !(turkish && word.contains('I')) {
        return word.to_ascii_lowercase();
    }
    let mut lower = String::with_capacity(word.len());
    for c in word.nfkc() {
        match c {
            '\u{130}' => lower.push('i'),
            'I' if turkish => lower.push('\u{131}'),
            // The final form says nothing more.
            '\u{3c2}' => lower.push('\u{3c3}'),
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
            c => lower.extend(c.to_lowercase()),
        }
    }
    lower
}

/// Returns a word in lower case as it is written without accents and the like; `None` if it has none.
pub(super) fn fold(word: &str) -> Option<String> {
    if word.is_ascii() {
        return None;
    }
    let mut folded = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            '\u{131}' => folded.push('i'),
            'ё' => folded.push('е'),
            // Alef, ya and ta marbuta; Persian letters as Arabic ones.
            'أ' | 'إ' | 'آ' | 'ٱ' => folded.push('ا'),
            'ى' | '\u{6cc}' => folded.push('ي'),
            'ة' => folded.push('ه'),
            'ک' => folded.push('ك'),
            // Marks that the reader adds: stress, vowels, cantillation, kashida; the dot below of Devanagari.
            '\u{300}'..='\u{36f}'
            | '\u{640}'
            | '\u{64b}'..='\u{65f}'
            | '\u{670}'
            | '\u{6d6}'..='\u{6ed}'
            | '\u{591}'..='\u{5bd}'
            | '\u{5bf}'
            | '\u{5c1}'..='\u{5c7}'
            | '\u{93c}' => {}
            '\u{901}' => folded.push('\u{902}'),
            '\u{958}'..='\u{95f}' => decompose_canonical(c, |part| {
                if part != '\u{93c}' {
                    folded.push(part);
                }
            }),
            '\u{660}'..='\u{669}' => folded.push(digit(c, '\u{660}')),
            '\u{6f0}'..='\u{6f9}' => folded.push(digit(c, '\u{6f0}')),
            '\u{966}'..='\u{96f}' => folded.push(digit(c, '\u{966}')),
            c if matches!(script(c), Script::Latin | Script::Of(Language::Greek)) => decompose_canonical(c, |part| {
                if !('\u{300}'..='\u{36f}').contains(&part) {
                    folded.push(part);
                }
            }),
            c => folded.push(c),
        }
    }
    (folded != word).then_some(folded)
}

/// Returns a word as it is written in German without umlauts: `ue` for `ü`; `None` if it has none.
pub(super) fn spell_out(word: &str) -> Option<String> {
    (!word.is_ascii() && word.contains(['ä', 'ö', 'ü'])).then(|| {
        word.replace('ä', "ae")
            .replace('ö', "oe")
            .replace('ü', "ue")
            .replace('ß', "ss")
    })
}

fn digit(c: char, zero: char) -> char {
    char::from_digit(u32::from(c) - u32::from(zero), 10).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_a_word_fold_into_one() {
        for (written, plain) in [
            ("Málaga", "malaga"),
            ("straße", "strasse"),
            ("İstanbul", "istanbul"),
            ("ısparta", "isparta"),
            ("Đà Nẵng", "da nang"),
            ("Łódź", "lodz"),
            ("Ørsted", "orsted"),
            ("Αθήνα", "αθηνα"),
            ("ёлка", "елка"),
            ("за́мок", "замок"),
            ("كِتَابٌ", "كتاب"),
            ("أحمد", "احمد"),
            ("שָׁלוֹם", "שלום"),
            ("ज़मीन", "जमीन"),
            ("mañana", "manana"),
            ("٢٠٢٦", "2026"),
        ] {
            let lower = lower(written, None);
            assert_eq!(fold(&lower).unwrap_or(lower), plain, "{written}");
        }
    }

    #[test]
    fn letters_that_are_letters_of_their_own_stay() {
        for word in ["май", "їжак", "が", "หนังสือ", "किताब", "한글"] {
            assert_eq!(fold(&lower(word, None)), None, "{word}");
        }
    }

    #[test]
    fn capitals_are_read_in_their_language() {
        assert_eq!(lower("ISPARTA", Some(Language::Turkish)), "ısparta");
        assert_eq!(lower("ISPARTA", None), "isparta");
        assert_eq!(lower("ΟΔΟΣ", None), lower("οδός", None).replace('ό', "ο"));
        assert_eq!(lower("\u{ff21}\u{ff22}", None), "ab");
    }
}
