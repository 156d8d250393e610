//! Address of the server that has a data folder open, for processes of the same user that want the folder too.
//!
//! The file is readable by its owner only, as the folder is: a reader of it could read all contexts as well.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process;

use context_manager_resilience::Secret;
use serde::Deserialize;
use serde_json::json;

use crate::auth::NewKey;
use crate::config::Config;

/// Name of the file in the data folder.
const FILE: &str = "server.json";
/// Name of the file that the holder of a data folder writes its process id into.
const LOCK: &str = "LOCK";

/// Address of the server that has a data folder open.
#[derive(Debug, Deserialize)]
pub(crate) struct Endpoint {
    pid: u32,
    /// URL at which processes on this machine reach it.
    pub(crate) url: String,
    /// Key for them, if it made one.
    pub(crate) key: Option<Secret>,
    /// `None` for a store that any number of servers may have open.
    #[serde(skip)]
    file: Option<PathBuf>,
}

impl Endpoint {
    /// Returns the endpoint of a server of this process, which listens at `address`.
    pub(super) fn new(config: &Config, address: SocketAddr, key: Option<&NewKey>) -> Self {
        let scheme = if config.server.tls.cert_file.is_some() {
            "https"
        } else {
            "http"
        };
        Self {
            pid: process::id(),
            url: format!("{scheme}://{}", loopback(address)),
            key: key.map(|key| key.expose().to_owned().into()),
            file: folder(config).map(|folder| folder.join(FILE)),
        }
    }

    /// Reads the endpoint of the server that has the folder of this configuration open. One that a killed process left
    /// behind is passed over: it does not name the process that holds the folder.
    pub(crate) fn of_folder(config: &Config) -> Option<Self> {
        let folder = folder(config)?;
        let endpoint: Self = serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()?;
        let holder = fs::read_to_string(folder.join(LOCK)).ok()?;
        (holder.trim().parse() == Ok(endpoint.pid) && endpoint.pid != process::id()).then_some(endpoint)
    }

    /// Writes the file. Without it other processes are told who holds the folder, and no more.
    pub(super) fn publish(&self) {
        let Some(file) = &self.file else { return };
        if let Err(error) = self.write(file) {
            tracing::warn!(%error, "other processes will not find this server by the data folder");
        }
    }

    /// Removes the file.
    pub(super) fn withdraw(&self) {
        if let Some(file) = &self.file
            && let Err(error) = fs::remove_file(file)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%error, "the address of this server stays in the data folder");
        }
    }

    fn write(&self, file: &Path) -> io::Result<()> {
        let key = self.key.as_ref().map(Secret::expose);
        let text = json!({"pid": self.pid, "url": self.url, "key": key}).to_string();
        // Into a new file, which only its owner can read, with its name last: nobody reads half of it.
        let mut new = tempfile::NamedTempFile::new_in(file.parent().unwrap_or(Path::new(".")))?;
        new.write_all(text.as_bytes())?;
        new.persist(file)?;
        Ok(())
    }
}

/// Returns the data folder, if the store has one.
fn folder(config: &Config) -> Option<&Path> {
    let store = &config.vector_db;
    store.qdrant.url.is_none().then_some(store.embedded.path.as_path())
}

/// Returns the address at which this machine reaches a server that listens at `address`.
pub(crate) fn loopback(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_called_at_loopback() {
        let of = |address: &str| loopback(address.parse().unwrap()).to_string();
        assert_eq!(of("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(of("[::]:8080"), "[::1]:8080");
        assert_eq!(of("192.0.2.1:80"), "192.0.2.1:80");
    }

    #[test]
    fn only_the_holder_of_the_folder_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.vector_db.embedded.path = folder.path().to_owned();
        let key = NewKey::random().unwrap();
        let mut endpoint = Endpoint::new(&config, "0.0.0.0:4711".parse().unwrap(), Some(&key));
        endpoint.pid = 1;
        endpoint.publish();
        let file = folder.path().join(FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{endpoint:?}").contains(key.expose()));
        assert!(Endpoint::of_folder(&config).is_none(), "nobody holds the folder");
        for (holder, believed) in [("1\n", true), ("2\n", false), ("", false)] {
            fs::write(folder.path().join(LOCK), holder).unwrap();
            let found = Endpoint::of_folder(&config).map(|found| found.url);
            assert_eq!(found, believed.then(|| "http://127.0.0.1:4711".to_owned()), "{holder}");
        }
        endpoint.withdraw();
        assert!(!file.exists());
    }
}
