//! A collection by the server while it is under load.

use anyhow::{Result, ensure};
use serde::Deserialize;
use tokio::time::{Duration, Instant};

use crate::subject::client::Client;

const COLLECT: &str = "/api/v1/admin/gc";
/// How long everything may take.
const DEADLINE: Duration = Duration::from_mins(10);

#[derive(Deserialize)]
struct Collected {
    deleted: u64,
    errors: u64,
}

/// Has the server collect, waits until nothing is left to be collected, and prints how long that took.
///
/// # Errors
/// When a part of the collection failed, or it does not end in time.
pub(super) async fn run(client: &Client) -> Result<()> {
    let start = Instant::now();
    let deleted = collect(client).await?;
    // A request that takes longer than requests may is cut off; the collection goes on, and the next one waits for it.
    if deleted.is_none() {
        while collect(client).await?.is_none() {
            ensure!(
                start.elapsed() < DEADLINE,
                "the collection did not end within {DEADLINE:?}"
            );
        }
    }
    let count = deleted.map_or("all".to_owned(), |deleted| deleted.to_string());
    println!("collected {count} contexts in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// How many contexts were deleted; nothing when the request's time ran out.
async fn collect(client: &Client) -> Result<Option<u64>> {
    let answer = client.send(COLLECT, r#"{"dry_run": false}"#).await?;
    if answer.status == 504 {
        return Ok(None);
    }
    ensure!(answer.status == 200, "the collection was answered {}", answer.status);
    let collected: Collected = serde_json::from_slice(&answer.body)?;
    ensure!(
        collected.errors == 0,
        "{} batches of the collection failed",
        collected.errors
    );
    Ok(Some(collected.deleted))
}
