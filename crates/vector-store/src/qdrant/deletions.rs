//! Deletions that a restore of an older snapshot does not undo, and their log.
//!
//! The log is a collection that no restore replaces. Each entry has the ids of deleted points, which are hashes, or the filter
//! by which was deleted, and the number of the newest snapshot at that time. A filter also holds for contexts that garbage
//! collection had discarded: an older snapshot still has them.
//!
//! A deletion is acknowledged only if the [state](super::records::State) is the same after it as before: no snapshot was
//! begun meanwhile, whose number the entries would lack, and no restore. Otherwise it is logged and applied again. While no
//! snapshot exists nothing is logged, on any server.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use context_manager_resilience::Deadline;
use data_encoding::HEXLOWER;
use prost::Message;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::{CreateFieldIndexCollection, FieldType, Filter, PointId};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::sleep;
use uuid::Uuid;

use super::agreements::Agreements;
use super::client::{Client, rpc};
use super::config::Config;
use super::failure::Failure;
use super::records::{self, State};
use super::writes::{DELETE_CHUNK, delete_found};
use super::{filter, reads};
use crate::conditions::{Condition, at_least, below};

/// Key of the number of the newest snapshot.
const EPOCH: &str = "epoch";
/// Maximum number of entries; beyond it those under the lowest number leave, and older snapshots can be restored only if it
/// is accepted that deleted contexts come back.
const MAX_ENTRIES: u64 = 1_000_000;
/// Entries read in one call: some megabytes at most.
const PAGE: u32 = 50;
/// Pause between two looks at a restore that is under way.
const PAUSE: Duration = Duration::from_millis(200);

/// The log of deletions, and the state that deletions wait for.
#[derive(Debug)]
pub(super) struct Deletions {
    log: Agreements,
    records: Agreements,
    /// Last state that was read. It may be outdated.
    seen: Mutex<State>,
    /// Wakes the task that completes a restore whose server ended.
    pub(super) unfinished: Arc<Notify>,
}

/// Entry of the log.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Entry {
    /// Ids of deleted points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    points: Vec<Uuid>,
    /// Filter by which was deleted, in the form of the protocol, as hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
}

impl Deletions {
    pub(super) fn beside(client: &Client, config: &Config) -> Self {
        Self {
            log: Agreements::named(client, config, "deletions"),
            records: Agreements::named(client, config, "snapshots"),
            seen: Mutex::default(),
            unfinished: Arc::default(),
        }
    }

    /// Collection of the descriptions of snapshots and of the state.
    pub(super) fn records(&self) -> &Agreements {
        &self.records
    }

    /// Deletes the points that match, for good, and returns their number.
    pub(super) async fn delete(&self, client: &Client, conditions: &[Condition]) -> Result<u64, Failure> {
        let matching = filter::all(conditions);
        let mut entries = vec![(Uuid::now_v7(), first_entry(conditions, &matching))];
        let mut state = self.seen();
        if state.epoch > 0 {
            self.log(&state, &entries).await?;
        }
        let mut deleted = self.delete_logged(client, &matching, &state, &mut entries).await?;
        loop {
            let now = self.settled().await?;
            if now.version == state.version {
                return Ok(deleted);
            }
            state = now;
            if state.epoch > 0 {
                self.log(&state, &entries).await?;
            }
            for (_, entry) in &entries {
                let points = entry.points.iter().map(|id| filter::point_id(*id)).collect();
                delete_found(client, Filter::default(), points).await?;
            }
            deleted += self.delete_logged(client, &matching, &state, &mut entries).await?;
        }
    }

