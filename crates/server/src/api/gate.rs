//! The gate that every request passes before its body is read: limit of its address, caller, permission, rate limits,
//! query parameters.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::protected_resource::Challenge;
use super::rate_limit::{add_shares, limited};
use super::route::{Found, Route, RouteTable};
use crate::auth::AUTH_FAILURES;
use crate::config::Config;
use crate::http::{Audience, Code, Forwarding, PeerAddress, Problem, RequestId, Sites, check_query, network};
use crate::limits::RequestClass;
use crate::service::{Access, Call, Closable, Origin, Service, UseCase};

/// Longest wait of a request for a store that is being opened. A load balancer without active health checks sends requests
/// as soon as the port is open.
const OPENING: Duration = Duration::from_secs(5);

/// Collaborators of the gate.
#[derive(Debug)]
pub(super) struct Gate {
    service: Arc<Service>,
    routes: RouteTable,
    forwarding: Forwarding,
    sites: Sites,
    challenge: Challenge,
    public_metrics: bool,
    public_health: bool,
}

impl Gate {
    pub(super) fn new(service: Arc<Service>, routes: RouteTable, config: &Config) -> Self {
        Self {
            service,
            routes,
            forwarding: Forwarding {
                proxies: config.server.trusted_proxies.clone(),
                header: config.server.forwarded_header,
            },
            sites: Sites::new(&config.server),
            challenge: Challenge::new(config),
            public_metrics: config.auth.public_metrics,
            public_health: config.auth.public_health,
        }
    }

    fn is_open(&self, use_case: UseCase) -> bool {
        match use_case.rule().access {
            Access::Open => true,
            Access::Closable(Closable::Metrics) => self.public_metrics,
            Access::Closable(Closable::Health) => self.public_health,
            Access::AnyKey | Access::Needs(_) => false,
        }
    }

    /// Authenticates the caller of a request, whose method and permission are still to be checked.
    fn call(&self, use_case: UseCase, request: &Request) -> Result<Call, Problem> {
        let caller = self
            .service
            .authenticator
            .authenticate(request.headers())
            .map_err(|denied| {
                metrics::counter!(AUTH_FAILURES, "reason" => denied.reason()).increment(1);
                self.challenge.add_to(Problem::from(denied), request)
            })?;
        Ok(Call::new(Arc::clone(&self.service), caller, use_case, origin(request)))
    }
}

fn origin(request: &Request) -> Origin {
    let extensions = request.extensions();
    let matched = extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    let of_person = matched.filter(|path| path.contains("{user_id}"));
    let request_id = extensions.get::<RequestId>().map(|id| id.0.clone());
    Origin {
        path: of_person.unwrap_or(request.uri().path()).to_owned(),
        request_id: request_id.unwrap_or_default(),
    }
}

/// Lets a request through that is for this server, and that no page of another origin made a browser send.
pub(super) async fn check_site(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let audience = if gate.service.authenticator.needs_keys() {
        Audience::Known
    } else {
        Audience::Everybody
    };
    match gate.sites.check(&request, audience) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Turns away a client whose address calls too often.
pub(super) async fn limit_address(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    // A probe must not fail because someone else behind the same address is busy.
    let is_probe =
        |found| matches!(found, Found::Route(route) if route.use_case.rule().class == RequestClass::Operations);
    if let Some(&peer) = request.extensions().get::<PeerAddress>()
        && !is_probe(gate.routes.find(&request))
    {
        let client = gate.forwarding.client(peer, request.headers());
        if let Err(refusal) = gate.service.guards.rates.charge_address(network(client)) {
            return limited(&refusal).into_response();
        }
    }
    next.run(request).await
}

/// Lets a request through to its route, with its [`UseCase`] and its [`Call`] in its extensions.
pub(super) async fn authorize(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let route = match gate.routes.find(&request) {
        Found::Route(route) => route,
        Found::Nothing => return next.run(request).await,
        Found::OtherMethods(allow) => {
            return ([(header::ALLOW, allow)], Problem::new(Code::MethodNotAllowed)).into_response();
        }
        Found::NoUseCase => {
            let path = request.uri().path();
            tracing::error!(path, "a route without a use case was called, and refused");
            return Problem::new(Code::Forbidden).into_response();
        }
    };
    request.extensions_mut().insert(route.use_case);
    if gate.is_open(route.use_case) {
        return check_parameters(route, request, next).await;
    }
    let call = match gate.call(route.use_case, &request) {
        Ok(call) => call,
        Err(problem) => return problem.into_response(),
    };
    let mut response = match call.admit().await {
        Ok(()) => {
            gate.service.opened(OPENING).await;
            request.extensions_mut().insert(call.clone());
            check_parameters(route, request, next).await
        }
        Err(refused) => Problem::from(refused).into_response(),
    };
    add_shares(response.headers_mut(), &call.rate_limits());
    call.end(response.status().as_u16());
    response
}

/// Refuses a query with parameters that the route does not have.
async fn check_parameters(route: &Route, request: Request, next: Next) -> Response {
    match check_query(request.uri().query(), &route.parameters) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The call that the gate let through.
impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let call = parts.extensions.get::<Self>().cloned();
        call.ok_or_else(|| Problem::new(Code::Unauthenticated))
    }
}
