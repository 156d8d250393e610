//! Keys derived from a context: the content key finds duplicates, the session offset finds neighbours.

use std::hash::Hasher;

use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher13;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

/// Key that is equal for contexts with the same text in the same scope (user, agent, session), at any level.
///
/// Texts are compared in Unicode normalisation form C with line ends as `\n`, so that text typed on another system is
/// recognised. Case and inner spacing matter: they carry meaning in code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentKey(String);

impl ContentKey {
    /// Returns the key of `text` in a scope.
    pub fn new(user_id: Option<&str>, agent_id: Option<&str>, session_id: Option<&str>, text: &str) -> Self {
        Self::within(user_id, agent_id, session_id, text, &[])
    }

    /// Returns the key of `text` in a scope and in more places, each of a kind.
    pub(super) fn within(
        user_id: Option<&str>,
        agent_id: Option<&str>,
        session_id: Option<&str>,
        text: &str,
        places: &[(char, &str)],
    ) -> Self {
        let mut hash = Sha256::new();
        for part in [user_id, agent_id, session_id] {
            // A length prefix distinguishes ("ab", "c") from ("a", "bc"), and an absent id from an empty one.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            hash.update(length.to_le_bytes());
            hash.update(part.unwrap_or_default());
        }
        let mut buffer = [0; 4];
        for character in text.trim().replace("\r\n", "\n").nfc() {
            hash.update(character.encode_utf8(&mut buffer));
        }
        for (kind, place) in places {
            // A byte that no text has.
            hash.update([0xff]);
            hash.update(kind.encode_utf8(&mut buffer));
            hash.update(place);
        }
        // 128 bits: no accidental collisions, at half the size of the index.
        let digest = hash.finalize();
        let half = digest.first_chunk().copied().unwrap_or_default();
        Self(Uuid::from_bytes(half).simple().to_string())
    }

    /// Returns 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns `text` as search compares it: in Unicode normalisation form C, with each run of white space as one space.
///
/// Only contexts whose texts are equal in this form count as repetitions.
pub(crate) fn comparable_text(text: &str) -> String {
    let mut comparable = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !comparable.is_empty() {
            comparable.push(' ');
        }
        comparable.extend(word.nfc());
    }
    comparable
}

/// Offsets of the contexts of one session.
///
/// The contexts of a session get the offsets `base + 0`, `base + 1`, … in the order in which they are stored, where `base`
/// is a hash of the session. One look-up by offset then finds the neighbours of all hits of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionTrack {
    base: i64,
}

impl SessionTrack {
    /// Maximum position of an imported context. Half of all positions are left for later contexts; contexts beyond the last
    /// position share it.
    pub const MAX_POSITION: u32 = u32::MAX / 2;

    /// Returns the offsets of a session.
    pub fn new(session_id: &str) -> Self {
        let mut hash = SipHasher13::new();
        hash.write(session_id.as_bytes());
        // 62 bits leave room for positions, so that offsets never overflow.
        Self {
            base: (hash.finish() >> 2).cast_signed(),
        }
    }

    /// Returns the offset of the context at `position`.
    pub fn slot(self, position: u32) -> i64 {
        self.base + i64::from(position)
    }

    /// Returns the position of the offset `slot`.
    pub fn position(self, slot: i64) -> u32 {
        u32::try_from(slot.saturating_sub(self.base)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Context, Message};

    #[test]
    fn text_from_another_system_has_the_same_key() {
        let key = |text: &str| ContentKey::new(None, None, None, text);
        assert_eq!(key("caf\u{e9}\nbar"), key(" cafe\u{301}\r\nbar "));
        assert_ne!(key("a b"), key("a  b"));
        assert_ne!(key("Bill"), key("bill"));
    }

    #[test]
    fn equal_texts_differ_only_in_unicode_form_and_white_space() {
        let same = |a: &str, b: &str| comparable_text(a) == comparable_text(b);
        assert!(same(" caf\u{e9}\r\n\tbar ", "cafe\u{301} bar"));
        for (a, b) in [
            ("The intern can deploy", "The intern can't deploy"),
            ("from Berlin to Munich", "to Berlin from Munich"),
            ("-18 degrees", "18 degrees"),
            ("if (a && b)", "if (a || b)"),
            ("Will it be IT?", "will it be it?"),
            ("done \u{1f44d}", "done \u{1f44e}"),
            ("done.", "done"),
        ] {
            assert!(!same(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn scope_is_part_of_the_key() {
        let keys = [
            ContentKey::new(Some("u"), None, None, "t"),
            ContentKey::new(None, Some("u"), None, "t"),
            ContentKey::new(None, None, Some("u"), "t"),
            ContentKey::new(Some(""), None, None, "t"),
            ContentKey::new(None, None, None, "t"),
        ];
        for (i, a) in keys.iter().enumerate() {
            assert!(keys[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn what_may_be_said_twice_has_a_key_of_its_own() {
        let plain = Context::new("ok");
        assert_eq!(plain.content_key(), ContentKey::new(None, None, None, "ok"));
        let said = |scope: Option<&str>, key: Option<&str>, is_message: bool| Context {
            scope: scope.map(str::to_owned),
            key: key.map(str::to_owned),
            message: is_message.then(|| Message {
                role: "user".to_owned(),
                json: "{}".to_owned(),
            }),
            ..Context::new("ok")
        };
        let all = [
            plain,
            said(Some("a"), None, false),
            said(None, Some("a"), false),
            said(Some("a"), Some("b"), false),
            said(None, None, true),
            said(None, None, true),
        ];
        let keys: std::collections::HashSet<ContentKey> = all.iter().map(Context::content_key).collect();
        assert_eq!(keys.len(), all.len());
    }

    #[test]
    fn offsets_and_positions_convert_both_ways() {
        let track = SessionTrack::new("s");
        assert_eq!(track.slot(4) - track.slot(3), 1);
        assert_eq!(track.position(track.slot(7)), 7);
        assert_ne!(track, SessionTrack::new("t"));
    }
}
