//! `context-manager edit`.

use std::env;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::Args;
use context_manager_client::wire::{ContextPatch, Level, Metadata};
use serde_json::Value;
use uuid::Uuid;

use super::connection::{Connection, Session, Stay};
use super::exit::{Exit, Stop};
use super::narrow::{level, pair};
use super::options::Options;
use super::output::{OutputArgs, note};
use super::when;

#[derive(Debug, Args)]
pub(super) struct EditArgs {
    /// Id of the context. Without a flag its text is opened in `$VISUAL` or `$EDITOR`.
    #[arg(value_name = "ID")]
    id: Uuid,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

/// Changes of a context.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Changes")]
struct Changes {
    /// New text.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// New level.
    #[arg(long, value_name = "LEVEL", value_parser = level())]
    level: Option<Level>,
    /// New language, such as `de`.
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// Tag instead of those there are; several for several.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Remove all tags.
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
    /// New value of a metadata key: JSON or else a text; `null` removes the key.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, Value)>,
    /// New importance, 0 to 1.
    #[arg(long, value_name = "NUMBER")]
    importance: Option<f32>,
    /// Keep it from expiry.
    #[arg(long, conflicts_with = "unpin")]
    pin: bool,
    /// Keep it from expiry no more.
    #[arg(long)]
    unpin: bool,
    /// Time from now until it expires: seconds, or a duration such as `30d`.
    #[arg(long, value_name = "TIME", value_parser = when::seconds)]
    ttl: Option<u64>,
}

impl Changes {
    /// Returns the changes; `None` without any.
    fn patch(&self) -> Option<ContextPatch> {
        let metadata: serde_json::Map<_, _> = self.metadata.iter().cloned().collect();
        let patch = ContextPatch {
            text: self.text.clone(),
            language: self.language.clone(),
            level: self.level,
            tags: (self.no_tags || !self.tags.is_empty()).then(|| self.tags.clone()),
            metadata: (!metadata.is_empty()).then(|| Metadata(metadata)),
            importance: self.importance,
            pinned: (self.pin || self.unpin).then_some(self.pin),
            ttl_secs: self.ttl,
        };
        let is_empty =
            serde_json::to_value(&patch).is_ok_and(|patch| patch.as_object().is_some_and(serde_json::Map::is_empty));
        (!is_empty).then_some(patch)
    }
}

pub(super) fn run(options: Options, args: &EditArgs) -> anyhow::Result<()> {
    let patch = args.changes.patch();
    if patch.is_none() && !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        let usage = "nothing to change: name a change, or run this on a terminal to edit the text";
        return Err(Stop::new(Exit::CommandLine, usage).into());
    }
    let session = Session::open(options, &args.connection, Stay::Short)?;
    let done = change(&session, args, patch);
    session.close();
    done
}

fn change(session: &Session, args: &EditArgs, patch: Option<ContextPatch>) -> anyhow::Result<()> {
    let output = args.output.open();
    let patch = if let Some(patch) = patch {
        patch
    } else {
        let before = session.run(async |memory| Ok(memory.client.get_context(args.id).await?))?;
        // Outside of the runtime: Ctrl-C is the editor's.
        let text = edited(&before.text)?;
        if text.trim() == before.text.trim() {
            note("nothing was changed");
            return Ok(());
        }
        ContextPatch {
            text: Some(text.trim().to_owned()),
            ..ContextPatch::default()
        }
    };
    let changed = session.run(async |memory| Ok(memory.client.update_context(args.id, &patch).await?))?;
    if output.is_json() {
        return output.object(&changed);
    }
    output.line(changed.id().to_string())?;
    Ok(())
}

/// Returns a text after the user edited it.
fn edited(text: &str) -> anyhow::Result<String> {
    let mut file = tempfile::Builder::new().prefix("context-").suffix(".md").tempfile()?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    let editor = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(env::var_os)
        .find(|editor| !editor.is_empty());
    let editor = editor.unwrap_or_else(|| "vi".into());
    // Editors are given with arguments, as `code --wait`.
    let status = Command::new("sh")
        .arg("-c")
        .arg("exec $CONTEXT_EDITOR \"$1\"")
        .arg("sh")
        .arg(file.path())
        .env("CONTEXT_EDITOR", &editor)
        .status();
    let status = status.with_context(|| format!("cannot run the editor `{}`", editor.display()))?;
    ensure!(
        status.success(),
        "the editor `{}` failed, and nothing was changed",
        editor.display()
    );
    fs::read_to_string(file.path()).context("cannot read the edited text")
}
