//! Recognising what an agent was served when it stores that again.
//!
//! Agents put what they read from memory into their answers, and their answers into memory. Unmarked, each round would
//! make the same statement look more important.

use crate::context::Context;
use crate::lexical::Analyzer;

/// The tag of a context that repeats what its session was just served.
pub const ECHO_TAG: &str = "echo";

/// A text that is this much made of what was served is an echo.
const SHARE: f32 = 0.7;
/// Shorter texts, in bytes, occur in others by chance.
const TELLING_BYTES: usize = 16;
/// Two texts that share this part of their word pairs say the same.
const SAME: f32 = 0.9;

/// Whether a context was marked as an echo.
pub fn is_echo(context: &Context) -> bool {
    context.tags.iter().any(|tag| tag == ECHO_TAG)
}

/// Which of the texts in `served` a text repeats, as their positions; empty when it says something of its own.
///
/// It repeats those that stand in it literally, if together they make up most of it, and one that says the same in
/// nearly the same words.
#[expect(clippy::cast_precision_loss, reason = "texts have at most 32,768 bytes")]
pub fn echoed(analyzer: &Analyzer, text: &str, served: &[&str]) -> Vec<usize> {
    let mut within: Vec<usize> = Vec::new();
    let mut covered = 0;
    for (at, served) in served.iter().enumerate() {
        let telling = served.len() >= TELLING_BYTES && served.len() <= text.len();
        if telling && text.contains(served) {
            within.push(at);
            covered += served.len();
        }
    }
    if covered as f32 >= SHARE * text.len() as f32 && covered > 0 {
        return within;
    }
    let wording = analyzer.wording(text);
    let nearly = |served: &str| {
        // Texts of very different length share too few words: no need to look.
        let comparable = served.len() <= text.len() * 2 && text.len() <= served.len() * 2;
        served.len() >= TELLING_BYTES && comparable && analyzer.wording(served).nearly_same(&wording, SAME)
    };
    let served = served.iter().enumerate();
    served
        .filter(|(_, served)| nearly(served))
        .map(|(at, _)| at)
        .take(1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexical::Config;

    #[test]
    fn what_was_served_is_recognised_and_a_statement_of_its_own_is_not() {
        let analyzer = Analyzer::new(Config::default());
        let served = [
            "The user prefers dark mode in the editor",
            "The deploy key is rotated every Monday at noon",
            "ok",
        ];
        let repeats = |text: &str| echoed(&analyzer, text, &served);
        assert_eq!(repeats(served[0]), [0]);
        assert_eq!(
            repeats("user prefers dark mode, in his editor."),
            [0],
            "nearly the same words"
        );
        let prompt = format!("# Memory\n- {}\n- {}\n", served[0], served[1]);
        assert_eq!(repeats(&prompt), [0, 1], "a whole prompt");
        for own in [
            "The user no longer prefers dark mode in the editor",
            "As you prefer dark mode in the editor, I set up the terminal, the browser and the notes the same way for you",
            "ok",
        ] {
            assert_eq!(repeats(own), [0; 0], "{own}");
        }
    }
}
