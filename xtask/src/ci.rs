//! `cargo xtask ci`: every check a change has to pass, cheap ones first.
//!
//! All steps use the dev profile, so that lint, tests and development share one build of the dependencies. Once the crates'
//! dependencies are there, only `clients` and `console` need the network. Advisories are not checked: the workflow on the forge downloads
//! their database.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use tokio::time::Instant;

use crate::{clients, console, integration, process, tidy};

/// One check.
struct Step {
    name: &'static str,
    action: Action,
    /// Advice for a failure.
    remedy: &'static str,
}

/// The action of a step.
enum Action {
    /// A task of this program.
    Task(fn() -> Result<()>),
    /// A command line, with additional environment variables.
    Run(&'static str, &'static [(&'static str, &'static str)]),
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        action: Action::Run("cargo fmt --all --check", &[]),
        remedy: "run `cargo fmt --all`",
    },
    Step {
        name: "tidy",
        action: Action::Task(|| tidy::run(&tidy::Args::default())),
        remedy: "each line above names its remedy",
    },
    Step {
        name: "machete",
        // Not `cargo machete`: within `cargo run` the subcommand takes its own name for a folder to search.
        action: Action::Run("cargo-machete", &[]),
        remedy: "remove the unused dependencies; if cargo has no machete: `cargo install --locked cargo-machete`",
    },
    Step {
        name: "book",
        action: Action::Run("mdbook build", &[]),
        remedy: "correct the pages named above; if there is no mdbook: `cargo install --locked mdbook`",
    },
    Step {
        name: "clippy",
        action: Action::Run("cargo clippy --workspace --all-targets -- -D warnings", &[]),
        remedy: "correct the code, or put `#[expect(…, reason = \"…\")]` on it",
    },
    Step {
        name: "doc",
        action: Action::Run("cargo doc --workspace --no-deps", &[("RUSTDOCFLAGS", "-D warnings")]),
        remedy: "correct the documentation comments named above",
    },
    Step {
        name: "test",
        action: Action::Run("cargo nextest run --workspace", &[]),
        remedy: "correct the code the tests failed on; if cargo has no nextest: `cargo install --locked cargo-nextest`",
    },
    Step {
        name: "redis",
        action: Action::Task(integration::redis),
        remedy: "correct the code the tests failed on",
    },
    Step {
        name: "clients",
        // After the tests, which build the server that they are tested against.
        action: Action::Task(clients::run),
        remedy: "correct the client named above; once models are stale: `python scripts/generate.py`, `npm run generate`",
    },
    Step {
        name: "console",
        action: Action::Task(console::run),
        remedy: "correct the page or the test named above; once `dist` is stale: `npm run build` in console/",
    },
    Step {
        name: "doctest",
        action: Action::Run("cargo test --doc --workspace", &[]),
        remedy: "correct the examples in the documentation comments",
    },
    Step {
        name: "package",
        // The server and xtask are programs, not published. Not verified: that would build every crate again.
        action: Action::Run(
            "cargo package --workspace --exclude context-manager --exclude xtask --no-verify --allow-dirty --offline --quiet",
            &[],
        ),
        remedy: "correct the manifest named above, so that the crate can be published",
    },
    Step {
        name: "deny",
        action: Action::Run("cargo deny check --hide-inclusion-graph bans licenses sources", &[]),
        remedy: "choose another dependency or add a reasoned exception to deny.toml; \
                 if cargo has no deny: `cargo install --locked cargo-deny`",
    },
];

/// The result of a step.
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    NotRun,
}

/// Runs all checks, prints how long each took, and stops at the first that fails.
///
/// # Errors
/// When a check fails; the message names it and what to do.
pub(crate) fn run() -> Result<()> {
    let root = process::metadata()?.workspace_root;
    run_steps(STEPS, |action| match action {
        Action::Task(task) => task(),
        Action::Run(line, variables) => process::run(command(line).envs(variables.iter().copied()).current_dir(&root)),
    })
}

/// The command of a line without quotes; `cargo` is the one that runs this task.
fn command(line: &str) -> Command {
    let mut words = line.split(' ');
    let mut command = match words.next() {
        Some("cargo") | None => process::cargo(),
        Some(program) => Command::new(program),
    };
    command.args(words);
    command
}

fn run_steps(steps: &[Step], mut execute: impl FnMut(&Action) -> Result<()>) -> Result<()> {
    let mut outcomes = Vec::new();
    let mut verdict = Ok(());
    for step in steps {
        if verdict.is_err() {
            outcomes.push(Outcome::NotRun);
            continue;
        }
        println!("==> {}", step.name);
        let start = Instant::now();
        verdict = execute(&step.action).with_context(|| format!("step `{}` failed: {}", step.name, step.remedy));
        let took = start.elapsed();
        println!("<== {} {:.1} s\n", step.name, took.as_secs_f64());
        outcomes.push(if verdict.is_ok() {
            Outcome::Passed(took)
        } else {
            Outcome::Failed(took)
        });
    }
    println!("{}", summary(steps, &outcomes));
    verdict
}

fn summary(steps: &[Step], outcomes: &[Outcome]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_header(["step", "result", "seconds"]);
    let mut total = Duration::ZERO;
    for (step, outcome) in steps.iter().zip(outcomes) {
        let (result, took) = match outcome {
            Outcome::Passed(took) => ("passed", Some(*took)),
            Outcome::Failed(took) => ("FAILED", Some(*took)),
            Outcome::NotRun => ("not run", None),
        };
        total += took.unwrap_or_default();
        table.add_row([
            step.name.to_owned(),
            result.to_owned(),
            took.map_or_else(String::new, seconds),
        ]);
    }
    table.add_row(["total".to_owned(), String::new(), seconds(total)]);
    table
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    const THREE: &[Step] = &[
        Step {
            name: "one",
            action: Action::Run("one", &[]),
            remedy: "do one",
        },
        Step {
            name: "two",
            action: Action::Run("two", &[]),
            remedy: "do two",
        },
        Step {
            name: "three",
            action: Action::Run("three", &[]),
            remedy: "do three",
        },
    ];

    #[test]
    fn first_failure_stops_the_run_and_names_step_and_remedy() {
        let mut ran = 0;
        let error = run_steps(THREE, |_| {
            ran += 1;
            if ran == 2 {
                bail!("broken");
            }
            Ok(())
        })
        .unwrap_err();
        assert_eq!(ran, 2);
        assert_eq!(error.to_string(), "step `two` failed: do two");
    }

    #[test]
    fn summary_tells_passed_failed_and_not_run_apart() {
        let second = Duration::from_secs(1);
        let outcomes = [Outcome::Passed(second), Outcome::Failed(second), Outcome::NotRun];
        let table = summary(THREE, &outcomes).to_string();
        let results: Vec<_> = table
            .lines()
            .skip(2)
            .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
            .collect();
        assert_eq!(results[0][1..4], ["one", "passed", "1.0"]);
        assert_eq!(results[1][1..4], ["two", "FAILED", "1.0"]);
        assert_eq!(results[2][1..4], ["three", "not run", ""]);
        assert_eq!(results[3][1..4], ["total", "", "2.0"]);
    }
}
