//! `cargo xtask integration`: the tests that need a Redis or a Qdrant server, against one server after the other.
//!
//! `REDIS_BIN` names the binary of a Redis or Valkey server, by default `redis-server`; `REDIS_URL` a running one, for the
//! contract alone.
//!
//! `QDRANT_URL` (with `QDRANT_API_KEY`) names a running server, `QDRANT_BIN` a binary to start; else a container engine
//! runs each of the pinned [images](server::IMAGES). Failure tests kill servers, so they need a binary or images. Without
//! any of these the task fails: a run without tests is no success.
//!
//! Containers are run by the command line that `docker` and `podman` share; a client library of their API would be built
//! with every other task.

mod server;

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use tokio::time::Instant;

use crate::process;
use server::{IMAGES, Server, Source};

/// Tests of the API that hold for every store.
const API: &str = "package(context-manager) & binary(it) & test(/^(api|bad_input|exact_input|levels|search)::/)";
/// Tests that kill the servers they start.
const FAILURES: &str = "package(context-manager) & binary(it) & (test(/^qdrant::/) - test(/^qdrant::redis::/))";
/// Tests with Redis.
const REDIS: &str =
    "package(context-manager-redis) | (package(context-manager) & binary(it) & test(/^qdrant::redis::/))";

/// Runs all tests for which there is a server and prints the outcome of each part.
///
/// # Errors
/// When a test fails, or there is no server to test against.
pub(crate) fn run() -> Result<()> {
    let mut parts = Vec::new();
    with_redis(&mut parts)?;
    if let Ok(url) = env::var("QDRANT_URL") {
        against_url(&url, &mut parts)?;
        match env::var_os("QDRANT_BIN") {
            Some(binary) => failures(&Source::Binary(binary.into()), &mut parts)?,
            None => println!("==> failure tests left out, as they kill servers: set QDRANT_BIN=/path/to/qdrant"),
        }
    } else {
        for source in sources()? {
            let server = Server::start(&source).with_context(|| format!("cannot start {source}"))?;
            against_url(&server.url(), &mut parts)?;
            drop(server);
            failures(&source, &mut parts)?;
        }
    }
    for (part, passed) in &parts {
        println!("{} {part}", if *passed { "passed" } else { "FAILED" });
    }
    let failed = parts.iter().filter(|(_, passed)| !passed).count();
    ensure!(failed == 0, "{failed} part(s) failed; their output above says why");
    Ok(())
}

/// Runs the tests that need Redis alone, if this machine has it.
///
/// # Errors
/// When a test fails.
pub(crate) fn redis() -> Result<()> {
    let mut parts = Vec::new();
    with_redis(&mut parts)?;
    ensure!(parts.iter().all(|(_, passed)| *passed), "its output above says why");
    Ok(())
}

fn with_redis(parts: &mut Vec<(String, bool)>) -> Result<()> {
    let binary = env::var("REDIS_BIN").unwrap_or_else(|_unset| "redis-server".to_owned());
    if Command::new(&binary).arg("--version").output().is_err() {
        println!(
            "==> skipped: {binary} is not installed (Debian: apt-get install redis-server): cargo xtask integration"
        );
        return Ok(());
    }
    let arguments = ["--run-ignored", "only", "--success-output", "final", "-E", REDIS];
    parts.push(nextest("Redis", &binary, &arguments, &[])?);
    Ok(())
}

/// Returns the sources of servers, if none is named by a URL.
fn sources() -> Result<Vec<Source>> {
    if let Some(binary) = env::var_os("QDRANT_BIN") {
        return Ok(vec![Source::Binary(PathBuf::from(binary))]);
    }
    let Some(engine) = container_engine() else {
        bail!(
            "there is no Qdrant server to test against: set QDRANT_URL (and QDRANT_API_KEY) to the gRPC address of one, or \
             QDRANT_BIN to its binary, or start docker or podman (CONTAINER_ENGINE names another one)"
        )
    };
    let image = |image: &&'static str| Source::Image {
        engine: engine.clone(),
        image,
    };
    Ok(IMAGES.iter().map(image).collect())
}

/// Returns the command of a container engine that works.
fn container_engine() -> Option<String> {
    let named = env::var("CONTAINER_ENGINE").ok();
    let candidates = named.map_or_else(|| vec!["docker".to_owned(), "podman".to_owned()], |named| vec![named]);
    candidates.into_iter().find(|engine| {
        let answer = Command::new(engine).arg("info").output();
        answer.is_ok_and(|answer| answer.status.success())
    })
}

/// Runs the contract of the stores and the tests of the API against the server at `url`.
fn against_url(url: &str, parts: &mut Vec<(String, bool)>) -> Result<()> {
    let contract = ["--run-ignored", "only", "-E", "test(qdrant_server::)"];
    parts.push(nextest("contract", url, &contract, &[("QDRANT_URL", url.to_owned())])?);
    let variables = [("QDRANT_URL", url.to_owned()), ("TEST_STORE", "qdrant".to_owned())];
    parts.push(nextest("API", url, &["-E", API], &variables)?);
    Ok(())
}

/// Runs the tests that kill servers, one at a time, and prints the figures they measure.
fn failures(source: &Source, parts: &mut Vec<(String, bool)>) -> Result<()> {
    let variables = match source {
        Source::Binary(path) => vec![("QDRANT_BIN", path.display().to_string())],
        Source::Image { engine, image } => vec![
            ("CONTAINER_ENGINE", engine.clone()),
            ("QDRANT_IMAGE", (*image).to_owned()),
        ],
    };
    let arguments = [
        "--run-ignored",
        "only",
        "--test-threads",
        "1",
        "--success-output",
        "immediate",
        "-E",
        FAILURES,
    ];
    parts.push(nextest("failures", &source.to_string(), &arguments, &variables)?);
    Ok(())
}

/// Runs a part of the tests and returns its name, and whether it passed.
fn nextest(part: &str, server: &str, arguments: &[&str], variables: &[(&str, String)]) -> Result<(String, bool)> {
    println!("==> {part} on {server}");
    let start = Instant::now();
    let status = process::cargo()
        .args(["nextest", "run", "--workspace", "--no-fail-fast"])
        .args(arguments)
        .envs(variables.iter().map(|(key, value)| (*key, value)))
        .current_dir(process::metadata()?.workspace_root)
        .status()
        .context("cannot start cargo nextest: `cargo install --locked cargo-nextest`")?;
    let name = format!("{part} on {server} ({:.1} s)", start.elapsed().as_secs_f64());
    Ok((name, status.success()))
}
