//! A memory of some notes, which answers the tools as the server does.

use std::sync::Mutex;

use async_trait::async_trait;
use context_manager_client::ListContexts;
use context_manager_client::wire::{
    AssembleRequest, AssembleResponse, Context, ContextPage, ContextPatch, Filter, NewContext, SearchRequest,
    SearchResponse, Stats, StoredContext, Written,
};
use context_manager_mcp::{Fault, Memory};
use serde_json::{Value, json};
use uuid::Uuid;

const TIME: &str = "2026-01-02T03:04:05.678Z";

#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Vec<Context>>);

impl Notes {
    /// Adds a context and returns its id.
    pub(crate) fn add(&self, text: &str, user_id: Option<&str>, project: Option<&str>) -> Uuid {
        let metadata = project.map_or_else(|| json!({}), |project| json!({"project": project}));
        let context = context(text, user_id, None, &metadata);
        let id = context.id;
        self.0.lock().unwrap().push(context);
        id
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap()
            .iter()
            .map(|context| context.text.clone())
            .collect()
    }

    pub(crate) fn last(&self) -> Value {
        serde_json::to_value(self.0.lock().unwrap().last().unwrap()).unwrap()
    }

    fn matching(&self, filter: Option<&Filter>) -> Vec<Context> {
        let notes = self.0.lock().unwrap();
        notes
            .iter()
            .filter(|note| filter.is_none_or(|filter| matches(note, filter)))
            .cloned()
            .collect()
    }
}

fn context(text: &str, user_id: Option<&str>, agent_id: Option<&str>, metadata: &Value) -> Context {
    serde_json::from_value(json!({
        "id": Uuid::now_v7(), "text": text, "level": "long_term", "user_id": user_id, "agent_id": agent_id,
        "session_id": null, "language": null, "tags": [], "metadata": metadata, "importance": 0.5, "pinned": false,
        "token_count": 1, "access_count": 0, "occurred_at": TIME, "created_at": TIME, "updated_at": TIME,
        "last_accessed_at": null, "expires_at": null, "embedding_status": "ready", "derived_from": [],
        "superseded_by": null,
    }))
    .unwrap()
}

fn matches(note: &Context, filter: &Filter) -> bool {
    let metadata = filter.metadata.iter().flatten();
    let mut metadata = metadata.map(|(key, value)| note.metadata.get(key) == Some(&value.0));
    (filter.user_id.is_none() || filter.user_id == note.user_id)
        && (filter.agent_id.is_none() || filter.agent_id == note.agent_id)
        && filter.ids.as_ref().is_none_or(|ids| ids.contains(&note.id))
        && metadata.all(|same| same)
}

fn written(context: Context) -> Written {
    Written::Context(Box::new(StoredContext {
        context,
        deduplicated: false,
    }))
}

#[async_trait]
impl Memory for Notes {
    async fn search(&self, request: &SearchRequest) -> Result<SearchResponse, Fault> {
        let mut found = self.matching(request.filter.as_ref());
        let dropped = found.split_off(request.limit.unwrap_or(20).min(found.len()));
        let hit = |note: &Context| {
            let mut hit = serde_json::to_value(note).unwrap();
            hit["score"] = json!(0.75);
            hit
        };
        let dropped = dropped
            .iter()
            .map(|note| json!({"id": note.id, "level": "long_term", "score": 0.5, "reason": "over_limit"}));
        let counts = json!({"immediate": 0, "short_term": 0, "long_term": found.len()});
        Ok(serde_json::from_value(json!({
            "contexts": found.iter().map(hit).collect::<Vec<_>>(), "total_tokens": 1, "best_score": 0.75,
            "floor": 0.25, "nothing_relevant": found.is_empty(), "took_ms": 1.0, "searched": counts, "levels": counts,
            "near_duplicates": 0, "dropped": dropped.collect::<Vec<_>>(), "cache_hit": false, "degraded": ["embedding"],
        }))
        .unwrap())
    }

    async fn get(&self, id: Uuid) -> Result<Option<Context>, Fault> {
        Ok(self.0.lock().unwrap().iter().find(|note| note.id == id).cloned())
    }

    async fn store(&self, new: &NewContext) -> Result<Written, Fault> {
        let metadata = json!(new.metadata.clone().unwrap_or_default());
        let stored = context(&new.text, new.user_id.as_deref(), new.agent_id.as_deref(), &metadata);
        self.0.lock().unwrap().push(stored.clone());
        Ok(written(stored))
    }

    async fn update(&self, id: Uuid, patch: &ContextPatch) -> Result<Written, Fault> {
        let mut notes = self.0.lock().unwrap();
        let note = notes.iter_mut().find(|note| note.id == id).unwrap();
        if let Some(text) = &patch.text {
            note.text.clone_from(text);
        }
        Ok(written(note.clone()))
    }

    async fn forget(&self, filter: &Filter) -> Result<u64, Fault> {
        let mut notes = self.0.lock().unwrap();
        let before = notes.len();
        notes.retain(|note| !matches(note, filter));
        Ok((before - notes.len()) as u64)
    }

    async fn assemble(&self, request: &AssembleRequest) -> Result<AssembleResponse, Fault> {
        let mut prompt = String::new();
        for note in self.matching(request.search.filter.as_ref()) {
            prompt.push_str(&note.text);
            prompt.push('\n');
        }
        // As many tokens as characters, at most.
        let end = prompt.floor_char_boundary(request.search.max_tokens.unwrap());
        prompt.truncate(end);
        Ok(serde_json::from_value(json!({
            "tokens": prompt.len(), "prompt": prompt, "citations": [], "best_score": 0.75, "floor": 0.25,
            "nothing_relevant": false, "more": 3, "near_duplicates": 0, "degraded": [],
        }))
        .unwrap())
    }

    async fn list(&self, list: &ListContexts) -> Result<ContextPage, Fault> {
        let filter = Filter {
            user_id: list.user_id.clone(),
            agent_id: list.agent_id.clone(),
            ..Filter::default()
        };
        let notes = self.matching(Some(&filter));
        let from: usize = list.page.cursor.as_deref().map_or(0, |cursor| cursor.parse().unwrap());
        let to = (from + list.page.limit.unwrap() as usize).min(notes.len());
        Ok(ContextPage {
            contexts: notes[from..to].to_vec(),
            next_cursor: (to < notes.len()).then(|| to.to_string()),
        })
    }

    async fn status(&self) -> Result<Stats, Fault> {
        Err(Fault::new(
            "forbidden: this call needs a key with the permission `read`",
        ))
    }
}
