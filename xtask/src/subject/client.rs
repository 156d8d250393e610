//! Clients that measure, and their arguments.

use std::time::Duration;

use anyhow::Result;
use context_manager_client::{Client, Config, Retry};
use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};

/// Maximum duration of a call, twice the server's own limit; and of one that lasts as long as there is data.
const TIMEOUT: Duration = Duration::from_mins(1);
const LONG_TIMEOUT: Duration = Duration::from_mins(10);

/// Builds a client without retries, which would be part of the latency.
pub(super) fn client(url: &str) -> Result<Client> {
    let config = Config {
        timeout: TIMEOUT,
        long_timeout: LONG_TIMEOUT,
        retry: Retry {
            max_retries: 0,
            ..Config::default().retry
        },
        ..Config::default()
    };
    Ok(Client::new(url, config)?)
}

/// Reads a variant of one of the API's enums, for arguments.
///
/// # Errors
/// When there is no such variant, with those there are.
pub(crate) fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    T::deserialize(StrDeserializer::<Error>::new(text)).map_err(|error| error.to_string())
}
