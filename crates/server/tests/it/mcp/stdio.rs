//! `context-manager mcp`, as a host starts it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::{text, tool_call};
use crate::keys::create;
use crate::server::{Server, command};

/// The process of one agent. Killed when dropped.
struct Agent {
    process: Child,
    write: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    last: u64,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Agent {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::of(command(data).arg("mcp").args(arguments))
    }

    fn of(command: &mut Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut agent = Self {
            write: process.stdin.take(),
            lines: BufReader::new(process.stdout.take().unwrap()).lines(),
            process,
            last: 0,
        };
        let client = json!({"name": "test", "version": "1"});
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        let initialized = agent.ask("initialize", &params);
        assert_eq!(initialized["result"]["protocolVersion"], "2025-11-25", "{initialized}");
        agent.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        agent
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.write.as_mut().unwrap(), "{message}").unwrap();
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.last += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}));
        // Every line is a message: nothing else may be written there.
        let line = self.lines.next().unwrap().unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], self.last, "{answer}");
        answer
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let (method, params) = tool_call(tool, arguments);
        self.ask(method, &params)["result"].clone()
    }

    fn store(&mut self, fact: &str) {
        let stored = self.call("memory_store", &json!({"text": fact}));
        assert_eq!(stored["isError"], false, "{stored}");
    }

    fn list(&mut self) -> String {
        let listed = self.call("memory_list", &json!({}));
        assert_eq!(listed["isError"], false, "{listed}");
        text(&listed).to_owned()
    }

    /// Closes standard input, as hosts do, and waits for the end.
    fn close(mut self) {
        drop(self.write.take());
        assert!(self.process.wait().unwrap().success());
    }
}

#[test]
fn two_agents_share_a_folder_and_the_second_outlives_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut first = Agent::start(&data, &[]);
    first.store("The first agent was here.");
    let mut second = Agent::start(&data, &[]);
    second.store("The second agent was here.");
    assert!(first.list().contains("second agent"));
    assert!(second.list().contains("first agent"));
    first.close();
    second.store("The second agent is still here.");
    let list = second.list();
    assert!(list.contains("first agent") && list.contains("still here"), "{list}");
    second.close();
    let leftover = data.join("server.json").exists();
    assert!(!leftover, "the address of an ended process stays in the folder");
    // No key was made that a server would have to ask for.
    assert!(!data.join("keys.asked").exists());
}

#[test]
fn an_agent_is_told_who_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Agent::start(&data, &[]).close();
    let lock = data.join("LOCK");
    fs::write(&lock, "4711\n").unwrap();
    let held = File::open(&lock).unwrap();
    held.lock().unwrap();
    let mut agent = Agent::start(&data, &[]);
    let refused = agent.call("memory_list", &json!({}));
    assert_eq!(refused["isError"], true);
    let said = text(&refused);
    assert!(
        said.contains("in use by process 4711") && said.contains("--server"),
        "{said}"
    );
    drop(held);
    agent.store("The folder is free again.");
}

#[tokio::test]
async fn an_agent_finds_the_server_of_the_folder_and_needs_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    let mut agent = Agent::start(&data, &["--user", "ann", "--project", "atlas"]);
    agent.store("Ann works on Atlas.");
    let listed = server.get("/contexts").await;
    let context = &listed["contexts"][0];
    assert_eq!(
        (&context["user_id"], &context["metadata"]["project"]),
        (&json!("ann"), &json!("atlas")),
        "{listed}"
    );
    agent.close();
    drop(server);

    let (key, _) = create(&data, &["--tenant", "acme", "--permissions", "read,write"]);
    let server = Server::start(&data).await;
    let mut stranger = Agent::start(&data, &[]);
    let refused = stranger.call("memory_list", &json!({}));
    assert!(text(&refused).contains("asks for a key"), "{refused}");
    let file = folder.path().join("key");
    fs::write(&file, format!("{key}\n")).unwrap();
    let file = file.to_str().unwrap();
    let mut known = Agent::start(&data, &["--key-file", file]);
    known.store("Acme has a memory of its own.");
    let mut elsewhere = Agent::of(
        Command::new(env!("CARGO_BIN_EXE_context-manager"))
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .args(["mcp", "--server", &server.url, "--key-file", file]),
    );
    assert!(elsewhere.list().contains("Acme has"));
    assert!(!elsewhere.list().contains("Ann"));
    drop(server);
    let down = elsewhere.call("memory_status", &json!({}));
    assert!(text(&down).starts_with("memory is unreachable"), "{down}");
}
