//! Filters: the contexts that a call is about.
//!
//! This file is the table of all filter fields. Matching, the stores and the audit log read it, so that a new field costs
//! its rows here, its field in the wire type, and its key in the stores' payload.

mod metadata;
mod outline;
mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::Moment;
use crate::context::{Context, ContextId, Level, Origin, scope_and_above};

pub(crate) use metadata::same_metadata;
use metadata::{metadata_fact, metadata_facts};
use value::{BEGINNING_OF_TIME, expiry, number, words, yes_or_no};
pub use value::{Number, Values};

/// Conditions that must all hold; an empty list or `None` is no condition.
///
/// [`Filter::matches`] defines the meaning of every condition for all stores.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a condition of its own")]
pub struct Filter {
    /// Has one of these levels.
    pub levels: Vec<Level>,
    /// Belongs to this user.
    pub user_id: Option<String>,
    /// Belongs to this agent.
    pub agent_id: Option<String>,
    /// Belongs to this session.
    pub session_id: Option<String>,
    /// Belongs to exactly this scope.
    pub scope: Option<String>,
    /// Belongs to this scope or to one below it.
    pub scope_prefix: Option<String>,
    /// Has one of these keys, each in its scope.
    pub names: Vec<Name>,
    /// Has one of these origins.
    pub origins: Vec<Origin>,
    /// Is a message of this role.
    pub role: Option<String>,
    /// Is a message.
    pub messages: bool,
    /// Is a part of this document.
    pub document_id: Option<String>,
    /// Is the first part of a document.
    pub documents: bool,
    /// Is in this language: a BCP 47 tag, or the language alone for all of its tags.
    pub language: Option<String>,
    /// Belongs to no session.
    pub sessionless: bool,
    /// Has at least one of these tags.
    pub tags_any: Vec<String>,
    /// Has every one of these tags.
    pub tags_all: Vec<String>,
    /// Happened at this time or later.
    pub occurred_after: Option<Moment>,
    /// Happened before this time.
    pub occurred_before: Option<Moment>,
    /// Has at least this importance.
    pub min_importance: Option<f32>,
    /// For every key, the metadata value (or one element of it, if it is a list) equals one of these scalars. A key
    /// with dots reaches into nested objects.
    pub metadata: BTreeMap<String, Vec<Value>>,
    /// Has one of these ids; `Some` of an empty list matches nothing.
    pub ids: Option<Vec<ContextId>>,
    /// Is a summary of at least one of these contexts.
    pub derived_from: Vec<ContextId>,
    /// Was superseded by this context.
    pub superseded_by: Option<ContextId>,
    /// Has its vector stored, or not yet.
    pub embedded: Option<bool>,
    /// Is pinned.
    pub pinned: bool,
    /// Is expired or superseded, or not.
    pub visibility: Visibility,
}

/// Key in a scope, which one current context of a tenant has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// Scope; `None` for keys without one.
    pub scope: Option<String>,
    /// Key.
    pub key: String,
}

impl Name {
    /// Returns the name of a context that has a key.
    pub fn of(context: &Context) -> Option<Self> {
        Some(Self {
            scope: context.scope.clone(),
            key: context.key.clone()?,
        })
    }

    /// Returns it as one word: no scope has a blank.
    fn word(&self) -> String {
        format!("{} {}", self.scope.as_deref().unwrap_or_default(), self.key)
    }
}

/// Treatment of expired and superseded contexts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Everything that is stored, for deletion and maintenance.
    #[default]
    All,
    /// Neither expired nor superseded at this time, for search and lists.
    Current(Timestamp),
    /// Not expired at this time, superseded or not.
    Live(Timestamp),
    /// Expired at this time, for garbage collection.
    Expired(Timestamp),
}

