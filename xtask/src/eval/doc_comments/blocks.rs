//! Extraction of doc comments from Rust sources, line by line.
//!
//! Unlike a parser, it also reads macro calls and any edition, at a hundredth of the cost. It misses `#[doc = "…"]` and
//! `/** … */`, and takes lines of a string for comments.

/// A summary and the paragraph that explains it, each on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) summary: String,
    pub(super) explanation: String,
}

/// Prefixes of lines other than prose: headings, lists, quotes, tables, code, HTML, footnotes, link targets.
const NO_PROSE: [&str; 11] = ["#", "- ", "* ", "+ ", "> ", "|", "```", "~~~", "<", "![", "[^"];

/// Returns the first two paragraphs of every doc comment that begins with two paragraphs of prose.
pub(super) fn pairs(source: &str) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut block: Vec<&str> = Vec::new();
    let mut kind = None;
    for line in source.lines().chain([""]) {
        let (this, text) = doc_line(line).unzip();
        if this != kind {
            pairs.extend(pair(&block));
            block.clear();
            kind = this;
        }
        block.extend(text);
    }
    pairs
}

/// Returns the text of a doc comment, and whether it is an inner one. Four slashes are no doc comment.
fn doc_line(line: &str) -> Option<(bool, &str)> {
    let line = line.trim_start();
    let (inner, text) = match (line.strip_prefix("///"), line.strip_prefix("//!")) {
        (Some(text), _) if !text.starts_with('/') => (false, text),
        (_, Some(text)) => (true, text),
        _ => return None,
    };
    Some((inner, text.strip_prefix(' ').unwrap_or(text).trim_end()))
}

fn pair(block: &[&str]) -> Option<Pair> {
    let mut paragraphs = block
        .split(|line| line.trim().is_empty())
        .filter(|lines| !lines.is_empty());
    Some(Pair {
        summary: prose(paragraphs.next()?)?,
        explanation: prose(paragraphs.next()?)?,
    })
}

/// Joins the lines of a paragraph if all are prose.
fn prose(lines: &[&str]) -> Option<String> {
    lines.iter().all(|line| is_prose(line)).then(|| {
        let words: Vec<_> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
        words.join(" ")
    })
}

fn is_prose(line: &str) -> bool {
    // Four spaces make code.
    let indented = line.starts_with("    ") || line.starts_with('\t');
    let line = line.trim_start();
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let listed = numbered.len() < line.len() && (numbered.starts_with(". ") || numbered.starts_with(") "));
    let link_target = line.starts_with('[') && line.contains("]: ");
    !indented && !listed && !link_target && !NO_PROSE.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<(String, String)> {
        let pairs = pairs(source).into_iter();
        pairs.map(|pair| (pair.summary, pair.explanation)).collect()
    }

    fn both(summary: &str, explanation: &str) -> (String, String) {
        (summary.to_owned(), explanation.to_owned())
    }

    #[test]
    fn first_two_paragraphs_are_joined_and_the_rest_is_left() {
        let source = "
            /// Sends a message.
            ///
            /// It waits until
            /// there is  room.
            ///
            /// A third paragraph.
            pub fn send() {}";
        assert_eq!(
            found(source),
            [both("Sends a message.", "It waits until there is room.")]
        );
    }

    #[test]
    fn inner_and_outer_comments_and_comments_apart_are_not_mixed() {
        let source = "//! A module.\n//!\n//! Its job.\n/// An item.\n///\n/// What it does.\nstruct A;\n\n/// Alone.\n\n/// Alone too.\nstruct B;";
        assert_eq!(
            found(source),
            [both("A module.", "Its job."), both("An item.", "What it does.")]
        );
    }

    #[test]
    fn ordinary_comments_and_rulers_are_not_read() {
        assert!(found("// One.\n//\n// Two.\n////////\n//// Three.\n////\n//// Four.").is_empty());
    }

    #[test]
    fn second_paragraph_that_is_no_prose_is_not_taken() {
        for second in [
            "# Examples",
            "```rust",
            "- a point",
            "* a point",
            "1. a step",
            "> a quote",
            "| a | b |",
            "[here]: https://example.com",
            "<div>",
            "    let a = 1;",
        ] {
            let source = format!("/// Summary.\n///\n/// {second}\nfn a() {{}}");
            assert!(found(&source).is_empty(), "{second}");
        }
    }

    #[test]
    fn links_and_numbers_in_prose_do_no_harm() {
        let source = "/// Summary.\n///\n/// [`Vec`] holds\n/// 100 items.\nfn a() {}";
        assert_eq!(found(source), [both("Summary.", "[`Vec`] holds 100 items.")]);
    }

    #[test]
    fn comment_at_the_end_of_the_file_is_read() {
        assert_eq!(found("//! One.\r\n//!\r\n//! Two."), [both("One.", "Two.")]);
    }
}
