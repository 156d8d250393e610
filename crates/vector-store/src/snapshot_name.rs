//! Names of snapshots: the time at which they were made.

use jiff::Timestamp;

const MAX_BYTES: usize = 64;

/// Returns the name of a snapshot made at this time.
pub(crate) fn at(time: Timestamp) -> String {
    format!("{time:.3}").replace(':', "-")
}

/// Returns whether a name leads to a folder directly below the snapshots, and nowhere else.
pub(crate) fn is_valid(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_BYTES).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        let time: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        assert_eq!(at(time), "2026-01-02T03-04-05.678Z");
        assert!(is_valid(&at(time)));
        for bad in ["", ".", "..", "../x", "a/b", ".hidden", "a b", "a\\b", &"x".repeat(65)] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
