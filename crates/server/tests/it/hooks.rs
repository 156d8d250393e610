//! Hooks of agent hosts: the real binary, run as a host runs it.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::server::Server;
use crate::support::until;

/// A user's home, with the settings of an installation.
struct User {
    home: TempDir,
}

impl User {
    fn new(server: &str) -> Self {
        let user = Self {
            home: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir_all(user.home.path().join(".config/context-manager")).unwrap();
        user.call(server);
        user
    }

    /// Has the hooks call this server.
    fn call(&self, server: &str) {
        let settings = self.home.path().join(".config/context-manager/hooks.toml");
        std::fs::write(settings, format!("server = \"{server}\"\n")).unwrap();
    }

    /// The binary in this home, and nowhere else.
    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_context-manager"));
        command.current_dir(self.home.path()).env("HOME", self.home.path());
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME"] {
            command.env_remove(name);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts a hook and passes the event.
    fn start(&self, event: &str, deadline_ms: u64, input: &Value) -> Child {
        let deadline = deadline_ms.to_string();
        let mut hook = self
            .program()
            .args(["hook", "claude-code", event, "--deadline-ms", &deadline])
            .spawn()
            .unwrap();
        // A hook that is killed reads nothing.
        let _ = hook.stdin.take().unwrap().write_all(input.to_string().as_bytes());
        hook
    }

    /// Runs a hook, however slow the machine, and returns the notes for the model.
    fn hook(&self, event: &str, input: &Value) -> String {
        let output = self.start(event, 20_000, input).wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let notes = answer["hookSpecificOutput"]["additionalContext"].as_str();
        notes.unwrap_or_default().to_owned()
    }

    /// A turn of a session, as its hooks see it.
    fn turn(&self, session: &str, cwd: &Path, prompt: &str, reply: &str) {
        self.hook("prompt", &json!({"session_id": session, "cwd": cwd, "prompt": prompt}));
        self.hook(
            "stop",
            &json!({"session_id": session, "cwd": cwd, "last_assistant_message": reply}),
        );
    }
}

/// Every stored text, sorted.
async fn stored(server: &Server) -> Vec<String> {
    let page = server.get("/contexts?limit=1000").await;
    let contexts = page["contexts"].as_array().unwrap().iter();
    let mut texts: Vec<String> = contexts
        .map(|context| context["text"].as_str().unwrap().to_owned())
        .collect();
    texts.sort_unstable();
    texts
}

/// Facts that the user drops in passing: the turn, the fact, a question weeks later, and words of the answer.
const FACTS: [(usize, &str, &str, &str); 6] = [
    (
        3,
        "Before I forget: we deploy to production only on Tuesdays.",
        "On which day may I deploy to production?",
        "Tuesdays",
    ),
    (
        11,
        "The staging database listens on port 6543, not on the usual one.",
        "Which port does the staging database use?",
        "6543",
    ),
    (
        19,
        "Mira from the harbour team owns the billing service, ask her.",
        "Who is responsible for the billing service?",
        "Mira",
    ),
    (
        27,
        "Never rebase the release branch, merge it.",
        "Can I rebase the release branch?",
        "merge it",
    ),
    (
        34,
        "Correction: from now on we deploy to production on Thursdays.",
        "On which day may I deploy to production?",
        "Thursdays",
    ),
    (
        46,
        "The token of the weather service is rotated every 30 days.",
        "How often is the token of the weather service rotated?",
        "30 days",
    ),
];

#[tokio::test]
async fn a_conversation_of_sixty_turns_through_hooks_alone_is_recalled_in_its_project() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data")).await;
    let user = User::new(&server.url);
    let [shop, other] = ["shop", "other"].map(|name| user.home.path().join(name));
    for project in [&shop, &other] {
        std::fs::create_dir(project).unwrap();
    }
    let subjects = [
        "parser",
        "cache",
        "queue",
        "router",
        "login form",
        "invoice page",
        "test helper",
    ];
    for turn in 0..60 {
        let fact = FACTS.iter().find(|fact| fact.0 == turn);
        let subject = subjects[turn % subjects.len()];
        let prompt = fact.map_or_else(
            || format!("Rename function number {turn} of the {subject} and adapt its callers."),
            |fact| fact.1.to_owned(),
        );
        let reply = fact.map_or_else(
            || {
                format!(
                    "Function number {turn} of the {subject} has its new name, {} callers changed.",
                    turn * 7 % 11
                )
            },
            |_| format!("Noted, and step {turn} is done."),
        );
        // Three sessions of one project.
        user.turn(&format!("session-{}", turn / 20), &shop, &prompt, &reply);
    }
    assert_eq!(stored(&server).await.len(), 120);
    for (_, fact, question, words) in FACTS {
        let ask = |cwd: &Path| json!({"session_id": "weeks-later", "cwd": cwd, "prompt": question});
        let notes = user.hook("prompt", &ask(&shop));
        assert!(notes.contains(fact) && notes.contains(words), "{question}: {notes}");
        assert!(notes.contains("shown; `memory_search` finds"), "{notes}");
        assert_eq!(user.hook("prompt", &ask(&other)), "", "another project");
    }
    // Of a correction the model reads the latest word last.
    let notes = user.hook(
        "prompt",
        &json!({"session_id": "weeks-later-2", "cwd": shop, "prompt": FACTS[0].2}),
    );
    assert!(notes.find("Tuesdays") < notes.find("Thursdays"), "{notes}");
    // The last turns of the session itself are before the model's eyes already.
    let own = json!({"session_id": "session-2", "cwd": shop, "prompt": "How often is the weather token rotated?"});
    assert!(!user.hook("prompt", &own).contains("30 days"));
}

