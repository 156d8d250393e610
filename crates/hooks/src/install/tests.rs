use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::pieces::NAME;

const PROGRAM: &str = "/opt/tools/context-manager";

/// Files as users have them: comments, tabs, trailing commas, hooks of others.
const FOREIGN: &[(&str, &str, &str)] = &[
    (
        "claude-code",
        ".claude/settings.json",
        "{\n\t\"model\": \"opus\",\n\t\"hooks\": {\n\t\t\"Stop\": [{\"matcher\": \"\", \"hooks\": [{\"type\": \"command\", \"command\": \"say done\"}]}],\n\t\t\"PreToolUse\": []\n\t}\n}",
    ),
    (
        "claude-code",
        ".claude.json",
        "{\"numStartups\":12,\"mcpServers\":{\"files\":{\"type\":\"stdio\",\"command\":\"files\",\"args\":[]}},\"big\":1e400}",
    ),
    ("codex", ".codex/hooks.json", "{\"hooks\": {}}\n"),
    (
        "codex",
        ".codex/config.toml",
        "# mine\nmodel = \"gpt\"   # the big one\n\n[mcp_servers.files]\ncommand = \"files\"\n\n[tui]\ntheme = \"x\"\n",
    ),
    (
        "cursor",
        ".cursor/hooks.json",
        "{\n    \"version\": 1,\n    \"hooks\": {\n        \"stop\": [\n            {\"command\": \"./audit.sh\"}\n        ]\n    }\n}\n",
    ),
    ("cursor", ".cursor/mcp.json", "{}"),
    (
        "copilot-cli",
        ".copilot/mcp-config.json",
        "{\n  \"mcpServers\": {\n    \"a\": {\"type\": \"local\", \"command\": \"a\", \"args\": [], \"tools\": [\"*\"]}\n  }\n}",
    ),
    (
        "gemini-cli",
        ".gemini/settings.json",
        "{\n  // my theme\n  \"ui\": {\"theme\": \"Dracula\"},\n  \"hooks\": {\n    \"BeforeAgent\": [\n      {\"hooks\": [{\"type\": \"command\", \"command\": \"date\", \"name\": \"date\"}]}, /* mine */\n    ],\n  },\n}\n",
    ),
    (
        "vscode",
        ".config/Code/User/mcp.json",
        "{\n\t\"inputs\": [],\n\t\"servers\": {}\n}",
    ),
    ("grok", ".grok/config.toml", "[ui]\nx = 1\n"),
    (
        "opencode",
        ".config/opencode/opencode.json",
        "{\n  \"$schema\": \"https://opencode.ai/config.json\",\n  \"mcp\": {\n    \"x\": { \"type\": \"local\", \"command\": [\"x\"] }\n  }\n}\n",
    ),
];

struct Home {
    folder: tempfile::TempDir,
    places: Places,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_owned();
        let places = Places::find(|name| (name == "HOME").then(|| home.clone().into())).unwrap();
        Self { folder, places }
    }

    fn with_foreign_files() -> Self {
        let home = Self::new();
        for (_, path, text) in FOREIGN {
            let path = home.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        home
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.read(path)).unwrap()
    }

    fn install(&self, host: Host, program: &str) -> Outcome {
        install(host, &self::program(program), &self.places, &|_| None).unwrap()
    }

    fn uninstall(&self, host: Host) -> Outcome {
        uninstall(host, &program(PROGRAM), &self.places, &|_| None).unwrap()
    }

    /// Every file with its text.
    fn files(&self) -> Vec<(String, String)> {
        let (mut found, mut folders) = (Vec::new(), vec![self.folder.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.folder.path()).unwrap().display().to_string();
                    found.push((name, fs::read_to_string(path).unwrap()));
                }
            }
        }
        found.sort_unstable();
        found
    }
}

fn program(path: &str) -> Program {
    Program {
        path: path.into(),
        mcp: ["mcp", "--server", "http://127.0.0.1:8080"].map(str::to_owned).into(),
    }
}

fn host(name: &str) -> Host {
    name.parse().unwrap()
}

