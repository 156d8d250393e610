//! A Redis server to test against.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server without data, which ends with this: `REDIS_BIN`, or `redis-server`.
#[derive(Debug)]
pub struct Server {
    child: Option<Child>,
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut server = Self {
            child: None,
            port,
            folder: tempfile::tempdir().unwrap(),
        };
        server.run().await;
        server
    }

    /// Starts the server, again after [`Server::kill`], without its data.
    pub async fn run(&mut self) {
        let binary = std::env::var("REDIS_BIN").unwrap_or_else(|_unset| "redis-server".to_owned());
        let child = Command::new(&binary)
            .args([
                "--port",
                &self.port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap_or_else(|error| {
            panic!("{binary} cannot be started ({error}): install redis-server, or set REDIS_BIN")
        }));
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{binary} does not listen");
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