    /// Deletes the points that match page by page, each after it was logged.
    async fn delete_logged(
        &self,
        client: &Client,
        matching: &Filter,
        state: &State,
        entries: &mut Vec<(Uuid, Entry)>,
    ) -> Result<u64, Failure> {
        let (mut deleted, mut offset) = (0, None);
        loop {
            let (ids, next) = reads::ids(client, matching.clone(), offset, DELETE_CHUNK).await?;
            if !ids.is_empty() {
                deleted += ids.len() as u64;
                let entry = Entry {
                    points: ids.iter().filter_map(uuid).collect(),
                    filter: None,
                };
                let entry = (Uuid::now_v7(), entry);
                if state.epoch > 0 {
                    self.log(state, std::slice::from_ref(&entry)).await?;
                }
                entries.push(entry);
                delete_found(client, matching.clone(), ids).await?;
            }
            offset = Some(match next {
                Some(next) => next,
                None => return Ok(deleted),
            });
        }
    }

    /// Deletes from `copy`, the copy of a snapshot with this number, everything that was deleted since. Returns the number of
    /// deleted points. Points that `current` still holds were no match of a filter when it was used, whatever they are in the
    /// copy.
    pub(super) async fn apply(&self, epoch: u64, copy: &Client, current: &Client) -> Result<u64, Failure> {
        let (mut deleted, mut offset) = (0, None);
        loop {
            let (found, next) = records::page(&self.log, since(epoch), offset, PAGE).await?;
            for payload in &found {
                let entry: Entry = records::decode(payload)?;
                let points: Vec<PointId> = entry.points.into_iter().map(filter::point_id).collect();
                deleted += delete_existing(copy, points).await?;
                if let Some(filter) = entry.filter {
                    deleted += delete_matching(copy, current, &decode(&filter)?).await?;
                }
            }
            offset = Some(match next {
                Some(next) => next,
                None => return Ok(deleted),
            });
        }
    }

    /// Writes the mark of the snapshot with this number: while the log has it, the log has all later deletions.
    pub(super) async fn mark(&self, epoch: u64) -> Result<(), Failure> {
        self.write(mark_id(epoch), epoch, &Entry::default()).await?;
        let index = CreateFieldIndexCollection {
            collection_name: self.log.client.collection.clone(),
            wait: Some(true),
            field_name: EPOCH.to_owned(),
            field_type: Some(FieldType::Integer.into()),
            timeout: Some(self.log.client.timeout_secs()),
            ..CreateFieldIndexCollection::default()
        };
        // Does nothing if there is one.
        self.log.client.write(index, rpc!(create_field_index)).await
    }

    /// Returns `true` if the log has all deletions since the snapshot with this number.
    pub(super) async fn is_complete_since(&self, epoch: u64) -> Result<bool, Failure> {
        Ok(self.log.read(mark_id(epoch)).await?.is_some())
    }

    /// Removes entries that no snapshot from the one with the number `oldest` on needs, and the oldest beyond the maximum.
    pub(super) async fn trim(&self, oldest: u64, newest: u64) -> Result<(), Failure> {
        let mut first = oldest;
        loop {
            // Marks are entries, too.
            self.log.delete(filter::all(&[below(EPOCH, exact(first))])).await?;
            if first > newest || reads::count(&self.log.client, &[]).await? <= MAX_ENTRIES {
                return Ok(());
            }
            first += 1;
            tracing::warn!(
                first,
                "dropped the oldest entries of the log of deletions; restoring an older snapshot must be accepted"
            );
        }
    }

    async fn log(&self, state: &State, entries: &[(Uuid, Entry)]) -> Result<(), Failure> {
        for (id, entry) in entries {
            if !entry.points.is_empty() || entry.filter.is_some() {
                self.write(*id, state.epoch, entry).await?;
            }
        }
        Ok(())
    }

    async fn write(&self, id: Uuid, epoch: u64, entry: &Entry) -> Result<(), Failure> {
        let mut payload = records::encode(entry)?;
        payload.insert(EPOCH.to_owned(), records::integer(epoch).into());
        self.log.write(id, payload, Filter::default()).await
    }