#[test]
fn what_others_wrote_is_the_same_to_the_byte_after_installing_twice_and_uninstalling() {
    let home = Home::with_foreign_files();
    let before = home.files();
    for host in Host::all() {
        assert!(!home.install(host, PROGRAM).changed.is_empty(), "{host:?}");
        let once = home.files();
        assert!(home.install(host, PROGRAM).changed.is_empty(), "{host:?}");
        assert_eq!(home.files(), once, "{host:?}");
    }
    for (_, path, text) in FOREIGN {
        assert_eq!(home.read(&format!("{path}.backup")), **text, "{path}");
        assert!(home.read(path).contains(PROGRAM), "{path}");
    }
    for host in Host::all() {
        home.uninstall(host);
        assert!(home.uninstall(host).changed.is_empty(), "{host:?}");
    }
    assert_eq!(home.files(), before);
}

#[test]
fn a_home_without_any_file_is_empty_again_after_uninstalling() {
    let home = Home::new();
    for host in Host::all() {
        home.install(host, PROGRAM);
        home.install(host, PROGRAM);
        home.uninstall(host);
        assert_eq!(home.files(), [], "{host:?}");
    }
}

#[test]
fn what_the_user_adds_after_the_installation_stays() {
    let home = Home::with_foreign_files();
    let claude = host("claude-code");
    home.install(claude, PROGRAM);
    let settings = home.path(".claude/settings.json");
    let edited = home.read(".claude/settings.json").replace("\"opus\"", "\"haiku\"");
    let edited = edited.replace(
        "\"PreToolUse\": []",
        "\"PreToolUse\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"mine\"}]}]",
    );
    fs::write(&settings, edited).unwrap();
    home.uninstall(claude);
    let left = home.json(".claude/settings.json");
    let hook = |command| json!({"type": "command", "command": command});
    let expected = json!({
        "model": "haiku",
        "hooks": {
            "Stop": [{"matcher": "", "hooks": [hook("say done")]}],
            "PreToolUse": [{"hooks": [hook("mine")]}]
        }
    });
    assert_eq!(left, expected);
    assert!(
        home.path(".claude/settings.json.backup").exists(),
        "the backup stays, as it was not used"
    );
}

#[test]
fn a_hook_of_another_in_one_group_with_ours_stays() {
    let home = Home::new();
    let claude = host("claude-code");
    home.install(claude, PROGRAM);
    let settings = home.read(".claude/settings.json");
    let ours = format!("\"{PROGRAM} hook claude-code stop\",");
    assert!(settings.contains(&ours), "{settings}");
    let shared = settings.replace(
        &ours,
        &format!("{ours} \"x\": 1}}, {{\"type\": \"command\", \"command\": \"mine\","),
    );
    fs::write(home.path(".claude/settings.json"), shared).unwrap();
    home.uninstall(claude);
    let left = home.json(".claude/settings.json");
    assert_eq!(left["hooks"]["Stop"][0]["hooks"][0]["command"], "mine", "{left}");
    assert_eq!(left["hooks"].as_object().unwrap().len(), 1, "{left}");
}

#[test]
fn another_copy_of_the_program_takes_the_place_of_the_first() {
    let home = Home::with_foreign_files();
    for host in Host::all() {
        home.install(host, "/old/context-manager");
        assert!(home.install(host, PROGRAM).backups.is_empty(), "{host:?}");
    }
    for (name, text) in home.files() {
        assert!(!text.contains("/old/"), "{name}: {text}");
    }
}

#[test]
fn a_backup_of_the_users_own_is_left_alone() {
    let home = Home::with_foreign_files();
    fs::write(home.path(".cursor/hooks.json.backup"), "mine").unwrap();
    home.install(host("cursor"), PROGRAM);
    assert_eq!(home.read(".cursor/hooks.json.backup"), "mine");
    home.uninstall(host("cursor"));
    assert_eq!(home.read(".cursor/hooks.json.backup"), "mine");
    assert!(!home.path(".cursor/hooks.json.backup.1").exists());
}

