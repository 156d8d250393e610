//! Creating the collection, or checking an existing one.
//!
//! Any number of replicas may do so at once: the second finds the collection of the first and checks it like any other. An
//! existing collection is never altered or dropped; only missing indexes are added to a collection of ours.

use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use context_manager_core::ports::ModelFingerprint;
use context_manager_resilience::Deadline;
use qdrant_client::qdrant::{CollectionInfo, GetCollectionInfoRequest, UpdateCollection};
use tonic::Code;

use super::client::{Client, rpc};
use super::config::Config;
use super::failure::Failure;
use super::schema::{self, Mismatch};
use crate::Error;

/// Oldest supported version of the server.
const OLDEST: [u64; 2] = [1, 18];

/// Pause between two lookups of a collection that another replica is creating.
const PAUSE: Duration = Duration::from_millis(100);

/// Creates the collection, or checks the existing one.
pub(super) async fn prepare(client: &Client, config: &Config, model: &ModelFingerprint) -> Result<(), Error> {
    check_version(client).await?;
    let info = match look(client).await {
        Ok(None) => create(client, config, model).await?,
        Ok(Some(info)) => info,
        Err(failure) if is_half_made(&failure) => made(client, config.timeout())
            .await
            .map_err(failed(client, "read the collection"))?,
        Err(failure) => return Err(failed(client, "read the collection")(failure)),
    };
    schema::check(&info, model).map_err(|mismatch| unusable(client, mismatch, model))?;
    for index in schema::indexes() {
        if !info.payload_schema.contains_key(index.key) {
            let request = index.create(&client.collection, client.timeout_secs());
            let created = client.write(request, rpc!(create_field_index)).await;
            created.map_err(failed(client, "create an index"))?;
        }
    }
    Ok(())
}

/// Returns the model whose vectors the collection holds, or `None` if there is no collection yet.
pub(super) async fn stored_model(client: &Client) -> Result<Option<ModelFingerprint>, Error> {
    check_version(client).await?;
    let Some(info) = find(client).await? else {
        return Ok(None);
    };
    match schema::stored_model(&info) {
        Ok(model) => Ok(Some(model)),
        Err(Mismatch::Shape(problem)) => Err(foreign(client, problem)),
        Err(Mismatch::Model(model)) => Err(foreign(client, format!("it holds vectors of the model {model}"))),
    }
}

/// Completes the fingerprint of a collection that was created for an unverified model.
pub(super) async fn complete_model(client: &Client, model: &ModelFingerprint) -> Result<(), Error> {
    let missing = || failed(client, "read the collection")(Failure::Incomplete("collection"));
    let info = find(client).await?.ok_or_else(missing)?;
    let update = schema::complete(&info, model).map_err(|mismatch| unusable(client, mismatch, model))?;
    let Some(update) = update else { return Ok(()) };
    let request = UpdateCollection {
        collection_name: client.collection.clone(),
        ..update
    };
    let answer = client.collections(request, rpc!(update)).await;
    answer.map(drop).map_err(failed(client, "complete the model of"))
}

/// Checks that the server is new enough: an older one ignores conditions of writes.
pub(super) async fn check_version(client: &Client) -> Result<(), Error> {
    let version = client.version().await.map_err(failed(client, "ask for the version"))?;
    // Unknown forms pass: versions of custom builds look like anything.
    let Some(parts) = parse(&version) else {
        return Ok(());
    };
    if parts < OLDEST {
        return Err(Error::ServerTooOld {
            url: client.url.clone(),
            found: version,
            oldest: format!("{}.{}", OLDEST[0], OLDEST[1]),
        });
    }
    Ok(())
}

/// Returns the major and minor version.
fn parse(version: &str) -> Option<[u64; 2]> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??])
}

async fn find(client: &Client) -> Result<Option<CollectionInfo>, Error> {
    look(client).await.map_err(failed(client, "read the collection"))
}

/// Returns the collection, or `None` if there is none.
pub(super) async fn look(client: &Client) -> Result<Option<CollectionInfo>, Failure> {
    let request = GetCollectionInfoRequest {
        collection_name: client.collection.clone(),
    };
    let answer = client.collections(request, rpc!(get)).await;
    match answer {
        Ok(answer) => answer.result.map(Some).ok_or(Failure::Incomplete("collection")),
        Err(failure) if failure.code() == Some(Code::NotFound) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Creates the collection. If another replica was faster, it exists all the same, or will in a moment.
async fn create(client: &Client, config: &Config, model: &ModelFingerprint) -> Result<CollectionInfo, Error> {
    let request = schema::create(config, model);
    let answer = client.collections(request, rpc!(create)).await;
    let refused = match answer {
        Err(failure) if failure.is_outage() => return Err(failed(client, "create the collection")(failure)),
        // Another replica was faster, and may not have finished.
        Err(failure) if failure.code() == Some(Code::AlreadyExists) => None,
        Err(failure) => Some(failure),
        Ok(_) => None,
    };
    // A key without permission to create collections must not cause a long wait.
    let patience = if refused.is_some() {
        10 * PAUSE
    } else {
        config.timeout()
    };
    made(client, patience)
        .await
        .map_err(|missing| failed(client, "create the collection")(refused.unwrap_or(missing)))
}

/// Waits for a collection that this or another replica is creating.
pub(super) async fn made(client: &Client, patience: Duration) -> Result<CollectionInfo, Failure> {
    let look = || {
        let client = client.clone();
        async move { look(&client).await?.ok_or(Failure::Incomplete("collection")) }
    };
    let pauses = ConstantBuilder::new().with_delay(PAUSE).without_max_times();
    let found = look.retry(pauses).when(is_half_made);
    Deadline::after(patience)
        .run(found)
        .await
        .map_err(Failure::from)
        .flatten()
}

/// Returns `true` if the collection may exist in a moment. The server reports an internal error while it creates the shards.
fn is_half_made(failure: &Failure) -> bool {
    matches!(failure, Failure::Incomplete(_)) || failure.code() == Some(Code::Internal)
}

fn unusable(client: &Client, mismatch: Mismatch, model: &ModelFingerprint) -> Error {
    match mismatch {
        Mismatch::Shape(problem) => foreign(client, problem),
        Mismatch::Model(stored) => Error::CollectionModelChanged {
            url: client.url.clone(),
            collection: client.collection.clone(),
            stored: Box::new(stored),
            current: Box::new(model.clone()),
        },
    }
}

fn foreign(client: &Client, problem: String) -> Error {
    Error::ForeignCollection {
        url: client.url.clone(),
        collection: client.collection.clone(),
        problem,
    }
}

fn failed(client: &Client, operation: &'static str) -> impl Fn(Failure) -> Error {
    let url = client.url.clone();
    move |failure| Error::Server {
        operation,
        url: url.clone(),
        is_outage: failure.is_outage(),
        source: Box::new(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, expected) in [
            ("1.18.3", Some([1, 18])),
            ("1.9.0", Some([1, 9])),
            ("1.20.0-dev", Some([1, 20])),
            ("2.0.0", Some([2, 0])),
            ("dev", None),
            ("", None),
        ] {
            assert_eq!(parse(version), expected, "{version}");
        }
        assert!([1, 9] < OLDEST && [2, 0] > OLDEST);
    }
}
