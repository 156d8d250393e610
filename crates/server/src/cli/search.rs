//! `context-manager search` and `assemble`.

use clap::Args;
use clap::builder::PossibleValue;
use context_manager_client::wire::{
    AssembleRequest, Degraded, Dropped, Format, Layout, Level, Order, Origin, Query, Scores, SearchMode, SearchRequest,
    SearchResponse,
};

use super::connection::{Connection, Stay, work_on};
use super::narrow::{FilterArgs, level, named, origin};
use super::options::Options;
use super::output::{BOLD, DIM, Output, OutputArgs, counted, note, warn};

/// Maximum number of lines of a found text on a terminal.
const LINES: usize = 4;

#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    #[command(flatten)]
    asked: Asked,
    /// Maximum number of tokens of all texts together.
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(super) struct AssembleArgs {
    #[command(flatten)]
    asked: Asked,
    /// Maximum number of tokens of the whole text.
    #[arg(long, value_name = "N")]
    max_tokens: usize,
    /// Format of the text.
    #[arg(long, value_name = "FORMAT", value_parser = named::<Format>(["markdown", "xml", "plain", "json"].map(PossibleValue::new)))]
    format: Option<Format>,
    /// Order of contexts within a section.
    #[arg(long, value_name = "ORDER", value_parser = named::<Order>(["relevance", "chronological"].map(PossibleValue::new)))]
    order: Option<Order>,
    /// Origin of contexts; several for any of them. Default: all but `tool`.
    #[arg(long = "origins", value_name = "ORIGIN", value_delimiter = ',', value_parser = origin())]
    origins: Vec<Origin>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

/// A question.
#[derive(Debug, Clone, Args)]
struct Asked {
    /// The question; several words are one question.
    #[arg(required = true, value_name = "QUERY")]
    query: Vec<String>,
    /// Maximum number of contexts.
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<usize>,
    /// Level to search; several for any of them.
    #[arg(long = "level", value_name = "LEVEL", value_delimiter = ',', value_parser = level())]
    levels: Vec<Level>,
    /// Conversation whose working memory to search; it does not narrow the other levels.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Minimum score, 0 to 1.
    #[arg(long, value_name = "SCORE")]
    min_score: Option<f32>,
    /// Kinds of similarity.
    #[arg(long, value_name = "MODE", value_parser = named::<SearchMode>(["hybrid", "dense", "lexical"].map(PossibleValue::new)))]
    mode: Option<SearchMode>,
    /// Weight of the difference from other results, 0 to 1.
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0)]
    diversity: f32,
    /// Show the parts of each score, and what was left out.
    #[arg(long)]
    explain: bool,
    /// Search replaced contexts as well.
    #[arg(long)]
    include_superseded: bool,
    #[command(flatten)]
    filter: FilterArgs,
}

impl Asked {
    fn request(&self, max_tokens: Option<usize>) -> SearchRequest {
        SearchRequest {
            query: Query::Text(self.query.join(" ")),
            max_tokens,
            limit: self.limit,
            levels: (!self.levels.is_empty()).then(|| self.levels.clone()),
            session_id: self.session.clone(),
            filter: self.filter.filter(None),
            min_score: self.min_score,
            mode: self.mode.unwrap_or_default(),
            diversity: self.diversity,
            explain: self.explain,
            include_superseded: self.include_superseded,
            ..SearchRequest::default()
        }
    }
}

pub(super) fn search(options: Options, args: &SearchArgs) -> anyhow::Result<()> {
    let output = args.output.open();
    work_on(options, &args.connection, Stay::Short, async |memory| {
        let request = args.asked.request(args.max_tokens);
        let found = memory.client.search_contexts(&request).await?;
        if output.is_json() {
            return output.object(&found);
        }
        show(&output, &found)
    })
}

fn show(output: &Output, found: &SearchResponse) -> anyhow::Result<()> {
    for (at, hit) in found.contexts.iter().enumerate() {
        if at > 0 && output.is_terminal() {
            output.line("")?;
        }
        output.context(&hit.context, Some(hit.score), LINES)?;
        if let Some(scores) = &hit.scores {
            output.line(format!("      {}", output.paint(DIM, parts(scores))))?;
        }
    }
    if let Some(dropped) = &found.dropped {
        left_out(output, dropped)?;
    }
    if found.nothing_relevant {
        nothing_relevant(found.best_score, found.floor, found.contexts.is_empty());
    }
    incomplete(&found.degraded);
    Ok(())
}

fn parts(scores: &Scores) -> String {
    let parts = [
        ("similarity", scores.similarity),
        ("words", scores.lexical),
        ("table", scores.table),
        ("recency", scores.recency),
        ("level", scores.level),
        ("frequency", scores.frequency),
        ("importance", scores.importance),
    ];
    let parts = parts.map(|(name, part)| format!("{name} {part:.2}"));
    parts.join(" · ")
}

fn left_out(output: &Output, dropped: &[Dropped]) -> anyhow::Result<()> {
    if dropped.is_empty() {
        return Ok(());
    }
    output.line(format!("\n{}", output.paint(BOLD, "left out")))?;
    let rows = dropped.iter().map(|dropped| {
        let reason = serde_json::to_value(&dropped.reason).ok();
        let reason = reason.and_then(|reason| Some(reason.as_str()?.replace('_', " ")));
        [
            format!("{:.2}", dropped.score),
            dropped.level.as_str().to_owned(),
            reason.unwrap_or_default(),
            dropped.id.to_string(),
        ]
    });
    Ok(output.table(["score", "level", "reason", "id"], rows)?)
}

pub(super) fn assemble(options: Options, args: &AssembleArgs) -> anyhow::Result<()> {
    let output = args.output.open();
    work_on(options, &args.connection, Stay::Short, async |memory| {
        let request = AssembleRequest {
            search: args.asked.request(Some(args.max_tokens)),
            layout: Layout {
                format: args.format.unwrap_or_default(),
                order: args.order.unwrap_or_default(),
                origins: (!args.origins.is_empty()).then(|| args.origins.clone()),
            },
        };
        let answer = memory.client.assemble_contexts(&request).await?;
        if output.is_json() {
            return output.object(&answer);
        }
        if !answer.prompt.is_empty() {
            output.line(output.text(&answer.prompt))?;
        }
        if let Some(dropped) = &answer.dropped {
            left_out(&output, dropped)?;
        }
        if answer.nothing_relevant {
            nothing_relevant(answer.best_score, answer.floor, true);
        } else {
            note(format!(
                "{} of {}, {}, {} more that reach the floor",
                counted(answer.tokens as u64, "token"),
                args.max_tokens,
                counted(answer.citations.len() as u64, "context"),
                answer.more
            ));
        }
        incomplete(&answer.degraded);
        Ok(())
    })
}

fn nothing_relevant(best: f32, floor: f32, is_empty: bool) {
    if is_empty && best == 0.0 {
        note("nothing relevant: nothing was found");
    } else {
        note(format!(
            "nothing relevant: the best context scores {best:.2}, and {floor:.2} is the floor"
        ));
    }
}

/// Tells which parts were down.
pub(super) fn incomplete(degraded: &[Degraded]) {
    for part in degraded {
        warn(match part {
            Degraded::Embedding => "the embedding model was down: found by words alone",
            Degraded::VectorStore => "the store was down: only working memory was searched",
            Degraded::L1 => "working memory was down",
            Degraded::Rerank => "the reranker was down: the order is that of the scores",
            Degraded::Deadline => "the time ran out before everything was searched",
        });
    }
}
