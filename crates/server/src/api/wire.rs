//! Wire types under the names that handlers use, beside the domain's types of the same names.

use context_manager_client::wire;
use context_manager_core::ports::{Clock, SystemClock};
use context_manager_core::{ReembedProgress, Stats};
use context_manager_observability as observability;
use jiff::SignedDuration;
use tokio::time::Instant;

use crate::service::Service;
use crate::service::reembedding::ReembedState;

pub(in crate::api) use wire::{
    AssembleRequest as AssembleBody, AssembleResponse as AssembleAnswer, BatchAnswer, BatchBody, BatchItem, ClearBody,
    Context as ContextBody, ContextEvent as EventBody, ContextPage, ContextPatch as PatchBody, DeleteBody, Deleted,
    DocumentBody, DocumentPage, DocumentSummary, FileCommand as FileBody, FileResult as FileAnswer,
    ForgottenUser as ForgottenBody, GcReport as GcAnswer, GcRequest as GcBody, Health as HealthBody,
    History as HistoryBody, Import as ImportAnswer, Layout as LayoutBody, Level as WireLevel, MessageList,
    MessagesBody, NewContext as StoreBody, PoppedMessage, Reembedding as ReembedAnswer, Restore as RestoreBody,
    Restored as RestoredBody, ScopePage, SearchRequest as SearchBody, SearchResponse as SearchAnswer, SessionPage,
    Snapshot as SnapshotBody, SnapshotList, Stats as StatsBody, StoredDocument as DocumentAnswer,
    VerifiedSnapshot as VerifiedBody, Written as WrittenBody,
};

/// Describes the server and its components.
pub(in crate::api) fn health_body(health: &observability::Health, started: Instant) -> HealthBody {
    let now = SystemClock.now();
    let at = |moment: Instant| {
        let ago = SignedDuration::try_from(moment.elapsed()).unwrap_or_default();
        wire::Time(now.checked_sub(ago).unwrap_or(now))
    };
    let component = |part: &observability::ComponentHealth| wire::ComponentHealth {
        name: part.name.to_owned(),
        status: part.status.as_str().to_owned(),
        essential: part.importance == observability::Importance::Essential,
        since: at(part.since),
        latency_ms: part.latency.map(|latency| latency.as_secs_f64() * 1000.0),
        last_error: part.last_error.as_ref().map(|(reason, _)| reason.clone()),
        last_error_at: part.last_error.as_ref().map(|(_, moment)| at(*moment)),
    };
    HealthBody {
        status: health.status().as_str().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_secs: started.elapsed().as_secs(),
        components: health.components.iter().map(component).collect(),
    }
}

/// Describes a tenant's contexts, and for operators the `server` as a whole.
pub(in crate::api) fn stats_body(stats: Stats, uptime_secs: u64, server: Option<&Service>) -> StatsBody {
    StatsBody {
        total: stats.contexts.iter().sum(),
        contexts: stats.contexts.into(),
        pending_embeddings: stats.pending,
        reindexed: stats.reindexed,
        store_bytes: server.is_some().then_some(stats.store_bytes),
        memory: stats.memory.filter(|_| server.is_some()).map(|memory| wire::Memory {
            budget_bytes: memory.budget_bytes,
            bytes: memory.bytes,
            tenants: memory.tenants,
            contexts: memory.contexts,
        }),
        model: wire::Model {
            name: stats.model.name,
            dimensions: stats.model.dimensions,
        },
        uptime_secs,
        limits: server.map(limits),
    }
}

fn limits(server: &Service) -> wire::Limits {
    let rates = server.guards.rates.used().into_iter().map(|limit| wire::RateLimitUse {
        name: limit.name.to_owned(),
        callers: limit.callers,
        passed: limit.passed,
        refused: limit.refused,
    });
    let requests = server.guards.classes.used().into_iter().map(|class| wire::LaneUse {
        lane: class.name.to_owned(),
        in_flight: class.in_flight,
        waiting: class.waiting,
        shed: class.shed,
    });
    let connections = server.connections.used();
    wire::Limits {
        rates: rates.collect(),
        requests: requests.collect(),
        connections: wire::ConnectionUse {
            open: connections.open,
            refused: connections.refused,
        },
    }
}

/// Describes a change of the embedding model.
pub(in crate::api) fn reembed_answer((state, progress): (ReembedState, Option<ReembedProgress>)) -> ReembedAnswer {
    let state = match state {
        ReembedState::Idle => "idle",
        ReembedState::Running => "running",
        ReembedState::Done => "done",
        ReembedState::Stopped => "stopped",
    };
    ReembedAnswer {
        state: state.to_owned(),
        progress: progress.map(Into::into),
    }
}
