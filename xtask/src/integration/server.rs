//! A Qdrant server to test against: a process of a binary, or a container.

use std::fmt;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Images to test against: the oldest supported series, and a newer one. Named here alone.
pub(super) const IMAGES: [&str; 2] = ["qdrant/qdrant:v1.18.3", "qdrant/qdrant:v1.19.0"];

/// Maximum time until a server is ready, without the download of its image.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// Source of servers.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A binary on this machine.
    Binary(PathBuf),
    /// An image, and the engine that runs it.
    Image {
        /// Command of the engine.
        engine: String,
        /// Name and tag of the image.
        image: &'static str,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary(path) => write!(f, "{}", path.display()),
            Self::Image { image, .. } => f.write_str(image),
        }
    }
}

/// A running server in cluster mode. Dropping it ends it.
pub(super) struct Server {
    grpc_port: u16,
    http_port: u16,
    process: Option<Child>,
    container: Option<(String, String)>,
    folder: TempDir,
}

impl Server {
    /// Starts a server on loopback addresses and waits until it is ready.
    pub(super) fn start(source: &Source) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (http_port, grpc_port, peer_port) = (free_port()?, free_port()?, free_port()?);
        let settings = [
            ("QDRANT__SERVICE__HOST", "127.0.0.1".to_owned()),
            ("QDRANT__SERVICE__HTTP_PORT", http_port.to_string()),
            ("QDRANT__SERVICE__GRPC_PORT", grpc_port.to_string()),
            ("QDRANT__CLUSTER__ENABLED", "true".to_owned()),
            ("QDRANT__CLUSTER__P2P__PORT", peer_port.to_string()),
            ("QDRANT__TELEMETRY_DISABLED", "true".to_owned()),
        ];
        let peer = format!("http://127.0.0.1:{peer_port}");
        let mut server = Self {
            grpc_port,
            http_port,
            process: None,
            container: None,
            folder,
        };
        match source {
            Source::Binary(path) => {
                let mut command = Command::new(path);
                command
                    .args(["--uri", &peer])
                    .envs(settings)
                    .current_dir(server.folder.path());
                server.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
            }
            Source::Image { engine, image } => {
                let name = format!("context-manager-integration-{grpc_port}");
                let mut command = Command::new(engine);
                command.args(["run", "--detach", "--network", "host", "--name", &name]);
                for (key, value) in settings {
                    command.args(["--env", &format!("{key}={value}")]);
                }
                server.container = Some((engine.clone(), name));
                let status = command
                    .args([image, "./qdrant", "--uri", &peer])
                    .stdout(Stdio::null())
                    .status()?;
                ensure!(status.success(), "`{engine} run` ended with {status}");
            }
        }
        server.ready()?;
        Ok(server)
    }

    /// Returns its gRPC address.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc_port)
    }

    fn ready(&mut self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let start = Instant::now();
        while start.elapsed() < READY_TIMEOUT {
            if get(&format!("127.0.0.1:{}", self.http_port), "/readyz").is_some() {
                return Ok(());
            }
            if let Some(process) = &mut self.process
                && let Some(status) = process.try_wait()?
            {
                bail!("it ended with {status}");
            }
            runtime.block_on(async { sleep(Duration::from_millis(100)).await });
        }
        bail!("it did not get ready within {} s", READY_TIMEOUT.as_secs())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _gone_already = process.kill();
            let _gone_already = process.wait();
        }
        if let Some((engine, name)) = &self.container {
            let remove = Command::new(engine)
                .args(["rm", "--force", "--volumes", name])
                .stdout(Stdio::null())
                .status();
            if !remove.is_ok_and(|status| status.success()) {
                eprintln!("the container {name} is left: `{engine} rm --force --volumes {name}`");
            }
        }
    }
}

/// Returns the response to a GET, if it is a success. A library would be asynchronous.
fn get(address: &str, path: &str) -> Option<String> {
    let mut connection = TcpStream::connect(address).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    answer.lines().next()?.contains(" 200 ").then_some(answer)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_is_pinned_to_a_version_and_there_are_two_series() {
        let series = |image: &str| {
            let (_, version) = image.rsplit_once(":v")?;
            let parts: Vec<u64> = version.split('.').map_while(|part| part.parse().ok()).collect();
            (parts.len() == 3).then(|| [parts[0], parts[1]])
        };
        let [older, newer] = IMAGES.map(series);
        assert!(older.is_some() && newer.is_some() && older < newer);
    }
}
