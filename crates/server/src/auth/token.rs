//! Keys of the form `cm_<id>_<secret><checksum>`.
//!
//! The prefix lets secret scanners find keys that were published by mistake, the id names a key without giving it away,
//! the secret is 256 bits from the operating system, and the checksum tells a key that was cut or mistyped from an unknown
//! one without looking anything up. Only the SHA-256 of the whole is kept
//! (docs/explanation/adr/0014-keys-are-hashed-once.md).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "cm_";
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;
/// Hexadecimal digits of the CRC-32.
const CHECKSUM_DIGITS: usize = 8;
/// The shortest key that may come from the configuration: 32 hexadecimal digits are 128 bits.
pub(super) const MIN_FOREIGN_BYTES: usize = 32;
/// Maximum length of a key; longer ones are refused unread.
pub(super) const MAX_BYTES: usize = 512;

/// A new key.
#[derive(Debug)]
pub struct NewKey {
    /// Names the key in lists, logs and commands.
    pub id: String,
    /// The key itself, to be shown once.
    pub key: SecretString,
    /// Hash that is stored.
    pub hash: KeyHash,
}

impl NewKey {
    /// Generates a key.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut random = [0; ID_BYTES + SECRET_BYTES];
        getrandom::fill(&mut random)?;
        let (id, secret) = random.split_at(ID_BYTES);
        let id = HEXLOWER.encode(id);
        let body = format!("{PREFIX}{id}_{}", HEXLOWER.encode(secret));
        let key = format!("{body}{}", checksum(&body));
        Ok(Self {
            id,
            hash: KeyHash::of(&key),
            key: key.into(),
        })
    }

    /// Returns the key itself, for the one place that shows it.
    pub fn expose(&self) -> &str {
        self.key.expose_secret()
    }
}

fn checksum(body: &str) -> String {
    format!("{:08x}", crc32fast::hash(body.as_bytes()))
}

/// Returns whether `key` has the prefix of our keys but was cut or mistyped.
pub(super) fn is_damaged(key: &str) -> bool {
    if !key.starts_with(PREFIX) {
        return false;
    }
    let whole = PREFIX.len() + 2 * ID_BYTES + 1 + 2 * SECRET_BYTES + CHECKSUM_DIGITS;
    let split = whole - CHECKSUM_DIGITS;
    key.len() != whole || !key.is_char_boundary(split) || key[split..] != checksum(&key[..split])
}

/// SHA-256 of a key, all that is stored of it. Comparing takes the same time wherever two differ.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Hashes a key.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Returns a short name for a key without one, which reveals nothing of the key.
    pub(super) fn short(&self) -> String {
        HEXLOWER.encode(&self.0[..4])
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

impl Hash for KeyHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Text that is no SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 64 hexadecimal digits, as `printf %s \"$KEY\" | sha256sum` prints")]
pub struct NotAHash;

impl FromStr for KeyHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = HEXLOWER
            .decode(text.to_ascii_lowercase().as_bytes())
            .map_err(|_| NotAHash)?;
        bytes.try_into().map(Self).map_err(|_| NotAHash)
    }
}

impl TryFrom<String> for KeyHash {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        HEXLOWER.encode(&hash.0)
    }
}

/// The first digits: enough to tell two apart.
impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_another_one_and_recognised() {
        let (one, other) = (NewKey::random().unwrap(), NewKey::random().unwrap());
        assert!(one.expose().starts_with(&format!("cm_{}_", one.id)), "{}", one.id);
        assert_eq!(one.expose().len(), 92);
        assert!(one.expose().len() <= MAX_BYTES);
        assert_ne!(one.expose(), other.expose());
        assert_ne!(one.hash, other.hash);
        assert_eq!(KeyHash::of(one.expose()), one.hash);
        assert!(!is_damaged(one.expose()));
    }

    #[test]
    fn a_typo_anywhere_is_told_without_looking_the_key_up() {
        let key = NewKey::random().unwrap();
        for at in PREFIX.len()..key.expose().len() {
            let mut wrong = key.expose().to_owned();
            let replacement = if &wrong[at..=at] == "0" { "1" } else { "0" };
            wrong.replace_range(at..=at, replacement);
            assert!(is_damaged(&wrong), "{at}");
            assert!(is_damaged(&key.expose()[..at]), "{at}");
        }
        assert!(is_damaged(&format!("{}x", key.expose())));
        assert!(is_damaged(&format!("cm_{}", "ä".repeat(44) + "x")));
        assert!(!is_damaged("somebody-elses-key"));
    }

    #[test]
    fn a_hash_is_written_and_read_and_a_key_is_never_shown() {
        let key = NewKey::random().unwrap();
        let text = String::from(key.hash);
        assert_eq!(text.parse::<KeyHash>(), Ok(key.hash));
        assert_eq!(text.to_uppercase().parse::<KeyHash>(), Ok(key.hash));
        assert_eq!("abc".parse::<KeyHash>(), Err(NotAHash));
        // That of the empty text, as sha256sum prints it.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(empty.parse(), Ok(KeyHash::of("")));
        assert!(!format!("{key:?}").contains(key.expose()));
    }
}
