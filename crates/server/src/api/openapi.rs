//! The OpenAPI document, made from the code that answers.

use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::access::{API_KEY, BEARER, add_problem, operations};
use super::{long_routes, routes, words};
use crate::http::{Code, FieldError, Problem};

#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Context Manager",
        description = "Stores what an agent has seen and said, and answers what the model should know now.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(Problem, FieldError, Code)),
    tags(
        (name = "contexts", description = "Storing, changing, finding and deleting contexts"),
        (name = "sessions", description = "Conversations as a whole"),
        (name = "operations", description = "Health, metrics and counts"),
    ),
)]
struct Base;

/// Errors that any call may answer with, beside those of its own.
const EVERYWHERE: [(&str, &str); 9] = [
    ("400", "Not valid"),
    ("403", "A page of another origin had a browser send the call"),
    ("405", "The path does not answer to that method"),
    ("408", "The body did not come in time"),
    (
        "421",
        "A server that asks for no key was called by a name that is not its own",
    ),
    (
        "429",
        "Too many calls; try again after `Retry-After`, and see `RateLimit` and `RateLimit-Policy`",
    ),
    ("500", "A fault of the server"),
    (
        "503",
        "Something the call needs is not available; try again after `Retry-After`",
    ),
    ("504", "The request's time ran out"),
];

/// Errors that any call with a body may answer with, beside those of its own.
const WITH_BODY: [(&str, &str); 2] = [("413", "Too large"), ("415", "Not JSON by its type")];

/// The document that `/openapi.json` serves.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut api = Base::openapi();
    for routes in [routes(), long_routes()] {
        let (_, described, _) = routes.into_parts();
        api.merge(described);
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "A key that `context-manager keys create` printed, or a token of the identity provider",
    ));
    let header = ApiKeyValue::with_description("X-API-Key", "The same key in a header of its own");
    let components = api.components.get_or_insert_default();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
    components.add_security_scheme(API_KEY, SecurityScheme::ApiKey(ApiKey::Header(header)));
    words::describe(&mut api);
    for (_, operation) in api.paths.paths.values_mut().flat_map(operations) {
        for (status, description) in EVERYWHERE {
            add_problem(operation, status, description);
        }
        if operation.request_body.is_some() {
            for (status, description) in WITH_BODY {
                add_problem(operation, status, description);
            }
        }
    }
    api
}
