//! Keys of callers.

use std::os::unix::fs::PermissionsExt as _;

use context_manager_core::ports::{Clock as _, SystemClock};

use super::finding::Findings;
use crate::app::key_places;
use crate::auth::management::KeyState;
use crate::auth::{KeyRecord, Place};
use crate::config::Config;

const KEYS: &str = "keys";
/// Permissions of a file for others than its owner.
const OTHERS: u32 = 0o077;

pub(super) async fn check(config: &Config, found: &mut Findings) {
    let path = config.keys_path();
    for key in &config.auth.keys {
        let Some(file) = &key.key_file else { continue };
        match std::fs::read_to_string(file) {
            Ok(text) if text.trim().is_empty() => {
                found.error(
                    KEYS,
                    format!("the key file `{}` is empty", file.display()),
                    "write the key into it",
                );
            }
            Ok(_) => {}
            Err(error) => found.error(
                KEYS,
                format!("cannot read the key file `{}`: {error}", file.display()),
                "mend the path in auth.keys, or the permissions of the file",
            ),
        }
    }
    if let Ok(metadata) = path.metadata()
        && metadata.permissions().mode() & OTHERS != 0
    {
        found.warning(
            KEYS,
            format!(
                "others can open `{}`, which holds the hashes of the keys",
                path.display()
            ),
            format!("chmod 600 {}", path.display()),
        );
    }
    let records = match read(config).await {
        Ok(records) => records,
        Err(error) => {
            let text = format!("{error:#}");
            found.error(
                KEYS,
                text,
                "mend what the message names; a file of keys can be moved away, and keys created anew with \
                 `context-manager keys create`",
            );
            return;
        }
    };
    let now = SystemClock.now();
    let valid = records
        .iter()
        .filter(|(_place, key)| KeyState::of(key, now) == KeyState::Valid)
        .count()
        + config
            .auth
            .keys
            .iter()
            .filter(|key| key.expires_at.is_none_or(|ends| ends > now))
            .count();
    let all = records.len() + config.auth.keys.len();
    if all > 0 && valid == 0 && !config.auth.jwt.is_on() {
        found.error(
            KEYS,
            format!("none of the {all} keys is valid: every call is refused"),
            "context-manager keys create --tenant TENANT --permissions read,write",
        );
    }
    let is_exposed = !config.server.host.is_loopback() && !config.server.allow_unauthenticated;
    if all == 0 && is_exposed && !config.auth.jwt.is_on() {
        found.error(
            KEYS,
            "there is none, and other machines can reach the server: every call is refused",
            "context-manager keys create --tenant TENANT --permissions read,write",
        );
    }
    found.otherwise(
        KEYS,
        match (all, config.auth.jwt.is_on()) {
            (0, false) => "none: callers on this machine need no key".to_owned(),
            (0, true) => "none: tokens of the identity provider are asked for".to_owned(),
            _ => format!("{valid} of {all} are valid"),
        },
    );
}

/// Reads the keys of the file, and of the store if servers share one.
async fn read(config: &Config) -> anyhow::Result<Vec<(Place, KeyRecord)>> {
    Ok(key_places(config)?.read_all().await?)
}
