//! The OpenAPI document, made from the code that answers, and the page that shows it.

mod examples;
mod flat;
mod page;
mod words;

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response as HttpResponse};
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, Ref, RefOr, Response};

use super::route::{operations, use_case};
use super::routes;
use super::wire::EventBody;
use crate::http::{Code, FieldError, Problem};
use crate::service::Access;

pub(super) use page::{DOCS, STYLE, get_docs, get_docs_style};

/// Names of the security schemes in the document.
const BEARER: &str = "bearer";
const API_KEY: &str = "api_key";

#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Context Manager",
        description = "A memory for LLM agents: stores contexts, and finds those that matter for a question.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(Problem, FieldError, Code, EventBody)),
    tags(
        (name = "contexts", description = "Storing, changing, finding and deleting contexts"),
        (name = "sessions", description = "Listing and deleting conversations"),
        (name = "documents", description = "Documents, cut into contexts"),
        (name = "scopes", description = "Listing and forgetting scopes"),
        (name = "files", description = "Memory as files, by the commands of the memory tool"),
        (name = "operations", description = "Health, metrics and counts"),
    ),
)]
struct Base;

/// Errors that any call may answer with, beside those of its own.
const EVERYWHERE: [(&str, &str); 9] = [
    ("400", "Not valid"),
    ("403", "A page of another origin made a browser send the call"),
    ("405", "The path does not support this method"),
    ("408", "The body did not arrive in time"),
    (
        "421",
        "A server without keys was called by a host name that it does not know",
    ),
    (
        "429",
        "Too many calls; try again after `Retry-After`, and see `RateLimit` and `RateLimit-Policy`",
    ),
    ("500", "Internal error"),
    ("503", "A dependency is unavailable; try again after `Retry-After`"),
    ("504", "The request took too long"),
];

/// Errors that any call with a body may answer with, beside those of its own.
const WITH_BODY: [(&str, &str); 2] = [("413", "The body is too large"), ("415", "The media type is not JSON")];

/// Errors that a call with a key may answer with.
const WITH_KEY: [(&str, &str); 2] = [
    ("401", "No key, or an invalid one"),
    (
        "403",
        "The key or token lacks the permission, or a page of another origin made a browser send the call",
    ),
];

/// Serves the document.
pub(super) async fn get_openapi() -> HttpResponse {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.clone()).into_response()
}

/// Builds the document that `/openapi.json` serves: in the shapes that generators of clients read, with examples.
pub fn document() -> Value {
    let mut document = serde_json::to_value(described()).unwrap_or_default();
    flat::flatten(&mut document);
    examples::add(&mut document);
    document
}

/// Describes all routes, with the answers that are common to them.
fn described() -> utoipa::openapi::OpenApi {
    let mut api = Base::openapi();
    api.merge(routes::all().into_openapi());
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "A key that `context-manager keys create` printed, or a token of the identity provider",
    ));
    let header = ApiKeyValue::with_description("X-API-Key", "The same key in a header of its own");
    let components = api.components.get_or_insert_default();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
    components.add_security_scheme(API_KEY, SecurityScheme::ApiKey(ApiKey::Header(header)));
    words::describe(&mut api);
    for (_, operation) in api.paths.paths.values_mut().flat_map(operations) {
        describe_access(operation);
        add_problems(operation, &EVERYWHERE);
        if operation.request_body.is_some() {
            add_problems(operation, &WITH_BODY);
        }
    }
    api
}

/// Adds the permission that a call needs, and the answers to those who lack it.
fn describe_access(operation: &mut Operation) {
    let Some(access) = use_case(operation).map(|use_case| use_case.rule().access) else {
        return;
    };
    let permission = access.permission();
    if permission.is_none() && access != Access::AnyKey {
        return;
    }
    let mut requirements: Vec<_> = [BEARER, API_KEY]
        .map(|scheme| SecurityRequirement::new(scheme, [""; 0]))
        .into();
    if let Access::Closable(_) = access {
        requirements.insert(0, SecurityRequirement::default());
    }
    operation.security = Some(requirements);
    if let Some(permission) = permission {
        let extensions = operation.extensions.get_or_insert_default();
        extensions.insert("x-permission".to_owned(), permission.as_str().into());
    }
    add_problems(operation, &WITH_KEY);
}

/// Adds errors that an operation does not name itself, and the body of every error.
fn add_problems(operation: &mut Operation, problems: &[(&str, &str)]) {
    let responses = &mut operation.responses.responses;
    for (status, description) in problems {
        let added = || RefOr::T(Response::new(*description));
        responses.entry((*status).to_owned()).or_insert_with(added);
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            let problem = || RefOr::T(Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem")))));
            let content = &mut response.content;
            content
                .entry("application/problem+json".to_owned())
                .or_insert_with(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::route::operations;
    use crate::service::UseCase;

    #[test]
    fn every_route_has_a_use_case_and_every_use_case_a_route() {
        let mut document = super::described();
        let described = document.paths.paths.values_mut().flat_map(operations);
        let mut routes: Vec<String> = described
            .filter_map(|(_, operation)| operation.operation_id.clone())
            .collect();
        // It describes neither itself nor what has a document or protocol of its own.
        for own in ["get_openapi", "get_console", "get_protected_resource", "call_mcp"] {
            routes.push(own.to_owned());
        }
        routes.sort();
        let mut table: Vec<&str> = UseCase::ALL.iter().map(|use_case| use_case.rule().name).collect();
        table.sort_unstable();
        assert_eq!(routes, table);
    }
}
