//! Taking a request in once the gate let it through: time limit, body, and the permit to run.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::config::ServerConfig;
use crate::http::{Bodies, Code, Problem, TimeLimit};
use crate::limits::RequestPermit;
use crate::service::{Call, Failure, Service, Time, UseCase};

/// Collaborators of the intake.
#[derive(Debug)]
pub(super) struct Intake {
    service: Arc<Service>,
    bodies: Bodies,
    timeout: Duration,
    long_timeout: Duration,
}

impl Intake {
    pub(super) fn new(service: Arc<Service>, config: &ServerConfig) -> Self {
        Self {
            service,
            bodies: Bodies::new(
                config.max_body_bytes,
                config.requests.max_buffered_bytes,
                Duration::from_millis(config.connections.body_idle_timeout_ms),
            ),
            timeout: Duration::from_millis(config.request_timeout_ms),
            long_timeout: Duration::from_millis(config.long_request_timeout_ms),
        }
    }

    /// Reads the body and waits for a permit.
    async fn receive(&self, use_case: UseCase, request: Request) -> Result<(Request, RequestPermit), Problem> {
        let (classes, class) = (&self.service.guards.classes, use_case.rule().class);
        // Before the body is read, so that turning a request away costs next to nothing.
        classes.check(class).map_err(Failure::from)?;
        // Before the permit is taken, so that a slow client holds up only itself.
        let mut received = self.bodies.receive(request).await?;
        let permit = classes.acquire(class).await.map_err(Failure::from)?;
        self.bodies.decompress(&mut received).await?;
        Ok((received.request, permit.with_memory(received.memory)))
    }
}

/// Takes a request in and has it answered within its time, or turns it away.
pub(super) async fn take_in(State(intake): State<Arc<Intake>>, mut request: Request, next: Next) -> Response {
    let Some(&use_case) = request.extensions().get::<UseCase>() else {
        return next.run(request).await;
    };
    let longest = match use_case.rule().time {
        Time::Short => intake.timeout,
        Time::Long => intake.long_timeout,
    };
    let limit = match TimeLimit::start(request.headers(), longest) {
        Ok(limit) => limit,
        Err(problem) => return problem.into_response(),
    };
    request.extensions_mut().insert(limit);
    let answer = async {
        let (request, permit) = intake.receive(use_case, request).await?;
        let mut permit = Some(permit);
        if let Some(call) = request.extensions().get::<Call>() {
            permit.take().into_iter().for_each(|permit| call.hold(permit));
        }
        Ok::<_, Problem>(next.run(request).await)
    };
    let answered = limit.deadline().run(answer).await;
    let answered = answered.unwrap_or_else(|_late| Err(Problem::new(Code::DeadlineExceeded)));
    answered.unwrap_or_else(IntoResponse::into_response)
}
