//! The fields of the payload that stores index, and the names of the vectors. A change here makes stored contexts
//! unfindable.

use context_manager_core::filter::Field;

pub(crate) const TENANT: &str = "tenant";
pub(crate) const SESSION: &str = "session";
/// Apart from the facts: scopes are counted.
pub(crate) const SCOPE: &str = "scope";
/// Every [`Place::Fact`] of a context, see [`super::fact`].
pub(crate) const FACTS: &str = "facts";
/// Apart from the facts: every search asks for levels, and each is that of many contexts.
pub(crate) const LEVEL: &str = "level";
/// Offset in a session. Apart from the facts: every search looks up some hundred of them.
pub(crate) const SLOT: &str = "slot";
pub(crate) const OCCURRED: &str = "occurred";
pub(crate) const SEQUENCE: &str = "sequence";
pub(crate) const IMPORTANCE: &str = "importance";
/// Time of expiry.
pub(crate) const EXPIRES: &str = "expires";
/// As [`EXPIRES`], but in the distant past for superseded contexts, so that one condition finds the current ones.
pub(crate) const VISIBLE: &str = "visible";

/// Name of the dense vector.
pub(crate) const DENSE: &str = "dense";
/// Name of the sparse vector.
pub(crate) const WORDS: &str = "text";

/// Kind of index that a key needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    /// The word by which contexts are partitioned.
    Tenant,
    /// Words, each of many contexts.
    Word,
    /// Words, each of a few contexts. The engine's index in memory scans all smaller values, so that looking up a hundred
    /// words would slow down with the number of contexts; the index on disk is read through the page cache.
    RareWord,
    /// Integers to look up, each of a few contexts; on disk as [`Index::RareWord`].
    RareInteger,
    /// Integers with an order.
    Range,
    /// Numbers with an order.
    Float,
}

/// Place of a filter field in the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Among the facts, under this letter.
    Fact(char),
    /// Under a key of its own.
    Key(&'static str, Index),
}

impl Place {
    pub(crate) const fn of(field: Field) -> Self {
        match field {
            Field::User => Self::Fact('u'),
            Field::Agent => Self::Fact('a'),
            Field::ScopePrefix => Self::Fact('s'),
            Field::Name => Self::Fact('k'),
            Field::Origin => Self::Fact('o'),
            Field::Role => Self::Fact('r'),
            Field::Message => Self::Fact('i'),
            Field::Document => Self::Fact('f'),
            Field::FirstPart => Self::Fact('h'),
            Field::SupersededBy => Self::Fact('b'),
            Field::Language => Self::Fact('l'),
            Field::Tags => Self::Fact('t'),
            Field::Metadata => Self::Fact('m'),
            Field::DerivedFrom => Self::Fact('d'),
            Field::Embedded => Self::Fact('e'),
            Field::Pinned => Self::Fact('p'),
            Field::Level => Self::Key(LEVEL, Index::Word),
            Field::Session => Self::Key(SESSION, Index::Word),
            Field::Scope => Self::Key(SCOPE, Index::Word),
            Field::OccurredAt => Self::Key(OCCURRED, Index::Range),
            Field::Importance => Self::Key(IMPORTANCE, Index::Float),
            Field::ExpiresAt => Self::Key(EXPIRES, Index::Range),
            Field::VisibleUntil => Self::Key(VISIBLE, Index::Range),
        }
    }

    /// Returns the key of the payload that holds the field.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Fact(_) => FACTS,
            Self::Key(key, _) => key,
        }
    }
}

/// Returns every key that a filter or a list asks for, and no other: each index is a dozen files to write on every flush.
pub(crate) fn indexes() -> impl Iterator<Item = (&'static str, Index)> {
    let own = [
        (TENANT, Index::Tenant),
        (FACTS, Index::RareWord),
        (SLOT, Index::RareInteger),
        (SEQUENCE, Index::Range),
    ];
    let fields = Field::ALL.iter().filter_map(|field| match Place::of(*field) {
        Place::Fact(_) => None,
        Place::Key(key, index) => Some((key, index)),
    });
    own.into_iter().chain(fields)
}
