//! Names that the server answers to, and origins whose pages may call it.
//!
//! A web page can make its own name resolve to this machine (DNS rebinding). The browser then takes the server for a part
//! of the page's site, and only `Host` shows the difference. Even without that trick a browser sends forms and plain texts
//! to every address, and only `Origin` and `Sec-Fetch-Site` name the page behind it. No page can forge these headers.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, Version, header};
use reqwest::Url;

use super::problem::{Code, Problem};
use crate::config::ServerConfig;

const SITE: &str = "sec-fetch-site";
const MODE: &str = "sec-fetch-mode";

/// The names of the server, and the origins of its pages and of those that the operator trusts.
#[derive(Debug, Clone)]
pub(crate) struct Sites {
    /// In lower case, without a dot at the end.
    hosts: Vec<String>,
    /// As browsers send it.
    public_origin: Option<String>,
    cors_origins: Vec<String>,
}

/// Clients that a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Those with a key or a token.
    Known,
    /// All that reach it, and so every page that runs in a browser beside it.
    Everybody,
}

impl Sites {
    /// Reads the configuration, which was checked before.
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let public = config.public_url.as_deref().and_then(|url| Url::parse(url).ok());
        let public_host = public.as_ref().and_then(Url::host_str);
        let hosts = config.allowed_hosts.iter().map(String::as_str).chain(public_host);
        Self {
            hosts: hosts.map(normal).collect(),
            public_origin: public.map(|url| url.origin().ascii_serialization()),
            cors_origins: config.cors_allowed_origins.clone(),
        }
    }

    /// Refuses a request without a host, for another host, or sent by a browser for a page of another origin.
    ///
    /// # Errors
    /// 400 without a usable `Host`, 421 for a name that is not the server's, 403 for a page of another origin, 415 for what a
    /// form on it sends.
    pub(crate) fn check(&self, request: &Request, audience: Audience) -> Result<(), Problem> {
        let names = names(request)?;
        if audience == Audience::Everybody {
            if names.is_empty() {
                return Err(bad_host("is needed"));
            }
            if !names.iter().all(|name| self.answers_to(name.host())) {
                return Err(self.misdirected());
            }
        }
        if self.is_from_elsewhere(request.method(), request.headers(), names.first()) {
            // The answer is the same as to any other client that sends such a body.
            if !request.body().is_end_stream() && is_form(request.headers()) {
                return Err(Problem::new(Code::UnsupportedMediaType));
            }
            return Err(Problem::new(Code::Forbidden).with_detail(
                "a page of another origin may not call this server; name its origin in server.cors_allowed_origins, or \
                 the server's own address in server.public_url",
            ));
        }
        Ok(())
    }

    /// Names the hosts that the server answers to: the usual reason is one that nobody configured.
    fn misdirected(&self) -> Problem {
        let named = self.hosts.iter().map(|host| format!(", `{host}`"));
        Problem::new(Code::MisdirectedRequest).with_detail(format!(
            "a server that asks for no key answers only to IP addresses, `localhost`{}; name others in \
             server.allowed_hosts or server.public_url",
            named.collect::<String>()
        ))
    }

    fn answers_to(&self, host: &str) -> bool {
        let host = normal(host);
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        host == "localhost"
            || host.parse::<Ipv4Addr>().is_ok()
            || literal.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
            || self.hosts.contains(&host)
    }

    fn is_from_elsewhere(&self, method: &Method, headers: &HeaderMap, name: Option<&Authority>) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = origins.next();
        let own_site = headers
            .get_all(SITE)
            .iter()
            .all(|site| site == "same-origin" || site == "none");
        let Some(origin) = origin else {
            // Following a link comes from another site, too, but that site does not see the answer.
            let follows_link = matches!(*method, Method::GET | Method::HEAD)
                && headers.get(MODE).is_some_and(|mode| mode == "navigate");
            return !own_site && !follows_link;
        };
        let own = own_site && self.is_own(origin, name);
        !(own || self.is_named(origin)) || origins.next().is_some()
    }

    /// Returns whether the operator lets pages of this origin call.
    fn is_named(&self, origin: &HeaderValue) -> bool {
        self.cors_origins.iter().any(|named| named == "*" || origin == named)
    }

    /// Returns whether this is the origin of the server's own pages: the target of the request, or the address at which
    /// clients are said to find the server.
    fn is_own(&self, origin: &HeaderValue, name: Option<&Authority>) -> bool {
        if self.public_origin.as_ref().is_some_and(|public| origin == public) {
            return true;
        }
        let Some((scheme, origin)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
            return false;
        };
        let usual = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return false,
        };
        let Ok(origin) = origin.parse::<Authority>() else {
            return false;
        };
        let port = |authority: &Authority| authority.port_u16().unwrap_or(usual);
        let host = normal(origin.host());
        let is_target = |name: &Authority| normal(name.host()) == host && port(name) == port(&origin);
        // A proxy may have put another name into `Host`.
        name.is_some_and(is_target) || (port(&origin) == usual && self.hosts.contains(&host))
    }
}