#[tokio::test]
async fn turns_of_an_outage_are_stored_once_whatever_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // A port that nobody listens on.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let user = User::new(&format!("http://{nobody}"));
    let cwd = user.home.path().to_owned();
    let mut acknowledged = Vec::new();
    for turn in 0..12 {
        let (prompt, reply) = (
            format!("prompt {turn} of the outage"),
            format!("reply {turn} of the outage"),
        );
        user.turn("outage", &cwd, &prompt, &reply);
        acknowledged.extend([prompt, reply]);
        // Another hook is killed at some moment, and owes nobody anything.
        let event = json!({"session_id": "killed", "cwd": cwd, "prompt": format!("killed prompt {turn}")});
        let mut hook = user.start("prompt", 300, &event);
        tokio::time::sleep(Duration::from_millis(turn * 5)).await;
        hook.kill().unwrap();
        hook.wait().unwrap();
    }
    let notes = user.hook(
        "prompt",
        &json!({"session_id": "outage", "cwd": cwd, "prompt": "Is anybody there?"}),
    );
    acknowledged.push("Is anybody there?".to_owned());
    assert!(
        notes.contains("Memory is unavailable since") && notes.contains("turns are queued"),
        "{notes}"
    );

    // The server is killed while the queue arrives, more than once.
    for round in 1..4 {
        let server = Server::start(&data).await;
        user.call(&server.url);
        let mut hook = user.start("start", 20_000, &json!({"session_id": "outage", "cwd": cwd}));
        tokio::time::sleep(Duration::from_millis(round * 30)).await;
        server.signal("-KILL");
        hook.wait().unwrap();
    }
    let server = Server::start(&data).await;
    user.call(&server.url);
    user.hook("start", &json!({"session_id": "outage", "cwd": cwd}));
    let texts = stored(&server).await;
    acknowledged.sort_unstable();
    let owed: Vec<_> = texts.iter().filter(|text| !text.starts_with("killed")).collect();
    assert_eq!(owed, acknowledged.iter().collect::<Vec<_>>());
    let mut once = texts.clone();
    once.dedup();
    assert_eq!(texts, once, "nothing is stored twice");
    let order = server.get("/contexts?limit=1000&session_id=outage").await;
    let order = order["contexts"].as_array().unwrap();
    assert_eq!(order.last().unwrap()["text"], "prompt 0 of the outage");
}

