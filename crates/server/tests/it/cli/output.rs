//! Output for terminals, for pipes and for programs.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::cli::{program, run, run_with_input};

const EVIL: &str = "before\u{1b}]0;title\u{7}\u{9b}31m\u{202e}after";

#[test]
fn a_terminal_never_gets_what_a_text_says() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let id = run_with_input(
        &data,
        &["store", "--whole", "--tag", "a\u{1b}b", "--user", "\u{1b}u"],
        EVIL,
    )
    .ok();
    let commands: [&[&str]; 5] = [
        &["list"],
        &["search", "before", "after"],
        &["get", id.trim()],
        &["assemble", "before", "after", "--max-tokens", "100", "--min-score", "0"],
        &["list", "--json"],
    ];
    for command in commands {
        let shown = run(&data, command).ok();
        assert!(shown.contains("after"), "{command:?}: {shown}");
        let bad = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
        assert!(!shown.contains(bad), "{command:?}: {shown:?}");
    }
    assert!(run(&data, &["get", id.trim(), "--raw"]).ok().starts_with(EVIL));
    assert_eq!(run(&data, &["list", "--json"]).lines()[0]["text"], EVIL);
}

#[test]
fn colour_is_for_terminals_and_those_who_ask() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    run(&data, &["store", "a text"]).ok();
    assert!(!run(&data, &["list"]).ok().contains('\u{1b}'));
    let list = |variables: &[(&str, &str)]| {
        let output = program(&data)
            .arg("list")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(list(&[("CLICOLOR_FORCE", "1")]).contains('\u{1b}'));
    assert!(!list(&[("NO_COLOR", "1")]).contains('\u{1b}'));
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let lines: Vec<String> = (0..2_000)
        .map(|n| format!("a text that fills the pipe, number {n}\n"))
        .collect();
    run_with_input(&data, &["store"], &lines.concat()).ok();
    for arguments in [&["list", "--all", "--json"][..], &["config-reference"], &["openapi"]] {
        let mut process = program(&data)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::with_capacity(64, process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let output = process.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), told.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
