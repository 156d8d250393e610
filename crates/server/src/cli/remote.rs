//! A server that runs, asked by a command.

use std::path::Path;

use anyhow::{Context as _, bail};
use clap::Args;
use futures::Stream;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::config::API_KEY_VARIABLE;
use crate::outgoing;

/// What is read of a file and sent at once.
const PIECE: usize = 64 * 1024;

/// Which server to ask. Without one, a command works on the data folder, which no server may have open then.
#[derive(Debug, Clone, Args)]
pub(super) struct Remote {
    /// Ask the server that runs there, such as `http://127.0.0.1:8080`, instead of opening the data folder.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The key to show to that server; it decides the tenant.
    #[arg(long, env = API_KEY_VARIABLE, hide_env_values = true, value_name = "KEY")]
    api_key: Option<String>,
}

/// A server to ask.
#[derive(Debug)]
pub(super) struct Server {
    client: Client,
    url: String,
    api_key: Option<String>,
}

impl Remote {
    /// The server, if one was named.
    pub(super) fn server(self) -> anyhow::Result<Option<Server>> {
        let Some(url) = self.url else { return Ok(None) };
        Ok(Some(Server {
            client: outgoing::client(url.starts_with("https:"))?,
            url: url.trim_end_matches('/').to_owned(),
            api_key: self.api_key,
        }))
    }
}

impl Server {
    /// The body of an export.
    pub(super) async fn export(&self, vectors: bool, gzip: bool) -> anyhow::Result<Response> {
        let coding = if gzip { "gzip" } else { "identity" };
        let request = self.request(Method::GET, &format!("/admin/export?vectors={vectors}"));
        self.send(request.header(ACCEPT_ENCODING, coding)).await
    }

    /// Has a file imported, and returns what became of it. `sent` is told how many bytes went out.
    pub(super) async fn import(
        &self,
        file: &Path,
        gzip: bool,
        sent: impl Fn(usize) + Send + 'static,
    ) -> anyhow::Result<Value> {
        let file = tokio::fs::File::open(file).await?;
        let mut request = self
            .request(Method::POST, "/admin/import")
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(reqwest::Body::wrap_stream(pieces(file, sent)));
        if gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        Ok(self.send(request).await?.json().await?)
    }

    /// Asks for something small.
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        Ok(self.send(request).await?.json().await?)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/api/v1{path}", self.url));
        match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = request
            .send()
            .await
            .with_context(|| format!("the server `{}` does not answer", self.url))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem: Value = response.json().await.unwrap_or_default();
        bail!(
            "the server answered {status}: {}",
            problem["detail"].as_str().unwrap_or_default()
        )
    }
}

/// A file piece by piece.
fn pieces(
    file: tokio::fs::File,
    sent: impl Fn(usize) + Send + 'static,
) -> impl Stream<Item = std::io::Result<Vec<u8>>> + Send {
    futures::stream::try_unfold((file, sent), async |(mut file, sent)| {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        sent(read);
        Ok((read > 0).then_some((piece, (file, sent))))
    })
}
