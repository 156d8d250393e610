//! Checks signatures with the cryptography that TLS uses here, in the form that the token library asks for.

use jsonwebtoken::crypto::{CryptoProvider, JwkUtils, JwtVerifier};
use jsonwebtoken::errors::{ErrorKind, Result, new_error};
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// Provider for the token library. It only verifies: this server signs nothing.
pub(super) static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(new_error(ErrorKind::InvalidAlgorithm)),
    verifier_factory: |algorithm, key| Ok(Box::new(Signature::new(*algorithm, key.clone())?)),
    jwk_utils: JwkUtils::new_unimplemented(),
};

/// Verifier of signatures with one key.
struct Signature {
    algorithm: Algorithm,
    key: DecodingKey,
    scheme: Scheme,
}

enum Scheme {
    Rsa(&'static RsaParameters),
    Ecdsa(&'static dyn VerificationAlgorithm),
}

impl Signature {
    fn new(algorithm: Algorithm, key: DecodingKey) -> Result<Self> {
        let scheme = match algorithm {
            Algorithm::RS256 => Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            Algorithm::RS384 => Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            Algorithm::RS512 => Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            Algorithm::PS256 => Scheme::Rsa(&RSA_PSS_2048_8192_SHA256),
            Algorithm::PS384 => Scheme::Rsa(&RSA_PSS_2048_8192_SHA384),
            Algorithm::PS512 => Scheme::Rsa(&RSA_PSS_2048_8192_SHA512),
            Algorithm::ES256 => Scheme::Ecdsa(&ECDSA_P256_SHA256_FIXED),
            Algorithm::ES384 => Scheme::Ecdsa(&ECDSA_P384_SHA384_FIXED),
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 | Algorithm::EdDSA => {
                return Err(new_error(ErrorKind::InvalidAlgorithm));
            }
        };
        // A public key of another kind is never tried: not an RSA key's digits as if they were a point of a curve.
        if key.family() != algorithm.family() {
            return Err(new_error(ErrorKind::InvalidAlgorithm));
        }
        Ok(Self { algorithm, key, scheme })
    }
}

impl Verifier<Vec<u8>> for Signature {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let checked = match (&self.scheme, self.key.kind()) {
            (Scheme::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Scheme::Ecdsa(algorithm), DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(*algorithm, point).verify(message, signature)
            }
            (Scheme::Rsa(_), DecodingKeyKind::SecretOrDer(_))
            | (Scheme::Ecdsa(_), DecodingKeyKind::RsaModulusExponent { .. }) => return Err(Error::new()),
        };
        checked.map_err(|_| Error::new())
    }
}

impl JwtVerifier for Signature {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::crypto::verify;
    use jsonwebtoken::jwk::Jwk;
    use serde_json::Value;

    use super::*;

    /// Public keys, and tokens that another library (`PyJWT` 2.15) signed with their private ones.
    const SIGNED: &str = include_str!("signatures.json");

    #[test]
    fn what_others_signed_is_told_from_what_was_changed_and_from_other_algorithms() {
        let _already_set = PROVIDER.install_default();
        let signed: Value = serde_json::from_str(SIGNED).unwrap();
        let algorithms = [
            (Algorithm::RS256, "RSA"),
            (Algorithm::RS384, "RSA"),
            (Algorithm::RS512, "RSA"),
            (Algorithm::PS256, "RSA"),
            (Algorithm::PS384, "RSA"),
            (Algorithm::PS512, "RSA"),
            (Algorithm::ES256, "ES256"),
            (Algorithm::ES384, "ES384"),
        ];
        for (algorithm, key) in algorithms {
            let jwk: Jwk = serde_json::from_value(signed["keys"][key].clone()).unwrap();
            let key = DecodingKey::from_jwk(&jwk).unwrap();
            let token = signed["tokens"][format!("{algorithm:?}")].as_str().unwrap();
            let (message, signature) = token.rsplit_once('.').unwrap();
            for (other, _) in algorithms {
                let checked = verify(signature, message.as_bytes(), &key, other);
                assert_eq!(
                    checked.unwrap_or(false),
                    other == algorithm,
                    "{algorithm:?} as {other:?}"
                );
            }
            let changed = format!("{message}x");
            assert!(
                !verify(signature, changed.as_bytes(), &key, algorithm).unwrap(),
                "{algorithm:?}"
            );
        }
    }

    #[test]
    fn a_public_key_is_no_shared_secret() {
        let key = DecodingKey::from_secret(b"the public key, as everybody knows it");
        for algorithm in [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256] {
            assert!(Signature::new(algorithm, key.clone()).is_err(), "{algorithm:?}");
        }
    }
}
