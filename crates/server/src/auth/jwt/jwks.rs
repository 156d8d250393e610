//! The public keys of the identity provider: a JWK set (RFC 7517), from a file, from its address, or found by the issuer.

use std::path::Path;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use tokio::time::Duration;

use super::discovery;

/// Maximum length of a set of keys, and of an issuer's metadata.
const MAX_BYTES: usize = 1024 * 1024;
/// Maximum time that the provider may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

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

/// Address of the keys.
#[derive(Debug, Clone)]
pub(super) enum Address {
    /// The URL of the set.
    Keys(String),
    /// The issuer, whose metadata has that URL.
    Issuer(String),
}

/// Reason for not getting the keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum JwksError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[from] std::io::Error),
    /// The provider cannot be reached.
    #[error("the provider cannot be reached")]
    Provider(#[from] reqwest::Error),
    /// The provider answered something else.
    #[error("the provider answered with status {0}")]
    Status(StatusCode),
    /// The answer or file is too long.
    #[error("it has more than {MAX_BYTES} bytes")]
    TooLong,
    /// The answer or file is not a set of keys.
    #[error("it is not a JWK set")]
    NotASet(#[from] serde_json::Error),
    /// The issuer's metadata cannot be read.
    #[error("the issuer's metadata has no `issuer` and `jwks_uri`")]
    NotMetadata(#[source] serde_json::Error),
    /// The metadata names another issuer.
    #[error("the issuer's metadata names another issuer than auth.jwt.issuer, which must be the same to the letter")]
    OtherIssuer,
    /// The keys are at an address that third parties could answer for.
    #[error("the issuer's keys must be at an https URL")]
    Unsafe,
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

    pub(super) async fn fetch(client: &Client, address: &Address) -> Result<Self, JwksError> {
        let url = match address {
            Address::Keys(url) => url,
            // Asked for each time, so that keys that move are followed.
            Address::Issuer(issuer) => &discovery::jwks_uri(client, issuer).await?,
        };
        Self::parse(&get(client, url).await?)
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

/// Reads what the provider has at a URL, within limits of time and size.
pub(super) async fn get(client: &Client, url: &str) -> Result<Vec<u8>, JwksError> {
    let response = client.get(url).timeout(TIMEOUT).send().await?;
    if !response.status().is_success() {
        return Err(JwksError::Status(response.status()));
    }
    body(response).await
}

async fn body(mut response: Response) -> Result<Vec<u8>, JwksError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > MAX_BYTES {
            return Err(JwksError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
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
