//! The one place that every request passes before it costs anything: who is calling, may he, and is it written down.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::access::{Access, Closable, Found, Rule, Rules};
use crate::audit::AuditedCall;
use crate::auth::{Authenticator, Permission, Principal, lacks};
use crate::http::{Audience, Code, Problem, Sites};

/// Callers that were turned away; label `reason`.
pub(super) const AUTH_FAILURES: &str = "context_manager_auth_failures_total";

/// What decides about callers.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) rules: Arc<Rules>,
    pub(super) public: Public,
    pub(super) sites: Arc<Sites>,
}

/// What is answered without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Public {
    /// `/metrics`.
    pub(super) metrics: bool,
    /// `/health`.
    pub(super) health: bool,
}

impl Gate {
    fn permission(&self, rule: &Rule) -> Option<Permission> {
        match rule.access {
            Access::Open => None,
            Access::Needs(permission) => Some(permission),
            Access::Closable(Closable::Metrics) => (!self.public.metrics).then_some(Permission::Metrics),
            Access::Closable(Closable::Health) => (!self.public.health).then_some(Permission::Metrics),
        }
    }

    fn authenticate(&self, request: &Request) -> Result<Principal, Problem> {
        self.authenticator.authenticate(request.headers()).map_err(|denied| {
            metrics::counter!(AUTH_FAILURES, "reason" => denied.reason()).increment(1);
            denied.into()
        })
    }
}

/// Lets a request through that is for this server, and that no page of another origin had a browser send.
pub(super) async fn check_site(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let audience = if gate.authenticator.needs_keys() {
        Audience::Known
    } else {
        Audience::Everybody
    };
    match gate.sites.check(&request, audience) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Lets a request through to its route, with its [`Principal`] in its extensions, or answers 401 or 403.
pub(super) async fn authorize(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match admit(&gate, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn admit(gate: &Gate, mut request: Request, next: Next) -> Result<Response, Problem> {
    let rule = match gate.rules.find(&request) {
        Found::Route(rule) => rule,
        Found::Nothing => return Ok(next.run(request).await),
        Found::OtherMethods(allow) => {
            let problem = Problem::new(Code::MethodNotAllowed);
            return Ok(([(header::ALLOW, allow)], problem).into_response());
        }
        Found::NoRule => {
            tracing::error!(
                path = request.uri().path(),
                "a route without a rule was called, and refused"
            );
            return Err(Problem::new(Code::Forbidden));
        }
    };
    let Some(permission) = gate.permission(rule) else {
        return Ok(next.run(request).await);
    };
    let principal = gate.authenticate(&request)?;
    let action = rule.audited.as_deref();
    let call = action.map(|action| AuditedCall::begin(action, &principal, &request));
    let response = if principal.may(permission) {
        request.extensions_mut().insert(principal);
        request.extensions_mut().insert(permission);
        next.run(request).await
    } else {
        metrics::counter!(AUTH_FAILURES, "reason" => "forbidden").increment(1);
        lacks(permission, &principal).into_response()
    };
    if let Some(call) = call {
        call.end(&response);
    }
    Ok(response)
}
