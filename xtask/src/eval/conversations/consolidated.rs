//! What is left of a conversation after its contexts were made into fewer.
//!
//! A turn counts as kept only if a context that was made of it carries what it says: four fifths of its pairs of
//! neighbouring words stand in that context's text. That a context names the turn as a source is not enough.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::dataset::Conversation;
use super::store::Stored;
use crate::subject::client::Client;

/// The share of a turn's pairs of words that a text must have to carry it.
const CARRIED: f64 = 0.8;
/// How long all of it may take to expire and to be consolidated.
const DEADLINE: Duration = Duration::from_mins(30);
/// Contexts on one page of a list.
const PAGE: usize = 1000;

/// How much was made of how much.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Consolidated {
    /// Contexts of turns before.
    before: Size,
    /// Contexts that are left.
    after: Size,
    /// Turns that the ones left carry.
    turns_carried: usize,
    /// Turns that are named as sources, whether or not their text is carried.
    turns_named: usize,
    turns: usize,
}

/// How much text is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Size {
    contexts: usize,
    tokens: u64,
}

/// A stored context.
#[derive(Debug, Deserialize)]
struct Listed {
    id: String,
    text: String,
    token_count: u64,
    derived_from: Vec<String>,
}

#[derive(Deserialize)]
struct Listing {
    contexts: Vec<Listed>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Collected {
    errors: u64,
    promoted: u64,
}

impl Consolidated {
    /// One line for people.
    pub(super) fn note(&self) -> String {
        let Self { before, after, .. } = self;
        format!(
            "consolidated: {} contexts of {} tokens became {} of {}; {} of {} turns are carried, {} named as sources",
            before.contexts,
            before.tokens,
            after.contexts,
            after.tokens,
            self.turns_carried,
            self.turns,
            self.turns_named
        )
    }
}

/// Waits until everything that was stored is expired, has it consolidated, and from then on lets each turn stand where it
/// is carried. A turn that is carried nowhere stays where nothing is found any more.
///
/// # Errors
/// When a call fails, or contexts do not expire in time.
pub(super) async fn consolidate(
    client: &Client,
    conversations: &[Conversation],
    stored: &mut Stored,
) -> Result<Consolidated> {
    let mut result = Consolidated::default();
    let mut texts: Vec<HashMap<String, String>> = Vec::new();
    for conversation in conversations {
        // Superseded or not does not matter here: nothing is yet.
        let listed = list(client, &conversation.id).await?;
        result.before.add(&listed);
        texts.push(listed.into_iter().map(|context| (context.id, context.text)).collect());
    }
    let start = Instant::now();
    // The last ones expire a little later than the first.
    while !list_page(client, None, None, 1).await?.contexts.is_empty() {
        ensure!(
            start.elapsed() < DEADLINE,
            "contexts did not expire within {DEADLINE:?}"
        );
        sleep(Duration::from_millis(500)).await;
    }
    collect(client).await?;
    for ((conversation, contexts), texts) in conversations.iter().zip(&mut stored.contexts).zip(&texts) {
        let left = list(client, &conversation.id).await?;
        result.after.add(&left);
        let mut carriers: HashMap<&str, &Listed> = HashMap::new();
        for made in &left {
            carriers.extend(made.derived_from.iter().map(|source| (source.as_str(), made)));
        }
        for context in contexts.values_mut() {
            result.turns += 1;
            let Some(made) = carriers.get(context.as_str()) else {
                continue;
            };
            result.turns_named += 1;
            if texts.get(context).is_some_and(|text| carries(&made.text, text)) {
                result.turns_carried += 1;
                context.clone_from(&made.id);
            }
        }
    }
    Ok(result)
}

impl Size {
    fn add(&mut self, contexts: &[Listed]) {
        self.contexts += contexts.len();
        self.tokens += contexts.iter().map(|context| context.token_count).sum::<u64>();
    }
}

/// Has the server collect until nothing is left to do; a request that takes too long goes on without us.
async fn collect(client: &Client) -> Result<()> {
    let start = Instant::now();
    loop {
        let answer = client.send("/api/v1/admin/gc", r#"{"dry_run": false}"#).await;
        if let Ok(answer) = answer.as_ref()
            && answer.status == 200
        {
            let collected: Collected = serde_json::from_slice(&answer.body)?;
            ensure!(
                collected.errors == 0,
                "{} batches of the collection failed",
                collected.errors
            );
            ensure!(
                collected.promoted == 0,
                "contexts were promoted instead of consolidated"
            );
            return Ok(());
        }
        ensure!(start.elapsed() < DEADLINE, "nothing was collected: {answer:?}");
        sleep(Duration::from_secs(1)).await;
    }
}

async fn list(client: &Client, user: &str) -> Result<Vec<Listed>> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = list_page(client, Some(user), cursor.as_deref(), PAGE).await?;
        all.extend(page.contexts);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

async fn list_page(client: &Client, user: Option<&str>, cursor: Option<&str>, limit: usize) -> Result<Listing> {
    let limit = limit.to_string();
    let given = [("user_id", user), ("cursor", cursor), ("limit", Some(limit.as_str()))];
    let query: BTreeMap<&str, &str> = given
        .iter()
        .filter_map(|(key, value)| Some((*key, (*value)?)))
        .collect();
    client.get("/api/v1/contexts", &query).await
}

/// Whether a text says what a turn says: most of its pairs of words, whoever said it and when.
#[expect(clippy::cast_precision_loss, reason = "a text has some thousand words at most")]
fn carries(text: &str, turn: &str) -> bool {
    let said = turn.split_once("] ").map_or(turn, |(_, rest)| rest);
    let said = said.split_once(": ").map_or(said, |(_, rest)| rest);
    let wanted = pairs(said);
    let there = pairs(text);
    if wanted.is_empty() {
        return text.contains(said);
    }
    wanted.intersection(&there).count() as f64 >= CARRIED * wanted.len() as f64
}

fn pairs(text: &str) -> HashSet<(String, String)> {
    let words: Vec<String> = text
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words
        .windows(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_carries_what_it_says_and_not_what_it_is_made_of() {
        let turn = "[1:56 pm on 8 May, 2023] Ann: I moved to Lisbon in spring. The flat is tiny!";
        let whole = "[1:56 pm on 8 May, 2023] Ann: I moved to Lisbon in spring. The flat is tiny!\nBob: Nice";
        assert!(carries(whole, turn));
        assert!(!carries("Ann: The flat is tiny!", turn), "a part is not enough");
        assert!(!carries("Ann: Something else happened in Lisbon", turn));
        assert!(carries("Bob: Ho\nAnn: Yes", "[8 May] Bob: Ho"), "a single word");
    }
}
