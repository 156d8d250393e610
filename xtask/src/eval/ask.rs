//! Searches for every question, in one mode after the other.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use context_manager_client::Client;
use context_manager_client::wire::{Filter, SearchMode, SearchRequest, SearchResponse};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::figures::percentile;
use super::outcome::Outcome;
use crate::report::milliseconds;

/// Number of questions asked at once.
const IN_FLIGHT: usize = 4;

/// A question and the contexts that answer it.
#[derive(Debug)]
pub(super) struct Task<'a> {
    /// Set, conversation or crate it is asked of.
    pub(super) of: &'a str,
    pub(super) kind: String,
    pub(super) question: &'a str,
    /// Empty for a question without an answer.
    pub(super) answers: Vec<Uuid>,
}

/// Searches for each question.
#[derive(Debug)]
pub(super) struct Plan {
    /// Search only the contexts of the user with the name [`Task::of`].
    pub(super) by_user: bool,
    /// Length of the ranked list.
    pub(super) limit: usize,
    /// Values of `max_tokens`, for a search each.
    pub(super) budgets: &'static [usize],
}

/// Outcomes of all modes.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) searched: Vec<Searched>,
    /// Of each mode, in the order of the tasks.
    pub(super) outcomes: Vec<Vec<Outcome>>,
}

/// Searches of a mode.
#[derive(Debug, Serialize)]
pub(super) struct Searched {
    mode: String,
    searches: usize,
    in_flight: usize,
    p50_ms: f64,
    p99_ms: f64,
    /// Number of searches answered without a component of the server.
    degraded: usize,
}

/// A response and its duration.
type Timed = (SearchResponse, Duration);

/// Asks every question in every mode.
///
/// # Errors
/// At the first search that fails.
pub(super) async fn ask_all(client: &Client, modes: &[SearchMode], tasks: &[Task<'_>], plan: &Plan) -> Result<Asked> {
    let mut asked = Asked::default();
    for &mode in modes {
        let name = &format!("{mode:?}").to_lowercase();
        let searches = 1 + plan.budgets.len();
        println!("asking {} questions, {searches} searches each, {name}", tasks.len());
        let bar = &bar(tasks.len());
        let answered = stream::iter(tasks).map(|task| async move {
            let found = ask(client, mode, task, plan).await;
            let found = found.with_context(|| format!("{:?}, asked of {}", task.question, task.of))?;
            bar.inc(1);
            let cost = found.iter().map(|(found, took)| (*took, !found.degraded.is_empty()));
            anyhow::Ok((outcome(name, task, plan, &found), cost.collect::<Vec<_>>()))
        });
        // `buffered` keeps the order, so the report does not depend on which search was faster.
        let answered: Vec<_> = answered.buffered(IN_FLIGHT).try_collect().await?;
        bar.finish_and_clear();
        let (outcomes, costs): (_, Vec<_>) = answered.into_iter().unzip();
        asked.outcomes.push(outcomes);
        asked.searched.push(Searched::of(name, &costs.concat()));
    }
    Ok(asked)
}

/// Runs the ranked search, then one for each budget.
async fn ask(client: &Client, mode: SearchMode, task: &Task<'_>, plan: &Plan) -> Result<Vec<Timed>> {
    let bounds = plan.budgets.iter().map(|budget| (None, Some(*budget)));
    let mut found = Vec::with_capacity(1 + plan.budgets.len());
    for (limit, max_tokens) in [(Some(plan.limit), None)].into_iter().chain(bounds) {
        let request = SearchRequest {
            query: task.question.into(),
            mode,
            filter: plan.by_user.then(|| Filter {
                user_id: Some(task.of.to_owned()),
                ..Filter::default()
            }),
            limit,
            max_tokens,
            ..SearchRequest::default()
        };
        found.push(search(client, &request).await?);
    }
    Ok(found)
}

/// Searches and measures the duration.
///
/// # Errors
/// When the response has more tokens than allowed: figures from it would be worse than none.
async fn search(client: &Client, search: &SearchRequest) -> Result<Timed> {
    let start = Instant::now();
    let found = client.search_contexts(search).await.context("a search failed")?;
    let took = start.elapsed();
    let tokens = found.total_tokens;
    ensure!(
        search.max_tokens.is_none_or(|most| tokens <= most),
        "a search with max_tokens {:?} returned {tokens} tokens",
        search.max_tokens
    );
    Ok((found, took))
}

fn outcome(mode: &str, task: &Task<'_>, plan: &Plan, found: &[Timed]) -> Outcome {
    let mut outcomes = found.iter().map(|(found, _)| Outcome::of(&task.answers, found));
    let ranked = outcomes.next().unwrap_or_default();
    let within = plan
        .budgets
        .iter()
        .copied()
        .zip(outcomes.map(|selected| selected.found(usize::MAX)));
    Outcome {
        mode: mode.to_owned(),
        of: task.of.to_owned(),
        kind: task.kind.clone(),
        question: task.question.to_owned(),
        within: within.collect(),
        ..ranked
    }
}

impl Searched {
    /// Summarizes searches, each with its duration and whether its response was degraded.
    fn of(mode: &str, searches: &[(Duration, bool)]) -> Self {
        let latency = |percent| {
            let latencies = searches.iter().map(|(took, _)| *took).collect();
            milliseconds(percentile(latencies, percent).unwrap_or_default())
        };
        Self {
            mode: mode.to_owned(),
            searches: searches.len(),
            in_flight: IN_FLIGHT,
            p50_ms: latency(50),
            p99_ms: latency(99),
            degraded: searches.iter().filter(|(_, degraded)| *degraded).count(),
        }
    }

    /// Returns the latency, and reasons to doubt the figures.
    pub(super) fn notes(&self) -> Vec<String> {
        let Self {
            mode,
            searches,
            in_flight,
            p50_ms,
            p99_ms,
            degraded,
        } = self;
        let mut notes = vec![format!(
            "{mode}: {searches} searches, {in_flight} at once: p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms"
        )];
        if *degraded > 0 {
            notes.push(format!("WARNING: {degraded} searches were answered degraded"));
        }
        notes
    }
}

/// Builds a bar for a number of items.
fn bar(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} [{elapsed_precise}, {eta} left]");
    ProgressBar::new(length as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::outcome::results;

    #[test]
    fn notes_tell_the_latency_and_reasons_to_doubt() {
        let searches = [(2, false), (3, true)].map(|(took, degraded)| (Duration::from_millis(took), degraded));
        let expected = "dense: 2 searches, 4 at once: p50 2.00 ms, p99 3.00 ms";
        let warning = "WARNING: 1 searches were answered degraded";
        assert_eq!(Searched::of("dense", &searches).notes(), [expected, warning]);
    }

    #[test]
    fn ranks_come_from_the_first_search_and_evidence_within_tokens_from_the_others() {
        let task = Task {
            of: "diary",
            kind: "single".to_owned(),
            question: "Colour?",
            answers: [2, 9].map(Uuid::from_u128).into(),
        };
        let plan = Plan {
            by_user: true,
            limit: 10,
            budgets: &[1, 100],
        };
        let found = [&[5, 5][..], &[5], &[5, 5]].map(|tokens| (results(tokens), Duration::ZERO));
        let outcome = outcome("dense", &task, &plan, &found);
        assert_eq!((outcome.ranks, outcome.tokens), (vec![Some(2), None], Some(10)));
        assert_eq!(outcome.within, [(1, 0), (100, 1)].into());
        assert_eq!(
            [outcome.mode, outcome.of, outcome.kind, outcome.question],
            ["dense", "diary", "single", "Colour?"]
        );
    }
}
