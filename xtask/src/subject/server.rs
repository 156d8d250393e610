//! Our own server to measure: built for release, in a temporary folder, on a free port, gone at the end.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::client::client;
use super::resources;
use crate::process;

/// Maximum duration of a start, until the server is ready, and of a stop.
const DEADLINE: Duration = Duration::from_mins(1);
/// Interval of polling, which bounds the precision of start-up times.
const POLL: Duration = Duration::from_millis(2);
/// Number of log lines in an error.
const LOG_LINES: usize = 20;

/// A running server; dropping it kills the process and removes its folder.
#[derive(Debug)]
pub(crate) struct Server {
    binary: PathBuf,
    child: Child,
    started: Instant,
    /// Time from the start of the process until it was ready.
    start_up: Duration,
    url: String,
    folder: TempDir,
}

/// Builds the server for release and returns the path of its binary below cargo's folder `target`.
///
/// # Errors
/// When it does not build.
pub(super) fn build(target: &Path) -> Result<PathBuf> {
    process::run(process::cargo().args(["build", "--release", "--package", "context-manager"]))?;
    Ok(target
        .join("release")
        .join(format!("context-manager{}", env::consts::EXE_SUFFIX)))
}

impl Server {
    /// Starts the server with its default configuration and an empty store.
    ///
    /// Variables `CONTEXT_MANAGER_…` of the caller reach it, so that a setting can be tried; a `config.toml` in the
    /// caller's folder does not.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub(super) fn start(binary: &Path) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let (child, url) = spawn(binary, folder.path())?;
        Ok(Self {
            binary: binary.to_owned(),
            child,
            started: Instant::now(),
            start_up: Duration::ZERO,
            url,
            folder,
        })
    }

    /// Stops it gracefully and starts it on the same folder and another port.
    ///
    /// # Errors
    /// When it does not stop or does not become ready again.
    pub(super) async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        (self.child, self.url) = spawn(&self.binary, self.folder.path())?;
        self.started = Instant::now();
        self.wait_until_ready().await
    }

    async fn stop(&mut self) -> Result<()> {
        if cfg!(unix) {
            // The standard library has no SIGTERM.
            process::run(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        } else {
            self.child.kill()?;
        }
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(
                start.elapsed() < DEADLINE,
                "the server did not stop within {DEADLINE:?}"
            );
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Returns its URL.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the time from the start of the process until it was ready; zero before that.
    pub(crate) fn start_up(&self) -> Duration {
        self.start_up
    }

    /// Returns the time since the start of the process.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns its anonymous resident memory in bytes, where the system tells.
    pub(crate) fn anonymous_bytes(&self) -> Option<u64> {
        resources::anonymous_bytes(self.child.id())
    }

    /// Returns the size of its data on the disk in bytes, where the system tells.
    pub(crate) fn disk_bytes(&self) -> Option<u64> {
        resources::disk_bytes(&data(self.folder.path()))
    }

    /// Waits until the server is ready.
    ///
    /// # Errors
    /// When it ends, or is not ready in time; the message holds the end of its log.
    pub(super) async fn wait_until_ready(&mut self) -> Result<()> {
        let client = client(&self.url)?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "the server ended with {status} before it was ready; its log:\n{}",
                    self.last_log_lines()
                );
            }
            if client.get_readiness().await.is_ok() {
                self.start_up = self.started.elapsed();
                println!("server ready after {:.0} ms", self.start_up.as_secs_f64() * 1_000.0);
                return Ok(());
            }
            if self.started.elapsed() > DEADLINE {
                bail!(
                    "the server was not ready within {DEADLINE:?}; its log:\n{}",
                    self.last_log_lines()
                );
            }
            sleep(POLL).await;
        }
    }

    /// Returns the end of its log, for error messages.
    pub(crate) fn last_log_lines(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the data folder of a server in this folder.
fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// Starts the process with its data and log in `folder`, and returns it with its URL.
fn spawn(binary: &Path, folder: &Path) -> Result<(Child, String)> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("server.log"))?;
    let port = free_port()?;
    let child = Command::new(binary)
        .arg("serve")
        .current_dir(folder)
        .env("CONTEXT_MANAGER_SERVER__HOST", "127.0.0.1")
        .env("CONTEXT_MANAGER_SERVER__PORT", port.to_string())
        .env("CONTEXT_MANAGER_VECTOR_DB__PATH", data(folder))
        .env("CONTEXT_MANAGER_LOG__FILTER", "warn")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    Ok((child, format!("http://127.0.0.1:{port}")))
}

/// Returns a free port. Another process may still take it before the server, which then reports it.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot find a free port")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("server");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn server_that_ends_early_is_an_error_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let binary = script(
            folder.path(),
            "echo \"$1: cannot open $CONTEXT_MANAGER_VECTOR_DB__PATH\" >&2; exit 3",
        );
        let mut server = Server::start(&binary).unwrap();
        let error = server.wait_until_ready().await.unwrap_err().to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("serve: cannot open"),
            "{error}"
        );
        assert!(
            error.contains(&*server.folder.path().join("data").to_string_lossy()),
            "{error}"
        );
    }

    #[test]
    fn dropped_server_is_dead_and_its_folder_gone() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&script(folder.path(), "exec sleep 600")).unwrap();
        let (pid, data) = (server.child.id(), server.folder.path().to_owned());
        drop(server);
        let alive = Command::new("kill")
            .args(["-0", &pid.to_string()])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(!alive.success());
        assert!(!data.exists());
    }
}
