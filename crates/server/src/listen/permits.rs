//! Connection permits: maximum number of connections in total and per address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::metrics::{CONNECTIONS, REFUSED};
use crate::config::{ConnectionsConfig, TrustedProxies};
use crate::http::network;

/// Files that the process needs besides its connections: the store's, logs, and connections of its own.
const OTHER_FILES: u64 = 512;

/// Connection permits. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPermits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max_total: usize,
    /// 0 is no limit.
    max_per_address: usize,
    /// They stand for many clients, and have no limit per address.
    proxies: TrustedProxies,
    open: Mutex<Open>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Permit of a connection, until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    shared: Arc<Shared>,
    address: IpAddr,
}

/// Usage of the permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionUse {
    pub(crate) open: usize,
    pub(crate) refused: u64,
}

impl ConnectionPermits {
    pub(crate) fn new(config: &ConnectionsConfig, proxies: TrustedProxies) -> Self {
        Self(Arc::new(Shared {
            max_total: within_open_files(config.max_connections),
            max_per_address: config.max_per_address,
            proxies,
            open: Mutex::default(),
            refused: AtomicU64::new(0),
        }))
    }

    /// Takes a permit for a connection from `peer`, if one is free.
    pub(super) fn take(&self, peer: IpAddr) -> Option<ConnectionPermit> {
        let address = network(peer);
        let mut open = self.0.lock();
        let cause = if open.total >= self.0.max_total {
            "total"
        } else {
            let of_address = open.by_address.entry(address).or_default();
            let limit = self.0.max_per_address;
            if limit == 0 || *of_address < limit || self.0.proxies.contains(peer) {
                *of_address += 1;
                open.total += 1;
                metrics::gauge!(CONNECTIONS).increment(1.0);
                return Some(ConnectionPermit {
                    shared: Arc::clone(&self.0),
                    address,
                });
            }
            "address"
        };
        drop(open);
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        metrics::counter!(REFUSED, "cause" => cause).increment(1);
        None
    }

    /// Returns their usage.
    pub(crate) fn used(&self) -> ConnectionUse {
        ConnectionUse {
            open: self.0.lock().total,
            refused: self.0.refused.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Open> {
        // Plain numbers: a panic leaves nothing half done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.shared.lock();
        open.total -= 1;
        if let Some(of_address) = open.by_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                open.by_address.remove(&self.address);
            }
        }
        metrics::gauge!(CONNECTIONS).decrement(1.0);
    }
}

/// Lowers the number of connections to fit the limit of open files: a store that cannot open its files is worse than a
/// refused connection.
fn within_open_files(wanted: usize) -> usize {
    let needed = (wanted as u64).saturating_add(OTHER_FILES);
    let allowed = match rlimit::increase_nofile_limit(needed) {
        Ok(allowed) => allowed,
        Err(error) => {
            tracing::warn!(%error, "cannot find out how many files may be open");
            return wanted;
        }
    };
    if allowed >= needed {
        return wanted;
    }
    let permits = allowed.saturating_sub(OTHER_FILES).max(allowed / 2);
    tracing::warn!(
        open_files = allowed,
        connections = permits,
        "fewer connections than configured, as the process may not open more files"
    );
    usize::try_from(permits).unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(max_connections: usize, max_per_address: usize) -> ConnectionPermits {
        let config = ConnectionsConfig {
            max_connections,
            max_per_address,
            ..ConnectionsConfig::default()
        };
        ConnectionPermits::new(&config, vec!["10.0.0.0/8".to_owned()].try_into().unwrap())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_gets_no_more_than_its_share_and_others_get_theirs() {
        let permits = permits(100, 2);
        let held: Vec<_> = (0..2).map(|_| permits.take(ip("192.0.2.1")).unwrap()).collect();
        assert!(permits.take(ip("192.0.2.1")).is_none());
        assert!(permits.take(ip("192.0.2.2")).is_some());
        drop(held);
        assert!(permits.take(ip("192.0.2.1")).is_some());
        assert_eq!(permits.used(), ConnectionUse { open: 0, refused: 1 });
    }

    #[test]
    fn a_trusted_proxy_counts_in_the_total_only() {
        let permits = permits(3, 1);
        let held: Vec<_> = (0..3).map(|_| permits.take(ip("10.1.2.3")).unwrap()).collect();
        assert!(permits.take(ip("10.1.2.3")).is_none());
        assert!(permits.take(ip("192.0.2.1")).is_none());
        drop(held);
        assert_eq!(permits.used().open, 0);
    }

    #[test]
    fn a_network_of_64_bits_is_one_address() {
        let permits = permits(100, 1);
        let _held = permits.take(ip("2001:db8::1")).unwrap();
        assert!(permits.take(ip("2001:db8::2")).is_none());
        assert!(permits.take(ip("2001:db8:0:1::1")).is_some());
    }
}
