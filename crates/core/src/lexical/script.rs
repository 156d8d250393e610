//! Scripts of characters, on which words and languages depend.

use super::Language;

/// Script of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Cyrillic,
    Arabic,
    Devanagari,
    Han,
    Kana,
    /// Thai, Lao, Khmer or Burmese: words without spaces, found by a model.
    Unspaced(Language),
    /// A script of one of our languages.
    Of(Language),
    /// Letters of other scripts, and everything that is no letter.
    Other,
}

/// Returns the script of a character.
pub(super) fn script(c: char) -> Script {
    use Language as L;
    match c {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}' => {
            Script::Latin
        }
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Of(L::Greek),
        '\u{400}'..='\u{52f}' => Script::Cyrillic,
        '\u{530}'..='\u{58f}' => Script::Of(L::Armenian),
        '\u{590}'..='\u{5ff}' => Script::Of(L::Hebrew),
        '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' => {
            Script::Arabic
        }
        '\u{900}'..='\u{97f}' => Script::Devanagari,
        '\u{980}'..='\u{9ff}' => Script::Of(L::Bengali),
        '\u{a00}'..='\u{a7f}' => Script::Of(L::Punjabi),
        '\u{a80}'..='\u{aff}' => Script::Of(L::Gujarati),
        '\u{b80}'..='\u{bff}' => Script::Of(L::Tamil),
        '\u{c00}'..='\u{c7f}' => Script::Of(L::Telugu),
        '\u{c80}'..='\u{cff}' => Script::Of(L::Kannada),
        '\u{d00}'..='\u{d7f}' => Script::Of(L::Malayalam),
        '\u{d80}'..='\u{dff}' => Script::Of(L::Sinhala),
        '\u{e00}'..='\u{e7f}' => Script::Unspaced(L::Thai),
        '\u{e80}'..='\u{eff}' => Script::Unspaced(L::Lao),
        '\u{1000}'..='\u{109f}' | '\u{a9e0}'..='\u{a9fe}' | '\u{aa60}'..='\u{aa7f}' => Script::Unspaced(L::Burmese),
        '\u{1780}'..='\u{17ff}' => Script::Unspaced(L::Khmer),
        '\u{10a0}'..='\u{10ff}' => Script::Of(L::Georgian),
        '\u{1200}'..='\u{139f}' => Script::Of(L::Amharic),
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => Script::Of(L::Korean),
        '\u{3041}'..='\u{309f}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{ff66}'..='\u{ff9f}' => Script::Kana,
        '\u{3005}'..='\u{3007}'
        | '\u{3105}'..='\u{312f}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3134f}' => Script::Han,
        _ => Script::Other,
    }
}

/// Returns `true` for emoji, currencies, arrows and other signs that say something by themselves.
pub(super) fn is_sign(c: char) -> bool {
    matches!(c,
        '\u{a2}'..='\u{a5}' | '\u{a9}' | '\u{ae}' | '\u{b0}' | '\u{b1}' | '\u{d7}' | '\u{f7}'
        | '\u{20a0}'..='\u{20cf}' | '\u{2100}'..='\u{214f}' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// Removes the variants of an emoji: skin, and drawn as text or as a picture.
pub(super) fn is_variant(c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}
