//! Offsets in sessions, assigned so that no two processes on a server get the same one.
//!
//! Each session in use has a counter, a point with the next free offset. A process takes offsets by a compare-and-set of the
//! counter, and reads it back to learn whether it won.
//!
//! A counter that was not used for a day is removed; the next process restarts it after the session's last context.

use context_manager_core::ports::OffsetRange;
use jiff::{SignedDuration, Timestamp};
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{Filter, Value};
use uuid::Uuid;

use super::agreements::Agreements;
use super::failure::Failure;
use super::filter;
use super::points::Payload;
use crate::conditions::{at_least, below};
use crate::payload::PointIds;

/// Key of the next free offset.
const NEXT: &str = "next";
/// Key of the takers of the last ranges, latest first: a unique name for each range.
const TAKERS: &str = "takers";
/// Key of the time at which the last range was taken, in milliseconds since the epoch.
const USED: &str = "used";

/// Number of takers kept: as many processes may take a range between a write and the read that confirms it.
const REMEMBERED: usize = 16;
/// Maximum number of attempts to take a range. One fails only if another process took a range.
const MAX_ATTEMPTS: usize = 64;
/// Time after which an unused counter is removed.
const UNUSED: SignedDuration = SignedDuration::from_hours(24);

/// Contents of a counter.
#[derive(Debug, Clone, Default)]
struct Counter {
    next: Option<u32>,
    takers: Vec<String>,
}

/// Takes a range of offsets of a session and returns the first. Returns `None` if there is no counter and the caller does not
/// say where to start.
pub(super) async fn take(
    agreements: &Agreements,
    ids: PointIds,
    wanted: &OffsetRange,
    now: Timestamp,
) -> Result<Option<u32>, Failure> {
    let id = ids.session(&wanted.session_id);
    let taker = Uuid::now_v7().to_string();
    let mut counter = read(agreements, id).await?;
    for _ in 0..MAX_ATTEMPTS {
        let begun = wanted.at_least.filter(|_| wanted.count > 0);
        let Some(first) = counter.next.or(begun) else {
            return Ok(None);
        };
        let first = first.max(wanted.at_least.unwrap_or(0));
        let next = first.saturating_add(wanted.count);
        if counter.next == Some(next) {
            return Ok(Some(first));
        }
        let takers = [&taker].into_iter().chain(&counter.takers).take(REMEMBERED);
        let takers: Vec<Value> = takers.map(|taker| Value::from(taker.clone())).collect();
        let payload = Payload::from([
            (NEXT.to_owned(), Value::from(i64::from(next))),
            (TAKERS.to_owned(), Value::from(takers)),
            (USED.to_owned(), Value::from(now.as_millisecond())),
        ]);
        agreements.write(id, payload, is_at(counter.next)).await?;
        counter = read(agreements, id).await?;
        if counter.takers.contains(&taker) {
            return Ok(Some(first));
        }
    }
    Err(Failure::NotApplied)
}

/// Removes unused counters.
pub(super) async fn remove_unused(agreements: &Agreements, now: Timestamp) -> Result<(), Failure> {
    let end = now.saturating_sub(UNUSED).unwrap_or(now);
    agreements
        .delete(filter::all(&[below(USED, exact(end.as_millisecond()))]))
        .await
}

async fn read(agreements: &Agreements, id: Uuid) -> Result<Counter, Failure> {
    let Some(mut said) = agreements.read(id).await? else {
        return Ok(Counter::default());
    };
    let next = match said.remove(NEXT).and_then(|value| value.kind) {
        Some(Kind::IntegerValue(next)) => u32::try_from(next).ok(),
        Some(_) | None => None,
    };
    let takers = match said.remove(TAKERS).and_then(|value| value.kind) {
        Some(Kind::ListValue(takers)) => takers.values,
        Some(_) | None => Vec::new(),
    };
    let name = |value: Value| match value.kind {
        Some(Kind::StringValue(taker)) => Some(taker),
        Some(_) | None => None,
    };
    Ok(Counter {
        next: Some(next.ok_or(Failure::Incomplete("offset"))?),
        takers: takers.into_iter().filter_map(name).collect(),
    })
}

/// Filter for a counter with this next offset; with `None`, a filter that no counter meets.
fn is_at(next: Option<u32>) -> Filter {
    let next = next.map_or(-1, i64::from);
    filter::all(&[at_least(NEXT, exact(next)), below(NEXT, exact(next + 1))])
}

#[expect(clippy::cast_precision_loss, reason = "offsets and milliseconds are below 2^53")]
fn exact(number: i64) -> f64 {
    number as f64
}
