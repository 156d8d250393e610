use std::path::PathBuf;

use serde_json::json;

use super::*;

fn host(name: &str) -> Host {
    name.parse().unwrap()
}

/// An event as the host sends it, and what it says.
fn cases() -> Vec<(&'static str, Value, [Option<&'static str>; 5])> {
    vec![
        (
            "claude-code",
            json!({"session_id": "s", "transcript_path": "/t.jsonl", "cwd": "/w", "permission_mode": "default",
                "hook_event_name": "Stop", "stop_hook_active": false, "last_assistant_message": "Done."}),
            [Some("s"), Some("/w"), None, Some("Done."), Some("/t.jsonl")],
        ),
        (
            "codex",
            json!({"session_id": "s", "turn_id": "t", "transcript_path": null, "cwd": "/w", "hook_event_name":
                "UserPromptSubmit", "model": "m", "permission_mode": "default", "prompt": "Hi"}),
            [Some("s"), Some("/w"), Some("Hi"), None, None],
        ),
        (
            "cursor",
            json!({"conversation_id": "s", "generation_id": "g", "model": "m", "hook_event_name": "beforeSubmitPrompt",
                "cursor_version": "2.0", "workspace_roots": ["/w", "/x"], "prompt": "Hi", "attachments": []}),
            [Some("s"), Some("/w"), Some("Hi"), None, None],
        ),
        (
            "copilot-cli",
            json!({"sessionId": "s", "timestamp": 1, "cwd": "/w", "transcriptPath": "/t.jsonl", "stopReason": "end_turn"}),
            [Some("s"), Some("/w"), None, None, Some("/t.jsonl")],
        ),
        (
            "gemini-cli",
            json!({"session_id": "s", "transcript_path": "/t.json", "cwd": "/w", "hook_event_name": "AfterAgent",
                "timestamp": "2026-01-01T00:00:00Z", "prompt": "Hi", "prompt_response": "Done.", "stop_hook_active": false}),
            [Some("s"), Some("/w"), Some("Hi"), Some("Done."), None],
        ),
        (
            "grok",
            json!({"hookEventName": "stop", "sessionId": "s", "cwd": "/w", "workspaceRoot": "/w", "reason": "end_turn",
                "stopHookActive": false, "lastAssistantMessage": "Done."}),
            [Some("s"), Some("/w"), None, Some("Done."), None],
        ),
        (
            "hermes",
            json!({"session_id": "s", "cwd": "/w", "prompt": "Hi"}),
            [Some("s"), Some("/w"), Some("Hi"), None, None],
        ),
    ]
}

#[test]
fn events_are_read_as_hosts_send_them() {
    for (name, event, [session, cwd, prompt, reply, transcript]) in cases() {
        let expected = Incoming {
            session: session.map(str::to_owned),
            cwd: cwd.map(PathBuf::from),
            prompt: prompt.map(str::to_owned),
            reply: reply.map(str::to_owned),
            transcript: transcript.map(PathBuf::from),
            of_subagent: false,
        };
        assert_eq!(host(name).read(&event).unwrap(), expected, "{name}");
        assert!(!host(name).is_borrowed(&event), "{name}");
    }
}

#[test]
fn hooks_that_another_host_borrows_are_known() {
    for (name, event, _) in cases() {
        let borrows = matches!(name, "cursor" | "grok");
        assert_eq!(host("claude-code").is_borrowed(&event), borrows, "{name}");
    }
}

#[test]
fn answers_have_the_form_that_hosts_read() {
    let nested = |name| json!({"hookSpecificOutput": {"hookEventName": name, "additionalContext": "N"}});
    let cases = [
        ("claude-code", nested("UserPromptSubmit"), json!({})),
        ("codex", nested("UserPromptSubmit"), json!({})),
        (
            "cursor",
            json!({"continue": true, "additional_context": "N"}),
            json!({"continue": true}),
        ),
        ("copilot-cli", json!({"additionalContext": "N"}), json!({})),
        ("gemini-cli", nested("BeforeAgent"), json!({})),
        ("grok", json!({}), json!({})),
        ("opencode", json!({"context": "N"}), json!({})),
    ];
    for (name, with_notes, without) in cases {
        let answer = |event, text| -> Value { serde_json::from_str(&host(name).answer(event, text)).unwrap() };
        assert_eq!(answer(Event::Prompt, Some("N")), with_notes, "{name}");
        assert_eq!(answer(Event::Prompt, None), without, "{name}");
        // Some hosts take any text here for a wish to go on.
        assert_eq!(answer(Event::Stop, Some("N")), json!({}), "{name}");
    }
}
