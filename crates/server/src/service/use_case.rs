//! The table of use cases: permission, rate weight, request class, audit and time limit of each.

use crate::auth::Permission::{self, Admin, Read, TenantAdmin, Write};
use crate::limits::{CallKind, RequestClass};

/// Row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Id of the operation in the OpenAPI document, and the action in the audit log.
    pub(crate) name: &'static str,
    pub(crate) access: Access,
    pub(crate) weight: Weight,
    pub(crate) class: RequestClass,
    pub(crate) audit: Audit,
    pub(crate) time: Time,
}

/// Requirement for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// None.
    Open,
    /// None, unless the configuration closes it; then the permission `metrics`.
    Closable(Closable),
    /// Any key. The call makes others, which have their own requirements.
    AnyKey,
    /// A key with this permission.
    Needs(Permission),
}

/// Information that the configuration can close to callers without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closable {
    Metrics,
    Health,
}

/// Weight of a call under the rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Not counted.
    Free,
    /// Counted once.
    Once(CallKind),
    /// Counted once for each context it names.
    PerContext(CallKind),
}

/// Destination of a call in the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audit {
    /// It goes into the audit log.
    Logged,
    /// It does not.
    Unlogged,
}

/// Time limit of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    /// `server.request_timeout_ms`.
    Short,
    /// `server.long_request_timeout_ms`, as the work grows with the data.
    Long,
}

impl Access {
    /// Returns the permission that a call needs, if it needs one.
    pub(crate) const fn permission(self) -> Option<Permission> {
        match self {
            Self::Open | Self::AnyKey => None,
            Self::Closable(_) => Some(Permission::Metrics),
            Self::Needs(permission) => Some(permission),
        }
    }
}

macro_rules! use_cases {
    ($($use_case:ident: $name:literal, $access:expr, $weight:expr, $class:ident, $audit:ident, $time:ident;)*) => {
        /// Everything that a caller can ask of the server.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum UseCase {
            $($use_case),*
        }

        impl UseCase {
            /// Every use case.
            pub(crate) const ALL: &[Self] = &[$(Self::$use_case),*];

            /// Returns the row of the table.
            pub(crate) const fn rule(self) -> Rule {
                match self {
                    $(Self::$use_case => Rule {
                        name: $name,
                        access: $access,
                        weight: $weight,
                        class: RequestClass::$class,
                        audit: Audit::$audit,
                        time: Time::$time,
                    }),*
                }
            }
        }
    };
}

const METRICS: Access = Access::Closable(Closable::Metrics);
const HEALTH: Access = Access::Closable(Closable::Health);
const READ: Access = Access::Needs(Read);
const WRITE: Access = Access::Needs(Write);
const TENANT: Access = Access::Needs(TenantAdmin);
const ADMIN: Access = Access::Needs(Admin);

const READS: Weight = Weight::Once(CallKind::Read);
const WRITES: Weight = Weight::Once(CallKind::Write);
const ADMINISTERS: Weight = Weight::Once(CallKind::Admin);

