//! The identity provider whose tokens are accepted, for clients that know only the server's address (RFC 9728).

use axum::Json;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, header};
use serde_json::{Value, json};

use super::mcp;
use crate::auth::Permission;
use crate::config::Config;
use crate::http::Problem;

/// Path of the description of the whole server.
const WHOLE: &str = "/.well-known/oauth-protected-resource";
/// Path of the description of the tools.
const TOOLS: &str = "/.well-known/oauth-protected-resource/mcp";
/// Claims with the scopes that a client asked for.
const SCOPE_CLAIMS: [&str; 2] = ["scope", "scp"];
/// Paths of descriptions.
pub(super) const PATHS: [&str; 2] = [WHOLE, TOOLS];

/// The server as a resource that an identity provider's tokens open.
#[derive(Debug, Clone)]
pub(super) struct ProtectedResource {
    issuer: String,
    scopes: Vec<String>,
    site: Site,
}

/// Address at which clients find the server.
#[derive(Debug, Clone)]
struct Site {
    public: Option<String>,
    scheme: &'static str,
}

impl ProtectedResource {
    /// Returns the resource, if an identity provider is configured.
    pub(super) fn new(config: &Config) -> Option<Self> {
        let jwt = &config.auth.jwt;
        // Elsewhere, as in a claim of roles, permissions are no scopes that a client could ask for.
        let by_scope = jwt.permissions.is_none() && SCOPE_CLAIMS.contains(&jwt.permissions_claim.as_str());
        let scopes = [Permission::Read, Permission::Write]
            .into_iter()
            .filter(|permission| by_scope && jwt.max_permissions.allow(*permission))
            .map(|permission| format!("{}{permission}", jwt.permissions_prefix));
        Some(Self {
            issuer: jwt.issuer.clone()?,
            scopes: scopes.collect(),
            site: Site::new(config),
        })
    }

    /// Describes the server or its tools.
    pub(super) fn describe(&self, path: &str, request: &Request) -> Json<Value> {
        let base = self.site.base(request);
        let resource = if path == TOOLS {
            format!("{base}{}", mcp::PATH)
        } else {
            base
        };
        let mut description = json!({
            "resource": resource,
            "authorization_servers": [self.issuer],
            "bearer_methods_supported": ["header"],
            "resource_name": "Context Manager",
        });
        if !self.scopes.is_empty() {
            description["scopes_supported"] = json!(self.scopes);
        }
        Json(description)
    }
}

/// Challenge to callers whose key or token is missing or wrong.
#[derive(Debug)]
pub(super) struct Challenge(Option<ProtectedResource>);

impl Challenge {
    pub(super) fn new(config: &Config) -> Self {
        Self(ProtectedResource::new(config))
    }

    /// Adds the address of the description to a refusal, if there is one.
    pub(super) fn add_to(&self, problem: Problem, request: &Request) -> Problem {
        let Some(resource) = self.0.as_ref().filter(|_| problem.status() == 401) else {
            return problem;
        };
        let path = request.uri().path();
        let url = resource.site.description(request, path == mcp::PATH);
        let scopes = match resource.scopes.join(" ") {
            none if none.is_empty() => none,
            scopes => format!(", scope=\"{scopes}\""),
        };
        let value = HeaderValue::try_from(format!("Bearer resource_metadata=\"{url}\"{scopes}"));
        match value {
            Ok(value) => problem.with_header(header::WWW_AUTHENTICATE, value),
            Err(_) => problem,
        }
    }
}

impl Site {
    fn new(config: &Config) -> Self {
        let public = config.server.public_url.as_deref();
        Self {
            public: public.map(|url| url.trim_end_matches('/').to_owned()),
            scheme: if config.server.tls.cert_file.is_some() {
                "https"
            } else {
                "http"
            },
        }
    }

    /// Returns the URL of the server without a slash at its end: the public one, or else the one that the client used.
    fn base(&self, request: &Request) -> String {
        if let Some(public) = &self.public {
            return public.clone();
        }
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let name = request.uri().authority().map(Authority::as_str).or(host);
        format!("{}://{}", self.scheme, name.unwrap_or("localhost"))
    }

    /// Returns the URL of a description. The path of a public URL comes after the well-known one (RFC 9728, section 3.1).
    fn description(&self, request: &Request, of_tools: bool) -> String {
        let base = self.base(request);
        let host_at = base.find("://").map_or(0, |at| at + 3);
        let path_at = base[host_at..].find('/').map_or(base.len(), |at| host_at + at);
        let (origin, path) = base.split_at(path_at);
        let tools = if of_tools { mcp::PATH } else { "" };
        format!("{origin}{WHOLE}{path}{tools}")
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn challenge(public_url: Option<&str>, path: &str) -> (String, Value) {
        let mut config = Config::default();
        config.server.public_url = public_url.map(ToOwned::to_owned);
        config.auth.jwt.issuer = Some("https://id.example.com".to_owned());
        config.auth.jwt.permissions_prefix = "cm:".to_owned();
        let request = Request::post(path)
            .header("host", "10.0.0.1:8080")
            .body(Body::empty())
            .unwrap();
        let site = Site::new(&config);
        let described = ProtectedResource::new(&config).unwrap().describe(TOOLS, &request);
        (site.description(&request, path == mcp::PATH), described.0)
    }

    #[test]
    fn a_client_finds_the_identity_provider_from_any_address() {
        for (public, path, url, resource) in [
            (
                None,
                "/mcp",
                "http://10.0.0.1:8080/.well-known/oauth-protected-resource/mcp",
                "http://10.0.0.1:8080/mcp",
            ),
            (
                Some("https://m.example.com"),
                "/api/v1/stats",
                "https://m.example.com/.well-known/oauth-protected-resource",
                "https://m.example.com/mcp",
            ),
            (
                Some("https://m.example.com/cm/"),
                "/mcp",
                "https://m.example.com/.well-known/oauth-protected-resource/cm/mcp",
                "https://m.example.com/cm/mcp",
            ),
        ] {
            let (description, described) = challenge(public, path);
            assert_eq!((description.as_str(), &described["resource"]), (url, &json!(resource)));
            assert_eq!(described["authorization_servers"], json!(["https://id.example.com"]));
            assert_eq!(described["scopes_supported"], json!(["cm:read", "cm:write"]));
        }
        assert!(ProtectedResource::new(&Config::default()).is_none());
    }
}
