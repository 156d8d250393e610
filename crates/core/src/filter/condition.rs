//! Conditions on single fields of a context, which stores translate for their engines.

use std::borrow::Cow;
use std::fmt;

use super::metadata::metadata_facts;
use crate::Moment;
use crate::context::{Context, ContextId};

/// Field of a context that filters can ask for.
///
/// Not `#[non_exhaustive]`: every store must say where it keeps a new field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Level, by name.
    Level,
    /// User id.
    User,
    /// Agent id.
    Agent,
    /// Session id.
    Session,
    /// Tags.
    Tags,
    /// Metadata, as facts `key=value`.
    Metadata,
    /// Ids of the sources of a summary.
    DerivedFrom,
    /// `yes` or `no`.
    Embedded,
    /// `yes`, or no value.
    Pinned,
    /// Time of the event.
    OccurredAt,
    /// Importance.
    Importance,
    /// Time of expiry, the end of time for contexts that never expire.
    ExpiresAt,
    /// As [`Field::ExpiresAt`], but the beginning of time for superseded contexts.
    VisibleUntil,
}

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

/// Test of one field.
#[derive(Debug, Clone, PartialEq)]
pub enum Test<'a> {
    /// The field has one of these words; none matches nothing.
    AnyOf(Field, Vec<Cow<'a, str>>),
    /// The field is as large or larger.
    AtLeast(Field, Number),
    /// The field is smaller.
    Below(Field, Number),
    /// The context belongs to no session.
    NoSession,
    /// The context has one of these ids; none matches nothing.
    Ids(&'a [ContextId]),
}

/// One condition of a filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition<'a> {
    /// Name of the filter field. Several conditions share one if a context must meet each of them.
    pub name: &'static str,
    /// Test that a context must pass.
    pub test: Test<'a>,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 13] = [
        Self::Level,
        Self::User,
        Self::Agent,
        Self::Session,
        Self::Tags,
        Self::Metadata,
        Self::DerivedFrom,
        Self::Embedded,
        Self::Pinned,
        Self::OccurredAt,
        Self::Importance,
        Self::ExpiresAt,
        Self::VisibleUntil,
    ];

    /// Returns `true` if the words are text that logs must not repeat.
    pub(super) const fn is_private(self) -> bool {
        matches!(self, Self::Tags | Self::Metadata)
    }

    /// Returns the values that `context` has of this field.
    pub fn of(self, context: &Context) -> Values<'_> {
        let end = context.expires_at.map_or(END_OF_TIME, Moment::from);
        match self {
            Self::Level => words([context.level.as_str()]),
            Self::User => words(context.user_id.as_deref()),
            Self::Agent => words(context.agent_id.as_deref()),
            Self::Session => words(context.session_id.as_deref()),
            Self::Tags => words(context.tags.iter().map(String::as_str)),
            Self::Metadata => words(metadata_facts(&context.metadata)),
            Self::DerivedFrom => words(context.derived_from.iter().map(ContextId::to_string)),
            Self::Embedded => words([yes_or_no(context.embedded)]),
            Self::Pinned => words(context.pinned.then_some(YES)),
            Self::OccurredAt => Values::Number(Number::Time(context.occurred_at)),
            Self::Importance => Values::Number(Number::Float(context.importance)),
            Self::ExpiresAt => Values::Number(Number::Time(end)),
            Self::VisibleUntil if context.superseded_by.is_some() => Values::Number(Number::Time(BEGINNING_OF_TIME)),
            Self::VisibleUntil => Values::Number(Number::Time(end)),
        }
    }
}

const YES: &str = "yes";
const BEGINNING_OF_TIME: Moment = Moment::from_millisecond(i64::MIN);
const END_OF_TIME: Moment = Moment::from_millisecond(i64::MAX);

pub(super) const fn yes_or_no(value: bool) -> &'static str {
    if value { YES } else { "no" }
}

fn words<'a, W: Into<Cow<'a, str>>>(words: impl IntoIterator<Item = W>) -> Values<'a> {
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

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => time.fmt(f),
            Self::Float(number) => number.fmt(f),
        }
    }
}

impl Test<'_> {
    /// Returns `true` if `context` passes.
    pub fn passes(&self, context: &Context) -> bool {
        let number = |field: Field, passes: fn(Number, Number) -> bool, bound| matches!(field.of(context), Values::Number(number) if passes(number, bound));
        match self {
            Self::AnyOf(field, wanted) => {
                matches!(field.of(context), Values::Words(words) if wanted.iter().any(|word| words.contains(word)))
            }
            Self::AtLeast(field, least) => number(*field, |number, least| number >= least, *least),
            Self::Below(field, end) => number(*field, |number, end| number < end, *end),
            Self::NoSession => context.session_id.is_none(),
            Self::Ids(ids) => ids.contains(&context.id),
        }
    }
}

/// Conditions of a filter, collected row by row.
#[derive(Debug, Default)]
pub(super) struct Conditions<'a>(Vec<Condition<'a>>);

impl<'a> Conditions<'a> {
    pub(super) fn add(&mut self, name: &'static str, test: Test<'a>) {
        self.0.push(Condition { name, test });
    }

    /// Adds a row for one of `words`, unless there are none.
    pub(super) fn any_of<W: Into<Cow<'a, str>>>(
        &mut self,
        name: &'static str,
        field: Field,
        words: impl IntoIterator<Item = W>,
    ) {
        let words: Vec<_> = words.into_iter().map(Into::into).collect();
        if !words.is_empty() {
            self.add(name, Test::AnyOf(field, words));
        }
    }

    /// Adds a row for numbers from `bound` on, if there is one.
    pub(super) fn at_least(&mut self, name: &'static str, field: Field, bound: Option<Number>) {
        bound
            .into_iter()
            .for_each(|bound| self.add(name, Test::AtLeast(field, bound)));
    }

    /// Adds a row for numbers below `bound`, if there is one.
    pub(super) fn below(&mut self, name: &'static str, field: Field, bound: Option<Number>) {
        bound
            .into_iter()
            .for_each(|bound| self.add(name, Test::Below(field, bound)));
    }

    pub(super) fn into_vec(self) -> Vec<Condition<'a>> {
        self.0
    }
}
