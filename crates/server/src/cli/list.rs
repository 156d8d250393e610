//! `context-manager list`, `sessions` and `scopes`: pages of everything there is.

use std::pin::pin;

use clap::Args;
use context_manager_client::wire::{Level, LevelCounts};
use context_manager_client::{ListContexts, Page};
use futures::{StreamExt as _, TryStreamExt as _};

use super::connection::{Connection, Stay, work_on};
use super::narrow::level;
use super::options::Options;
use super::output::{OutputArgs, count, note};

/// Number of items of a page.
const PAGE: u32 = 200;

/// Number of items to show.
#[derive(Debug, Clone, Args)]
pub(super) struct Length {
    /// Maximum number to show.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Show all.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl Length {
    /// Returns the maximum number of items.
    pub(super) fn most(&self) -> usize {
        if self.all { usize::MAX } else { self.limit }
    }

    /// Returns the first page.
    pub(super) fn page(&self) -> Page {
        // One more than is shown tells whether there are others.
        let limit = u32::try_from(self.most().saturating_add(1)).unwrap_or(PAGE);
        Page {
            limit: Some(limit.clamp(1, PAGE)),
            cursor: None,
        }
    }
}

/// Tells the user that not all is shown.
pub(super) fn there_is_more() {
    note("there are more: --limit N or --all");
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Contexts of this level.
    #[arg(long, value_name = "LEVEL", value_parser = level())]
    level: Option<Level>,
    /// Contexts of this user.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Contexts of this agent.
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Contexts of this conversation.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Contexts of this scope and of those below it.
    #[arg(long, alias = "scope", value_name = "PATH")]
    scope_prefix: Option<String>,
    /// Contexts with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// List replaced contexts as well.
    #[arg(long)]
    include_superseded: bool,
    #[command(flatten)]
    length: Length,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn contexts(options: Options, args: &ListArgs) -> anyhow::Result<()> {
    let output = args.output.open();
    work_on(options, &args.connection, Stay::Short, async |memory| {
        let list = ListContexts {
            level: args.level,
            user_id: args.user.clone(),
            agent_id: args.agent.clone(),
            session_id: args.session.clone(),
            scope_prefix: args.scope_prefix.clone(),
            tag: args.tag.clone(),
            include_superseded: args.include_superseded,
            page: args.length.page(),
        };
        let mut contexts = pin!(memory.client.contexts(list));
        let mut shown = 0;
        while let Some(context) = contexts.try_next().await? {
            if shown == args.length.most() {
                there_is_more();
                return Ok(());
            }
            shown += 1;
            if output.is_json() {
                output.object(&context)?;
            } else {
                output.context(&context, None, 1)?;
            }
        }
        if shown == 0 {
            note("there are no such contexts");
        }
        Ok(())
    })
}

#[derive(Debug, Args)]
pub(super) struct SessionsArgs {
    #[command(flatten)]
    length: Length,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn sessions(options: Options, args: &SessionsArgs) -> anyhow::Result<()> {
    let output = args.output.open();
    work_on(options, &args.connection, Stay::Short, async |memory| {
        let sessions = memory.client.sessions(args.length.page());
        let mut sessions: Vec<_> = sessions
            .take(args.length.most().saturating_add(1))
            .try_collect()
            .await?;
        let has_more = sessions.len() > args.length.most();
        sessions.truncate(args.length.most());
        if output.is_json() {
            sessions.iter().try_for_each(|session| output.object(session))?;
        } else if sessions.is_empty() {
            note("there are no sessions");
        } else {
            let rows = sessions.iter().map(|session| {
                let [immediate, short_term, long_term] = by_level(&session.contexts);
                [
                    output.text(&session.session_id),
                    count(session.total),
                    immediate,
                    short_term,
                    long_term,
                    output.ago(session.first_activity_at.0),
                    output.ago(session.last_activity_at.0),
                ]
            });
            let header = [
                "session",
                "contexts",
                "immediate",
                "short_term",
                "long_term",
                "first",
                "last",
            ];
            output.table(header, rows)?;
        }
        if has_more {
            there_is_more();
        }
        Ok(())
    })
}

/// Returns the counts of the levels.
pub(super) fn by_level(counts: &LevelCounts<u64>) -> [String; 3] {
    [counts.immediate, counts.short_term, counts.long_term].map(count)
}

#[derive(Debug, Args)]
pub(super) struct ScopesArgs {
    /// Scopes at or below this one.
    #[arg(value_name = "PATH")]
    prefix: Option<String>,
    /// Number of segments below it; deeper scopes are counted with those above them.
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    #[command(flatten)]
    length: Length,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn scopes(options: Options, args: &ScopesArgs) -> anyhow::Result<()> {
    let output = args.output.open();
    work_on(options, &args.connection, Stay::Short, async |memory| {
        let (mut page, mut scopes) = (args.length.page(), Vec::new());
        while scopes.len() <= args.length.most() {
            let next = memory.client.list_scopes(args.prefix.as_deref(), args.depth, &page);
            let next = next.await?;
            scopes.extend(next.scopes);
            let Some(cursor) = next.next_cursor else { break };
            page.cursor = Some(cursor);
        }
        let has_more = scopes.len() > args.length.most();
        scopes.truncate(args.length.most());
        if output.is_json() {
            scopes.iter().try_for_each(|scope| output.object(scope))?;
        } else if scopes.is_empty() {
            note("there are no scopes");
        } else {
            let rows = scopes
                .iter()
                .map(|scope| [output.text(&scope.scope), count(scope.contexts)]);
            output.table(["scope", "contexts"], rows)?;
        }
        if has_more {
            there_is_more();
        }
        Ok(())
    })
}
