//! Levels of memory.

use std::fmt;
use std::str::FromStr;

/// Level of memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// L1: working memory of one session, served from memory.
    Immediate,
    /// L2: contexts that live for a TTL.
    ShortTerm,
    /// L3: contexts that live until they are deleted or their own TTL ends.
    #[default]
    LongTerm,
}

/// Error for an unknown level.
#[derive(Debug, thiserror::Error)]
#[error("unknown level; expected `immediate`, `short_term` or `long_term`")]
pub struct UnknownLevel;

impl Level {
    /// All levels, from L1 to L3.
    pub const ALL: [Self; 3] = [Self::Immediate, Self::ShortTerm, Self::LongTerm];

    /// Returns the name used in the API and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::ShortTerm => "short_term",
            Self::LongTerm => "long_term",
        }
    }

    /// Returns the index in [`Level::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    /// Parses a name; the short names `l1`, `l2` and `l3` are accepted in either case.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "immediate" | "l1" | "L1" => Ok(Self::Immediate),
            "short_term" | "l2" | "L2" => Ok(Self::ShortTerm),
            "long_term" | "l3" | "L3" => Ok(Self::LongTerm),
            _ => Err(UnknownLevel),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_read() {
        for level in Level::ALL {
            assert_eq!(level.as_str().parse::<Level>().unwrap(), level);
            assert_eq!(Level::ALL[level.index()], level);
        }
        assert_eq!("l1".parse::<Level>().unwrap(), Level::Immediate);
        assert_eq!("L3".parse::<Level>().unwrap(), Level::LongTerm);
        assert!("l4".parse::<Level>().is_err());
    }
}
