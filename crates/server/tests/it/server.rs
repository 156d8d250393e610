//! The real binary, serving.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use reqwest::Client;
use serde_json::Value;

use crate::support::until;

/// A running server. Killed when dropped.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) url: String,
    pub(crate) client: Client,
    output: Arc<Mutex<String>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The binary, told to serve the folder `data` on a free port.
pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_context-manager"));
    command
        .current_dir(data.parent().unwrap())
        .env("CONTEXT_MANAGER_VECTOR_DB__PATH", data)
        .env("CONTEXT_MANAGER_LOG__FORMAT", "json")
        .args(["--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts the binary and keeps what it puts out; returns it and the address where it listens.
fn spawn(data: &Path, environment: &[(&str, &str)], output: &Arc<Mutex<String>>) -> (Child, String) {
    let mut process = command(data).envs(environment.iter().copied()).spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let address = log
        .by_ref()
        .inspect(|line| keep(output, line))
        .find_map(|line| {
            serde_json::from_str::<Value>(&line).ok()?["address"]
                .as_str()
                .map(str::to_owned)
        })
        .expect("the server logs where it listens");
    // The pipes must be read on, or the server would wait for them.
    let kept = Arc::clone(output);
    std::thread::spawn(move || log.for_each(|line| keep(&kept, &line)));
    let stdout = BufReader::new(process.stdout.take().unwrap()).lines();
    let kept = Arc::clone(output);
    std::thread::spawn(move || stdout.map_while(Result::ok).for_each(|line| keep(&kept, &line)));
    (process, address)
}

/// A running server that speaks TLS only. Killed when dropped.
pub(crate) struct Tls {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Tls {
    /// Starts it with these environment variables; it may not be ready yet.
    pub(crate) fn start(data: &Path, environment: &[(&str, &str)]) -> Self {
        let (process, address) = spawn(data, environment, &Arc::default());
        let address = address.parse().unwrap();
        Self { process, address }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts a server on a free port and waits until it is ready.
    pub(crate) async fn start(data: &Path) -> Self {
        Self::with(data, &[]).await
    }

    /// The same, with further environment variables.
    pub(crate) async fn with(data: &Path, environment: &[(&str, &str)]) -> Self {
        let server = Self::starting(data, environment);
        server.ready().await;
        server
    }

    /// Starts a server, which may not be ready yet.
    pub(crate) fn starting(data: &Path, environment: &[(&str, &str)]) -> Self {
        let output = Arc::new(Mutex::new(String::new()));
        let (process, address) = spawn(data, environment, &output);
        Self {
            process,
            url: format!("http://{address}"),
            client: http_client(),
            output,
        }
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&self) {
        let url = format!("{}/health/ready", self.url);
        let ready = async || {
            let answer = self.client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        };
        until("the server gets ready", ready).await;
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> reqwest::Result<Value> {
        self.client
            .post(format!("{}/api/v1{path}", self.url))
            .json(body)
            .send()
            .await?
            .json()
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self
            .client
            .get(format!("{}/api/v1{path}", self.url))
            .send()
            .await
            .unwrap();
        answer.json().await.unwrap()
    }

    /// The value of a metric that counts something, by its name with its labels if it has some.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let answer = self.client.get(format!("{}/metrics", self.url)).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// All that the process wrote to its standard output and error so far.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.process.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

fn keep(output: &Mutex<String>, line: &str) {
    let mut output = output.lock().unwrap();
    output.push_str(line);
    output.push('\n');
}

pub(crate) fn http_client() -> Client {
    // The library wants to know what does its cryptography although nothing here is encrypted; the first one stays.
    let _already_chosen = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}