#[tokio::test]
async fn a_hook_answers_in_time_without_a_server_and_to_any_command_line() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let user = User::new(&format!("http://{}", silent.local_addr().unwrap()));
    let event = json!({"session_id": "s", "prompt": "Hello?"});
    // Also when nobody closes standard input.
    let open = user.program().args(["hook", "claude-code", "prompt"]).spawn().unwrap();
    let started = Instant::now();
    let output = user.start("prompt", 300, &event).wait_with_output().unwrap();
    // The deadline, and the start of a process on a busy machine.
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("no answer in time"),
        "{output:?}"
    );
    let output = open.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(0), b"{}\n".as_slice())
    );
    for arguments in [
        &["hook", "claude-code", "dance"][..],
        &["hook", "emacs", "prompt"],
        &["hook"],
        &["hook", "claude-code", "prompt", "--deadline-ms", "soon"],
    ] {
        let output = user.program().args(arguments).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(output.stdout, b"{}\n", "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[tokio::test]
async fn neither_the_key_nor_what_waits_goes_to_a_server_that_was_not_meant() {
    let folder = tempfile::tempdir().unwrap();
    let other = Server::start(&folder.path().join("data")).await;
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let user = User::new(&format!("http://{nobody}"));
    let event = |prompt: &str| json!({"session_id": "s", "cwd": "/", "prompt": prompt});
    user.hook("prompt", &event("for the first server"));
    let hook = |server: &str| {
        let mut hook = user
            .program()
            .args([
                "hook",
                "claude-code",
                "prompt",
                "--server",
                server,
                "--deadline-ms",
                "20000",
            ])
            .spawn()
            .unwrap();
        let input = event("for the other server").to_string();
        hook.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        assert!(hook.wait_with_output().unwrap().status.success());
    };
    hook(&other.url);
    assert_eq!(stored(&other).await, ["for the other server"]);
    // A hook that cannot read its settings keeps the message.
    std::fs::write(
        user.home.path().join(".config/context-manager/hooks.toml"),
        "server = 7",
    )
    .unwrap();
    let notes = user.hook("prompt", &event("for nobody yet"));
    assert!(notes.contains("settings are not valid"), "{notes}");
    user.call(&other.url);
    user.hook("start", &json!({"session_id": "s", "cwd": "/"}));
    assert_eq!(
        stored(&other).await,
        ["for nobody yet", "for the first server", "for the other server"]
    );
}

#[tokio::test]
async fn an_installed_host_is_given_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data")).await;
    let user = User::new(&server.url);
    let settings = user.home.path().join(".claude/settings.json");
    let foreign = "{\n  // mine\n  \"hooks\": { \"Stop\": [ { \"hooks\": [ { \"type\": \"command\", \"command\": \"true\" } ] } ] }\n}\n";
    std::fs::create_dir(settings.parent().unwrap()).unwrap();
    std::fs::write(&settings, foreign).unwrap();
    let run = |arguments: &[&str]| {
        let output = user.program().args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    for _ in 0..2 {
        run(&[
            "install",
            "claude-code",
            "--server",
            &server.url,
            "--user",
            "ann",
            "--deadline-ms",
            "20000",
        ]);
    }
    let installed = std::fs::read_to_string(&settings).unwrap();
    assert_eq!(installed.matches("hook claude-code stop").count(), 1, "{installed}");
    // The command as the host runs it, with the settings of the installation.
    let command = installed.lines().find_map(|line| {
        let (_, command) = line.split_once("\"command\": \"")?;
        let command = command.split('"').next()?;
        command.ends_with("prompt").then(|| command.to_owned())
    });
    let mut shell = Command::new("sh");
    let mut hook = shell
        .args(["-c", &command.unwrap()])
        .env("HOME", user.home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let event = json!({"session_id": "s", "cwd": "/", "prompt": "My favourite colour is teal."});
    hook.stdin
        .take()
        .unwrap()
        .write_all(event.to_string().as_bytes())
        .unwrap();
    assert!(hook.wait_with_output().unwrap().status.success());
    until("the prompt is stored", async || {
        let page = server.get("/contexts?user_id=ann").await;
        page["contexts"].as_array().is_some_and(|contexts| contexts.len() == 1)
    })
    .await;
    run(&["uninstall", "claude-code"]);
    assert_eq!(std::fs::read_to_string(&settings).unwrap(), foreign);
    assert!(!user.home.path().join(".claude.json").exists());
}
