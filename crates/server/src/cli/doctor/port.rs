//! The address to listen on.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use super::finding::Findings;
use super::holder;
use crate::app::{Endpoint, loopback};
use crate::config::Config;

const PORT: &str = "port";

pub(super) fn check(config: &Config, found: &mut Findings) {
    let address = config.server.address();
    match TcpListener::bind(address) {
        Ok(_listener) if address.port() == 0 => found.good(PORT, format!("a free one of {}", address.ip())),
        Ok(_listener) => found.good(PORT, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => in_use(config, address, found),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => found.error(
            PORT,
            format!("this user may not listen on {address}"),
            "set server.port (--port) to 1024 or above, or allow it: `setcap cap_net_bind_service=+ep` on the program",
        ),
        Err(error) if error.kind() == ErrorKind::AddrNotAvailable => found.error(
            PORT,
            format!("{} is no address of this machine", address.ip()),
            "set server.host (--host) to one of `ip address`, or to 127.0.0.1",
        ),
        Err(error) => found.error(
            PORT,
            format!("cannot listen on {address}: {error}"),
            "set server.host and server.port",
        ),
    }
}

fn in_use(config: &Config, address: SocketAddr, found: &mut Findings) {
    let own =
        Endpoint::of_folder(config).is_some_and(|server| server.url.ends_with(&format!("//{}", loopback(address))));
    if own {
        found.good(PORT, format!("the server of this data folder listens on {address}"));
        return;
    }
    let holder = holder::of_port(address.port());
    let holder = holder.map_or_else(|| "another program".to_owned(), |process| process.to_string());
    found.error(
        PORT,
        format!("{address} is taken by {holder}"),
        "end it, or set server.port (--port) to another port",
    );
}
