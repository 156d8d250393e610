//! Looks for leaks between tenants while the server serves.
//!
//! Two tenants that no key can have hold a context each at two levels, with ids, a user and a session that nobody can
//! guess. Every round asks for them as every other tenant, and asks for everything as these two: whoever sees what is not
//! his has found a leak. The reads are those that callers use. Callers see nothing of it, as what is planted is in no
//! tenant of theirs.

use std::sync::Arc;

use context_manager_core::assemble::{Format, Order};
use context_manager_core::ports::VectorStore;
use context_manager_core::{
    AssembleRequest, ContextEngine, ContextId, Error, Filter, Level, NewContext, Scope, SearchMode, SearchRequest,
    TenantId,
};
use uuid::Uuid;

/// Contexts that a tenant was shown, or counted, though they are another's.
pub(crate) const TENANT_LEAKS: &str = "context_manager_tenant_leaks_total";

const TENANTS: [&str; 2] = ["_canary-1", "_canary-2"];
const LEVELS: [Level; 2] = [Level::Immediate, Level::LongTerm];
/// The most contexts that one read asks for. One is a leak already.
const LIMIT: usize = 100;

/// What is planted for one tenant.
#[derive(Debug)]
struct Canary {
    scope: Scope,
    ids: Vec<ContextId>,
    /// Its user and its session.
    name: String,
}

/// The planted contexts, and who looks for them.
#[derive(Debug)]
pub(crate) struct Canaries {
    engine: Arc<ContextEngine>,
    store: Arc<dyn VectorStore>,
    planted: Vec<Canary>,
}

impl Canaries {
    /// Plants what is not there yet.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn plant(engine: Arc<ContextEngine>, store: Arc<dyn VectorStore>) -> anyhow::Result<Self> {
        let mut planted = Vec::new();
        for tenant in TENANTS {
            let scope = Scope::maintenance(TenantId::try_new(tenant)?);
            planted.push(plant(&engine, scope).await?);
        }
        Ok(Self { engine, store, planted })
    }

    /// Looks once, and counts and logs what it finds.
    ///
    /// # Errors
    /// When a read fails; what was found before is counted.
    pub(crate) async fn look(&self) -> Result<u64, Error> {
        let mut leaks = 0;
        for canary in &self.planted {
            leaks += self.look_around(canary).await?;
        }
        for tenant in self.store.tenants(&Filter::default()).await? {
            let scope = Scope::maintenance(tenant);
            for canary in self.planted.iter().filter(|canary| canary.scope != scope) {
                leaks += self.look_for(canary, &scope).await?;
            }
        }
        Ok(leaks)
    }

    /// Asks for a canary as another tenant.
    async fn look_for(&self, canary: &Canary, scope: &Scope) -> Result<u64, Error> {
        let seen = |path, count| leak(path, scope, &canary.scope, count);
        let of_canary = Filter {
            user_id: Some(canary.name.clone()),
            ..Filter::default()
        };
        let mut leaks = 0;
        for id in &canary.ids {
            let found = match self.engine.get(scope, *id).await {
                Ok(_) => 1,
                Err(Error::NotFound(_)) => 0,
                Err(error) => return Err(error),
            };
            leaks += seen("get", found);
        }
        let list = self.engine.list(scope, of_canary.clone(), true, None, LIMIT).await?;
        leaks += seen("list", list.items.len());
        // By words alone: nobody pays for embedding it as every tenant.
        let request = SearchRequest {
            mode: SearchMode::Lexical,
            filter: of_canary,
            ..question(canary)
        };
        let found = self.engine.search(scope, request).await?;
        leaks += seen("search", found.contexts.len());
        Ok(leaks)
    }

    /// Asks for everything as the canary's own tenant.
    async fn look_around(&self, canary: &Canary) -> Result<u64, Error> {
        let scope = &canary.scope;
        let seen = |path, count| leak(path, scope, scope, count);
        let foreign = |ids: &mut dyn Iterator<Item = ContextId>| ids.filter(|id| !canary.ids.contains(id)).count();
        let list = self.engine.list(scope, Filter::default(), true, None, LIMIT).await?;
        let mut leaks = seen("list", foreign(&mut list.items.iter().map(|context| context.id)));
        let found = self.engine.search(scope, question(canary)).await?;
        leaks += seen(
            "search",
            foreign(&mut found.contexts.iter().map(|found| found.context.id)),
        );
        let request = AssembleRequest {
            search: SearchRequest {
                max_tokens: Some(1000),
                ..question(canary)
            },
            format: Format::default(),
            order: Order::default(),
        };
        let text = self.engine.assemble(scope, request).await?;
        leaks += seen(
            "assemble",
            foreign(&mut text.assembled.citations.iter().map(|citation| citation.id)),
        );
        let sessions = self.engine.sessions(scope, None, LIMIT).await?.items;
        leaks += seen(
            "sessions",
            sessions
                .iter()
                .filter(|session| session.session_id != canary.name)
                .count(),
        );
        let counted: u64 = self.engine.stats(scope).await?.contexts.iter().sum();
        let surplus = counted.saturating_sub(canary.ids.len() as u64);
        leaks += seen("stats", usize::try_from(surplus).unwrap_or(usize::MAX));
        Ok(leaks)
    }
}

