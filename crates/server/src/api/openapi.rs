//! The OpenAPI document, made from the code that answers.

use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{Content, Ref};

use super::{documented_routes, long_routes};
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
const EVERYWHERE: [(&str, &str); 4] = [
    ("405", "The path does not answer to that method"),
    ("500", "A fault of the server"),
    (
        "503",
        "Something the call needs is not available; try again after `Retry-After`",
    ),
    ("504", "The request's time ran out"),
];

/// The document that `/openapi.json` serves.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut api = Base::openapi();
    api.merge(documented_routes().into_openapi());
    api.merge(long_routes().into_openapi());
    for item in api.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
            &mut item.head,
        ];
        operations.into_iter().flatten().for_each(add_common_errors);
    }
    api
}

fn add_common_errors(operation: &mut Operation) {
    for (status, description) in EVERYWHERE {
        let problem = || {
            let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
            let content = Content::new(Some(schema));
            ResponseBuilder::new()
                .description(description)
                .content("application/problem+json", content)
                .build()
        };
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(problem()));
    }
}
