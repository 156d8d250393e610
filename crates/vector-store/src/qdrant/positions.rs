//! Positions in sessions, given out so that no two processes on a server get the same one.
//!
//! A session that is stored to has a counter, a point that says which position is free. Whoever takes some writes the next
//! free one on the condition that nobody else has done so since it was read, and reads back whether it has.
//!
//! A counter that was not used for a day is removed: whoever needs it then begins it again behind the session's contexts.

use context_manager_core::ports::PositionRange;
use jiff::{SignedDuration, Timestamp};
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{Filter, Value};
use uuid::Uuid;

use super::agreements::Agreements;
use super::failure::Failure;
use super::filter;
use super::points::Payload;
use crate::conditions::{Bounds, Condition};
use crate::payload::PointIds;

/// The next free position.
const NEXT: &str = "next";
/// Takers of the last ranges, latest first: one name for each time.
const TAKERS: &str = "takers";
/// When the last range was taken, in milliseconds since 1970.
const USED: &str = "used";

/// Number of takers that are remembered: as many others may be faster than the check whether one's own range was taken.
const REMEMBERED: usize = 16;
/// Number of attempts to take a range. Each time that one fails, another process has taken a range.
const ATTEMPTS: usize = 64;
/// Time for which an unused counter stays.
const UNUSED: SignedDuration = SignedDuration::from_hours(24);

/// Contents of a counter.
#[derive(Debug, Clone, Default)]
struct Counter {
    next: Option<u32>,
    takers: Vec<String>,
}

/// Takes a range of a session, and returns its first position; `None` where there is no counter and nobody says where it
/// begins.
pub(super) async fn take(
    agreements: &Agreements,
    ids: PointIds,
    wanted: &PositionRange,
    now: Timestamp,
) -> Result<Option<u32>, Failure> {
    let id = ids.session(&wanted.session_id);
    let taker = Uuid::now_v7().to_string();
    let mut counter = read(agreements, id).await?;
    for _ in 0..ATTEMPTS {
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

/// Removes the counters that were not used for long.
pub(super) async fn remove_unused(agreements: &Agreements, now: Timestamp) -> Result<(), Failure> {
    let end = now.saturating_sub(UNUSED).unwrap_or(now);
    agreements
        .delete(filter::all(&[below(USED, end.as_millisecond())]))
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
        next: Some(next.ok_or(Failure::Incomplete("position"))?),
        takers: takers.into_iter().filter_map(name).collect(),
    })
}

/// A counter that still says this; none that is there, where it was not.
fn is_at(next: Option<u32>) -> Filter {
    let next = next.map_or(-1, i64::from);
    filter::all(&[
        Condition::Within(
            NEXT,
            Bounds {
                at_least: Some(exact(next)),
                ..Bounds::default()
            },
        ),
        below(NEXT, next + 1),
    ])
}

fn below(key: &'static str, end: i64) -> Condition {
    let bounds = Bounds {
        below: Some(exact(end)),
        ..Bounds::default()
    };
    Condition::Within(key, bounds)
}

#[expect(clippy::cast_precision_loss, reason = "positions and milliseconds are below 2^53")]
fn exact(number: i64) -> f64 {
    number as f64
}
