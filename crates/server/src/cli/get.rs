//! `context-manager get`.

use clap::Args;
use context_manager_client::Client;
use context_manager_client::wire::{Context, EmbeddingStatus, History, Origin};
use uuid::Uuid;

use super::connection::{Connection, Stay, work_on};
use super::exit::{Exit, Stop};
use super::options::Options;
use super::output::{DIM, Output, OutputArgs};

#[derive(Debug, Args)]
pub(super) struct GetArgs {
    /// Ids of contexts.
    #[arg(required_unless_present = "key", value_name = "ID")]
    ids: Vec<Uuid>,
    /// Key of a context.
    #[arg(long, value_name = "KEY", conflicts_with = "ids")]
    key: Option<String>,
    /// Scope of the key.
    #[arg(long, value_name = "PATH", requires = "key")]
    scope: Option<String>,
    /// Show the versions as well.
    #[arg(long)]
    history: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(options: Options, args: &GetArgs) -> anyhow::Result<()> {
    let output = args.output.open();
    work_on(options, &args.connection, Stay::Short, async |memory| {
        let client = &memory.client;
        if let Some(key) = &args.key {
            let context = client.get_context_by_key(args.scope.as_deref(), key).await?;
            return show(&output, &context, history(client, context.id, args.history).await?);
        }
        let mut missing = Vec::new();
        for (at, id) in args.ids.iter().enumerate() {
            let context = match client.get_context(*id).await.map_err(anyhow::Error::from) {
                Ok(context) => context,
                Err(error) if Exit::of(&error) == Some(Exit::NotFound) => {
                    missing.push(id.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            };
            if at > 0 && !output.is_json() {
                output.line("")?;
            }
            show(&output, &context, history(client, *id, args.history).await?)?;
        }
        if missing.is_empty() {
            return Ok(());
        }
        let missing = format!("there is no context {}", missing.join(", "));
        Err(Stop::new(Exit::NotFound, missing).into())
    })
}

async fn history(client: &Client, id: Uuid, is_wanted: bool) -> anyhow::Result<Option<History>> {
    Ok(if is_wanted {
        Some(client.get_context_history(id).await?)
    } else {
        None
    })
}

fn show(output: &Output, context: &Context, history: Option<History>) -> anyhow::Result<()> {
    if output.is_json() {
        output.object(context)?;
        return history.map_or(Ok(()), |history| output.object(&history));
    }
    output.line(output.text(&context.text))?;
    output.line("")?;
    output.facts(facts(output, context))?;
    for version in history.iter().flat_map(|history| &history.versions) {
        let by = version.by.as_deref().unwrap_or("unknown");
        let head = format!(
            "\nversion {} · {} · by {}",
            version.version,
            output.ago(version.changed_at.0),
            output.text(by)
        );
        output.line(output.paint(DIM, head))?;
        output.line(output.text(&version.text))?;
    }
    Ok(())
}

fn facts(output: &Output, context: &Context) -> Vec<(&'static str, String)> {
    let time = |time: jiff::Timestamp| format!("{time:.0} ({})", output.ago(time));
    let mut facts = vec![
        ("id", context.id.to_string()),
        ("level", context.level.as_str().to_owned()),
    ];
    let texts = [
        ("user", &context.user_id),
        ("agent", &context.agent_id),
        ("session", &context.session_id),
        ("scope", &context.scope),
        ("key", &context.key),
        ("role", &context.role),
        ("document", &context.document_id),
        ("language", &context.language),
    ];
    facts.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))));
    if !context.tags.is_empty() {
        facts.push(("tags", context.tags.join(", ")));
    }
    if !context.metadata.is_empty() {
        let metadata = serde_json::Value::from(context.metadata.clone());
        facts.push(("metadata", metadata.to_string()));
    }
    facts.push(("importance", context.importance.to_string()));
    if context.pinned {
        facts.push(("pinned", "yes".to_owned()));
    }
    if context.origin != Origin::default() {
        facts.push(("origin", format!("{:?}", context.origin).to_lowercase()));
    }
    facts.push(("version", context.version.to_string()));
    facts.push(("tokens", context.token_count.to_string()));
    if let Ok(occurred) = context.occurred_at.0.try_into() {
        facts.push(("occurred", time(occurred)));
    }
    facts.push(("created", time(context.created_at.0)));
    if context.updated_at != context.created_at {
        facts.push(("updated", time(context.updated_at.0)));
    }
    if let Some(expires) = context.expires_at {
        facts.push(("expires", time(expires.0)));
    }
    if context.embedding_status == EmbeddingStatus::Pending {
        facts.push(("vector", "still to come".to_owned()));
    }
    if let Some(by) = context.superseded_by {
        facts.push(("replaced by", by.to_string()));
    }
    let derived: Vec<String> = context.derived_from.iter().map(Uuid::to_string).collect();
    if !derived.is_empty() {
        facts.push(("derived from", derived.join("\n")));
    }
    facts
}
