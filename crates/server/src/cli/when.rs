//! Times on a command line: exact ones, dates in UTC, and durations.

use anyhow::Context as _;
use context_manager_core::ports::{Clock as _, SystemClock};
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp, Unit, civil};

/// Reads a time with its zone, or a date in UTC; `None` for anything else.
pub(super) fn exact(text: &str) -> anyhow::Result<Option<Timestamp>> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Some(time));
    }
    let date = text.parse::<civil::Date>().ok();
    Ok(date
        .map(|date| date.to_zoned(TimeZone::UTC))
        .transpose()?
        .map(|zoned| zoned.timestamp()))
}

/// Reads a duration such as `90d`.
pub(super) fn span(text: &str) -> anyhow::Result<Span> {
    text.parse()
        .with_context(|| format!("`{text}` is no date, no time with its zone, and no duration such as 90d"))
}

/// Returns the time a span after another one, by the calendar.
pub(super) fn later(now: Timestamp, span: Span) -> anyhow::Result<Timestamp> {
    Ok(now.to_zoned(TimeZone::UTC).checked_add(span)?.timestamp())
}

/// Reads a time: with its zone, as a date in UTC, or as a duration before now.
pub(super) fn past(text: &str) -> anyhow::Result<Timestamp> {
    match exact(text)? {
        Some(time) => Ok(time),
        None => later(SystemClock.now(), span(text)?.negate()),
    }
}

/// Reads a duration such as `90d`, or a number of seconds.
pub(super) fn seconds(text: &str) -> anyhow::Result<u64> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let days = SpanRelativeTo::days_are_24_hours();
    let seconds = span(text)?.total((Unit::Second, days))?;
    let whole = format!("{seconds:.0}").parse();
    whole.with_context(|| format!("`{text}` is no time to come"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_in_seconds() {
        for (text, expected) in [
            ("90", 90),
            ("1m", 60),
            ("2h 30m", 9_000),
            ("90d", 7_776_000),
            ("2w", 1_209_600),
        ] {
            assert_eq!(seconds(text).unwrap(), expected, "{text}");
        }
        for refused in ["", "soon", "-1d", "1 month"] {
            assert!(seconds(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_time_is_exact_or_before_now() {
        let exact = past("2026-01-31").unwrap();
        assert_eq!(exact, "2026-01-31T00:00:00Z".parse().unwrap());
        assert!(past("7d").unwrap() < SystemClock.now());
        assert!(past("last week").is_err());
    }
}
