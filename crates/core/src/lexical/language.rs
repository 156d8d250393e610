//! Languages: names, codes, stemmers, and the words that say little.

use rust_stemmers::{Algorithm, Stemmer};
use whatlang::Lang;

/// English stop words, removed from questions only: in documents their inverse document frequency is close to 0. Chosen by
/// measurement, see docs/reference/benchmarks.md; other languages use the lists of the crate `stop_words`.
const ENGLISH_QUESTION_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do", "does", "for", "from",
    "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "me", "my", "of", "on", "or", "our", "he",
    "she", "her", "his", "they", "them", "their", "that", "the", "there", "these", "this", "those", "to", "was", "we",
    "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "would", "you", "your",
    "about", "s",
];

macro_rules! languages {
    ($($language:ident $code:literal $three:literal $($algorithm:ident)?),* $(,)?) => {
        /// Language that the analyzer knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Language {
            $(#[doc = concat!("ISO 639-1 code `", $code, "`.")] $language,)*
        }

        impl Language {
            /// All languages.
            pub const ALL: &[Self] = &[$(Self::$language),*];

            /// Returns the ISO 639-1 code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$language => $code,)* }
            }

            /// Returns the English name.
            const fn variant(self) -> &'static str {
                match self { $(Self::$language => stringify!($language),)* }
            }

            /// Returns the ISO 639-3 code.
            const fn three_letters(self) -> &'static str {
                match self { $(Self::$language => $three,)* }
            }

            /// Returns the Snowball stemmer, if there is one.
            pub(super) fn stemmer(self) -> Option<Stemmer> {
                match self { $($(Self::$language => Some(Stemmer::create(Algorithm::$algorithm)),)?)* _ => None }
            }
        }
    };
}

languages! {
    Afrikaans "af" "afr", Amharic "am" "amh", Arabic "ar" "ara" Arabic, Armenian "hy" "hye" Armenian, Azerbaijani "az" "aze",
    Belarusian "be" "bel", Bengali "bn" "ben", Bulgarian "bg" "bul", Burmese "my" "mya", Catalan "ca" "cat", Chinese "zh" "cmn",
    Croatian "hr" "hrv", Czech "cs" "ces", Danish "da" "dan" Danish, Dutch "nl" "nld" Dutch, English "en" "eng" English,
    Esperanto "eo" "epo", Estonian "et" "est", Finnish "fi" "fin" Finnish, French "fr" "fra" French, Georgian "ka" "kat",
    German "de" "deu" German, Greek "el" "ell" Greek, Gujarati "gu" "guj", Hebrew "he" "heb", Hindi "hi" "hin",
    Hungarian "hu" "hun" Hungarian, Indonesian "id" "ind", Italian "it" "ita" Italian, Japanese "ja" "jpn", Kannada "kn" "kan",
    Khmer "km" "khm", Korean "ko" "kor", Lao "lo" "lao", Latvian "lv" "lav", Lithuanian "lt" "lit", Macedonian "mk" "mkd", Malayalam "ml" "mal",
    Marathi "mr" "mar", Nepali "ne" "nep", Norwegian "no" "nob" Norwegian, Persian "fa" "pes", Polish "pl" "pol",
    Portuguese "pt" "por" Portuguese, Punjabi "pa" "pan", Romanian "ro" "ron" Romanian, Russian "ru" "rus" Russian,
    Serbian "sr" "srp", Sinhala "si" "sin", Slovak "sk" "slk", Slovenian "sl" "slv", Spanish "es" "spa" Spanish,
    Swedish "sv" "swe" Swedish, Tagalog "tl" "tgl", Tamil "ta" "tam" Tamil, Telugu "te" "tel", Thai "th" "tha",
    Turkish "tr" "tur" Turkish, Ukrainian "uk" "ukr", Urdu "ur" "urd", Vietnamese "vi" "vie"
}

impl Language {
    /// Returns the language of a BCP 47 tag; `None` for one that the analyzer does not know.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?.to_ascii_lowercase();
        let code = match primary.as_str() {
            "nb" | "nn" => "no",
            "yue" | "cmn" => "zh",
            "sh" | "bs" => "hr",
            "iw" => "he",
            "in" | "ms" => "id",
            "fil" => "tl",
            code => code,
        };
        let known = |language: &&Self| language.code() == code || language.three_letters() == code;
        Self::ALL.iter().find(known).copied()
    }

    /// Returns the language with this English name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let named = |language: &&Self| language.variant().eq_ignore_ascii_case(name);
        Self::ALL.iter().find(named).copied()
    }

    /// Returns the English name, in lower case.
    pub fn name(self) -> String {
        self.variant().to_ascii_lowercase()
    }

    /// Returns the language in terms of the detector; `None` for one that it does not know.
    pub(super) fn detected_as(self) -> Option<Lang> {
        Lang::from_code(self.three_letters())
    }

    /// Returns the words that are there for the sake of grammar.
    pub(super) fn function_words(self) -> &'static [&'static str] {
        if self == Self::English {
            ENGLISH_QUESTION_WORDS
        } else {
            stop_words::lookup(self.code()).unwrap_or_default()
        }
    }
}
