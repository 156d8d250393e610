//! Leases among processes that share a server: a point names the holder and the end of each.
//!
//! The end is measured by the holder's clock. If clocks differ by more than the length of a lease, two processes may hold
//! it at once, so the guarded work must be idempotent; and a lease ends late if its holder was killed while its clock was
//! fast.

use std::time::Duration;

use jiff::Timestamp;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{Filter, Value};
use uuid::Uuid;

use super::agreements::Agreements;
use super::failure::Failure;
use super::filter;
use super::points::Payload;
use crate::conditions::{Condition, below};

/// Key of the holder, and of the end of the lease in milliseconds since the epoch.
const HOLDER: &str = "holder";
const UNTIL: &str = "until";

/// Takes or renews the lease called `name` for `time` from `now` on; a `time` of zero releases it. Returns `true` if `holder`
/// holds it.
pub(super) async fn take(
    agreements: &Agreements,
    name: &str,
    holder: Uuid,
    now: Timestamp,
    time: Duration,
) -> Result<bool, Failure> {
    // A released lease is over by every clock.
    let until = if time.is_zero() {
        0
    } else {
        now.saturating_add(time).unwrap_or(now).as_millisecond()
    };
    let (id, holder) = (Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()), holder.to_string());
    let payload = Payload::from([
        (HOLDER.to_owned(), Value::from(holder.clone())),
        (UNTIL.to_owned(), Value::from(until)),
    ]);
    agreements.write(id, payload, is_free_for(&holder, now)).await?;
    // A write to a lease that is not free does nothing, without an error.
    let said = agreements.read(id).await?;
    let holds = said.and_then(|said| said.get(HOLDER)?.kind.clone());
    Ok(holds == Some(Kind::StringValue(holder)))
}

/// Filter for a lease that is over, or belongs to this holder.
fn is_free_for(holder: &str, now: Timestamp) -> Filter {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since the epoch are below 2^53")]
    let now = now.as_millisecond() as f64;
    let either = [Condition::Is(HOLDER, holder.to_owned()), below(UNTIL, now)];
    Filter {
        should: either.into_iter().map(filter::condition).collect(),
        ..Filter::default()
    }
}
