//! Session summaries, in five calls for a page of any size.

use std::collections::{BTreeSet, HashMap};

use context_manager_core::context::Level;
use context_manager_core::ports::SessionSummary;
use context_manager_core::{Page, TenantId};
use jiff::Timestamp;
use qdrant_client::qdrant::{Direction, Query, QueryPoints, WithPayloadSelector};

use super::client::Client;
use super::failure::Failure;
use super::filter;
use super::points::Stored;
use super::reads::{by_sequence, facet};
use crate::conditions::{self, Condition};
use crate::page::MAX_PAGE;
use crate::payload::key;

/// Counts by level, as in [`Level::ALL`].
type Counts = [u64; Level::ALL.len()];

/// Returns one page of the sessions with contexts that meet these conditions of a tenant.
pub(super) async fn list(
    client: &Client,
    tenant: &TenantId,
    matching: &[Condition],
    after: Option<&str>,
    limit: usize,
) -> Result<Page<SessionSummary, String>, Failure> {
    // These counts are approximate, and unused; the list of values is complete.
    let known = facet(client, key::SESSION, matching, false).await?;
    let known: BTreeSet<String> = known.into_iter().map(|(id, _)| id).collect();
    let mut known = known
        .into_iter()
        .filter(|id| after.is_none_or(|after| id.as_str() > after));
    let page: Vec<String> = known.by_ref().take(limit.min(MAX_PAGE)).collect();
    let next = known.next().and_then(|_more| page.last().cloned());
    if page.is_empty() {
        return Ok(Page {
            items: Vec::new(),
            next: None,
        });
    }
    let mut counts = counts(client, matching, &page).await?;
    let activity = activity(client, tenant, matching, &page).await?;
    let summaries = page.into_iter().zip(activity).filter_map(|(session_id, activity)| {
        // Sessions deleted in the meantime are left out.
        let (first_activity_at, last_activity_at) = activity?;
        Some(SessionSummary {
            counts: counts.remove(&session_id)?,
            session_id,
            first_activity_at,
            last_activity_at,
        })
    });
    Ok(Page {
        items: summaries.collect(),
        next,
    })
}

async fn counts(client: &Client, matching: &[Condition], page: &[String]) -> Result<HashMap<String, Counts>, Failure> {
    let mut counts: HashMap<String, Counts> = HashMap::with_capacity(page.len());
    for level in Level::ALL {
        let mut conditions = matching.to_vec();
        conditions.push(Condition::AnyOf(key::SESSION, page.to_vec()));
        conditions.push(conditions::at_level(level));
        for (session, count) in facet(client, key::SESSION, &conditions, true).await? {
            counts.entry(session).or_default()[level.index()] = count;
        }
    }
    Ok(counts)
}

/// Returns the times at which the first and the last matching context of each session was stored; `None` for a session
/// without any.
async fn activity(
    client: &Client,
    tenant: &TenantId,
    matching: &[Condition],
    page: &[String],
) -> Result<Vec<Option<(Timestamp, Timestamp)>>, Failure> {
    let end = |session: &String, direction| {
        let mut conditions = matching.to_vec();
        conditions.push(conditions::of_session(session));
        QueryPoints {
            collection_name: client.collection.clone(),
            query: Some(Query::new_order_by(by_sequence(direction))),
            filter: Some(filter::all(&conditions)),
            limit: Some(1),
            with_payload: Some(WithPayloadSelector::from(true)),
            ..QueryPoints::default()
        }
    };
    let both = page
        .iter()
        .flat_map(|id| [end(id, Direction::Asc), end(id, Direction::Desc)]);
    let answer = client.query_batch(both.collect()).await?;
    let mut times = Vec::with_capacity(answer.len());
    for found in answer {
        let context = found.result.into_iter().next();
        let context = context.map(|found| Stored::from(found).context(tenant)).transpose()?;
        times.push(context.map(|context| context.created_at));
    }
    Ok(times.chunks_exact(2).map(|ends| ends[0].zip(ends[1])).collect())
}
