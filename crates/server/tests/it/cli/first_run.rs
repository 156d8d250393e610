//! The first look: the greeting, and the demo.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cli::{program, run};
use crate::server::Server;

/// A terminal of the binary, as `script` makes one.
fn on_a_terminal(command: &Command) -> Command {
    let mut terminal = Command::new("script");
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    terminal
        .args([
            "--quiet",
            "--flush",
            "--return",
            "--command",
            &words.join(" "),
            "/dev/null",
        ])
        .current_dir(command.get_current_dir().unwrap())
        .env_clear()
        .envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    terminal
}

#[test]
fn the_program_alone_greets_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = program(&data);
    command.args(["--port", "0"]).env("NO_COLOR", "1");
    let Ok(mut terminal) = on_a_terminal(&command).spawn() else {
        eprintln!("skipped: `script` is not installed (Debian: apt-get install bsdutils)");
        return;
    };
    let lines = BufReader::new(terminal.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let greeting: Vec<String> = lines.take_while(|line| !line.contains("install all")).collect();
    let greeting = greeting.join("\n");
    for part in [
        "http://127.0.0.1:",
        "/console",
        "tl-256-int8",
        "o200k_base",
        "none asked for",
        "store",
        "search",
    ] {
        assert!(greeting.contains(part), "{part} is not in {greeting}");
    }
    assert!(greeting.contains(&data.display().to_string()), "{greeting}");
    terminal.kill().unwrap();
    terminal.wait().unwrap();
}

#[test]
fn the_demo_answers_right_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let shown = run(&data, &["demo"]).ok();
    assert!(
        shown.contains("14 contexts stored") && shown.contains("5 of 5 answers are right"),
        "{shown}"
    );
    for level in ["immediate   held 3", "short_term  held 5", "long_term   held 6"] {
        assert!(shown.contains(level), "{level} is not in {shown}");
    }
    assert!(!data.exists());
}

#[tokio::test]
async fn the_demo_of_a_server_can_be_repeated_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    let demo = |more: &[&str]| run(&data, &[&["demo", "--server", &server.url], more].concat()).ok();
    assert!(demo(&[]).contains("5 of 5 answers are right"));
    let before = server.get("/contexts?limit=100").await;
    assert!(demo(&[]).contains("0 contexts stored and embedded, 14 were there already"));
    let after = server.get("/contexts?limit=100").await;
    let places = |page: &Value| {
        let contexts = page["contexts"].as_array().unwrap().clone();
        contexts
            .into_iter()
            .map(|context| {
                (
                    context["id"].clone(),
                    context["version"].clone(),
                    context["scope"].clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(places(&before), places(&after));
    assert!(places(&after).iter().all(|place| place.2 == "demo"));
    run(&data, &["store", "not of the demo"]).ok();
    assert!(demo(&["--remove"]).contains("14 contexts removed"));
    assert_eq!(server.get("/stats").await["total"], 1);
}

#[test]
fn the_demo_goes_on_serving() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut demo = program(&data)
        .args(["demo", "--serve", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(demo.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let console = lines.into_iter().find(|line| line.contains("/console")).unwrap();
    let url = console
        .split_whitespace()
        .find_map(|word| word.strip_suffix("/console"))
        .unwrap();
    let stats = run(&data, &["stats", "--json", "--server", url]).lines();
    assert_eq!(stats[0]["total"], 14);
    let stopped = Command::new("kill")
        .args(["-INT", &demo.id().to_string()])
        .status()
        .unwrap();
    assert!(stopped.success() && demo.wait().unwrap().success());
}
