//! The public keys of the identity provider: a JWK set (RFC 7517).

use std::path::Path;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::fetch::JwksError;

/// The known public keys.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// Algorithms it may be used with: those that fit its kind, or the one of them that it names.
    algorithms: Vec<Algorithm>,
    public: DecodingKey,
}

impl KeySet {
    /// Reads a set. Keys of an unknown kind, or for another use than signatures, are skipped.
    pub(super) fn parse(json: &[u8]) -> Result<Self, JwksError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(json)?;
        Ok(Self {
            keys: set.keys.into_iter().filter_map(Key::read).collect(),
        })
    }

    pub(super) fn read(path: &Path) -> Result<Self, JwksError> {
        Self::parse(&std::fs::read(path)?)
    }

    /// Finds the key that a token names. A token that names none needs a set with exactly one key that fits.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|key| id.is_none_or(|id| key.id.as_deref() == Some(id)) && key.algorithms.contains(&algorithm));
        let first = fitting.next()?;
        (id.is_some() || fitting.next().is_none()).then_some(&first.public)
    }

    /// Returns the number of keys for one of these algorithms.
    pub(super) fn fitting(&self, accepted: &[Algorithm]) -> usize {
        let fits = |key: &&Key| key.algorithms.iter().any(|algorithm| accepted.contains(algorithm));
        self.keys.iter().filter(fits).count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

impl Key {
    fn read(json: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(json).ok()?;
        let common = &jwk.common;
        let is_for_signatures = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
            && common
                .key_operations
                .as_ref()
                .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        let mut algorithms = fitting(&jwk.algorithm);
        if let Some(named) = common.key_algorithm {
            algorithms.retain(|algorithm| format!("{algorithm:?}") == named.to_string());
        }
        (is_for_signatures && !algorithms.is_empty()).then_some(Self {
            id: common.key_id.clone(),
            public: DecodingKey::from_jwk(&jwk).ok()?,
            algorithms,
        })
    }
}

/// Returns the algorithms whose signatures a public key of this kind can check.
fn fitting(key: &AlgorithmParameters) -> Vec<Algorithm> {
    match key {
        AlgorithmParameters::RSA(_) => vec![
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            EllipticCurve::P521 | EllipticCurve::Ed25519 => Vec::new(),
        },
        // A shared secret can sign, too; other kinds are unknown.
        AlgorithmParameters::OctetKey(_) | AlgorithmParameters::OctetKeyPair(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA: &str = r#""kty":"RSA","n":"sXch","e":"AQAB""#;
    const EC: &str = r#""kty":"EC","crv":"P-256","x":"MKBC","y":"4Etl""#;

    fn set(keys: &[&str]) -> Result<KeySet, JwksError> {
        let keys: Vec<String> = keys.iter().map(|key| format!("{{{key}}}")).collect();
        KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes())
    }

    #[test]
    fn a_key_is_found_by_its_name_and_only_for_what_it_is_for() {
        let keys = set(&[
            &format!(r#"{RSA},"kid":"a","alg":"RS256""#),
            &format!(r#"{RSA},"kid":"b""#),
            &format!(r#"{EC},"kid":"c","use":"sig""#),
        ])
        .unwrap();
        for (id, algorithm, is_there) in [
            (Some("a"), Algorithm::RS256, true),
            (Some("a"), Algorithm::PS256, false),
            (Some("a"), Algorithm::ES256, false),
            (Some("b"), Algorithm::PS256, true),
            (Some("c"), Algorithm::ES256, true),
            (Some("c"), Algorithm::ES384, false),
            (Some("c"), Algorithm::RS256, false),
            (Some("d"), Algorithm::RS256, false),
            (None, Algorithm::ES256, true),
            (None, Algorithm::RS256, false),
        ] {
            assert_eq!(keys.find(id, algorithm).is_some(), is_there, "{id:?}, {algorithm:?}");
        }
    }

    #[test]
    fn keys_for_other_things_are_passed_over_and_what_is_no_set_is_refused() {
        let others = [
            format!(r#"{RSA},"kid":"a","use":"enc""#),
            format!(r#"{RSA},"kid":"a","key_ops":["encrypt"]"#),
            format!(r#"{RSA},"kid":"a","alg":"RSA-OAEP""#),
            r#""kty":"oct","kid":"b","k":"c2VjcmV0""#.to_owned(),
            r#""kty":"EC","kid":"c","crv":"P-521","x":"MKBC","y":"4Etl""#.to_owned(),
            r#""kty":"EC","kid":"c","crv":"secp256k1","x":"MKBC","y":"4Etl""#.to_owned(),
            r#""kty":"unheard of""#.to_owned(),
        ];
        let mut keys: Vec<&str> = others.iter().map(String::as_str).collect();
        assert!(set(&keys).unwrap().is_empty());
        let good = format!(r#"{EC},"kid":"d""#);
        keys.push(&good);
        assert_eq!(set(&keys).unwrap().len(), 1);
        assert!(matches!(KeySet::parse(b"<html>"), Err(JwksError::NotASet(_))));
    }
}
