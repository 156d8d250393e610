//! Values of the fields that filters test.

use std::borrow::Cow;
use std::fmt;

use crate::Moment;
use crate::context::Context;

/// Values that a context has of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Values<'a> {
    /// Any number of words that are equal or not.
    Words(Vec<Cow<'a, str>>),
    /// One number with an order.
    Number(Number),
}

/// Number that can be compared with others of its kind.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum Number {
    /// Point in time.
    Time(Moment),
    /// Any other number.
    Float(f32),
}

pub(super) const BEGINNING_OF_TIME: Moment = Moment::from_millisecond(i64::MIN);
const END_OF_TIME: Moment = Moment::from_millisecond(i64::MAX);

pub(super) fn expiry(context: &Context) -> Moment {
    context.expires_at.map_or(END_OF_TIME, Moment::from)
}

pub(super) fn number(number: impl Into<Number>) -> Values<'static> {
    Values::Number(number.into())
}

pub(super) const fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

pub(super) fn words<'a, W: Into<Cow<'a, str>>>(words: impl IntoIterator<Item = W>) -> Values<'a> {
    Values::Words(words.into_iter().map(Into::into).collect())
}

impl Number {
    /// Returns the number as stores compare it; times are milliseconds since the epoch.
    #[expect(clippy::cast_precision_loss, reason = "timestamps in milliseconds are below 2^53")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Time(time) => time.as_millisecond() as f64,
            Self::Float(number) => number.into(),
        }
    }
}

impl From<Moment> for Number {
    fn from(time: Moment) -> Self {
        Self::Time(time)
    }
}

impl From<f32> for Number {
    fn from(number: f32) -> Self {
        Self::Float(number)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => time.fmt(f),
            Self::Float(number) => number.fmt(f),
        }
    }
}
