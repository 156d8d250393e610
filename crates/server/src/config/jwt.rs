//! Tokens of an identity provider.

use std::path::PathBuf;

use jsonwebtoken::Algorithm;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::problems::zeros;
use crate::auth::{Permission, Permissions};

/// Supported algorithms. Public keys alone: a shared secret that checks tokens could sign them.
const SUPPORTED: [Algorithm; 8] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
];
/// Maximum tolerance for clocks, so that tokens do not outlive their expiry for long.
const MAX_LEEWAY_SECS: u64 = 300;

/// Identity provider whose tokens (JWT) are accepted beside keys. Off without an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JwtConfig {
    /// Required issuer of a token: its claim `iss`.
    pub issuer: Option<String>,
    /// Accepted audiences of a token: its claim `aud` must name one.
    pub audience: Vec<String>,
    /// URL of the provider's public keys (a JWK set).
    pub jwks_url: Option<String>,
    /// File with the public keys instead.
    pub jwks_file: Option<PathBuf>,
    /// Accepted signature algorithms.
    pub algorithms: Vec<Algorithm>,
    /// Claim with the tenant; one that begins with `/` is a JSON pointer.
    pub tenant_claim: String,
    /// Claim with the permissions, as a text with spaces or as a list; one that begins with `/` is a JSON pointer.
    pub permissions_claim: String,
    /// Prefix of our permissions in that claim; others are ignored.
    pub permissions_prefix: String,
    /// Permissions that a token can have at most: a name such as `admin` may have another meaning to the provider.
    pub max_permissions: Permissions,
    /// Tolerated difference of the provider's clock, in seconds.
    pub leeway_secs: u64,
    /// Interval of fetching `jwks_url`, in seconds.
    pub refresh_interval_secs: u64,
}

impl Default for JwtConfig {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: Vec::new(),
            jwks_url: None,
            jwks_file: None,
            algorithms: vec![Algorithm::RS256, Algorithm::ES256],
            tenant_claim: "tenant".to_owned(),
            permissions_claim: "scope".to_owned(),
            permissions_prefix: String::new(),
            max_permissions: vec![Permission::Read, Permission::Write].into(),
            leeway_secs: 30,
            refresh_interval_secs: 300,
        }
    }
}

impl JwtConfig {
    /// Returns whether tokens are accepted.
    pub fn is_on(&self) -> bool {
        self.issuer.is_some()
    }

    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = zeros(&[("refresh_interval_secs", self.refresh_interval_secs)]);
        let mut expect = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        if self.is_on() {
            expect(
                self.jwks_url.is_some() != self.jwks_file.is_some(),
                "jwks_url: must be set, or jwks_file, but not both",
            );
            expect(
                !self.audience.is_empty() && self.audience.iter().all(|audience| !audience.is_empty()),
                "audience: must name this server, or tokens that were made for another would be accepted",
            );
        } else {
            let is_begun = self.jwks_url.is_some() || self.jwks_file.is_some() || !self.audience.is_empty();
            expect(!is_begun, "issuer: is needed beside the others");
        }
        expect(self.issuer.as_deref() != Some(""), "issuer: must not be empty");
        expect(
            self.jwks_url.as_deref().is_none_or(is_safe),
            "jwks_url: must begin with https://, or with http:// on this machine",
        );
        expect(
            !self.algorithms.is_empty() && self.algorithms.iter().all(|algorithm| SUPPORTED.contains(algorithm)),
            "algorithms: must be some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384",
        );
        expect(!self.tenant_claim.is_empty(), "tenant_claim: must not be empty");
        expect(
            !self.permissions_claim.is_empty(),
            "permissions_claim: must not be empty",
        );
        expect(
            !self.max_permissions.is_empty(),
            "max_permissions: must name at least one of read, write, tenant_admin, admin, metrics",
        );
        expect(self.leeway_secs <= MAX_LEEWAY_SECS, "leeway_secs: must be at most 300");
        problems
    }
}

/// Returns whether no third party can substitute the keys on their way.
fn is_safe(url: &str) -> bool {
    let local = |url: Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    is_encrypted(url) || Url::parse(url).is_ok_and(|url| url.scheme() == "http" && local(url))
}

/// Returns whether requests to a URL are encrypted.
pub(crate) fn is_encrypted(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Breaks a valid configuration.
    type Breaks = fn(&mut JwtConfig);

    #[test]
    fn settings_that_would_admit_strangers_are_refused() {
        let right = JwtConfig {
            issuer: Some("https://id.example.com".to_owned()),
            audience: vec!["context-manager".to_owned()],
            jwks_url: Some("https://id.example.com/jwks".to_owned()),
            ..JwtConfig::default()
        };
        assert_eq!(right.problems(), [""; 0]);
        assert_eq!(JwtConfig::default().problems(), [""; 0]);
        let cases: [(&str, Breaks); 11] = [
            ("issuer", |config| config.issuer = None),
            ("issuer", |config| config.issuer = Some(String::new())),
            ("audience", |config| config.audience.clear()),
            ("audience", |config| config.audience = vec![String::new()]),
            ("max_permissions", |config| {
                config.max_permissions = Permissions::default();
            }),
            ("jwks_url", |config| config.jwks_url = None),
            ("jwks_url", |config| config.jwks_file = Some("keys.json".into())),
            ("jwks_url", |config| {
                config.jwks_url = Some("http://id.example.com/jwks".to_owned());
            }),
            ("algorithms", |config| config.algorithms = vec![Algorithm::HS256]),
            ("algorithms", |config| config.algorithms.clear()),
            ("leeway_secs", |config| config.leeway_secs = 301),
        ];
        for (key, break_it) in cases {
            let mut config = right.clone();
            break_it(&mut config);
            let problems = config.problems();
            assert!(
                problems.len() == 1 && problems[0].starts_with(key),
                "{key}: {problems:?}"
            );
        }
    }
}
