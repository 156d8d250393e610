//! The commands that hosts run.

use std::path::{Path, PathBuf};

use crate::event::Event;
use crate::hosts::Host;
use crate::pieces::NAME;

/// This program, and what its MCP server is told.
#[derive(Debug, Clone)]
pub struct Program {
    /// Path of the program.
    pub path: PathBuf,
    /// Arguments that start the MCP server.
    pub mcp: Vec<String>,
}

impl Program {
    /// Returns the shell command of a hook.
    pub(super) fn hook(&self, host: Host, event: Event) -> String {
        format!("{} hook {} {}", quote(&self.text()), host.name(), event.name())
    }

    pub(super) fn text(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}

/// Returns true for the command of one of our hooks, of this program or another copy of it.
pub(super) fn is_ours(command: &str) -> bool {
    let mut words = command.rsplitn(4, ' ');
    let (event, host, hook, program) = (words.next(), words.next(), words.next(), words.next());
    let known = event.is_some_and(|event| event.parse::<Event>().is_ok())
        && host.is_some_and(|host| host.parse::<Host>().is_ok())
        && hook == Some("hook");
    let program = Path::new(program.unwrap_or_default().trim_matches(['\'', '"']));
    // This program may have been given another name.
    let is_this = || std::env::current_exe().is_ok_and(|this| this == program);
    known && (program.file_stem().is_some_and(|stem| stem == NAME) || is_this())
}

/// Quotes a word for the shell that runs hooks.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else if cfg!(windows) {
        format!("\"{word}\"")
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_commands_are_known_again_and_others_are_not() {
        let renamed = std::env::current_exe().unwrap();
        for path in [
            "/usr/bin/context-manager",
            "/home/o'neil/my tools/context-manager",
            renamed.to_str().unwrap(),
        ] {
            let program = Program {
                path: path.into(),
                mcp: Vec::new(),
            };
            for host in Host::all() {
                assert!(is_ours(&program.hook(host, Event::Stop)), "{path}");
            }
        }
        for other in [
            "/usr/bin/context-manager export",
            "/usr/bin/memory hook codex stop",
            "context-manager hook codex dance",
            "echo context-manager hook codex",
            "",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
