//! Times as exports write them.

use context_manager_core::Moment;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads an RFC 3339 time, one without an offset as in UTC, or seconds since the epoch. Anything else is no time.
pub(super) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Moment>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => parse(&text),
        Value::Number(seconds) => seconds.as_f64().and_then(of_seconds),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

fn parse(text: &str) -> Option<Moment> {
    let with_offset = text.trim().parse().ok();
    with_offset.or_else(|| {
        let civil: DateTime = text.trim().parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().into())
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn of_seconds(seconds: f64) -> Option<Moment> {
    const MAX_SECONDS: f64 = 253_370_764_800.0;
    (0.0..MAX_SECONDS)
        .contains(&seconds)
        .then(|| Moment::from_millisecond((seconds * 1000.0) as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_forms_are_read() {
        for (value, time) in [
            (
                json!("2024-07-01T12:00:00.123456-07:00"),
                Some("2024-07-01T19:00:00.123Z"),
            ),
            (json!("2024-07-01T12:00:00.5"), Some("2024-07-01T12:00:00.500Z")),
            (json!("2024-07-01 12:00"), Some("2024-07-01T12:00:00.000Z")),
            (json!("2024-07-01"), Some("2024-07-01T00:00:00.000Z")),
            (json!(1_719_835_200.25), Some("2024-07-01T12:00:00.250Z")),
            (json!(1e300), None),
            (json!(-1), None),
            (json!("N/A"), None),
            (json!(null), None),
        ] {
            let read = moment(&value).unwrap().map(|moment| moment.to_string());
            assert_eq!(read.as_deref(), time, "{value}");
        }
    }
}
