//! Walking through a long list.

use std::fmt;
use std::str::FromStr;

/// Where a list goes on: after the context with this sequence number, downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub u64);

/// A text that is not a cursor this server gave out.
#[derive(Debug, thiserror::Error)]
#[error("not a cursor that this server gave out")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{:x}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('c').ok_or(InvalidCursor)?;
        // Sequence numbers are microseconds since the epoch; what stores can compare exactly ends at 2^53.
        let sequence = u64::from_str_radix(digits, 16).map_err(|_| InvalidCursor)?;
        if sequence >= 1 << 53 {
            Err(InvalidCursor)
        } else {
            Ok(Self(sequence))
        }
    }
}

/// One page of a list, and where the next one starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T, C = Cursor> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where to go on; `None` on the last page.
    pub next: Option<C>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_back_and_others_refused() {
        assert_eq!(Cursor(77).to_string().parse::<Cursor>().unwrap(), Cursor(77));
        for bad in ["", "77", "c", "cxyz", "cffffffffffffffff"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
