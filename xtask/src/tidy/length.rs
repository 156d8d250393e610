//! Maximum length of a source file, without the tests at its end, which are read differently.

use super::problem::Problem;

/// Maximum number of lines without tests.
const MOST: usize = 500;

/// Finds a file that is too long.
pub(super) fn check(place: &str, source: &str) -> Option<Problem> {
    let lines = shipped_lines(source);
    (lines > MOST).then(|| {
        Problem::new(
            place,
            format!("{lines} lines without its tests, at most {MOST} are allowed"),
            "split it: one noun a file, a folder with mod.rs for a module with children",
        )
    })
}

/// Counts the lines before `#[cfg(test)] mod tests {`, which clippy's `items_after_test_module` keeps last.
fn shipped_lines(source: &str) -> usize {
    let lines: Vec<_> = source.lines().collect();
    let opens_tests = |at: usize| {
        lines[at] == "#[cfg(test)]"
            && lines[at..]
                .iter()
                .find(|line| !line.starts_with("#["))
                .is_some_and(|line| *line == "mod tests {")
    };
    (0..lines.len()).find(|&at| opens_tests(at)).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_at_the_limit_passes_and_one_line_more_fails() {
        assert_eq!(check("a.rs", &"x\n".repeat(MOST)), None);
        let problem = check("crates/core/src/a.rs", &"x\n".repeat(MOST + 1)).unwrap();
        assert_eq!(problem.place, "crates/core/src/a.rs");
        assert!(problem.found.contains("501"), "{problem}");
    }

    #[test]
    fn tests_at_the_end_do_not_count() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    x\n".repeat(MOST));
        assert_eq!(shipped_lines(&format!("one\ntwo\n{tests}")), 2);
        let attribute = tests.replace("]\n", "]\n#[expect(dead_code)]\n");
        assert_eq!(shipped_lines(&format!("one\n{attribute}")), 1);
    }

    #[test]
    fn other_test_only_items_count() {
        assert_eq!(
            shipped_lines("#[cfg(test)]\nimpl A {}\n#[cfg(test)]\nmod fixtures {\n}\n"),
            5
        );
        assert_eq!(shipped_lines("fn a() {}\n#[cfg(test)]\nmod tests;\n"), 3);
    }
}
