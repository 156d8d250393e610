//! Paths in a tenant's tree of scopes, such as `org/acme/user/ann`.

use super::Violations;

/// Maximum number of segments of a path.
pub const MAX_SCOPE_SEGMENTS: usize = 16;
/// Maximum length of a path in bytes.
pub const MAX_SCOPE_BYTES: usize = 512;

/// Iterates over a path and all paths above it, the shortest first.
pub fn scope_and_above(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    ends.chain([path.len()]).map(|end| &path[..end])
}

impl Violations {
    /// Adds a path of a scope unless it has 1 to 16 segments of letters, digits, `.`, `_`, `-` and `@`.
    pub fn scope_path(&mut self, pointer: impl Into<String>, path: &str) {
        let allowed = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '@');
        let is_segment = |segment: &str| !segment.is_empty() && segment.chars().all(allowed);
        if path.len() > MAX_SCOPE_BYTES
            || path.split('/').count() > MAX_SCOPE_SEGMENTS
            || !path.split('/').all(is_segment)
        {
            self.invalid(
                pointer,
                format!(
                    "must be a path such as `org/acme/user/ann`: 1 to {MAX_SCOPE_SEGMENTS} segments of letters, digits, `.`, \
                     `_`, `-` and `@`, at most {MAX_SCOPE_BYTES} bytes"
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_checked() {
        let is_valid = |path: &str| {
            let mut found = Violations::default();
            found.scope_path("/scope", path);
            found.is_empty()
        };
        for good in [
            "org",
            "org/acme/user/ann@acme.example",
            "größe/1.0_b-2",
            &["a"; 16].join("/"),
        ] {
            assert!(is_valid(good), "{good}");
        }
        for bad in [
            "",
            "/org",
            "org/",
            "a//b",
            "a b",
            "a\\b",
            "a%2fb",
            &["a"; 17].join("/"),
            &"x".repeat(513),
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
    }

    #[test]
    fn paths_above_end_at_whole_segments() {
        assert_eq!(scope_and_above("a").collect::<Vec<_>>(), ["a"]);
        assert_eq!(scope_and_above("a/bc/d").collect::<Vec<_>>(), ["a", "a/bc", "a/bc/d"]);
    }
}
