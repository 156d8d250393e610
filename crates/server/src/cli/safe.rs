//! Texts of others on a terminal, which would obey what they hold.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns a text with its control characters written out, line feeds and tabs aside.
pub(super) fn safe(text: &str) -> Cow<'_, str> {
    escape(text, |control| control != '\n' && control != '\t', "\\u{", "}")
}

/// Returns a text as one line, with its control characters written out.
pub(super) fn safe_line(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    safe(&line.join(" ")).into_owned()
}

/// Returns JSON that no terminal obeys, and that says the same: only strings hold such characters, which may be escaped
/// there.
pub(super) fn safe_json(json: &str) -> Cow<'_, str> {
    escape(json, |control| !matches!(control, '\n' | '\t'), "\\u", "")
}

fn escape<'t>(text: &'t str, is_meant: impl Fn(char) -> bool, before: &str, after: &str) -> Cow<'t, str> {
    let is_meant = |character: &char| commands(*character) && is_meant(*character);
    if !text.chars().any(|character| is_meant(&character)) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_meant(&character) {
            // A text takes it always.
            let _ = write!(escaped, "{before}{:04x}{after}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Returns whether a terminal may take a character for a command, or show text in another order than it stands.
fn commands(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_commands() {
        let evil = "a\u{1b}]0;title\u{7}b\u{9b}31mc\u{202e}d\r\n\te";
        assert_eq!(
            safe(evil),
            "a\\u{001b}]0;title\\u{0007}b\\u{009b}31mc\\u{202e}d\\u{000d}\n\te"
        );
        assert_eq!(safe_line("a\n\n  b\u{1b}c"), "a b\\u{001b}c");
        assert!(matches!(safe("Zoë \u{1f9e3}"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_says_the_same() {
        let text = "a\u{1b}\u{9b}\u{7f}\u{202e}\n\t\"";
        let json = serde_json::to_string(text).unwrap();
        let shown = safe_json(&json);
        assert!(!shown.chars().any(commands), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }
}
