//! Tokens of an identity provider.

use std::path::PathBuf;

use context_manager_core::TenantId;
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
/// Claims that are read where no others are configured.
const TENANT_CLAIM: &str = "tenant";
const PERMISSIONS_CLAIM: &str = "scope";
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
    /// URL of the provider's public keys (a JWK set). Default the one in the issuer's metadata
    /// (`/.well-known/openid-configuration`).
    pub jwks_url: Option<String>,
    /// File with the public keys instead.
    pub jwks_file: Option<PathBuf>,
    /// Accepted signature algorithms.
    pub algorithms: Vec<Algorithm>,
    /// Claim with the tenant: its name, a path with dots into nested claims, or a JSON pointer that begins with `/`.
    pub tenant_claim: String,
    /// Tenant of every token, instead of the one in a claim.
    pub tenant: Option<String>,
    /// Claim with the user, whose contexts alone a token stores and reaches. Default every user of the tenant.
    pub user_claim: Option<String>,
    /// Claim with the permissions, as a text with spaces or as a list.
    pub permissions_claim: String,
    /// Permissions of every token, instead of those in a claim.
    pub permissions: Option<Permissions>,
    /// Prefix of our permissions in that claim; others are ignored.
    pub permissions_prefix: String,
    /// Permissions that a token can have at most: a name such as `admin` may have another meaning to the provider.
    pub max_permissions: Permissions,
    /// Tolerated difference of the provider's clock, in seconds.
    pub leeway_secs: u64,
    /// Interval of fetching the provider's keys, in seconds.
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
            tenant_claim: TENANT_CLAIM.to_owned(),
            tenant: None,
            user_claim: None,
            permissions_claim: PERMISSIONS_CLAIM.to_owned(),
            permissions: None,
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
                self.jwks_url.is_none() || self.jwks_file.is_none(),
                "jwks_url: must not be set beside jwks_file",
            );
            let is_found = self.jwks_url.is_some() || self.jwks_file.is_some();
            expect(
                is_found
                    || self
                        .issuer
                        .as_deref()
                        .is_none_or(|issuer| issuer.is_empty() || is_safe(issuer)),
                "issuer: must begin with https://, or with http:// on this machine, or jwks_url or jwks_file must be set",
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
        expect(self.user_claim.as_deref() != Some(""), "user_claim: must not be empty");
        expect(
            !self.permissions_claim.is_empty(),
            "permissions_claim: must not be empty",
        );
        let is_tenant = |name| TenantId::try_new(name).is_ok_and(|tenant| !tenant.is_reserved());
        expect(
            self.tenant.as_deref().is_none_or(is_tenant),
            "tenant: must have 1 to 64 characters of A-Z a-z 0-9 . _ - and not begin with _",
        );
        expect(
            self.tenant.is_none() || self.tenant_claim == TENANT_CLAIM,
            "tenant: must not be set beside tenant_claim",
        );
        expect(
            self.permissions.is_none() || self.permissions_claim == PERMISSIONS_CLAIM,
            "permissions: must not be set beside permissions_claim",
        );
        let beyond_max = |permissions: Permissions| permissions.is_empty() || permissions.exceed(self.max_permissions);
        expect(
            !self.permissions.is_some_and(beyond_max),
            "permissions: must name at least one of those in max_permissions",
        );
        expect(
            self.user_claim.is_none() || !self.max_permissions.exceed(Permissions::of_one_user()),
            "max_permissions: a token that is bound to a user (user_claim) can have read and write alone",
        );
        expect(
            !self.max_permissions.is_empty(),
            "max_permissions: must name at least one of read, write, tenant_admin, admin, metrics",
        );
        expect(self.leeway_secs <= MAX_LEEWAY_SECS, "leeway_secs: must be at most 300");
        problems
    }
}

/// Returns whether no third party can substitute what is read from a URL.
pub(crate) fn is_safe(url: &str) -> bool {
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
        let found_by_issuer = JwtConfig {
            jwks_url: None,
            ..right.clone()
        };
        assert_eq!(found_by_issuer.problems(), [""; 0]);
        let cases: [(&str, Breaks); 19] = [
            ("issuer", |config| config.issuer = None),
            ("issuer", |config| config.issuer = Some(String::new())),
            ("audience", |config| config.audience.clear()),
            ("audience", |config| config.audience = vec![String::new()]),
            ("max_permissions", |config| {
                config.max_permissions = Permissions::default();
            }),
            ("issuer", |config| {
                (config.issuer, config.jwks_url) = (Some("id".to_owned()), None);
            }),
            ("issuer", |config| {
                (config.issuer, config.jwks_url) = (Some("http://id.example.com".to_owned()), None);
            }),
            ("tenant", |config| config.tenant = Some("_own".to_owned())),
            ("tenant", |config| {
                (config.tenant, config.tenant_claim) = (Some("acme".to_owned()), "org".to_owned());
            }),
            ("user_claim", |config| config.user_claim = Some(String::new())),
            ("max_permissions", |config| {
                config.user_claim = Some("sub".to_owned());
                config.max_permissions = Permissions::all();
            }),
            ("permissions", |config| {
                config.permissions = Some(Permissions::default());
            }),
            ("permissions", |config| config.permissions = Some(Permissions::all())),
            ("permissions", |config| {
                config.permissions = Some(config.max_permissions);
                config.permissions_claim = "roles".to_owned();
            }),
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
