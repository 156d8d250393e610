//! Points in time as callers give them.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A point in time in whole milliseconds, read and written as RFC 3339 has it.
///
/// Not a [`Timestamp`], which ends a day before the last one that RFC 3339 can write: `9999-12-31T23:59:59Z` is what many
/// programs send for "never". What is finer than a millisecond is cut off towards the past, in contexts and filters alike,
/// so that they compare as they were sent. A leap second (`:60`) is the second before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(i64);

/// A text that is no RFC 3339 time, or one outside the years 0000 to 9999 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time such as 2026-01-02T03:04:05.678Z")]
pub struct InvalidMoment;

impl Moment {
    /// The moment this many milliseconds after the epoch.
    pub const fn from_millisecond(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millisecond(self) -> i64 {
        self.0
    }

    /// The date and the time of day in UTC.
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

    /// Reads a time of RFC 3339, section 5.6, with any offset.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).ok_or(InvalidMoment)
    }
}

fn read(text: &str) -> Option<Moment> {
    let (clock, rest) = text.split_at_checked(19)?;
    if !has_form(clock, "0000-00-00T00:00:00") {
        return None;
    }
    let part = |range: Range<usize>| clock.get(range)?.parse::<i8>().ok();
    let leap = part(17..19)? == 60;
    let second = if leap { 59 } else { part(17..19)? };
    let year = clock.get(..4)?.parse().ok()?;
    let local = DateTime::new(year, part(5..7)?, part(8..10)?, part(11..13)?, part(14..16)?, second, 0).ok()?;
    let (millis, zone) = fraction(rest)?;
    let utc = local.checked_sub(SignedDuration::from_mins(offset(zone)?)).ok()?;
    let is_leap = (utc.hour(), utc.minute()) == (23, 59) && utc.date() == utc.date().last_of_month();
    if utc.year() < 0 || (leap && !is_leap) {
        return None;
    }
    Some(Moment(utc.duration_since(EPOCH).as_secs() * 1000 + millis))
}

/// The whole milliseconds of a fraction of a second, and what follows it.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(text) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let end = text.find(|character: char| !character.is_ascii_digit())?;
    let (digits, rest) = text.split_at(end);
    let thousandths = digits.bytes().chain([b'0'; 2]).take(3);
    let millis = thousandths.fold(0, |millis, digit| millis * 10 + i64::from(digit - b'0'));
    (!digits.is_empty()).then_some((millis, rest))
}

/// Minutes east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("Z") {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let zone = zone.get(1..)?;
    if !has_form(zone, "00:00") {
        return None;
    }
    let (hours, minutes): (i64, i64) = (zone.get(..2)?.parse().ok()?, zone.get(3..)?.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Returns whether `text` is `form` with any digits in place of zeros, and letters of either case.
fn has_form(text: &str, form: &str) -> bool {
    let same = |(byte, form): (u8, u8)| byte.eq_ignore_ascii_case(&form) || (form == b'0' && byte.is_ascii_digit());
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(same)
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
    fn what_rfc_3339_allows_is_read() {
        for (sent, meant) in [
            ("2026-01-02T04:04:05+01:00", "2026-01-02T03:04:05.000Z"),
            ("2026-01-02t03:04:05.6789999z", "2026-01-02T03:04:05.678Z"),
            ("2026-01-02T03:04:05.5-00:00", "2026-01-02T03:04:05.500Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
            ("1969-12-31T23:59:59.9995Z", "1969-12-31T23:59:59.999Z"),
            ("2024-02-29T23:59:59-23:59", "2024-03-01T23:58:59.000Z"),
            // The examples of RFC 3339 with a leap second.
            ("1990-12-31T23:59:60Z", "1990-12-31T23:59:59.000Z"),
            ("1990-12-31T15:59:60.25-08:00", "1990-12-31T23:59:59.250Z"),
        ] {
            assert_eq!(again(sent), meant, "{sent}");
        }
    }

    #[test]
    fn nothing_else_is() {
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
    fn clocks_are_cut_towards_the_past() {
        for (nanos, millis) in [(1_999_999, 1), (-1, -1), (-1_000_000, -1), (-1_000_001, -2)] {
            let time = Timestamp::from_nanosecond(nanos).unwrap();
            assert_eq!(Moment::from(time).as_millisecond(), millis);
        }
    }

    proptest! {
        #[test]
        fn every_moment_comes_back(millis in -62_167_219_200_000_i64..=253_402_300_799_999) {
            let moment = Moment::from_millisecond(millis);
            prop_assert_eq!(moment.to_string().parse::<Moment>(), Ok(moment));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", digits in "[0-9TtZz:.+-]{0,40}") {
            let _ = text.parse::<Moment>();
            let _ = digits.parse::<Moment>();
        }

        #[test]
        fn it_is_what_a_timestamp_is_where_that_can_be(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9])") {
            let (moment, time) = (text.parse::<Moment>(), text.parse::<Timestamp>());
            if let (Ok(moment), Ok(time)) = (moment, &time) {
                prop_assert_eq!(moment, Moment::from(*time));
            }
            prop_assert!(moment.is_ok() || time.is_err() || time.is_ok_and(|time| time.to_string().starts_with('-')));
        }
    }
}
