//! What it takes to call each route. A route is added together with that, so that none can be forgotten; one that got in
//! another way is refused.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use context_manager_core::Scope;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::ApiState;
use crate::auth::{Permission, Principal};
use crate::http::{Code, Problem, check_query};

/// The names of the security schemes in the OpenAPI document.
pub(super) const BEARER: &str = "bearer";
pub(super) const API_KEY: &str = "api_key";

/// What it takes to call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing.
    Open,
    /// Nothing, unless the configuration closes it; then the permission `metrics`.
    Closable(Closable),
    /// A key with this permission.
    Needs(Permission),
}

/// What the configuration can close to callers without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closable {
    Metrics,
    Health,
}

/// What is known of a route before it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) access: Access,
    /// What the audit log calls it, if it goes there.
    pub(super) audited: Option<String>,
    /// The parameters that its query may have.
    pub(super) parameters: Vec<String>,
}

/// The rule of every route, by the path as it is registered.
#[derive(Debug, Default)]
pub(super) struct Rules(HashMap<String, Vec<(Method, Rule)>>);

/// What is known of a request's route.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// No path matches, which is answered 404.
    Nothing,
    /// This is its rule.
    Route(&'a Rule),
    /// The path answers to these methods alone.
    OtherMethods(String),
    /// It has no rule: it was not added as routes are.
    NoRule,
}

impl Rules {
    /// The rule for a request.
    pub(super) fn find(&self, request: &Request) -> Found<'_> {
        let Some(path) = request.extensions().get::<MatchedPath>() else {
            return Found::Nothing;
        };
        let Some(methods) = self.0.get(path.as_str()) else {
            return Found::NoRule;
        };
        // As the router does: who may GET may ask for the headers alone.
        let method = if request.method() == Method::HEAD {
            &Method::GET
        } else {
            request.method()
        };
        let rule = methods.iter().find(|(known, _)| known == method);
        rule.map_or_else(|| Found::OtherMethods(allow(methods)), |(_, rule)| Found::Route(rule))
    }

    /// Adds the rules of other paths.
    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    fn add(&mut self, path: &str, method: Method, rule: Rule) {
        self.0.entry(path.to_owned()).or_default().push((method, rule));
    }
}

/// The value of the `Allow` header.
fn allow(methods: &[(Method, Rule)]) -> String {
    let mut names: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.sort_unstable();
    names.join(",")
}

/// Routes on their way into the router, each with its rule, and described by the OpenAPI document.
#[derive(Default)]
pub(super) struct Routes {
    router: OpenApiRouter<ApiState>,
    rules: Rules,
}

impl Routes {
    /// Calls that anyone may make.
    pub(super) fn open(self, methods: UtoipaMethodRouter<ApiState>) -> Self {
        self.add(Access::Open, false, methods)
    }

    /// Calls that anyone may make unless the configuration closes them.
    pub(super) fn closable(self, what: Closable, methods: UtoipaMethodRouter<ApiState>) -> Self {
        self.add(Access::Closable(what), false, methods)
    }

    /// Calls that take a key with this permission. Those of operators go into the audit log.
    pub(super) fn needs(self, permission: Permission, methods: UtoipaMethodRouter<ApiState>) -> Self {
        let audited = matches!(permission, Permission::Admin | Permission::TenantAdmin);
        self.add(Access::Needs(permission), audited, methods)
    }

    /// Calls that delete: they take the permission to write, and go into the audit log.
    pub(super) fn destroys(self, methods: UtoipaMethodRouter<ApiState>) -> Self {
        self.add(Access::Needs(Permission::Write), true, methods)
    }

    /// A page that anyone may read and that the OpenAPI document does not describe.
    pub(super) fn page(mut self, path: &str, methods: MethodRouter<ApiState>) -> Self {
        let rule = Rule {
            access: Access::Open,
            audited: None,
            parameters: Vec::new(),
        };
        self.rules.add(path, Method::GET, rule);
        self.router = self.router.route(path, methods);
        self
    }

    /// All of these under a path.
    pub(super) fn nest(mut self, prefix: &str, inner: Self) -> Self {
        self.router = self.router.nest(prefix, inner.router);
        let inner = inner.rules.0.into_iter();
        self.rules
            .0
            .extend(inner.map(|(path, methods)| (format!("{prefix}{path}"), methods)));
        self
    }

    /// The router, its description and the rules.
    pub(super) fn into_parts(self) -> (axum::Router<ApiState>, OpenApi, Rules) {
        let (router, document) = self.router.split_for_parts();
        (router, document, self.rules)
    }

    fn add(mut self, access: Access, audited: bool, mut methods: UtoipaMethodRouter<ApiState>) -> Self {
        for (path, item) in &mut methods.1.paths {
            for (method, operation) in operations(item) {
                let audited = audited.then(|| operation.operation_id.clone().unwrap_or_else(|| path.clone()));
                let parameters = query_parameters(operation);
                let rule = Rule {
                    access,
                    audited,
                    parameters,
                };
                self.rules.add(path, method, rule);
                describe(operation, access);
            }
        }
        self.router = self.router.routes(methods);
        self
    }
}

/// Every operation of a path, with its method.
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

/// The parameters in the query that an operation is described with.
fn query_parameters(operation: &Operation) -> Vec<String> {
    let parameters = operation
        .parameters
        .iter()
        .flatten()
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
            RefOr::T(_) | RefOr::Ref(_) => None,
        });
    parameters.collect()
}

/// Refuses a query with parameters that the route does not have.
pub(super) async fn know_parameters(State(rules): State<Arc<Rules>>, request: Request, next: Next) -> Response {
    let known = match rules.find(&request) {
        Found::Route(rule) => check_query(request.uri().query(), &rule.parameters),
        // Answered elsewhere.
        Found::Nothing | Found::OtherMethods(_) | Found::NoRule => Ok(()),
    };
    match known {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Adds to an operation's description what it takes to call it, and how it answers to those who may not.
fn describe(operation: &mut Operation, access: Access) {
    let permission = match access {
        Access::Open => return,
        Access::Closable(_) => Permission::Metrics,
        Access::Needs(permission) => permission,
    };
    let mut requirements: Vec<_> = [BEARER, API_KEY]
        .map(|scheme| SecurityRequirement::new(scheme, [""; 0]))
        .into();
    if let Access::Closable(_) = access {
        requirements.insert(0, SecurityRequirement::default());
    }
    operation.security = Some(requirements);
    let extensions = operation.extensions.get_or_insert_default();
    extensions.insert("x-permission".to_owned(), permission.as_str().into());
    for (status, description) in [
        ("401", "No key, or one that is not valid"),
        (
            "403",
            "The key or token lacks the permission, or a page of another origin had a browser send the call",
        ),
    ] {
        add_problem(operation, status, description);
    }
}

/// Adds an error to those that an operation is said to answer with, if it is not there.
pub(super) fn add_problem(operation: &mut Operation, status: &str, description: &str) {
    let responses = &mut operation.responses.responses;
    responses.entry(status.to_owned()).or_insert_with(|| {
        let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
        let response = ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", content);
        RefOr::T(response.build())
    });
}

/// Whose data the caller may touch. What comes here went through the one place that authenticates.
#[derive(Debug)]
pub(super) struct Caller(pub(super) Scope);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let principal = parts.extensions.get::<Principal>();
        principal
            .map(|principal| Self(principal.scope().clone()))
            .ok_or_else(|| Problem::new(Code::Unauthenticated))
    }
}
