//! One call: a request, its retries and its deadline.

use std::time::Duration;

use context_manager_core::ports::{Clock, SystemClock};
use context_manager_resilience::{Deadline, Verdict};
use jiff::fmt::rfc2822;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::{Code, Problem};
use crate::{Config, Error, Refusal, transport};

/// Calls whose repetition does no harm, and others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Reads, writes under an id of the client's, and writes that leave the same state when done twice.
    Always,
    /// Only when the server did not begin: it refused the call for its rate, or there was no connection.
    IfNotBegun,
}

/// A route of the API.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// Its name in the OpenAPI document.
    #[cfg(test)]
    pub(crate) id: &'static str,
    pub(crate) method: Method,
    /// Its path, with the names of parameters in braces.
    pub(crate) path: &'static str,
    pub(crate) repeat: Repeat,
    /// True if it lasts as long as there is data.
    pub(crate) long: bool,
}

/// A request that can be sent more than once.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    operation: &'a Operation,
    url: Url,
    body: Option<Vec<u8>>,
}

impl Operation {
    /// A call with this parameter of the path.
    fn url(&self, base: &Url, parameter: &str) -> Url {
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            let path = self.path.split('/').skip(1);
            segments
                .pop_if_empty()
                .extend(path.map(|part| if part.starts_with('{') { parameter } else { part }));
        }
        url
    }
}

impl Call<'_> {
    /// Adds parameters to the query; those without a value are left out.
    pub(crate) fn query<'q>(mut self, pairs: impl IntoIterator<Item = (&'q str, Option<String>)>) -> Self {
        for (name, value) in pairs {
            if let Some(value) = value {
                self.url.query_pairs_mut().append_pair(name, &value);
            }
        }
        self
    }

    /// Sets a JSON body.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self, Error> {
        self.body = Some(serde_json::to_vec(body)?);
        Ok(self)
    }
}

/// The server and the settings of calls to it.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    base: Url,
    config: Config,
}

impl Caller {
    pub(crate) fn new(url: &str, config: Config) -> Result<Self, Error> {
        let setup = |source| Error::Setup {
            url: url.to_owned(),
            source,
        };
        let base = Url::parse(url).map_err(|error| setup(error.into()))?;
        if base.cannot_be_a_base() {
            return Err(setup("the URL must begin with http:// or https://".into()));
        }
        let http = transport::http_client(base.scheme() == "https", config.certificates).map_err(setup)?;
        Ok(Self { http, base, config })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Begins a call. `parameter` is that of the path, if it has one.
    pub(crate) fn call<'a>(&self, operation: &'a Operation, parameter: &str) -> Call<'a> {
        Call {
            operation,
            url: operation.url(&self.base, parameter),
            body: None,
        }
    }

    /// Returns the maximum duration of a call.
    pub(crate) fn limit(&self, operation: &Operation) -> Duration {
        if operation.long {
            self.config.long_timeout
        } else {
            self.config.timeout
        }
    }

    /// Sends a call and reads the JSON of its response.
    pub(crate) async fn fetch<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Error> {
        Ok(serde_json::from_slice(&self.send(call).await?)?)
    }

    /// Sends a call until it succeeds or no further attempt makes sense, and returns the body of its response.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Vec<u8>, Error> {
        let limit = self.limit(call.operation);
        let deadline = Deadline::after(limit);
        let attempt = || async {
            let request = self.request(call.operation.method.clone(), call.url.clone());
            let request = match &call.body {
                Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.clone()),
                None => request,
            };
            let whole = async {
                let response = self.respond(request).await?;
                let body = response.bytes().await.map_err(|error| self.unreachable(error))?;
                Ok(body.into())
            };
            deadline.run(whole).await.unwrap_or_else(|_late| Err(self.late(limit)))
        };
        let judge = |error: &Error| verdict(error, call.operation.repeat);
        self.config.retry.run(deadline, judge, attempt).await
    }

    /// Begins a request whose body or response is a stream; it is sent once.
    pub(crate) fn stream(&self, call: Call<'_>) -> RequestBuilder {
        self.request(call.operation.method.clone(), call.url)
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.config.api_key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        }
    }

    /// Sends a request and returns its response if that is a success.
    pub(crate) async fn respond(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = retry_after(response.headers());
        let request_id = response.headers().get("x-request-id").cloned();
        let body = response.bytes().await.unwrap_or_default();
        let mut problem = serde_json::from_slice(&body).unwrap_or_else(|_| unknown(status));
        if problem.request_id.is_none() {
            problem.request_id = request_id.and_then(|id| id.to_str().map(ToOwned::to_owned).ok());
        }
        Err(Error::Refused(Box::new(Refusal { problem, retry_after })))
    }

    pub(crate) fn unreachable(&self, error: reqwest::Error) -> Error {
        Error::Unreachable {
            url: self.base.to_string(),
            source: error.without_url(),
        }
    }

    pub(crate) fn late(&self, limit: Duration) -> Error {
        Error::Deadline {
            url: self.base.to_string(),
            limit,
        }
    }
}

fn verdict(error: &Error, repeat: Repeat) -> Verdict {
    let again = match error {
        Error::Unreachable { source, .. } => source.is_connect() || repeat == Repeat::Always,
        Error::Refused(refusal) => match refusal.problem.status {
            429 => true,
            502..=504 => repeat == Repeat::Always,
            _ => false,
        },
        Error::Setup { .. } | Error::Interrupted { .. } | Error::Deadline { .. } | Error::Json(_) => false,
    };
    if again {
        Verdict::Retry(error.retry_after())
    } else {
        Verdict::GiveUp
    }
}

/// Reads `Retry-After`: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(secs) = value.parse() {
        return Some(Duration::from_secs(secs));
    }
    let date = rfc2822::parse(value).ok()?.timestamp();
    Some(date.duration_since(SystemClock.now()).try_into().unwrap_or_default())
}

/// The problem for a response that does not describe one.
fn unknown(status: StatusCode) -> Problem {
    Problem {
        kind: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        detail: "the response describes no problem; it may be a proxy's".to_owned(),
        code: Code::Unknown,
        request_id: None,
        errors: Vec::new(),
    }
}
