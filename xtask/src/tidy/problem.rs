//! One finding of a check.

use std::fmt;

/// Something out of shape: its place, the fault, and the remedy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// A file, or an edge such as `a -> b`.
    pub(super) place: String,
    pub(super) found: String,
    pub(super) remedy: String,
}

impl Problem {
    pub(super) fn new(place: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            found: found.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.place, self.found, self.remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_names_the_place_and_the_remedy() {
        let problem = Problem::new("a -> b", "not allowed", "remove it");
        assert_eq!(problem.to_string(), "a -> b: not allowed\n    remove it");
    }
}
