//! The identity provider.

use super::finding::Findings;
use crate::auth::signing_keys;
use crate::config::Config;

const PROVIDER: &str = "provider";

pub(super) async fn check(config: &Config, found: &mut Findings) {
    let jwt = &config.auth.jwt;
    if !jwt.is_on() {
        return;
    }
    match signing_keys(jwt).await {
        Ok(0) => found.error(
            PROVIDER,
            "its set of keys has none for signatures that are accepted",
            "add the algorithm of the provider to auth.jwt.algorithms, or mend auth.jwt.jwks_url",
        ),
        Ok(keys) => found.good(PROVIDER, format!("{keys} keys for signatures can be read")),
        Err(error) => found.error(
            PROVIDER,
            format!("its keys cannot be read: {error:#}"),
            "mend auth.jwt.issuer, auth.jwt.jwks_url or auth.jwt.jwks_file, and the way to the provider",
        ),
    }
}
