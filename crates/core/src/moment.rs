//! Points in time given by callers.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::{SignedDuration, Timestamp};

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Point in time in whole milliseconds, parsed and formatted as RFC 3339.
///
/// Unlike [`Timestamp`], it includes the last day of RFC 3339: many programs send `9999-12-31T23:59:59Z` for "never".
/// Fractions of a millisecond are truncated towards the past, in contexts and filters alike, so that they compare as sent.
/// A leap second (`:60`) is the second before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(i64);

/// Error for a text that is not an RFC 3339 time between the years 0000 and 9999 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time such as 2026-01-02T03:04:05.678Z")]
pub struct InvalidMoment;

impl Moment {
    /// Creates the moment `millis` milliseconds after the epoch.
    pub const fn from_millisecond(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the epoch.
    pub const fn as_millisecond(self) -> i64 {
        self.0
    }

    /// Returns the date and the time of day in UTC.
    pub fn civil(self) -> DateTime {
        let end = if self.0 < 0 { DateTime::MIN } else { DateTime::MAX };
        EPOCH.checked_add(SignedDuration::from_millis(self.0)).unwrap_or(end)
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        let below = time.as_nanosecond() % 1_000_000 < 0;
        Self(time.as_millisecond() - i64::from(below))
    }
}

impl TryFrom<Moment> for Timestamp {
    type Error = jiff::Error;

    fn try_from(moment: Moment) -> Result<Self, Self::Error> {
        Self::from_millisecond(moment.0)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}Z", self.civil())
    }
}

impl FromStr for Moment {
    type Err = InvalidMoment;

    /// Parses a time of RFC 3339, section 5.6, with any offset.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).ok_or(InvalidMoment)
    }
}

/// Parses what RFC 3339 allows; jiff alone would accept more.
fn read(text: &str) -> Option<Moment> {
    let (clock, rest) = text.split_at_checked(19)?;
    let digits = |fraction: &str| fraction.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, zone) = rest.split_at(rest.strip_prefix('.').map_or(0, |fraction| 1 + digits(fraction)));
    let is_zone = zone.eq_ignore_ascii_case("Z") || has_form(zone.get(1..)?, "00:00");
    if !has_form(clock, "0000-00-00T00:00:00") || fraction == "." || !is_zone {
        return None;
    }
    let text = format!("{clock}{fraction:.4}{zone}");
    let pieces = Pieces::parse(&text).ok()?;
    let offset = pieces.to_numeric_offset()?.seconds();
    let local = pieces.date().to_datetime(pieces.time()?);
    let utc = local.checked_sub(SignedDuration::from_secs(offset.into())).ok()?;
    let is_leap = (utc.hour(), utc.minute()) == (23, 59) && utc.date() == utc.date().last_of_month();
    if utc.year() < 0 || offset.abs() >= 24 * 3600 || (clock.ends_with("60") && !is_leap) {
        return None;
    }
    i64::try_from(utc.duration_since(EPOCH).as_millis()).ok().map(Moment)
}

/// Returns `true` if `text` is `form` with any digits in place of zeros, and letters of either case.
fn has_form(text: &str, form: &str) -> bool {
    let same = |(byte, form): (u8, u8)| byte.eq_ignore_ascii_case(&form) || (form == b'0' && byte.is_ascii_digit());
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(same)
}

/// Truncates `time` to milliseconds, the precision of the wire format and the store.
pub(crate) fn to_millis(time: Timestamp) -> Timestamp {
    Moment::from(time).try_into().unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn again(text: &str) -> String {
        text.parse::<Moment>()
            .map_or_else(|error| error.to_string(), |moment| moment.to_string())
    }

    #[test]
    fn rfc_3339_times_are_parsed() {
        for (sent, meant) in [
            ("2026-01-02T04:04:05+01:00", "2026-01-02T03:04:05.000Z"),
            ("2026-01-02t03:04:05.6789999z", "2026-01-02T03:04:05.678Z"),
            ("2026-01-02T03:04:05.5-00:00", "2026-01-02T03:04:05.500Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
            ("1969-12-31T23:59:59.9995Z", "1969-12-31T23:59:59.999Z"),
            ("2024-02-29T23:59:59-23:59", "2024-03-01T23:58:59.000Z"),
            // Examples of RFC 3339 with a leap second.
            ("1990-12-31T23:59:60Z", "1990-12-31T23:59:59.000Z"),
            ("1990-12-31T15:59:60.25-08:00", "1990-12-31T23:59:59.250Z"),
        ] {
            assert_eq!(again(sent), meant, "{sent}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for sent in [
            "",
            "yesterday",
            "2024-01-01",
            "2024-01-01T00:00Z",
            "2024-01-01T00:00:00",
            "20240101T000000Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00,5Z",
            "2024-01-01T00:00:00+25:00",
            "2024-01-01T00:00:00+24:00",
            "2024-01-01T00:00:00+01:60",
            "2024-01-01T00:00:00+0100",
            "2024-01-01T00:00:00+01",
            "2024-01-01T00:00:00\u{2212}01:00",
            "2024-01-01T00:00:00Z[Europe/Berlin]",
            "2024-01-01T00:00:00+01:00[Europe/Berlin]",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:60Z",
            "2024-01-30T23:59:60Z",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "-000044-03-15T00:00:00Z",
            "+002024-01-01T00:00:00Z",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            " 2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00Zulu",
            "２０２４-01-01T00:00:00Z",
        ] {
            assert!(sent.parse::<Moment>().is_err(), "{sent}");
        }
    }

    #[test]
    fn timestamps_are_truncated_towards_the_past() {
        for (nanos, millis) in [(1_999_999, 1), (-1, -1), (-1_000_000, -1), (-1_000_001, -2)] {
            let time = Timestamp::from_nanosecond(nanos).unwrap();
            assert_eq!(Moment::from(time).as_millisecond(), millis);
        }
    }

    proptest! {
        #[test]
        fn every_moment_is_parsed_as_formatted(millis in -62_167_219_200_000_i64..=253_402_300_799_999) {
            let moment = Moment::from_millisecond(millis);
            prop_assert_eq!(moment.to_string().parse::<Moment>(), Ok(moment));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}", digits in "[0-9TtZz:.+-]{0,40}") {
            let _ = text.parse::<Moment>();
            let _ = digits.parse::<Moment>();
        }

        #[test]
        fn moments_equal_timestamps_where_both_parse(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9])") {
            let (moment, time) = (text.parse::<Moment>(), text.parse::<Timestamp>());
            if let (Ok(moment), Ok(time)) = (moment, &time) {
                prop_assert_eq!(moment, Moment::from(*time));
            }
            prop_assert!(moment.is_ok() || time.is_err() || time.is_ok_and(|time| time.to_string().starts_with('-')));
        }
    }
}
