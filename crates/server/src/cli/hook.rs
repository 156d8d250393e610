//! `context-manager hook`: recall before a prompt and storing after a turn, for agent hosts.
//!
//! The host must not notice our troubles: the exit code is always 0, and standard output has nothing but the answer.

use std::env;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use context_manager_client::Secret;
use context_manager_core::ports::{Clock, SystemClock};
use context_manager_hooks::{Answer, Event, Host, NEUTRAL, Places, Run, Settings};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::config::API_KEY_VARIABLE;

/// Maximum size of an event, in bytes.
const MAX_EVENT_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct HookArgs {
    /// Host that runs the hook, such as `claude-code`.
    // Not `host`: that is an option of all commands.
    #[arg(value_name = "HOST")]
    agent: String,
    /// Event: `start`, `prompt`, `stop`, `compact` or `end`.
    event: String,
    #[command(flatten)]
    given: Given,
}

/// Settings that take precedence over those of the installation.
#[derive(Debug, Clone, Args)]
pub(super) struct Given {
    /// URL of the server.
    #[arg(long, env = "CONTEXT_MANAGER_URL", value_name = "URL")]
    server: Option<String>,
    /// File that holds the key for the server.
    #[arg(long, env = "CONTEXT_MANAGER_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// User whose memory it is. Default: that of the key's whole tenant.
    #[arg(long, env = "CONTEXT_MANAGER_USER", value_name = "ID")]
    user: Option<String>,
    /// Maximum duration of a hook, in milliseconds.
    #[arg(long, env = "CONTEXT_MANAGER_DEADLINE_MS", value_name = "MS")]
    deadline_ms: Option<u64>,
}

impl Given {
    /// Changes the settings to those that are given; an empty variable gives nothing. A key is for one server: another one
    /// does not get it.
    pub(super) fn apply(self, settings: &mut Settings) {
        if let Some(server) = self
            .server
            .filter(|server| !server.is_empty() && *server != settings.server)
        {
            settings.server = server;
            settings.key_file = None;
        }
        if let Some(file) = self.key_file.filter(|file| !file.as_os_str().is_empty()) {
            settings.key_file = Some(file);
        }
        if let Some(user) = self.user.filter(|user| !user.is_empty()) {
            settings.user = Some(user);
        }
        if let Some(deadline) = self.deadline_ms {
            settings.deadline_ms = deadline;
        }
    }
}

/// Returns true if the command line, right or wrong, is that of a hook.
pub(super) fn is_meant() -> bool {
    env::args_os().nth(1).is_some_and(|command| command == "hook")
}

/// Answers neutrally, and tells the user the reason.
pub(super) fn give_up(reason: &str) -> ExitCode {
    finish(&Answer {
        text: NEUTRAL.to_owned(),
        trouble: vec![reason.to_owned()],
    })
}

pub(super) fn run(args: HookArgs) -> ExitCode {
    match answer(args) {
        Ok(answer) => finish(&answer),
        Err(error) => give_up(&format!("{error:#}")),
    }
}

fn answer(args: HookArgs) -> anyhow::Result<Answer> {
    let host: Host = args
        .agent
        .parse()
        .ok()
        .with_context(|| format!("unknown host `{}`", args.agent))?;
    let event: Event = args
        .event
        .parse()
        .ok()
        .with_context(|| format!("unknown event `{}`", args.event))?;
    let mut places = Places::find(|name| env::var_os(name)).context("there is no home folder")?;
    let (mut settings, unreadable) = match Settings::load(&places.settings()) {
        Ok(settings) => (settings, None),
        // Messages wait rather than go to a server that was not meant.
        Err(error) => (Settings::without_server(), Some(error.to_string())),
    };
    let installed = settings.server.clone();
    args.given.apply(&mut settings);
    if settings.server != installed {
        places = places.apart(&settings.server);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let limit = Duration::from_millis(settings.deadline_ms);
        let input = timeout(limit, event_bytes())
            .await
            .context("no event came on standard input")??;
        let mut answer = context_manager_hooks::run(Run {
            host,
            event,
            input: &input,
            settings: &settings,
            key: env::var(API_KEY_VARIABLE)
                .ok()
                .filter(|key| !key.is_empty())
                .map(Secret::from),
            places: &places,
            folder: &env::current_dir().unwrap_or_default(),
            now: SystemClock.now(),
        })
        .await;
        answer.trouble.extend(unreadable);
        Ok(answer)
    })
}

/// Reads standard input on a thread of its own, as a host may leave it open.
async fn event_bytes() -> anyhow::Result<Vec<u8>> {
    let (done, input) = oneshot::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = std::io::stdin().take(MAX_EVENT_BYTES).read_to_end(&mut bytes);
        // Nobody waits any more after the deadline.
        let _ = done.send(read.map(|_| bytes));
    });
    Ok(input.await??)
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the answer, and its troubles")]
fn finish(answer: &Answer) -> ExitCode {
    for trouble in &answer.trouble {
        eprintln!("context-manager: {trouble}");
    }
    println!("{}", answer.text);
    ExitCode::SUCCESS
}