macro_rules! fields {
    ($context:ident: $($(#[$doc:meta])* $field:ident => $values:expr;)*) => {
        /// Field of a context that filters can test.
        ///
        /// Not `#[non_exhaustive]`: every store must say where it keeps a new field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Field {
            $($(#[$doc])* $field,)*
        }

        impl Field {
            /// All fields.
            pub const ALL: &'static [Self] = &[$(Self::$field),*];

            /// Returns the values that a context has of this field.
            pub fn of(self, $context: &Context) -> Values<'_> {
                match self {
                    $(Self::$field => $values,)*
                }
            }
        }
    };
}

fields! {
    context:
    /// Level, by name.
    Level => words([context.level.as_str()]);
    /// User id.
    User => words(context.user_id.as_deref());
    /// Agent id.
    Agent => words(context.agent_id.as_deref());
    /// Session id.
    Session => words(context.session_id.as_deref());
    /// Path of the scope.
    Scope => words(context.scope.as_deref());
    /// Path of the scope, and those of all scopes above it.
    ScopePrefix => words(context.scope.as_deref().into_iter().flat_map(scope_and_above));
    /// Scope and key.
    Name => words(Name::of(context).map(|name| name.word()));
    /// Origin, unless it is a user.
    Origin => words((context.origin != Origin::User).then_some(context.origin.as_str()));
    /// Role of a message.
    Role => words(context.message.as_ref().map(|message| message.role.as_str()));
    /// `yes` for messages, or no value.
    Message => words(context.message.as_ref().map(|_| "yes"));
    /// Id of the document.
    Document => words(context.part.as_ref().map(|part| part.document_id.as_str()));
    /// `yes` for the first part of a document, or no value.
    FirstPart => words(context.part.as_ref().filter(|part| part.index == 0).map(|_| "yes"));
    /// BCP 47 tag in lower case, and the language alone.
    Language => words(languages(context));
    /// Tags.
    Tags => words(context.tags.iter().map(String::as_str));
    /// Metadata, as facts `key=value`.
    Metadata => words(metadata_facts(&context.metadata));
    /// Ids of the sources of a summary.
    DerivedFrom => words(context.derived_from.iter().map(ContextId::to_string));
    /// Id of the context that superseded it.
    SupersededBy => words(context.superseded_by.map(|superseded| superseded.by.to_string()));
    /// `yes` or `no`.
    Embedded => words([yes_or_no(context.embedded)]);
    /// `yes`, or no value.
    Pinned => words(context.pinned.then_some("yes"));
    /// Time of the event.
    OccurredAt => number(context.occurred_at);
    /// Importance.
    Importance => number(context.importance);
    /// Time of expiry; the end of time for contexts that never expire.
    ExpiresAt => number(expiry(context));
    /// As [`Field::ExpiresAt`], but the beginning of time for superseded contexts.
    VisibleUntil => number(context.superseded_by.map_or_else(|| expiry(context), |_| BEGINNING_OF_TIME));
}

impl Field {
    /// Returns `true` if the words are text that logs must not repeat.
    const fn is_private(self) -> bool {
        matches!(self, Self::Tags | Self::Metadata | Self::Name)
    }
}

/// Test of one field.
#[derive(Debug, Clone, PartialEq)]
pub enum Test<'a> {
    /// The field has one of these words; none matches nothing.
    AnyOf(Field, Vec<Cow<'a, str>>),
    /// The field has none of these words.
    NoneOf(Field, Vec<Cow<'a, str>>),
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

impl Test<'_> {
    /// Returns `true` if `context` passes.
    pub fn passes(&self, context: &Context) -> bool {
        let number = |field: &Field| match field.of(context) {
            Values::Number(number) => Some(number),
            Values::Words(_) => None,
        };
        match self {
            Self::AnyOf(field, wanted) => match field.of(context) {
                Values::Words(words) => wanted.iter().any(|word| words.contains(word)),
                Values::Number(_) => false,
            },
            Self::NoneOf(field, unwanted) => match field.of(context) {
                Values::Words(words) => !unwanted.iter().any(|word| words.contains(word)),
                Values::Number(_) => true,
            },
            Self::AtLeast(field, least) => number(field).is_some_and(|number| number >= *least),
            Self::Below(field, end) => number(field).is_some_and(|number| number < *end),
            Self::NoSession => context.session_id.is_none(),
            Self::Ids(ids) => ids.contains(&context.id),
        }
    }
}

const VISIBILITY: &str = "visibility";

impl Filter {
    /// Returns the filter that matches these ids alone.
    pub fn by_ids(ids: Vec<ContextId>) -> Self {
        Self {
            ids: Some(ids),
            ..Self::default()
        }
    }

    /// Matches these contexts as long as they stay at their levels. Working memory need not follow a deletion of others than
    /// immediate ones.
    pub(crate) fn of<'c>(contexts: impl IntoIterator<Item = &'c Context>) -> Self {
        let (mut ids, mut levels) = (Vec::new(), Vec::new());
        for context in contexts {
            ids.push(context.id);
            if !levels.contains(&context.level) {
                levels.push(context.level);
            }
        }
        Self {
            levels,
            ..Self::by_ids(ids)
        }
    }

    /// Returns `true` if no condition is set, apart from visibility.
    pub fn is_empty(&self) -> bool {
        self.conditions().iter().all(|condition| condition.name == VISIBILITY)
    }

    /// Returns `true` if `context` meets every condition.
    pub fn matches(&self, context: &Context) -> bool {
        self.conditions().iter().all(|condition| condition.test.passes(context))
    }

    /// Returns the conditions that are set.
    pub fn conditions(&self) -> Vec<Condition<'_>> {
        let visibility = match self.visibility {
            Visibility::All => None,
            Visibility::Current(now) => at_least(Field::VisibleUntil, Some(after(now))),
            Visibility::Live(now) => at_least(Field::ExpiresAt, Some(after(now))),
            Visibility::Expired(now) => below(Field::ExpiresAt, Some(after(now))),
        };
        let levels = self.levels.iter().map(|level| level.as_str());
        let sources = self.derived_from.iter().map(ContextId::to_string);
        let superseded_by = self.superseded_by.as_ref().map(ContextId::to_string);
        let language = self.language.as_ref().map(|tag| tag.to_ascii_lowercase());
        let yes = |is_set: bool| is_set.then_some(yes_or_no(true));
        let tags_all = self.tags_all.iter().map(|tag| any_of(Field::Tags, [tag]));
        let metadata = self.metadata.iter().map(|(key, values)| {
            let facts = values.iter().filter_map(|value| metadata_fact(key, value));
            // Values that are no scalars have no facts; an empty list must match nothing.
            Some(Test::AnyOf(Field::Metadata, facts.map(Into::into).collect()))
        });
        let mut rows = vec![
            ("user_id", any_of(Field::User, &self.user_id)),
            ("agent_id", any_of(Field::Agent, &self.agent_id)),
            ("session_id", any_of(Field::Session, &self.session_id)),
            ("scope", any_of(Field::Scope, &self.scope)),
            ("scope_prefix", any_of(Field::ScopePrefix, &self.scope_prefix)),
            ("key", any_of(Field::Name, self.names.iter().map(Name::word))),
            ("origin", of_origins(&self.origins)),
            ("role", any_of(Field::Role, &self.role)),
            ("messages", any_of(Field::Message, yes(self.messages))),
            ("document_id", any_of(Field::Document, &self.document_id)),
            ("documents", any_of(Field::FirstPart, yes(self.documents))),
            ("language", any_of(Field::Language, language)),
            ("level", any_of(Field::Level, levels)),
            ("tags_any", any_of(Field::Tags, &self.tags_any)),
        ];
        rows.extend(tags_all.map(|test| ("tags_all", test)));
        rows.extend(metadata.map(|test| ("metadata", test)));
        rows.extend([
            ("occurred_after", at_least(Field::OccurredAt, self.occurred_after)),
            ("occurred_before", below(Field::OccurredAt, self.occurred_before)),
            ("min_importance", at_least(Field::Importance, self.min_importance)),
            ("ids", self.ids.as_deref().map(Test::Ids)),
            ("derived_from", any_of(Field::DerivedFrom, sources)),
            ("superseded_by", any_of(Field::SupersededBy, superseded_by)),
            ("embedded", any_of(Field::Embedded, self.embedded.map(yes_or_no))),
            ("pinned", any_of(Field::Pinned, yes(self.pinned))),
            ("sessionless", self.sessionless.then_some(Test::NoSession)),
            (VISIBILITY, visibility),
        ]);
        let set = rows.into_iter();
        set.filter_map(|(name, test)| Some(Condition { name, test: test? }))
            .collect()
    }
}

fn languages(context: &Context) -> Vec<String> {
    let tag = context
        .language
        .as_ref()
        .map(|language| language.tag.to_ascii_lowercase());
    let alone = tag.as_ref().and_then(|tag| tag.split_once('-'));
    let alone = alone.map(|(language, _)| language.to_owned());
    tag.into_iter().chain(alone).collect()
}

/// Tests the origin for one of these, if there are any. Contexts of users, which are most, have no word for it: neither have
/// those stored before there were origins.
fn of_origins(origins: &[Origin]) -> Option<Test<'static>> {
    if !origins.contains(&Origin::User) {
        return any_of(Field::Origin, origins.iter().map(|origin| origin.as_str()));
    }
    let others = Origin::others(origins).into_iter().map(|origin| origin.as_str().into());
    Some(Test::NoneOf(Field::Origin, others.collect())).filter(|test| *test != Test::NoneOf(Field::Origin, Vec::new()))
}

/// Returns the first millisecond after `now`.
fn after(now: Timestamp) -> Moment {
    Moment::from_millisecond(Moment::from(now).as_millisecond() + 1)
}

/// Tests `field` for one of `words`, unless there are none.
fn any_of<'a, W: Into<Cow<'a, str>>>(field: Field, words: impl IntoIterator<Item = W>) -> Option<Test<'a>> {
    let words: Vec<_> = words.into_iter().map(Into::into).collect();
    (!words.is_empty()).then_some(Test::AnyOf(field, words))
}

/// Tests `field` for numbers from `bound` on, if there is one.
fn at_least(field: Field, bound: Option<impl Into<Number>>) -> Option<Test<'static>> {
    bound.map(|bound| Test::AtLeast(field, bound.into()))
}

/// Tests `field` for numbers below `bound`, if there is one.
fn below(field: Field, bound: Option<impl Into<Number>>) -> Option<Test<'static>> {
    bound.map(|bound| Test::Below(field, bound.into()))
}

#[cfg(test)]
mod tests;
