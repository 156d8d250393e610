//! The voice of comments: a doc comment begins with a noun phrase or a third-person verb, not with a relative clause.
//!
//! Only the first line of a doc comment is checked for its opening, and every comment for phrases that a reader has to
//! take apart. CONTRIBUTING.md has examples.

use std::ops::AddAssign;

use super::problem::Problem;

/// Words that no doc comment begins with.
const OPENINGS: &[&str] = &[
    "How", "What", "Whatever", "When", "Where", "Whether", "Which", "Who", "Whoever", "Whom", "Whose", "Why",
];

/// Phrases for which plain English has a shorter word.
const PHRASES: &[&str] = &[
    "anew",
    "are to be",
    "as far as",
    "gone on with",
    "has to bear",
    "is to be",
    "what is to",
    "whoever",
];

/// Numbers of doc comments and faults.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) doc_comments: usize,
    pub(super) openings: usize,
    pub(super) phrases: usize,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.doc_comments += other.doc_comments;
        self.openings += other.openings;
        self.phrases += other.phrases;
    }
}

/// Finds the openings and phrases in the file `place`, and counts its doc comments.
pub(super) fn check(place: &str, source: &str) -> (Vec<Problem>, Figures) {
    let (mut problems, mut figures, mut inside) = (Vec::new(), Figures::default(), false);
    for (number, line) in (1..).zip(source.lines().map(str::trim)) {
        let place = || format!("{place}:{number}");
        let doc = doc_text(line);
        if let Some(text) = doc.filter(|text| !inside && !text.is_empty()) {
            figures.doc_comments += 1;
            let word = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            if OPENINGS.contains(&word) {
                figures.openings += 1;
                problems.push(Problem::new(
                    place(),
                    format!("a doc comment begins with `{word}`: {text}"),
                    "begin with a noun phrase for a thing, with a third-person verb for a function",
                ));
            }
        }
        inside = doc.is_some_and(|text| inside || !text.is_empty());
        if let Some(phrase) = line.strip_prefix("//").and_then(phrase) {
            figures.phrases += 1;
            problems.push(Problem::new(
                place(),
                format!("a comment says `{phrase}`"),
                "say it in plain English, in the active voice",
            ));
        }
    }
    (problems, figures)
}

/// The text of a line of a doc comment.
fn doc_text(line: &str) -> Option<&str> {
    let text = line.strip_prefix("//!").or_else(|| line.strip_prefix("///"))?;
    (!text.starts_with('/')).then(|| text.trim_start())
}

fn phrase(comment: &str) -> Option<&'static str> {
    let words: Vec<_> = comment
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let text = format!(" {} ", words.join(" ").to_lowercase());
    PHRASES
        .iter()
        .find(|phrase| text.contains(&format!(" {phrase} ")))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_of_doc_comments_are_found() {
        let source = "//! Whether.\n\n/// Maximum.\n/// What follows may begin so.\nfn f() {}\n    ///\n    /// How-to.\n// Why not.\n//// Which.\n/// Whatsoever.\n";
        let (problems, figures) = check("a.rs", source);
        let places: Vec<_> = problems.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(places, ["a.rs:1", "a.rs:7"]);
        let expected = Figures {
            doc_comments: 4,
            openings: 2,
            phrases: 0,
        };
        assert_eq!(figures, expected);
    }

    #[test]
    fn phrases_are_found_in_all_comments_and_nowhere_else() {
        let source = "// Made anew, it is\n/// As far as it goes.\nlet phrase = \"is to be\"; // renewed\n";
        let (problems, figures) = check("a.rs", source);
        assert_eq!(figures.phrases, 2);
        assert!(problems[1].found.contains("as far as"), "{}", problems[1]);
    }
}