#[test]
fn a_file_that_cannot_be_read_stays_as_it_is() {
    for (path, text) in [
        (".cursor/hooks.json", "{\"hooks\": "),
        (".cursor/hooks.json", "[]"),
        (".cursor/hooks.json", "{\"hooks\": []}"),
        (".cursor/mcp.json", "{\"mcpServers\": 7}"),
    ] {
        let home = Home::new();
        fs::create_dir_all(home.path(".cursor")).unwrap();
        fs::write(home.path(path), text).unwrap();
        let error = install(host("cursor"), &program(PROGRAM), &home.places, &|_| None).unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
        assert_eq!(home.read(path), text);
    }
}

#[test]
fn hosts_get_what_they_read() {
    let home = Home::new();
    for host in Host::all() {
        home.install(host, PROGRAM);
    }
    let command = |host, event| format!("{PROGRAM} hook {host} {event}");
    let args = json!(["mcp", "--server", "http://127.0.0.1:8080"]);
    let nested = |path: &str, event: &str| home.json(path)["hooks"][event][0]["hooks"][0].clone();
    assert_eq!(
        nested(".claude/settings.json", "UserPromptSubmit"),
        json!({"type": "command", "command": command("claude-code", "prompt"), "timeout": 10})
    );
    assert_eq!(nested(".codex/hooks.json", "Stop")["command"], command("codex", "stop"));
    assert_eq!(nested(".gemini/settings.json", "AfterAgent")["timeout"], 10_000);
    assert_eq!(
        nested(".grok/hooks/context-manager.json", "Stop")["command"],
        command("grok", "stop")
    );
    let cursor = home.json(".cursor/hooks.json");
    assert_eq!(cursor["version"], 1);
    assert_eq!(
        cursor["hooks"]["beforeSubmitPrompt"][0]["command"],
        command("cursor", "prompt")
    );
    let copilot = home.json(".copilot/hooks/context-manager.json");
    assert_eq!(copilot["version"], 1);
    assert_eq!(copilot["hooks"]["agentStop"][0]["bash"], command("copilot-cli", "stop"));

    for (path, servers, kind) in [
        (".claude.json", "mcpServers", json!("stdio")),
        (".cursor/mcp.json", "mcpServers", json!("stdio")),
        (".copilot/mcp-config.json", "mcpServers", json!("local")),
        (".gemini/settings.json", "mcpServers", Value::Null),
        (".config/Code/User/mcp.json", "servers", json!("stdio")),
    ] {
        let server = &home.json(path)[servers][NAME];
        assert_eq!(
            (&server["command"], &server["args"], &server["type"]),
            (&json!(PROGRAM), &args, &kind),
            "{path}"
        );
    }
    let opencode = &home.json(".config/opencode/opencode.json")["mcp"][NAME];
    assert_eq!(
        opencode["command"],
        json!([PROGRAM, "mcp", "--server", "http://127.0.0.1:8080"])
    );
    for path in [".codex/config.toml", ".grok/config.toml"] {
        let config: toml::Table = home.read(path).parse().unwrap();
        let server = &config["mcp_servers"][NAME];
        assert_eq!(
            (server["command"].as_str(), server["args"].as_array().unwrap().len()),
            (Some(PROGRAM), 3),
            "{path}"
        );
    }
    for path in [
        ".hermes/plugins/context-manager/__init__.py",
        ".openclaw/extensions/context-manager/index.js",
        ".config/opencode/plugin/context-manager.js",
    ] {
        assert!(home.read(path).contains(&format!("PROGRAM = \"{PROGRAM}\"")), "{path}");
    }
}

#[test]
fn a_host_is_present_if_its_folder_is() {
    let home = Home::new();
    let present = |home: &Home| -> Vec<&str> {
        let all = Host::all().filter(|host| host.is_present(&home.places, &|_| None));
        all.map(Host::name).collect()
    };
    assert_eq!(present(&home), [""; 0]);
    fs::create_dir_all(home.path(".codex")).unwrap();
    fs::create_dir_all(home.path(".config/opencode")).unwrap();
    assert_eq!(present(&home), ["codex", "opencode"]);
    // The variable of a host moves its folder.
    let moved = host("claude-code").is_present(&home.places, &|name| {
        (name == "CLAUDE_CONFIG_DIR").then(|| home.path(".codex").into())
    });
    assert!(moved);
}