    fn seen(&self) -> State {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the state once no restore is under way.
    async fn settled(&self) -> Result<State, Failure> {
        let settled = async {
            loop {
                let state = records::state(&self.records).await?;
                if state.restoring.is_none() {
                    *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = state.clone();
                    return Ok(state);
                }
                self.unfinished.notify_one();
                sleep(PAUSE).await;
            }
        };
        let limit = Deadline::after(self.records.client.timeout());
        limit.run(settled).await.unwrap_or(Err(Failure::Restoring))
    }
}

/// Returns the entry of a deletion that is known before any point is found: the ids that were named, also those that are not
/// stored any more, or the filter.
fn first_entry(conditions: &[Condition], matching: &Filter) -> Entry {
    match conditions {
        [Condition::Is(..), Condition::Points(points)] => Entry {
            points: points.clone(),
            filter: None,
        },
        _ => Entry {
            points: Vec::new(),
            filter: Some(encode(matching)),
        },
    }
}

async fn delete_existing(copy: &Client, points: Vec<PointId>) -> Result<u64, Failure> {
    if points.is_empty() {
        return Ok(0);
    }
    let existing: Vec<PointId> = reads::existing(copy, points).await?.into_iter().collect();
    let count = existing.len() as u64;
    delete_found(copy, Filter::default(), existing).await?;
    Ok(count)
}

async fn delete_matching(copy: &Client, current: &Client, matching: &Filter) -> Result<u64, Failure> {
    let (mut deleted, mut offset) = (0, None);
    loop {
        let (ids, next) = reads::ids(copy, matching.clone(), offset, DELETE_CHUNK).await?;
        if !ids.is_empty() {
            let held = reads::existing(current, ids.clone()).await?;
            let gone: Vec<PointId> = ids.into_iter().filter(|id| !held.contains(id)).collect();
            deleted += gone.len() as u64;
            delete_found(copy, Filter::default(), gone).await?;
        }
        offset = Some(match next {
            Some(next) => next,
            None => return Ok(deleted),
        });
    }
}

fn since(epoch: u64) -> Filter {
    filter::all(&[at_least(EPOCH, exact(epoch))])
}

#[expect(clippy::cast_precision_loss, reason = "snapshots number less than 2^53")]
fn exact(epoch: u64) -> f64 {
    epoch as f64
}

fn mark_id(epoch: u64) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("mark {epoch}").as_bytes())
}

fn uuid(id: &PointId) -> Option<Uuid> {
    match id.point_id_options.as_ref()? {
        PointIdOptions::Uuid(uuid) => uuid.parse().ok(),
        PointIdOptions::Num(_) => None,
    }
}

fn encode(filter: &Filter) -> String {
    HEXLOWER.encode(&filter.encode_to_vec())
}

fn decode(digits: &str) -> Result<Filter, Failure> {
    let unreadable = || Failure::Incomplete("readable filter in the log of deletions");
    let bytes = HEXLOWER.decode(digits.as_bytes()).map_err(|_error| unreadable())?;
    Filter::decode(bytes.as_slice()).map_err(|_error| unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_back_as_it_was_logged() {
        let conditions = [
            Condition::Is("tenant", "acme".to_owned()),
            Condition::AnyOf("tags", vec!["a".to_owned(), "ü".to_owned()]),
            below("importance", 0.5),
        ];
        let matching = filter::all(&conditions);
        assert_eq!(decode(&encode(&matching)).unwrap(), matching);
        for bad in ["f", "0g", "ffffff"] {
            assert!(decode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn named_ids_are_logged_even_if_nothing_has_them() {
        let id = Uuid::from_u128(7);
        let tenant = Condition::Is("tenant", "acme".to_owned());
        let named = [tenant.clone(), Condition::Points(vec![id])];
        assert_eq!(first_entry(&named, &filter::all(&named)).points, [id]);
        let all = [tenant];
        assert!(first_entry(&all, &filter::all(&all)).filter.is_some());
    }
}
