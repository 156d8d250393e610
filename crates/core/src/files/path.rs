//! Paths of files, confined to one directory.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Directory of all files.
const ROOT: &str = "/memories";

/// Maximum length of a path in bytes.
pub const MAX_PATH_BYTES: usize = 256;

/// Path of a file or directory: `/memories`, or segments under it that name no other place. In Unicode's composed form,
/// without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(String);

/// Error for a path that does not stay under `/memories`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// It starts elsewhere.
    #[error("must start with /memories")]
    Outside,
    /// It has a segment such as `..`, or its encoded form, that leads elsewhere.
    #[error("would escape /memories directory")]
    Escapes,
    /// It has a character, an empty segment or a length that no file's path has.
    #[error("must have at most {MAX_PATH_BYTES} bytes, no empty segment, no backslash and no control character")]
    Malformed,
}

impl FilePath {
    /// Checks a path.
    ///
    /// # Errors
    /// [`InvalidPath`] tells the reason.
    pub fn try_new(path: &str) -> Result<Self, InvalidPath> {
        if path.len() > MAX_PATH_BYTES {
            return Err(InvalidPath::Malformed);
        }
        let path: String = path.nfc().collect();
        let below = path.strip_prefix(ROOT).ok_or(InvalidPath::Outside)?;
        let below = match below.strip_prefix('/') {
            Some(below) => below.strip_suffix('/').unwrap_or(below),
            None if below.is_empty() => below,
            None => return Err(InvalidPath::Outside),
        };
        if escapes(below) {
            return Err(InvalidPath::Escapes);
        }
        let malformed = path.contains(|c: char| c == '\\' || c.is_control()) || path.contains("//");
        let blank = !below.is_empty() && below.split('/').any(|segment| segment.trim().is_empty());
        if malformed || blank || path.len() > MAX_PATH_BYTES {
            return Err(InvalidPath::Malformed);
        }
        Ok(Self(match below {
            "" => ROOT.to_owned(),
            below => format!("{ROOT}/{below}"),
        }))
    }

    /// Returns the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `true` for `/memories` itself.
    pub fn is_root(&self) -> bool {
        self.0 == ROOT
    }

    /// Iterates over the directories above it, the nearest first, without `/memories`.
    pub(super) fn parents(&self) -> impl Iterator<Item = Self> {
        let mut path = self.0.as_str();
        std::iter::from_fn(move || {
            path = path.rsplit_once('/')?.0;
            (path.len() > ROOT.len()).then(|| Self(path.to_owned()))
        })
    }

    /// Returns the part of another path below this one, if it is there.
    pub(super) fn relative<'a>(&self, other: &'a Self) -> Option<&'a str> {
        other.0.strip_prefix(&self.0)?.strip_prefix('/')
    }

    /// Returns the path of the same file after this directory became `to`.
    pub(super) fn moved(&self, file: &Self, to: &Self) -> Result<Self, InvalidPath> {
        let below = self.relative(file).ok_or(InvalidPath::Outside)?;
        Self::try_new(&format!("{to}/{below}"))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns `true` if a segment leads to another directory, as it stands or once something decodes it.
fn escapes(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let encoded = ["%2e", "%2f", "%5c", "%00", "%25"];
    encoded.iter().any(|code| lower.contains(code))
        || path
            .split(['/', '\\'])
            .any(|segment| matches!(segment.trim(), "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_under_the_directory() {
        for (path, expected) in [
            ("/memories", "/memories"),
            ("/memories/", "/memories"),
            ("/memories/a.md", "/memories/a.md"),
            ("/memories/a/b/", "/memories/a/b"),
            (
                "/memories/customer notes (100%).md",
                "/memories/customer notes (100%).md",
            ),
            ("/memories/..notes", "/memories/..notes"),
            ("/memories/.hidden", "/memories/.hidden"),
            ("/memories/cafe\u{301}", "/memories/café"),
        ] {
            let parsed = FilePath::try_new(path);
            assert_eq!(parsed.as_ref().map(FilePath::as_str), Ok(expected), "{path}");
        }
        let long = format!("/memories/{}", "a".repeat(MAX_PATH_BYTES));
        for (path, expected) in [
            ("", InvalidPath::Outside),
            ("notes.md", InvalidPath::Outside),
            ("/etc/passwd", InvalidPath::Outside),
            ("/memoriesx/a", InvalidPath::Outside),
            ("memories/a", InvalidPath::Outside),
            (" /memories/a", InvalidPath::Outside),
            ("/Memories/a", InvalidPath::Outside),
            ("/memories/..", InvalidPath::Escapes),
            ("/memories/../secrets.env", InvalidPath::Escapes),
            ("/memories/a/../../b", InvalidPath::Escapes),
            ("/memories/./a", InvalidPath::Escapes),
            ("/memories/ .. /a", InvalidPath::Escapes),
            ("/memories/%2e%2e/a", InvalidPath::Escapes),
            ("/memories/%2E%2E%2Fa", InvalidPath::Escapes),
            ("/memories/.%2e/a", InvalidPath::Escapes),
            ("/memories/%252e%252e/a", InvalidPath::Escapes),
            ("/memories/a%5cb", InvalidPath::Escapes),
            ("/memories/a%00b", InvalidPath::Escapes),
            ("/memories/..\\a", InvalidPath::Escapes),
            ("/memories/a\\b", InvalidPath::Malformed),
            ("/memories/a\0b", InvalidPath::Malformed),
            ("/memories/a\nb", InvalidPath::Malformed),
            ("/memories//a", InvalidPath::Malformed),
            ("/memories//", InvalidPath::Malformed),
            ("/memories/a//", InvalidPath::Malformed),
            ("/memories/ /a", InvalidPath::Malformed),
            (long.as_str(), InvalidPath::Malformed),
        ] {
            assert_eq!(FilePath::try_new(path), Err(expected), "{path:?}");
        }
    }
}
