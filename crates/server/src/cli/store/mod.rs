//! `context-manager store`: texts of the command line, or lines of standard input.

mod batches;
mod lines;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use context_manager_client::wire::{Level, Metadata, NewContext, Origin, Time};
use context_manager_core::Moment;
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::bar::bar;
use super::connection::{Connection, Stay, work_on};
use super::exit::{Exit, Stop};
use super::narrow::{level, origin, pair};
use super::options::Options;
use super::output::{OutputArgs, note};
use super::when;
use crate::attach::Attached;
use batches::Batches;
use lines::{Kind, Lines};

/// Name of standard input.
const STANDARD_INPUT: &str = "-";
/// Maximum time to wait for vectors while none comes.
const NO_VECTOR: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    /// The text; several words are one text. `-` or nothing reads standard input, where each line is a context.
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
    /// Take each line of standard input for a JSON object with the fields of the API. Default: if the first line is one.
    #[arg(long)]
    json_lines: bool,
    /// Store standard input as one context.
    #[arg(long, conflicts_with = "json_lines")]
    whole: bool,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

/// Fields of every stored context, unless its line has them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Fields")]
struct Fields {
    /// Level of memory.
    #[arg(long, value_name = "LEVEL", value_parser = level())]
    level: Option<Level>,
    /// User it belongs to.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Agent it belongs to.
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Conversation it belongs to.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Scope it belongs to, such as `org/acme/user/ann`.
    #[arg(long, value_name = "PATH")]
    scope: Option<String>,
    /// Key: storing under it replaces what is there.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Source of the text.
    #[arg(long, value_name = "ORIGIN", value_parser = origin())]
    origin: Option<Origin>,
    /// Language of the text, such as `de`.
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// Tag; several for several.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Metadata: a key, and a value that is JSON or else a text.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, Value)>,
    /// Importance, 0 to 1.
    #[arg(long, value_name = "NUMBER")]
    importance: Option<f32>,
    /// Keep it from expiry.
    #[arg(long)]
    pin: bool,
    /// Time until it expires: seconds, or a duration such as `30d`.
    #[arg(long, value_name = "TIME", value_parser = when::seconds)]
    ttl: Option<u64>,
    /// Time of the event: a time, a date, or a duration before now. Default now.
    #[arg(long, value_name = "WHEN", value_parser = when::past)]
    at: Option<Timestamp>,
    /// Context that this one replaces; several for several.
    #[arg(long, value_name = "ID")]
    supersedes: Vec<Uuid>,
}

impl Fields {
    /// Returns a context with these fields and no text.
    fn context(&self) -> NewContext {
        let metadata: Map<_, _> = self.metadata.iter().cloned().collect();
        NewContext {
            text: String::new(),
            level: self.level,
            id: None,
            user_id: self.user.clone(),
            agent_id: self.agent.clone(),
            session_id: self.session.clone(),
            scope: self.scope.clone(),
            key: self.key.clone(),
            origin: self.origin,
            language: self.language.clone(),
            tags: (!self.tags.is_empty()).then(|| self.tags.clone()),
            metadata: (!metadata.is_empty()).then(|| Metadata(metadata)),
            importance: self.importance,
            pinned: self.pin.then_some(true),
            ttl_secs: self.ttl,
            occurred_at: self.at.map(|time| Time(Moment::from(time))),
            supersedes: (!self.supersedes.is_empty()).then(|| self.supersedes.clone()),
        }
    }
}

pub(super) fn run(options: Options, args: &StoreArgs) -> anyhow::Result<()> {
    let output = args.output.open();
    let is_piped = args.text.is_empty() || args.text == [STANDARD_INPUT];
    if args.text.is_empty() && io::stdin().is_terminal() {
        let usage = "nothing to store: give a text, or pipe one in, or `-` to type lines that Ctrl-D ends";
        return Err(Stop::new(Exit::CommandLine, usage).into());
    }
    work_on(options, &args.connection, Stay::Short, async |memory| {
        let fields = args.fields.context();
        if !is_piped || args.whole {
            let text = if is_piped {
                let mut text = String::new();
                let read = tokio::io::stdin().read_to_string(&mut text).await;
                read.context("cannot read standard input")?;
                text
            } else {
                args.text.join(" ")
            };
            let stored = memory.client.store_context(&NewContext { text, ..fields }).await?;
            if output.is_json() {
                output.object(&stored)?;
            } else {
                output.line(stored.id().to_string())?;
                if stored.is_deduplicated() {
                    note("it was there already");
                }
            }
        } else {
            let kind = args.json_lines.then_some(Kind::Objects);
            let lines = Lines::new(BufReader::new(tokio::io::stdin()), kind, fields);
            Batches::new(&memory.client, &output).store(lines).await?;
        }
        embed(memory).await
    })
}

/// Waits until what was stored has its vectors, if the server ends with this process.
async fn embed(memory: &Attached) -> anyhow::Result<()> {
    if !memory.is_own() {
        return Ok(());
    }
    let mut bar: Option<ProgressBar> = None;
    let (mut least, mut since) = (u64::MAX, Instant::now());
    loop {
        let pending = memory.client.get_stats().await?.pending_embeddings;
        if pending == 0 {
            break;
        }
        if pending < least {
            (least, since) = (pending, Instant::now());
        } else if since.elapsed() > NO_VECTOR {
            note(format!(
                "{pending} contexts have no vector yet and are found by their words: the next server that opens the data \
                 folder goes on"
            ));
            break;
        }
        let bar = match &bar {
            Some(bar) => bar,
            None => bar.insert(self::bar(
                Some(pending),
                "embedding {wide_bar} {pos}/{len}, {eta} left",
            )?),
        };
        bar.set_position(bar.length().unwrap_or_default().saturating_sub(pending));
        sleep(LOOK_EVERY).await;
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(())
}