/// Returns whether the body is of a type that a browser sends anywhere without asking the server first.
fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
        .iter()
        .any(|form| essence.eq_ignore_ascii_case(form))
}

/// Normalizes a host for comparison.
fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Returns the names that a request is for: the authority of its target, which counts more, and `Host`.
fn names(request: &Request) -> Result<Vec<Authority>, Problem> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    if another.is_some() {
        return Err(bad_host("must be sent once"));
    }
    if host.is_none() && request.version() == Version::HTTP_11 {
        return Err(bad_host("is needed"));
    }
    let host = host.map(|host| {
        let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
        host.ok_or_else(|| bad_host("must be a name or an address"))
    });
    let names: Vec<_> = request
        .uri()
        .authority()
        .cloned()
        .into_iter()
        .chain(host.transpose()?)
        .collect();
    if names.iter().all(is_host_and_port) {
        Ok(names)
    } else {
        Err(bad_host("must be a name or an address"))
    }
}

/// Returns whether the authority is nothing but a host, and a port if any.
fn is_host_and_port(name: &Authority) -> bool {
    let rest = name.as_str().strip_prefix(name.host());
    let port = rest.map(|rest| rest.strip_prefix(':').unwrap_or(rest));
    !name.host().is_empty() && port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn bad_host(problem: &str) -> Problem {
    Problem::new(Code::InvalidRequest).with_detail(format!("the header Host {problem}"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn sites() -> Sites {
        Sites::new(&ServerConfig {
            allowed_hosts: vec!["memory.lan".to_owned()],
            public_url: Some("https://memory.example.com/cm".to_owned()),
            cors_allowed_origins: vec!["https://app.example.com".to_owned()],
            ..ServerConfig::default()
        })
    }

    fn status(audience: Audience, target: &str, headers: &[(&str, &str)]) -> u16 {
        asked(audience, "POST", target, headers)
    }

    fn asked(audience: Audience, method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
        let request = Request::builder().method(method).uri(target);
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        let checked = sites().check(&request.body(Body::empty()).unwrap(), audience);
        checked.err().map_or(200, |problem| problem.status().as_u16())
    }

    fn with_host(host: &str) -> u16 {
        status(Audience::Everybody, "/", &[("host", host)])
    }

    #[test]
    fn addresses_localhost_and_names_that_are_configured_are_the_servers() {
        for host in "127.0.0.1 127.0.0.1:8080 192.0.2.7:1 [::1] [::1]:8080 [2001:db8::1]:80 localhost \
                     LocalHost:8080 localhost. localhost.:8080 localhost: memory.lan:8080 MEMORY.lan. \
                     memory.example.com"
            .split_whitespace()
        {
            assert_eq!(with_host(host), 200, "{host}");
        }
        for host in "evil.example evil.example:8080 localhost.evil.example evil-localhost \
                     127.0.0.1.evil.example foo.localhost 1.2.3 2130706433 0x7f000001 localhost.. \
                     memory.lan.evil.example notmemory.lan"
            .split_whitespace()
        {
            assert_eq!(with_host(host), 421, "{host}");
            assert_eq!(status(Audience::Known, "/", &[("host", host)]), 200, "{host}");
        }
        for host in [
            "",
            "evil@localhost",
            "localhost:x",
            "local host",
            "a/b",
            "::1",
            "[::1",
            "[evil]:1:2",
        ] {
            assert!(matches!(with_host(host), 400 | 421), "{host}: {}", with_host(host));
        }
        for host in ["", "evil@localhost", "localhost:x", "local host"] {
            assert_eq!(status(Audience::Known, "/", &[("host", host)]), 400, "{host}");
        }
    }

    #[test]
    fn a_refusal_names_the_hosts_that_would_do() {
        let request = Request::builder().header("host", "evil.example").body(Body::empty());
        let refused = sites().check(&request.unwrap(), Audience::Everybody).unwrap_err();
        assert!(
            refused
                .detail()
                .contains("`localhost`, `memory.lan`, `memory.example.com`;"),
            "{}",
            refused.detail()
        );
    }

    #[test]
    fn a_target_with_a_name_counts_as_host_does() {
        let open = |target: &str, host| status(Audience::Everybody, target, &[("host", host)]);
        assert_eq!(open("http://localhost:8080/", "localhost:8080"), 200);
        assert_eq!(open("http://evil.example/", "localhost"), 421);
        assert_eq!(open("http://localhost/", "evil.example"), 421);
    }

    #[test]
    fn without_a_host_or_with_two_nobody_is_meant() {
        for audience in [Audience::Everybody, Audience::Known] {
            assert_eq!(status(audience, "/", &[]), 400);
            assert_eq!(
                status(audience, "/", &[("host", "localhost"), ("host", "localhost")]),
                400
            );
        }
    }

    const HOST: (&str, &str) = ("host", "localhost:8080");

    #[test]
    fn what_a_page_of_another_origin_has_a_browser_send_is_refused() {
        for audience in [Audience::Everybody, Audience::Known] {
            for headers in [
                &[("origin", "https://evil.example")][..],
                &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
                &[("origin", "null")],
                &[("origin", "")],
                &[("origin", "localhost:8080")],
                &[("origin", "http://localhost")],
                &[("origin", "http://localhost:3000")],
                &[("origin", "http://127.0.0.1:8080")],
                &[("origin", "file://")],
                &[("origin", "http://localhost:8080"), ("sec-fetch-site", "same-site")],
                &[("origin", "http://localhost:8080"), ("origin", "https://evil.example")],
                &[
                    ("origin", "https://app.example.com"),
                    ("origin", "https://evil.example"),
                ],
                &[("origin", "https://app.example.com.evil.example")],
                &[("origin", "http://memory.lan:3000")],
                &[("sec-fetch-site", "cross-site")],
                &[("sec-fetch-site", "same-site")],
                &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
                &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
            ] {
                let headers = [&[HOST], headers].concat();
                for method in ["POST", "PATCH", "PUT", "DELETE"] {
                    assert_eq!(asked(audience, method, "/", &headers), 403, "{method} {headers:?}");
                }
            }
        }
    }

    #[test]
    fn own_pages_named_ones_and_programs_may_call() {
        for headers in [
            &[][..],
            &[("origin", "http://localhost:8080")],
            &[("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin")],
            &[("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://memory.example.com")],
            &[("origin", "http://memory.lan")],
        ] {
            let headers = [&[HOST], headers].concat();
            assert_eq!(status(Audience::Everybody, "/", &headers), 200, "{headers:?}");
        }
        let behind_tls = [("host", "memory.lan"), ("origin", "https://memory.lan")];
        assert_eq!(status(Audience::Everybody, "/", &behind_tls), 200);
    }

    #[test]
    fn a_link_may_be_followed_but_no_page_reads_from_elsewhere() {
        let get = |headers: &[(&str, &str)]| asked(Audience::Everybody, "GET", "/", &[&[HOST], headers].concat());
        assert_eq!(
            get(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]),
            200
        );
        assert_eq!(
            get(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]),
            403
        );
        assert_eq!(get(&[("origin", "https://evil.example")]), 403);
        assert_eq!(
            get(&[("origin", "https://evil.example"), ("sec-fetch-mode", "navigate")]),
            403
        );
    }
}
