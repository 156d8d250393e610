//! Every route of the API.

use reqwest::Method;

use crate::call::{Operation, Repeat};

macro_rules! operations {
    ($($name:ident: $method:ident $path:literal $repeat:ident $long:literal;)*) => {
        $(pub(crate) const $name: &Operation = &Operation {
            #[cfg(test)]
            id: stringify!($name),
            method: Method::$method,
            path: $path,
            repeat: Repeat::$repeat,
            long: $long,
        };)*

        #[cfg(test)]
        pub(crate) const ALL: &[&Operation] = &[$($name),*];
    };
}

operations! {
    STORE_CONTEXT: POST "/api/v1/contexts" Always false;
    STORE_CONTEXTS: POST "/api/v1/contexts/batch" Always false;
    LIST_CONTEXTS: GET "/api/v1/contexts" Always false;
    GET_CONTEXT: GET "/api/v1/contexts/{id}" Always false;
    UPDATE_CONTEXT: PATCH "/api/v1/contexts/{id}" Always false;
    DELETE_CONTEXT: DELETE "/api/v1/contexts/{id}" Always false;
    STORE_CONTEXT_BY_KEY: PUT "/api/v1/contexts/by-key" Always false;
    GET_CONTEXT_BY_KEY: GET "/api/v1/contexts/by-key" Always false;
    DELETE_CONTEXT_BY_KEY: DELETE "/api/v1/contexts/by-key" Always false;
    GET_CONTEXT_HISTORY: GET "/api/v1/contexts/{id}/history" Always false;
    UNDO_CONTEXT: POST "/api/v1/contexts/{id}/undo" IfNotBegun false;
    SEARCH_CONTEXTS: POST "/api/v1/contexts/search" Always false;
    ASSEMBLE_CONTEXTS: POST "/api/v1/contexts/assemble" Always false;
    COUNT_CONTEXTS: POST "/api/v1/contexts/count" Always false;
    DELETE_CONTEXTS: POST "/api/v1/contexts/delete" Always false;
    CLEAR_CONTEXTS: POST "/api/v1/contexts/clear" Always false;
    LIST_SESSIONS: GET "/api/v1/sessions" Always false;
    DELETE_SESSION: DELETE "/api/v1/sessions/{session_id}" Always false;
    STORE_MESSAGES: POST "/api/v1/sessions/{session_id}/messages" IfNotBegun false;
    LIST_MESSAGES: GET "/api/v1/sessions/{session_id}/messages" Always false;
    POP_MESSAGE: POST "/api/v1/sessions/{session_id}/messages/pop" IfNotBegun false;
    CLEAR_MESSAGES: DELETE "/api/v1/sessions/{session_id}/messages" Always false;
    LIST_SCOPES: GET "/api/v1/scopes" Always false;
    FORGET_SCOPE: DELETE "/api/v1/scopes" Always true;
    STORE_DOCUMENT: POST "/api/v1/documents" Always true;
    LIST_DOCUMENTS: GET "/api/v1/documents" Always false;
    GET_DOCUMENT: GET "/api/v1/documents/{id}" Always false;
    DELETE_DOCUMENT: DELETE "/api/v1/documents/{id}" Always false;
    RUN_FILE_COMMAND: POST "/api/v1/files" IfNotBegun false;
    STREAM_EVENTS: GET "/api/v1/events" Always false;
    FORGET_USER: DELETE "/api/v1/users/{user_id}" Always true;
    GET_CALLER: GET "/api/v1/whoami" Always false;
    GET_MAP: GET "/api/v1/map" Always true;
    GET_STATS: GET "/api/v1/stats" Always false;
    EXPORT_CONTEXTS: GET "/api/v1/admin/export" Always true;
    IMPORT_CONTEXTS: POST "/api/v1/admin/import" IfNotBegun true;
    COLLECT_GARBAGE: POST "/api/v1/admin/gc" IfNotBegun true;
    CREATE_SNAPSHOT: POST "/api/v1/admin/snapshots" IfNotBegun true;
    LIST_SNAPSHOTS: GET "/api/v1/admin/snapshots" Always true;
    VERIFY_SNAPSHOT: POST "/api/v1/admin/snapshots/{name}/verify" Always true;
    RESTORE_SNAPSHOT: POST "/api/v1/admin/snapshots/{name}/restore" IfNotBegun true;
    START_REEMBEDDING: POST "/api/v1/admin/reembed" IfNotBegun false;
    GET_REEMBEDDING: GET "/api/v1/admin/reembed" Always false;
    DISCARD_REEMBEDDING: DELETE "/api/v1/admin/reembed" Always false;
    GET_LOG_FILTER: GET "/api/v1/admin/log-filter" Always false;
    SET_LOG_FILTER: PUT "/api/v1/admin/log-filter" Always false;
    LIST_KEYS: GET "/api/v1/admin/keys" Always false;
    CREATE_KEY: POST "/api/v1/admin/keys" IfNotBegun false;
    ROTATE_KEY: POST "/api/v1/admin/keys/{id}/rotate" IfNotBegun false;
    REVOKE_KEY: DELETE "/api/v1/admin/keys/{id}" Always false;
    LIST_AUDIT: GET "/api/v1/admin/audit" Always false;
    GET_HEALTH: GET "/health" Always false;
    GET_LIVENESS: GET "/health/live" Always false;
    GET_READINESS: GET "/health/ready" Always false;
    GET_METRICS: GET "/metrics" Always false;
}
