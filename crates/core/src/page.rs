//! Pages of lists, and cursors.

use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

use siphasher::sip::SipHasher13;

/// Number of hexadecimal digits of a cursor's checksum.
const SUM_DIGITS: usize = 8;

/// Appends a checksum to `text`, as a truncated or altered cursor would continue at the wrong context.
pub fn seal(text: &str) -> String {
    let mut hash = SipHasher13::new();
    hash.write(text.as_bytes());
    format!("{text}{:08x}", hash.finish() >> 32)
}

/// Returns the text before the checksum; `None` if the checksum does not match.
pub fn unseal(sealed: &str) -> Option<&str> {
    let (text, _) = sealed.split_at_checked(sealed.len().checked_sub(SUM_DIGITS)?)?;
    (seal(text) == sealed).then_some(text)
}

/// Position in a list: the sequence number of the last context of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub u64);

/// Error for a text that is not a cursor of this server.
#[derive(Debug, thiserror::Error)]
#[error("not a cursor that this server gave out")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&seal(&format!("c{:x}", self.0)))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = unseal(text)
            .and_then(|text| text.strip_prefix('c'))
            .ok_or(InvalidCursor)?;
        // Stores compare sequence numbers exactly up to 2^53.
        let sequence = u64::from_str_radix(digits, 16).map_err(|_| InvalidCursor)?;
        if sequence >= 1 << 53 {
            Err(InvalidCursor)
        } else {
            Ok(Self(sequence))
        }
    }
}

/// Page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T, C = Cursor> {
    /// Items of the page.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` on the last page.
    pub next: Option<C>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    #[test]
    fn cursors_are_parsed_and_other_texts_refused() {
        assert_eq!(Cursor(77).to_string().parse::<Cursor>().unwrap(), Cursor(77));
        let umlauts = "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}";
        for bad in ["", "77", "c", "cxyz", "cffffffffffffffff", "c4d", umlauts] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
            assert!(seal(bad).parse::<Cursor>().is_err() || bad == "c4d", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn truncated_and_altered_cursors_are_refused(sequence in 0_u64..1 << 53, at in any::<Index>(), other in "[0-9a-fA-FcC]") {
            let cursor = Cursor(sequence).to_string();
            let at = at.index(cursor.len());
            let (start, end) = cursor.split_at(at);
            let altered = format!("{start}{other}{}", &end[1..]);
            for bad in [start, end, &format!("{start}{}", &end[1..]), &format!("{start}{other}{end}"), &altered] {
                prop_assert!(bad == cursor || bad.parse::<Cursor>().is_err(), "{}", bad);
            }
        }
    }
}
