//! `cargo xtask integration`: the tests that need a real Qdrant server, against one server after the other.
//!
//! Where the servers come from: `QDRANT_URL` (with `QDRANT_API_KEY`) names one that runs; `QDRANT_BIN` names a binary to
//! start; else a container engine runs each of the pinned [images](server::IMAGES). Failure tests kill servers, so that
//! they are only made with a binary or images. Without any of these the task fails: nothing tested is never green.
//!
//! Containers are run by the engine's command line, as `docker` and `podman` share it, and a client library for its API
//! would be built with every other task.

mod server;

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use comfy_table::{Table, presets};
use tokio::time::Instant;

use crate::process;
use server::{IMAGES, Means, Server};

/// The tests of the API that hold for every store.
const API: &str = "package(context-manager) & binary(it) & test(/^(api|bad_input|levels|search)::/)";

/// A part of the tests, run against one server or left out.
struct Row {
    server: String,
    part: &'static str,
    /// How long it took, or why it was left out and what includes it.
    outcome: Result<Duration, String>,
    passed: bool,
}

/// Runs everything that can be run here and prints what was, and what was left out.
///
/// # Errors
/// When a test fails, or there is no server to test against.
pub(crate) fn run() -> Result<()> {
    let mut rows = Vec::new();
    if let Ok(url) = env::var("QDRANT_URL") {
        against_url(&url, &mut rows)?;
        match env::var_os("QDRANT_BIN") {
            Some(binary) => failures(&Means::Binary(binary.into()), &mut rows)?,
            None => rows.push(left_out(
                &url,
                "failures",
                "nobody's server is killed: QDRANT_BIN=/path/to/qdrant cargo xtask integration",
            )),
        }
    } else {
        for means in means()? {
            let server = Server::start(&means).with_context(|| format!("cannot start {means}"))?;
            against_url(&server.url(), &mut rows)?;
            drop(server);
            failures(&means, &mut rows)?;
        }
    }
    println!("{}", summary(&rows));
    let failed = rows.iter().filter(|row| !row.passed).count();
    if failed > 0 {
        bail!("{failed} part(s) failed; what they printed above says why");
    }
    Ok(())
}

/// Where servers come from, if they are not named by a URL.
fn means() -> Result<Vec<Means>> {
    if let Some(binary) = env::var_os("QDRANT_BIN") {
        return Ok(vec![Means::Binary(PathBuf::from(binary))]);
    }
    let Some(engine) = container_engine() else {
        bail!(
            "there is no Qdrant server to test against: set QDRANT_URL (and QDRANT_API_KEY) to the gRPC address of one, or \
             QDRANT_BIN to its binary, or start docker or podman (CONTAINER_ENGINE names another one)"
        )
    };
    let image = |image: &&'static str| Means::Image {
        engine: engine.clone(),
        image,
    };
    Ok(IMAGES.iter().map(image).collect())
}

/// The command of a container engine that works.
fn container_engine() -> Option<String> {
    let named = env::var("CONTAINER_ENGINE").ok();
    let candidates = named.map_or_else(|| vec!["docker".to_owned(), "podman".to_owned()], |named| vec![named]);
    candidates.into_iter().find(|engine| {
        let answer = Command::new(engine).arg("info").output();
        answer.is_ok_and(|answer| answer.status.success())
    })
}

/// The contract of the stores and the tests of the API, against the server at `url`.
fn against_url(url: &str, rows: &mut Vec<Row>) -> Result<()> {
    let filter = "test(qdrant_server::)";
    let contract = nextest(&["--run-ignored", "only", "-E", filter], &[("QDRANT_URL", url)]);
    rows.push(tested(url, "contract", contract)?);
    let api = nextest(&["-E", API], &[("QDRANT_URL", url), ("TEST_STORE", "qdrant")]);
    rows.push(tested(url, "API", api)?);
    Ok(())
}

/// The tests that break servers, which they start themselves.
fn failures(means: &Means, rows: &mut Vec<Row>) -> Result<()> {
    let filter = "package(context-manager) & binary(it) & test(/^qdrant::/)";
    // One at a time, and with the figures they print.
    let arguments = [
        "--run-ignored",
        "only",
        "--test-threads",
        "1",
        "--success-output",
        "immediate",
        "-E",
        filter,
    ];
    let variables: Vec<(&str, String)> = match means {
        Means::Binary(path) => vec![("QDRANT_BIN", path.display().to_string())],
        Means::Image { engine, image } => vec![
            ("CONTAINER_ENGINE", engine.clone()),
            ("QDRANT_IMAGE", (*image).to_owned()),
        ],
    };
    let variables: Vec<(&str, &str)> = variables.iter().map(|(key, value)| (*key, value.as_str())).collect();
    rows.push(tested(&means.to_string(), "failures", nextest(&arguments, &variables))?);
    Ok(())
}

fn nextest(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = process::cargo();
    command
        .args(["nextest", "run", "--workspace", "--no-fail-fast"])
        .args(arguments)
        .envs(variables.iter().copied());
    command
}

/// Runs tests; that some fail is no reason not to run the others.
fn tested(server: &str, part: &'static str, mut command: Command) -> Result<Row> {
    println!("==> {part} on {server}");
    command.current_dir(process::metadata()?.workspace_root);
    let start = Instant::now();
    let status = command
        .status()
        .context("cannot start cargo nextest: `cargo install --locked cargo-nextest`")?;
    Ok(Row {
        server: server.to_owned(),
        part,
        outcome: Ok(start.elapsed()),
        passed: status.success(),
    })
}

fn left_out(server: &str, part: &'static str, why: &str) -> Row {
    println!("==> {part} on {server} left out: {why}");
    Row {
        server: server.to_owned(),
        part,
        outcome: Err(why.to_owned()),
        passed: true,
    }
}

fn summary(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_header(["server", "part", "result", "seconds"]);
    for row in rows {
        let (result, seconds) = match &row.outcome {
            Ok(took) if row.passed => ("passed", format!("{:.1}", took.as_secs_f64())),
            Ok(took) => ("FAILED", format!("{:.1}", took.as_secs_f64())),
            Err(why) => (why.as_str(), String::new()),
        };
        table.add_row([row.server.as_str(), row.part, result, &seconds]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_no_success_and_no_failure() {
        let row = |part, outcome, passed| Row {
            server: "s".to_owned(),
            part,
            outcome,
            passed,
        };
        let rows = [
            row("a", Ok(Duration::from_secs(2)), true),
            row("b", Ok(Duration::from_secs(1)), false),
            row("c", Err("no server".to_owned()), true),
        ];
        let table = summary(&rows).to_string();
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert!(
            lines[0].contains("passed") && lines[1].contains("FAILED") && lines[2].contains("no server"),
            "{table}"
        );
    }
}
