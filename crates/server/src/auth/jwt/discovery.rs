//! The address of an issuer's keys, from its `OpenID` provider metadata (`OpenID` Connect Discovery 1.0, section 4).

use reqwest::Client;
use serde::Deserialize;

use super::jwks::{JwksError, get};
use crate::config::is_safe;

/// Path of the metadata below the issuer.
const PATH: &str = "/.well-known/openid-configuration";

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Returns the address of the keys of an issuer.
pub(super) async fn jwks_uri(client: &Client, issuer: &str) -> Result<String, JwksError> {
    let url = format!("{}{PATH}", issuer.trim_end_matches('/'));
    read(&get(client, &url).await?, issuer)
}

fn read(json: &[u8], issuer: &str) -> Result<String, JwksError> {
    let metadata: Metadata = serde_json::from_slice(json).map_err(JwksError::NotMetadata)?;
    // Section 4.3: or an issuer could pass for another one.
    if metadata.issuer != issuer {
        return Err(JwksError::OtherIssuer);
    }
    if !is_safe(&metadata.jwks_uri) {
        return Err(JwksError::Unsafe);
    }
    Ok(metadata.jwks_uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example.com/realms/acme";

    #[test]
    fn metadata_of_another_issuer_or_with_an_unsafe_address_is_refused() {
        let metadata = |issuer: &str, uri: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{uri}","x":1}}"#);
        let keys = "https://keys.example.com/certs";
        assert_eq!(read(metadata(ISSUER, keys).as_bytes(), ISSUER).unwrap(), keys);
        for other in [
            "https://id.example.com/realms/acme/",
            "https://id.example.com/realms/evil",
        ] {
            let refused = read(metadata(other, keys).as_bytes(), ISSUER);
            assert!(matches!(refused, Err(JwksError::OtherIssuer)), "{other}: {refused:?}");
        }
        for unsafe_uri in ["http://id.example.com/certs", "file:///etc/passwd", ""] {
            let refused = read(metadata(ISSUER, unsafe_uri).as_bytes(), ISSUER);
            assert!(matches!(refused, Err(JwksError::Unsafe)), "{unsafe_uri}: {refused:?}");
        }
        for json in ["<html>", "{}", r#"{"issuer":"https://id.example.com/realms/acme"}"#] {
            let refused = read(json.as_bytes(), ISSUER);
            assert!(matches!(refused, Err(JwksError::NotMetadata(_))), "{json}: {refused:?}");
        }
    }
}