/// What a tenant has planted already, or what is planted now.
async fn plant(engine: &ContextEngine, scope: Scope) -> Result<Canary, Error> {
    let there = engine.list(&scope, Filter::default(), true, None, LIMIT).await?.items;
    let there: Vec<_> = there.into_iter().filter(|context| context.pinned).collect();
    if there.len() == LEVELS.len()
        && let Some(name) = there[0].user_id.clone()
    {
        let ids = there.iter().map(|context| context.id).collect();
        return Ok(Canary { scope, ids, name });
    }
    engine.delete(&scope, &Filter::default()).await?;
    let name = format!("canary-{}", Uuid::now_v7());
    let mut ids = Vec::new();
    for level in LEVELS {
        let new = NewContext {
            text: format!("the {level} song of the {name}"),
            level,
            user_id: Some(name.clone()),
            session_id: Some(name.clone()),
            pinned: true,
            ..NewContext::default()
        };
        ids.push(engine.store(&scope, new).await?.context.id);
    }
    Ok(Canary { scope, ids, name })
}

fn question(canary: &Canary) -> SearchRequest {
    SearchRequest {
        query: format!("the song of the {}", canary.name),
        session_id: Some(canary.name.clone()),
        limit: Some(LIMIT),
        include_superseded: true,
        ..SearchRequest::default()
    }
}

/// Counts what was seen on one way of reading.
fn leak(path: &'static str, seen_by: &Scope, of: &Scope, contexts: usize) -> u64 {
    let contexts = contexts as u64;
    if contexts > 0 {
        tracing::error!(
            path,
            seen_by = seen_by.tenant().as_str(),
            planted_for = of.tenant().as_str(),
            contexts,
            "a tenant was shown what is not its own"
        );
        metrics::counter!(TENANT_LEAKS).increment(contexts);
    }
    contexts
}

/// Describes the metric, and has it stand at 0 from the start, so that an alert can tell 0 from absent.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        TENANT_LEAKS,
        "Contexts that a tenant was shown though they are another's, as the canaries found; anything but 0 is an emergency"
    );
    metrics::counter!(TENANT_LEAKS).absolute(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Memory;
    use crate::config::Config;

    async fn canaries(folder: &std::path::Path) -> (Memory, Canaries) {
        let mut config = Config::default();
        config.vector_db.embedded.path = folder.join("data");
        let memory = Memory::open(&config).await.unwrap();
        let store = memory.store.contexts();
        let canaries = Canaries::plant(Arc::clone(&memory.engine), store).await.unwrap();
        (memory, canaries)
    }

    #[tokio::test]
    async fn nothing_is_found_until_a_tenant_can_see_what_is_not_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (memory, canaries) = canaries(folder.path()).await;
        let tenant = Scope::maintenance(TenantId::try_new("acme").unwrap());
        let note = NewContext {
            text: "a note of its own".to_owned(),
            ..NewContext::default()
        };
        memory.engine.store(&tenant, note).await.unwrap();
        assert_eq!(canaries.look().await.unwrap(), 0);

        // What a store that mixes tenants up would show: what is planted, to another tenant, and his to the canary.
        let canary = &canaries.planted[0];
        let mixed_up = NewContext {
            id: Some(canary.ids[0]),
            text: format!("the song of the {}", canary.name),
            user_id: Some(canary.name.clone()),
            ..NewContext::default()
        };
        memory.engine.store(&tenant, mixed_up).await.unwrap();
        assert_eq!(
            canaries.look().await.unwrap(),
            3,
            "by its id, in a list and in a search"
        );
        let foreign = NewContext {
            text: "a note of somebody else".to_owned(),
            ..NewContext::default()
        };
        memory.engine.store(&canaries.planted[1].scope, foreign).await.unwrap();
        assert!(canaries.look().await.unwrap() > 3 + 2, "in every read of everything");
    }

    #[tokio::test]
    async fn what_is_planted_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (memory, first) = canaries(folder.path()).await;
        let store = memory.store.contexts();
        let second = Canaries::plant(Arc::clone(&memory.engine), store).await.unwrap();
        for (one, other) in first.planted.iter().zip(&second.planted) {
            assert_eq!(one.name, other.name);
        }
        assert_eq!(second.look().await.unwrap(), 0);
    }
}
