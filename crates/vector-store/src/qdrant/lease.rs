//! Turns among processes that share a server: who has one writes that into a point, for a while.
//!
//! Until when a turn lasts is told by the clock of who takes it. Where clocks differ by more than a turn's length two
//! processes may have it at once, which what is done in turns has to bear, and the others wait longer for the end of a
//! turn whose holder was killed while its clock was fast.

use std::time::Duration;

use jiff::Timestamp;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{Filter, Value};
use uuid::Uuid;

use super::agreements::Agreements;
use super::failure::Failure;
use super::filter;
use super::points::Payload;
use crate::conditions::{Bounds, Condition};

/// Who has the turn, and until when, in milliseconds since 1970.
const HOLDER: &str = "holder";
const UNTIL: &str = "until";

/// Has `holder` take the turn called `what`, or keep it, for `time` from `now` on; none gives it back. Whether it has it.
pub(super) async fn take(
    agreements: &Agreements,
    what: &str,
    holder: Uuid,
    now: Timestamp,
    time: Duration,
) -> Result<bool, Failure> {
    // Given back, it is over by everybody's clock.
    let until = if time.is_zero() {
        0
    } else {
        now.saturating_add(time).unwrap_or(now).as_millisecond()
    };
    let (id, holder) = (Uuid::new_v5(&Uuid::NAMESPACE_OID, what.as_bytes()), holder.to_string());
    let payload = Payload::from([
        (HOLDER.to_owned(), Value::from(holder.clone())),
        (UNTIL.to_owned(), Value::from(until)),
    ]);
    agreements.write(id, payload, is_free_for(&holder, now)).await?;
    // What was not free was passed over without a word.
    let said = agreements.read(id).await?;
    let holds = said.and_then(|said| said.get(HOLDER)?.kind.clone());
    Ok(holds == Some(Kind::StringValue(holder)))
}

/// Whether a point's turn is over, or this holder's own.
fn is_free_for(holder: &str, now: Timestamp) -> Filter {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 are exact for 280,000 years"
    )]
    let now = now.as_millisecond() as f64;
    let is_over = Bounds {
        below: Some(now),
        ..Bounds::default()
    };
    Filter {
        should: [
            Condition::Is(HOLDER, holder.to_owned()),
            Condition::Within(UNTIL, is_over),
        ]
        .into_iter()
        .map(filter::condition)
        .collect(),
        ..Filter::default()
    }
}
