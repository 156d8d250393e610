//! The use case of each route, known from a request's head alone. A route without a use case is refused.

use std::collections::HashMap;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, RefOr};

use crate::service::UseCase;

/// A route, as it is known before it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) use_case: UseCase,
    /// Parameters that its query may have.
    pub(super) parameters: Vec<String>,
}

/// Every route, by its path as it is registered.
#[derive(Debug, Default)]
pub(super) struct RouteTable(HashMap<String, Vec<(Method, Route)>>);

/// Result of looking up a request's route.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// No path matches, which is answered 404.
    Nothing,
    Route(&'a Route),
    /// The path answers to these methods alone.
    OtherMethods(String),
    /// It has no use case: its name is not in the table.
    NoUseCase,
}

impl RouteTable {
    /// Reads the routes of a document. The id of an operation names its use case.
    pub(super) fn new(mut document: OpenApi) -> Self {
        let mut table = Self::default();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                if let Some(use_case) = use_case(operation) {
                    table.add(path, method, use_case, query_parameters(operation));
                }
            }
        }
        table
    }

    /// Adds a route.
    pub(super) fn add(&mut self, path: &str, method: Method, use_case: UseCase, parameters: Vec<String>) {
        let route = Route { use_case, parameters };
        self.0.entry(path.to_owned()).or_default().push((method, route));
    }

    /// Finds the route of a request.
    pub(super) fn find(&self, request: &Request) -> Found<'_> {
        let Some(path) = request.extensions().get::<MatchedPath>() else {
            return Found::Nothing;
        };
        let Some(methods) = self.0.get(path.as_str()) else {
            return Found::NoUseCase;
        };
        // As the router does: HEAD is GET without the body.
        let method = if request.method() == Method::HEAD {
            &Method::GET
        } else {
            request.method()
        };
        let route = methods.iter().find(|(known, _)| known == method);
        route.map_or_else(|| Found::OtherMethods(allow(methods)), |(_, route)| Found::Route(route))
    }
}

/// Returns the use case that an operation's id names.
pub(super) fn use_case(operation: &Operation) -> Option<UseCase> {
    UseCase::named(operation.operation_id.as_deref()?)
}

/// Returns the value of the `Allow` header.
fn allow(methods: &[(Method, Route)]) -> String {
    let mut names: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.sort_unstable();
    names.join(",")
}

/// Returns every operation of a path, with its method.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
        (Method::HEAD, &mut item.head),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn query_parameters(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().flatten();
    let named = parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        RefOr::T(_) | RefOr::Ref(_) => None,
    });
    named.collect()
}
