//! Records of snapshots that all servers share, in a collection of their own: which snapshots there are, and the state that
//! deletions and restores agree on. Neither is part of a snapshot.

use context_manager_core::ports::ModelFingerprint;
use jiff::Timestamp;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{Filter, PointId, ScrollPoints, Value, WithPayloadSelector};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tonic::Code;
use uuid::Uuid;

use super::agreements::Agreements;
use super::client::rpc;
use super::failure::Failure;
use super::filter;
use super::points::Payload;
use crate::conditions::{Condition, at_least, below};
use crate::payload::Malformed;

/// Key of the number of changes of the state.
const VERSION: &str = "version";
/// Key of the last writer of the state.
const WRITER: &str = "writer";
/// Key of the kind of a record.
const KIND: &str = "kind";
/// Key of the record, as JSON text.
const RECORD: &str = "record";
/// Kind of the descriptions of snapshots.
const SNAPSHOT: &str = "snapshot";

/// Maximum number of attempts to change the state. One fails only if another process changed it.
const MAX_ATTEMPTS: usize = 32;
/// Records read in one call.
const PAGE: u32 = 100;

/// State that deletions and restores agree on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// Number of changes.
    #[serde(skip)]
    pub(super) version: u64,
    /// Number of the newest snapshot; 0 if none was ever made. A deletion is logged under the number that it finds.
    pub(super) epoch: u64,
    /// Restore that is under way.
    pub(super) restoring: Option<Restoring>,
}

/// Restore that is under way: a copy of the snapshot is ready, and the holder of the lease completes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Restoring {
    /// Server that is at it, or the last one that was.
    pub(super) by: Uuid,
    pub(super) snapshot: String,
    /// Number of the snapshot.
    pub(super) epoch: u64,
    /// Analyzer that made the terms of the snapshot.
    pub(super) analyzer: Option<String>,
}

/// Description of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Description {
    pub(super) format: u32,
    pub(super) name: String,
    pub(super) created_at: Timestamp,
    /// Number of the snapshot: later deletions were logged under this number or a higher one.
    pub(super) epoch: u64,
    /// Number of contexts of each tenant when the snapshot was begun.
    pub(super) contexts: BTreeMap<String, u64>,
    pub(super) model: ModelFingerprint,
    pub(super) analyzer: Option<String>,
    /// Name of the file on the server's disk.
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// Returns the state; the first one if none was written.
pub(super) async fn state(records: &Agreements) -> Result<State, Failure> {
    match records.read(state_id()).await? {
        Some(payload) => decode_state(&payload),
        None => Ok(State::default()),
    }
}

/// Changes the state and returns the new one. `change` may be called again if another process changes it too.
pub(super) async fn change_state(records: &Agreements, change: impl Fn(State) -> State) -> Result<State, Failure> {
    for _ in 0..MAX_ATTEMPTS {
        let old = state(records).await?;
        let (version, writer) = (old.version, Uuid::now_v7().to_string());
        let new = State {
            version: version + 1,
            ..change(old.clone())
        };
        if new.epoch == old.epoch && new.restoring == old.restoring {
            return Ok(old);
        }
        let mut payload = encode(&new)?;
        payload.insert(VERSION.to_owned(), Value::from(integer(new.version)));
        payload.insert(WRITER.to_owned(), Value::from(writer.clone()));
        records.write(state_id(), payload, is_at(version)).await?;
        let after = records.read(state_id()).await?.ok_or(Failure::Incomplete("state"))?;
        if text(&after, WRITER) == Some(&writer) {
            return Ok(new);
        }
    }
    Err(Failure::NotApplied)
}

/// Writes the description of a snapshot.
pub(super) async fn describe(records: &Agreements, description: &Description) -> Result<(), Failure> {
    let mut payload = encode(description)?;
    payload.insert(KIND.to_owned(), Value::from(SNAPSHOT.to_owned()));
    records
        .write(snapshot_id(&description.name), payload, Filter::default())
        .await
}

