//! The keys of an identity provider at their address, which is configured or found by the issuer.

use context_manager_client::{Certificates, http_client};
use reqwest::Client;

use super::discovery::jwks_uri;
use super::fetch::{JwksError, get};
use super::jwks::KeySet;
use crate::config::{JwtConfig, is_encrypted};

/// Keys of a provider at their address.
#[derive(Debug)]
pub(super) struct Remote {
    client: Client,
    address: Address,
}

#[derive(Debug)]
enum Address {
    /// The URL of the set.
    Keys(String),
    /// The issuer, whose metadata has that URL.
    Issuer(String),
}

impl Remote {
    /// Returns the configured one; `None` where a file has the keys.
    pub(super) fn new(config: &JwtConfig, issuer: &str) -> anyhow::Result<Option<Self>> {
        let address = match (&config.jwks_url, &config.jwks_file) {
            (_, Some(_)) => return Ok(None),
            (Some(url), None) => Address::Keys(url.clone()),
            (None, None) => Address::Issuer(issuer.to_owned()),
        };
        let (Address::Keys(url) | Address::Issuer(url)) = &address;
        let client = http_client(is_encrypted(url), Certificates::System);
        let client = client.map_err(|error| anyhow::anyhow!(error))?;
        Ok(Some(Self { client, address }))
    }

    /// Fetches the keys. An issuer is asked for their URL each time, so that keys that move are followed.
    pub(super) async fn fetch(&self) -> Result<KeySet, JwksError> {
        let url = match &self.address {
            Address::Keys(url) => url,
            Address::Issuer(issuer) => &jwks_uri(&self.client, issuer).await?,
        };
        KeySet::parse(&get(&self.client, url).await?)
    }
}
