//! A server that runs: the holder of the data folder, or a named one.

use std::time::Duration;

use context_manager_client::wire::Health;
use context_manager_client::{Client, Config as ClientConfig, Error, Retry};

use super::finding::Findings;
use super::{clock, holder};
use crate::app::Endpoint;
use crate::cli::connection::Connection;
use crate::config::Config;

const SERVER: &str = "server";
const HEALTH: &str = "health";
const RUNBOOK: &str = "docs/how-to/alerts.md says what to do";
/// Maximum duration of a call.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Name of the file that the holder of a data folder locks.
const LOCK: &str = "LOCK";

/// Checks the server that has the data folder open, if there is one.
pub(super) async fn check_holder(config: &Config, connection: &Connection, found: &mut Findings) {
    let lock = config.vector_db.embedded.path.join(LOCK);
    let Some(process) = holder::of_lock(&lock) else {
        found.good(SERVER, "none has the data folder open");
        return;
    };
    let silent = format!("{process} has the data folder open and serves nobody");
    let mend = format!("end it if it is stuck: kill {}", process.id);
    let Some(endpoint) = Endpoint::of_folder(config) else {
        found.error(SERVER, silent, mend);
        return;
    };
    let key = connection.key().ok().flatten().or(endpoint.key);
    let settings = ClientConfig {
        api_key: key,
        timeout: TIMEOUT,
        retry: Retry {
            max_retries: 0,
            ..ClientConfig::default().retry
        },
        ..ClientConfig::default()
    };
    match Client::new(&endpoint.url, settings) {
        Ok(client) => match client.get_liveness().await {
            Ok(_) => {
                found.good(
                    SERVER,
                    format!("{process} has the data folder open and answers at {}", endpoint.url),
                );
                check_health(&client, found).await;
            }
            Err(_) => found.error(SERVER, silent, mend),
        },
        Err(error) => found.error(SERVER, error.to_string(), mend),
    }
}

/// Checks a named server and the key for it.
pub(super) async fn check_named(client: &Client, found: &mut Findings) {
    let url = client.url();
    if let Err(error) = client.get_liveness().await {
        let error = format!("{:#}", anyhow::Error::from(error));
        found.error(SERVER, error, "start it, or mend --server: its scheme, name and port");
        return;
    }
    found.good(SERVER, format!("{url} answers"));
    match client.get_stats().await {
        Ok(_) => found.good("key", "accepted"),
        Err(error) => match error.status() {
            Some(401) => found.error(
                "key",
                "the server asks for a key, and refuses this one if one was given",
                "name one with --api-key, --key-file or --key-command; `context-manager keys create` on the server makes one",
            ),
            Some(403) => found.warning("key", "it may not read", "use a key with the permission read"),
            _ => found.error("key", format!("{:#}", anyhow::Error::from(error)), RUNBOOK),
        },
    }
    check_health(client, found).await;
    clock::check_against(url, found).await;
}

async fn check_health(client: &Client, found: &mut Findings) {
    match client.get_health(true).await {
        Ok(health) => parts(&health, found),
        Err(Error::Refused(refusal)) if matches!(refusal.problem.status, 401 | 403) => found.warning(
            HEALTH,
            "the server shows it to keys with the permission metrics alone",
            "name such a key with --api-key or --key-file",
        ),
        Err(error) => found.error(HEALTH, format!("{:#}", anyhow::Error::from(error)), RUNBOOK),
    }
}

fn parts(health: &Health, found: &mut Findings) {
    for part in &health.components {
        let trouble = part.last_error.as_deref().unwrap_or_default();
        let text = format!("{} is {}: {trouble}", part.name, part.status);
        match part.status.as_str() {
            "healthy" => {}
            "unhealthy" => found.error(HEALTH, text, RUNBOOK),
            _ => found.warning(HEALTH, text, RUNBOOK),
        }
    }
    found.otherwise(
        HEALTH,
        format!(
            "version {}, all {} parts are well",
            health.version,
            health.components.len()
        ),
    );
}
