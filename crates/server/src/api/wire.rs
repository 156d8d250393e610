//! Wire types under the names that handlers use, beside the domain's types of the same names.

use context_manager_client::wire;
use context_manager_core::ports::{Clock, SystemClock};
use context_manager_core::{ReembedProgress, Stats};
use context_manager_observability as observability;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::auth::management::{KeyRequest, KeyState};
use crate::auth::{BoundUser, Permission, Principal};
use crate::http::Problem;
use crate::service::reembedding::ReembedState;
use crate::service::{Audited, ListedKey, Service};

pub(in crate::api) use wire::{
    AssembleRequest as AssembleBody, AssembleResponse as AssembleAnswer, AuditList as AuditAnswer, BatchAnswer,
    BatchBody, BatchItem, Caller as CallerAnswer, ClearBody, Context as ContextBody, ContextEvent as EventBody,
    ContextMap as MapAnswer, ContextPage, ContextPatch as PatchBody, CountBody, Counted, CreateKey as CreateKeyBody,
    CreatedKey as CreatedKeyAnswer, DeleteBody, Deleted, DocumentBody, DocumentPage, DocumentSummary,
    FileCommand as FileBody, FileResult as FileAnswer, ForgottenUser as ForgottenBody, GcReport as GcAnswer,
    GcRequest as GcBody, Health as HealthBody, History as HistoryBody, Import as ImportAnswer, Key as KeyAnswer,
    KeyList as KeyListAnswer, Layout as LayoutBody, Level as WireLevel, MessageList, MessagesBody,
    NewContext as StoreBody, PoppedMessage, Reembedding as ReembedAnswer, Restore as RestoreBody,
    Restored as RestoredBody, RotateKey as RotateKeyBody, ScopePage, SearchRequest as SearchBody,
    SearchResponse as SearchAnswer, SessionPage, Snapshot as SnapshotBody, SnapshotList, Stats as StatsBody,
    StoredDocument as DocumentAnswer, VerifiedSnapshot as VerifiedBody, Written as WrittenBody,
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

/// Describes a caller of a server that asks for a key or a token, or does not.
pub(in crate::api) fn caller_answer(caller: &Principal, authentication: bool) -> CallerAnswer {
    CallerAnswer {
        tenant: caller.scope().tenant().as_str().to_owned(),
        key_id: caller.key_id().as_ref().to_owned(),
        user_id: caller.user().map(str::to_owned),
        permissions: caller.permissions().map(permission).collect(),
        authentication,
    }
}

/// Describes audited calls.
pub(in crate::api) fn audit_answer(calls: Vec<Audited>, since: Timestamp) -> AuditAnswer {
    let record = |call: Audited| wire::AuditRecord {
        at: wire::Time(call.at),
        action: call.action.to_owned(),
        who: call.who.as_ref().to_owned(),
        tenant: call.tenant,
        path: call.path,
        what: call.what,
        contexts: call.contexts,
        outcome: call.outcome.to_owned(),
        status: call.status,
        request_id: call.request_id,
    };
    AuditAnswer {
        records: calls.into_iter().map(record).collect(),
        since: wire::Time(since),
    }
}

/// Describes a key.
pub(in crate::api) fn key_answer(key: ListedKey) -> KeyAnswer {
    let ListedKey {
        record,
        state,
        last_used_at,
    } = key;
    KeyAnswer {
        id: record.id,
        name: record.name,
        tenant: record.tenant,
        user_id: record.user.map(Into::into),
        permissions: Vec::from(record.permissions).into_iter().map(permission).collect(),
        state: match state {
            KeyState::Valid => wire::KeyState::Valid,
            KeyState::Expired => wire::KeyState::Expired,
            KeyState::Revoked => wire::KeyState::Revoked,
        },
        created_at: wire::Time(record.created_at),
        expires_at: record.expires_at.map(wire::Time),
        last_used_at: last_used_at.map(wire::Time),
        rotated_from: record.rotated_from,
    }
}

/// Reads a key to create.
///
/// # Errors
/// When the user is none.
pub(in crate::api) fn key_request(body: CreateKeyBody) -> Result<KeyRequest, Problem> {
    let user = body.user_id.as_deref().map(str::parse::<BoundUser>).transpose();
    let permissions: Vec<Permission> = body.permissions.into_iter().map(named).collect();
    Ok(KeyRequest {
        tenant: body.tenant,
        user: user.map_err(|error| Problem::invalid_field("/user_id", error.to_string()))?,
        permissions: permissions.into(),
        expires_at: body.expires_at.map(|time| time.0),
        name: body.name,
    })
}

fn permission(permission: Permission) -> wire::Permission {
    match permission {
        Permission::Read => wire::Permission::Read,
        Permission::Write => wire::Permission::Write,
        Permission::Admin => wire::Permission::Admin,
        Permission::Metrics => wire::Permission::Metrics,
        Permission::TenantAdmin => wire::Permission::TenantAdmin,
    }
}

fn named(permission: wire::Permission) -> Permission {
    match permission {
        wire::Permission::Read => Permission::Read,
        wire::Permission::Write => Permission::Write,
        wire::Permission::Admin => Permission::Admin,
        wire::Permission::Metrics => Permission::Metrics,
        wire::Permission::TenantAdmin => Permission::TenantAdmin,
    }
}
