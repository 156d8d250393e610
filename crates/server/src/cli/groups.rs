//! The help of the program, with its commands in groups: clap knows groups of arguments alone.

use std::fmt::Write as _;

use clap::Command;
use clap::builder::{StyledStr, Styles};

/// Groups of commands, in the order of a newcomer's questions.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Start", &["serve", "demo", "doctor"]),
    (
        "Memory",
        &[
            "store", "search", "assemble", "get", "list", "edit", "delete", "sessions", "scopes", "stats", "tail",
            "top",
        ],
    ),
    ("Agents", &["mcp", "install", "uninstall", "hook"]),
    (
        "Operation",
        &[
            "keys",
            "snapshot",
            "export",
            "import",
            "migrate",
            "reembed",
            "check-config",
            "print-config",
            "healthcheck",
        ],
    ),
    (
        "References",
        &["completions", "man", "openapi", "config-reference", "metrics-reference"],
    ),
];
const EXIT_CODES: &str = "Exit codes: 0 success, 1 other failure, 2 command line, 3 not found, 4 refused (no key, a wrong one, or one \
                          without the permission), 5 invalid request, 6 no answer in time, 7 conflict";

/// Groups the commands of the program in its help.
pub(super) fn group(program: Command) -> Command {
    let styles = Styles::styled();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut help = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (title, names) in GROUPS {
        // A text takes it always.
        let _ = writeln!(help, "\n{header}{title}:{header:#}");
        for name in names {
            let about = program.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let end = [". ", ": ", "; "].iter().filter_map(|mark| about.find(mark)).min();
            let first = about[..end.unwrap_or(about.len())].trim_end_matches('.');
            let _ = writeln!(help, "  {literal}{name:17}{literal:#}  {first}");
        }
    }
    let _ = write!(help, "\n{header}Options:{header:#}\n{{options}}{{after-help}}");
    program.help_template(StyledStr::from(help)).after_help(EXIT_CODES)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_is_in_one_group() {
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let program = Cli::command();
        let all: BTreeSet<&str> = program.get_subcommands().map(Command::get_name).collect();
        assert_eq!(grouped.len(), all.len());
        assert_eq!(grouped.into_iter().collect::<BTreeSet<_>>(), all);
    }
}
