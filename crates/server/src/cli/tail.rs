//! `context-manager tail`: events as they come.

use std::pin::pin;

use clap::Args;
use context_manager_client::wire::{Code, ContextEvent, EventKind};
use context_manager_client::{Client, Error};
use futures::TryStreamExt as _;
use serde::Serialize;

use super::connection::{Connection, Stay, work_on};
use super::options::Options;
use super::output::{BAD, DIM, GOOD, Output, OutputArgs, WARNING, warn};

#[derive(Debug, Args)]
pub(super) struct TailArgs {
    /// Show the texts as well.
    #[arg(long)]
    text: bool,
    /// Follow from behind this event, as `--json` names it in `event_id`. Default: from now on.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

/// An event, for programs.
#[derive(Debug, Serialize)]
struct Shown<'e> {
    event: &'static str,
    event_id: &'e str,
    #[serde(flatten)]
    context: Option<&'e ContextEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

pub(super) fn run(options: Options, args: &TailArgs) -> anyhow::Result<()> {
    let output = args.output.open();
    work_on(options, &args.connection, Stay::Long, async |memory| {
        let mut after = args.after.clone();
        // A server ends a stream after some minutes.
        loop {
            let events = memory.client.stream_events(after.as_deref()).await?;
            let mut events = pin!(events);
            while let Some(event) = events.try_next().await? {
                show(&memory.client, &output, args.text, &event.id, &event.kind).await?;
                after = Some(event.id);
            }
        }
    })
}

async fn show(client: &Client, output: &Output, with_text: bool, id: &str, kind: &EventKind) -> anyhow::Result<()> {
    let (event, style, context) = match kind {
        EventKind::Stored(context) => ("stored", GOOD, context),
        EventKind::Changed(context) => ("changed", WARNING, context),
        EventKind::Deleted(context) => ("deleted", BAD, context),
        EventKind::Expired(context) => ("expired", BAD, context),
        EventKind::Gap => return gap(output, id),
    };
    let is_there = matches!(kind, EventKind::Stored(_) | EventKind::Changed(_));
    let text = if with_text && is_there {
        text(client, context).await?
    } else {
        None
    };
    if output.is_json() {
        return output.object(&Shown {
            event,
            event_id: id,
            context: Some(context),
            text,
        });
    }
    let scope = context
        .scope
        .as_deref()
        .map(|scope| format!("  {}", output.text(scope)));
    output.line(format!(
        "{} {}  {:10}{}",
        output.paint(style, format!("{event:8}")),
        context.id,
        context.level.as_str(),
        output.paint(DIM, scope.unwrap_or_default())
    ))?;
    if let Some(text) = text {
        output.line(format!("         {}", output.text(&text).replace('\n', "\n         ")))?;
    }
    Ok(())
}

fn gap(output: &Output, id: &str) -> anyhow::Result<()> {
    if output.is_json() {
        return output.object(&Shown {
            event: "gap",
            event_id: id,
            context: None,
            text: None,
        });
    }
    warn("events are missing here: too many came at once, or the server started again");
    Ok(())
}

/// Returns the text of a context; `None` if it is gone already.
async fn text(client: &Client, context: &ContextEvent) -> Result<Option<String>, Error> {
    match client.get_context(context.id).await {
        Ok(context) => Ok(Some(context.text)),
        Err(error) if error.code() == Some(Code::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