// Destructive calls and those of operators go into the audit log.
use_cases! {
    ListContexts: "list_contexts", READ, READS, Api, Unlogged, Short;
    GetContext: "get_context", READ, READS, Api, Unlogged, Short;
    StoreContext: "store_context", WRITE, WRITES, Api, Unlogged, Short;
    StoreContexts: "store_contexts", WRITE, Weight::PerContext(CallKind::Write), Api, Unlogged, Short;
    UpdateContext: "update_context", WRITE, WRITES, Api, Unlogged, Short;
    StoreContextByKey: "store_context_by_key", WRITE, WRITES, Api, Unlogged, Short;
    GetContextByKey: "get_context_by_key", READ, READS, Api, Unlogged, Short;
    DeleteContextByKey: "delete_context_by_key", WRITE, WRITES, Api, Logged, Short;
    GetContextHistory: "get_context_history", READ, READS, Api, Unlogged, Short;
    UndoContext: "undo_context", WRITE, WRITES, Api, Unlogged, Short;
    DeleteContext: "delete_context", WRITE, WRITES, Api, Logged, Short;
    DeleteContexts: "delete_contexts", WRITE, WRITES, Api, Logged, Short;
    ClearContexts: "clear_contexts", WRITE, WRITES, Api, Logged, Short;
    SearchContexts: "search_contexts", READ, READS, Api, Unlogged, Short;
    CountContexts: "count_contexts", READ, READS, Api, Unlogged, Short;
    AssembleContexts: "assemble_contexts", READ, READS, Api, Unlogged, Short;
    ListSessions: "list_sessions", READ, READS, Api, Unlogged, Short;
    DeleteSession: "delete_session", WRITE, WRITES, Api, Logged, Short;
    StoreMessages: "store_messages", WRITE, Weight::PerContext(CallKind::Write), Api, Unlogged, Short;
    ListMessages: "list_messages", READ, READS, Api, Unlogged, Short;
    PopMessage: "pop_message", WRITE, WRITES, Api, Logged, Short;
    ClearMessages: "clear_messages", WRITE, WRITES, Api, Logged, Short;
    RunFileCommand: "run_file_command", READ, READS, Api, Logged, Short;
    ListScopes: "list_scopes", READ, READS, Api, Unlogged, Short;
    ForgetScope: "forget_scope", WRITE, WRITES, Api, Logged, Long;
    StoreDocument: "store_document", WRITE, WRITES, Api, Unlogged, Long;
    ListDocuments: "list_documents", READ, READS, Api, Unlogged, Short;
    GetDocument: "get_document", READ, READS, Api, Unlogged, Short;
    DeleteDocument: "delete_document", WRITE, WRITES, Api, Logged, Short;
    StreamEvents: "stream_events", READ, READS, Api, Unlogged, Short;
    ForgetUser: "forget_user", WRITE, WRITES, Api, Logged, Long;
    GetCaller: "get_caller", Access::AnyKey, Weight::Free, Api, Unlogged, Short;
    // Ten thousand vectors in memory: few at once, as administration.
    GetMap: "get_map", READ, READS, Admin, Unlogged, Long;
    GetStats: "get_stats", READ, READS, Api, Unlogged, Short;
    CollectGarbage: "collect_garbage", TENANT, ADMINISTERS, Admin, Logged, Short;
    ExportContexts: "export_contexts", TENANT, ADMINISTERS, Admin, Logged, Long;
    ImportContexts: "import_contexts", TENANT, ADMINISTERS, Admin, Logged, Long;
    GetLogFilter: "get_log_filter", ADMIN, ADMINISTERS, Admin, Logged, Short;
    SetLogFilter: "set_log_filter", ADMIN, ADMINISTERS, Admin, Logged, Short;
    StartReembedding: "start_reembedding", ADMIN, ADMINISTERS, Admin, Logged, Short;
    GetReembedding: "get_reembedding", ADMIN, ADMINISTERS, Admin, Logged, Short;
    DiscardReembedding: "discard_reembedding", ADMIN, ADMINISTERS, Admin, Logged, Short;
    CreateSnapshot: "create_snapshot", ADMIN, ADMINISTERS, Admin, Logged, Long;
    ListSnapshots: "list_snapshots", ADMIN, ADMINISTERS, Admin, Logged, Long;
    VerifySnapshot: "verify_snapshot", ADMIN, ADMINISTERS, Admin, Logged, Long;
    RestoreSnapshot: "restore_snapshot", ADMIN, ADMINISTERS, Admin, Logged, Long;
    ListKeys: "list_keys", ADMIN, ADMINISTERS, Admin, Logged, Short;
    CreateKey: "create_key", ADMIN, ADMINISTERS, Admin, Logged, Short;
    RotateKey: "rotate_key", ADMIN, ADMINISTERS, Admin, Logged, Short;
    RevokeKey: "revoke_key", ADMIN, ADMINISTERS, Admin, Logged, Short;
    ListAudit: "list_audit", ADMIN, ADMINISTERS, Admin, Logged, Short;
    GetHealth: "get_health", HEALTH, Weight::Free, Operations, Unlogged, Short;
    GetLiveness: "get_liveness", Access::Open, Weight::Free, Operations, Unlogged, Short;
    GetReadiness: "get_readiness", Access::Open, Weight::Free, Operations, Unlogged, Short;
    GetMetrics: "get_metrics", METRICS, Weight::Free, Operations, Unlogged, Short;
    GetConsole: "get_console", Access::Open, Weight::Free, Api, Unlogged, Short;
    GetOpenapi: "get_openapi", Access::Open, Weight::Free, Api, Unlogged, Short;
    GetProtectedResource: "get_protected_resource", Access::Open, Weight::Free, Api, Unlogged, Short;
    CallMcp: "call_mcp", Access::AnyKey, Weight::Free, Api, Unlogged, Short;
}

impl UseCase {
    /// Finds a use case by its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|use_case| use_case.rule().name == name)
    }
}
