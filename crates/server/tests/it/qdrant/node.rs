//! One node of a Qdrant cluster on loopback addresses, as a process of its own or in a container.

use std::env;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use tempfile::TempDir;
use uuid::Uuid;

use super::Breakable;
use crate::server::http_client;
use crate::support::until;

/// Origin of the Qdrant servers.
enum Means {
    /// A binary on this machine.
    Binary(PathBuf),
    /// An image, and the engine that runs it on the host's network.
    Image { engine: String, image: String },
}

impl Means {
    fn of_environment() -> Self {
        if let Some(binary) = env::var_os("QDRANT_BIN") {
            return Self::Binary(binary.into());
        }
        let image =
            env::var("QDRANT_IMAGE").expect("QDRANT_BIN or QDRANT_IMAGE is set, as `cargo xtask integration` does");
        let engine = env::var("CONTAINER_ENGINE").unwrap_or_else(|_| "docker".to_owned());
        Self::Image { engine, image }
    }
}

/// A Qdrant server, which ends with this.
pub(super) struct Node {
    means: Means,
    name: String,
    folder: TempDir,
    http_port: u16,
    grpc_port: u16,
    peer_port: u16,
    first: Option<u16>,
    process: Option<Child>,
    client: Client,
}

impl Node {
    /// A cluster of one node.
    pub(super) async fn start() -> Self {
        Self::begin(None).await
    }

    /// Another node of a cluster.
    pub(super) async fn join(first: &Self) -> Self {
        Self::begin(Some(first.peer_port)).await
    }

    async fn begin(first: Option<u16>) -> Self {
        let mut node = Self {
            means: Means::of_environment(),
            name: format!("context-manager-test-{}", Uuid::now_v7().simple()),
            folder: tempfile::tempdir().unwrap(),
            http_port: free_port(),
            grpc_port: free_port(),
            peer_port: free_port(),
            first,
            process: None,
            client: http_client(),
        };
        match &node.means {
            Means::Binary(_) => node.spawn(),
            Means::Image { engine, image } => {
                let mut run = Command::new(engine);
                run.args(["run", "--detach", "--network", "host", "--name", &node.name]);
                run.args(["--volume", &format!("{}:/qdrant/storage", node.name)]);
                for (key, value) in node.settings() {
                    run.args(["--env", &format!("{key}={value}")]);
                }
                succeed(run.arg(image).arg("./qdrant").args(node.arguments()));
            }
        }
        node.ready().await;
        node
    }

    /// Address of its HTTP port.
    pub(super) fn rest_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http_port)
    }

    /// Folder of its snapshots, if it is a process of this machine.
    pub(super) fn snapshots(&self) -> Option<PathBuf> {
        matches!(self.means, Means::Binary(_)).then(|| self.folder.path().join("snapshots"))
    }

    /// Stops it where it stands: connections stay open and nothing is answered.
    pub(super) fn pause(&self) {
        match &self.process {
            Some(process) => signal(process, "-STOP"),
            None => self.engine("pause"),
        }
    }

    /// Lets it go on.
    pub(super) fn resume(&self) {
        match &self.process {
            Some(process) => signal(process, "-CONT"),
            None => self.engine("unpause"),
        }
    }

    fn spawn(&mut self) {
        let Means::Binary(binary) = &self.means else {
            unreachable!("containers are run by their engine")
        };
        let mut command = Command::new(binary);
        command
            .envs(self.settings())
            .args(self.arguments())
            .current_dir(self.folder.path());
        self.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("QDRANT__SERVICE__HOST", "127.0.0.1".to_owned()),
            ("QDRANT__SERVICE__HTTP_PORT", self.http_port.to_string()),
            ("QDRANT__SERVICE__GRPC_PORT", self.grpc_port.to_string()),
            ("QDRANT__CLUSTER__ENABLED", "true".to_owned()),
            ("QDRANT__CLUSTER__P2P__PORT", self.peer_port.to_string()),
            ("QDRANT__TELEMETRY_DISABLED", "true".to_owned()),
        ];
        if matches!(self.means, Means::Binary(_)) {
            let folder = |name| self.folder.path().join(name).display().to_string();
            settings.push(("QDRANT__STORAGE__STORAGE_PATH", folder("storage")));
            settings.push(("QDRANT__STORAGE__SNAPSHOTS_PATH", folder("snapshots")));
        }
        settings
    }

    fn arguments(&self) -> Vec<String> {
        let peer = |port| format!("http://127.0.0.1:{port}");
        let mut arguments = vec!["--uri".to_owned(), peer(self.peer_port)];
        if let Some(first) = self.first {
            arguments.extend(["--bootstrap".to_owned(), peer(first)]);
        }
        arguments
    }

    async fn ready(&self) {
        let url = format!("http://127.0.0.1:{}/readyz", self.http_port);
        let ready = async || {
            let answer = self.client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        };
        until("the Qdrant server gets ready", ready).await;
    }

    fn engine(&self, what: &str) {
        if let Means::Image { engine, .. } = &self.means {
            succeed(Command::new(engine).args([what, &self.name]));
        }
    }
}

impl Breakable for Node {
    /// Settings of our server.
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc_port)
    }

    /// Ends it as a crash would.
    fn kill(&mut self) {
        match &mut self.process {
            Some(process) => {
                process.kill().unwrap();
                process.wait().unwrap();
            }
            None => self.engine("kill"),
        }
    }

    /// Starts it again, with its data, after it was killed.
    async fn restart(&mut self) {
        match self.means {
            Means::Binary(_) => self.spawn(),
            Means::Image { .. } => self.engine("start"),
        }
        self.ready().await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
        if let Means::Image { engine, .. } = &self.means {
            for arguments in [["rm", "--force", &self.name].as_slice(), &["volume", "rm", &self.name]] {
                let _ = Command::new(engine).args(arguments).stdout(Stdio::null()).status();
            }
        }
    }
}

fn succeed(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?} ended with {status}");
}

fn signal(process: &Child, name: &str) {
    succeed(Command::new("kill").args([name, &process.id().to_string()]));
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
