use std::net::TcpListener;

use serde_json::json;

use super::*;

struct Desk {
    folder: tempfile::TempDir,
    places: Places,
    settings: Settings,
}

impl Desk {
    /// A user whose server is down.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_owned();
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self {
            folder,
            places: Places::find(|name| (name == "HOME").then(|| home.clone().into())).unwrap(),
            settings: Settings {
                server: format!("http://127.0.0.1:{port}"),
                ..Settings::default()
            },
        }
    }

    async fn hook(&self, host: &str, event: Event, input: &Value) -> Answer {
        run(Run {
            host: host.parse().unwrap(),
            event,
            input: input.to_string().as_bytes(),
            settings: &self.settings,
            key: None,
            places: &self.places,
            folder: self.folder.path(),
            now: "2026-11-27T12:04:00Z".parse().unwrap(),
        })
        .await
    }

    fn spooled(&self) -> Vec<Value> {
        let mut paths: Vec<_> = std::fs::read_dir(self.places.spool())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
            .collect();
        paths.sort();
        let texts = paths.iter().map(|path| std::fs::read_to_string(path).unwrap());
        texts.flat_map(|text| lines(&text)).collect()
    }

    /// The spooled messages as role and text.
    fn said(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let messages = self.spooled().into_iter();
        messages
            .map(|message| (text(&message["metadata"]["role"]), text(&message["text"])))
            .collect()
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn said(messages: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(role, text): &(&str, &str)| ((*role).to_owned(), (*text).to_owned());
    messages.iter().map(owned).collect()
}

#[tokio::test]
async fn turns_of_an_outage_are_queued_and_the_model_is_told() {
    let desk = Desk::new();
    let prompt = json!({"session_id": "s", "prompt": "Which port?"});
    let answer = desk.hook("claude-code", Event::Prompt, &prompt).await;
    let reply = json!({"session_id": "s", "last_assistant_message": "8080."});
    assert_eq!(desk.hook("claude-code", Event::Stop, &reply).await.text, "{}");
    assert_eq!(desk.said(), said(&[("user", "Which port?"), ("assistant", "8080.")]));
    let answer: Value = serde_json::from_str(&answer.text).unwrap();
    let text = answer["hookSpecificOutput"]["additionalContext"].as_str().unwrap();
    assert!(
        text.contains("since 2026-11-27 12:04 UTC") && text.contains("1 turn is queued"),
        "{text}"
    );
    let again = desk
        .hook("claude-code", Event::Start, &json!({"session_id": "t"}))
        .await;
    assert!(again.text.contains("1 turn is queued"), "{}", again.text);
}

#[tokio::test]
async fn a_turn_comes_from_the_transcript_where_the_event_has_none() {
    let desk = Desk::new();
    let path = desk.folder.path().join("t.jsonl");
    let lines = [
        json!({"type": "user.message", "data": {"content": "Which port?"}}),
        json!({"type": "assistant.message", "data": {"content": "8080."}}),
    ];
    std::fs::write(&path, lines.map(|line| line.to_string()).join("\n")).unwrap();
    let event = json!({"sessionId": "s", "transcriptPath": path});
    // Installed in the middle of a session: no hook saw the prompt.
    desk.hook("copilot-cli", Event::Stop, &event).await;
    assert_eq!(desk.said(), said(&[("user", "Which port?"), ("assistant", "8080.")]));
}

#[tokio::test]
async fn a_reply_that_the_host_writes_late_is_kept_by_this_hook_or_the_next() {
    let mut desk = Desk::new();
    desk.settings.deadline_ms = 900;
    let path = desk.folder.path().join("t.jsonl");
    let user = |text: &str| json!({"type": "user.message", "data": {"content": text}}).to_string();
    let assistant = |text: &str| json!({"type": "assistant.message", "data": {"content": text}}).to_string();
    let write = |lines: &[String]| std::fs::write(&path, lines.join("\n")).unwrap();
    let prompt = |text: &str| json!({"sessionId": "s", "prompt": text});
    let stop = json!({"sessionId": "s", "transcriptPath": path});

    desk.hook("copilot-cli", Event::Prompt, &prompt("a")).await;
    write(&[user("a")]);
    let late = async {
        sleep(Duration::from_millis(60)).await;
        write(&[user("a"), assistant("A.")]);
    };
    tokio::join!(desk.hook("copilot-cli", Event::Stop, &stop), late);
    desk.hook("copilot-cli", Event::Prompt, &prompt("b")).await;
    desk.hook("copilot-cli", Event::Stop, &stop).await;
    write(&[user("a"), assistant("A."), user("b"), assistant("B."), user("c")]);
    desk.hook("copilot-cli", Event::Prompt, &prompt("c")).await;
    desk.hook("copilot-cli", Event::Stop, &stop).await;
    write(&[user("c"), assistant("C.")]);
    desk.hook("copilot-cli", Event::End, &json!({"sessionId": "s"})).await;
    let said: Vec<String> = desk.said().into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ["a", "A.", "b", "B.", "c", "C."]);
}