/// Removes the description of a snapshot.
pub(super) async fn forget(records: &Agreements, name: &str) -> Result<(), Failure> {
    records
        .delete(filter::all(&[Condition::Points(vec![snapshot_id(name)])]))
        .await
}

/// Returns the description of a snapshot, or `None` if there is none.
pub(super) async fn described(records: &Agreements, name: &str) -> Result<Option<Description>, Failure> {
    let found = records.read(snapshot_id(name)).await?;
    found.as_ref().map(decode).transpose()
}

/// Returns the descriptions of all snapshots, newest first.
pub(super) async fn all(records: &Agreements) -> Result<Vec<Description>, Failure> {
    let snapshots = filter::all(&[Condition::Is(KIND, SNAPSHOT.to_owned())]);
    let (mut all, mut offset) = (Vec::new(), None);
    loop {
        let (found, next) = page(records, snapshots.clone(), offset, PAGE).await?;
        for payload in &found {
            all.push(decode::<Description>(payload)?);
        }
        offset = Some(match next {
            Some(next) => next,
            None => break,
        });
    }
    all.sort_by(|a, b| b.epoch.cmp(&a.epoch).then_with(|| b.name.cmp(&a.name)));
    Ok(all)
}

/// Returns the payloads of one page of points, and the offset of the next page.
pub(super) async fn page(
    agreements: &Agreements,
    matching: Filter,
    offset: Option<PointId>,
    limit: u32,
) -> Result<(Vec<Payload>, Option<PointId>), Failure> {
    let client = &agreements.client;
    let request = ScrollPoints {
        collection_name: client.collection.clone(),
        filter: Some(matching),
        offset,
        limit: Some(limit),
        with_payload: Some(WithPayloadSelector::from(true)),
        read_consistency: client.consistency,
        timeout: Some(client.timeout_secs()),
        ..ScrollPoints::default()
    };
    match client.points(request, rpc!(scroll)).await {
        Ok(answer) => {
            let found = answer.result.into_iter().map(|point| point.payload);
            Ok((found.collect(), answer.next_page_offset))
        }
        // Nothing was written yet.
        Err(failure) if failure.code() == Some(Code::NotFound) => Ok((Vec::new(), None)),
        Err(failure) => Err(failure),
    }
}

/// Encodes a record.
pub(super) fn encode(record: &impl Serialize) -> Result<Payload, Failure> {
    let record = serde_json::to_string(record).map_err(Malformed::from)?;
    Ok(Payload::from([(RECORD.to_owned(), Value::from(record))]))
}

/// Decodes a record.
pub(super) fn decode<T: DeserializeOwned>(payload: &Payload) -> Result<T, Failure> {
    let record = text(payload, RECORD).ok_or(Failure::Incomplete("record"))?;
    Ok(serde_json::from_str(record).map_err(Malformed::from)?)
}

/// Returns an integer as the protocol has them.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn decode_state(payload: &Payload) -> Result<State, Failure> {
    let version = match payload.get(VERSION).and_then(|value| value.kind.as_ref()) {
        Some(Kind::IntegerValue(version)) => u64::try_from(*version).ok(),
        Some(_) | None => None,
    };
    Ok(State {
        version: version.ok_or(Failure::Incomplete("version"))?,
        ..decode(payload)?
    })
}

fn text<'a>(payload: &'a Payload, key: &str) -> Option<&'a str> {
    match &payload.get(key)?.kind {
        Some(Kind::StringValue(text)) => Some(text),
        Some(_) | None => None,
    }
}

/// Filter for a state of this version; one is written all the same where there is none.
#[expect(clippy::cast_precision_loss, reason = "the state changes less than 2^53 times")]
fn is_at(version: u64) -> Filter {
    filter::all(&[at_least(VERSION, version as f64), below(VERSION, (version + 1) as f64)])
}

fn state_id() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, b"state")
}

fn snapshot_id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("snapshot {name}").as_bytes())
}