#[tokio::test]
async fn an_interrupted_turn_is_kept_when_the_session_ends() {
    let desk = Desk::new();
    let path = desk.folder.path().join("t.jsonl");
    let lines = [
        json!({"role": "user", "content": "Go"}),
        json!({"role": "assistant", "content": "Half done"}),
    ];
    std::fs::write(&path, lines.map(|line| line.to_string()).join("\n")).unwrap();
    let event = json!({"session_id": "s", "prompt": "Go", "transcript_path": path});
    desk.hook("claude-code", Event::Prompt, &event).await;
    desk.hook("claude-code", Event::End, &event).await;
    assert_eq!(desk.said(), said(&[("user", "Go"), ("assistant", "Half done")]));
}

#[tokio::test]
async fn a_turn_that_two_hooks_bring_is_one() {
    let desk = Desk::new();
    let event = json!({"conversation_id": "s", "cursor_version": "2", "prompt": "Hi", "text": "Hello."});
    for event_name in [Event::Prompt, Event::Stop, Event::Stop] {
        desk.hook("cursor", event_name, &event).await;
    }
    let mut ids: Vec<String> = desk.spooled().iter().map(|message| message["id"].to_string()).collect();
    assert_eq!(ids.len(), 3);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn subagents_borrowed_hooks_and_bad_events_change_nothing() {
    let desk = Desk::new();
    for event in [
        json!({"session_id": "s", "prompt": "Hi", "agent_id": "a"}),
        json!({"session_id": "s", "prompt": "Hi", "cursor_version": "2"}),
        json!("not an object"),
    ] {
        let answer = desk.hook("claude-code", Event::Prompt, &event).await;
        assert_eq!(answer.text, "{}", "{event}");
    }
    let answer = desk.hook("vscode", Event::Prompt, &json!({})).await;
    assert_eq!((answer.text.as_str(), answer.trouble.len()), ("{}", 1));
    assert!(!desk.places.spool().join("open.jsonl").exists());
}

#[tokio::test]
async fn a_server_that_hangs_is_given_the_deadline_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut desk = Desk::new();
    desk.settings.server = format!("http://{}", listener.local_addr().unwrap());
    let started = Instant::now();
    let answer = desk
        .hook("codex", Event::Prompt, &json!({"session_id": "s", "prompt": "Hi"}))
        .await;
    assert!(
        started.elapsed() < Duration::from_millis(600),
        "{:?}",
        started.elapsed()
    );
    assert!(answer.text.contains("no answer in time"), "{}", answer.text);
    assert_eq!(desk.said(), said(&[("user", "Hi")]));
}

#[tokio::test]
async fn a_key_file_that_is_gone_is_said_and_loses_nothing() {
    let mut desk = Desk::new();
    desk.settings.key_file = Some(desk.folder.path().join("gone"));
    let answer = desk
        .hook("codex", Event::Prompt, &json!({"session_id": "s", "prompt": "Hi"}))
        .await;
    assert!(answer.text.contains("unavailable"), "{}", answer.text);
    assert!(answer.trouble[0].contains("gone"), "{:?}", answer.trouble);
    assert_eq!(desk.said(), said(&[("user", "Hi")]));
}
