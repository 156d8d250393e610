//! Events as a stream.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use context_manager_core::{Event, Followed, Resume};
use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::api::wire::EventBody;
use crate::http::{Params, Problem};
use crate::service::{Call, Events};

/// Time after which a stream ends, so that a key that was revoked follows no longer. Clients resume.
const LONGEST: Duration = Duration::from_mins(15);
/// Time between two comments on a quiet stream, shorter than proxies wait.
const HEARTBEAT: Duration = Duration::from_secs(15);
const EXPECTED: &str = "must be the id of an event of this server";

/// Follow the writes
///
/// Server-sent events `stored`, `changed`, `deleted` and `expired` with the id, level and scope of a context, never its text.
/// The id of an event is the place to resume from, as `after` or `Last-Event-ID`. Where events between it and the next may be
/// lost, an event `gap` comes first: read the contexts again. A stream ends after 15 minutes; resume it.
#[utoipa::path(
    get, path = "/events", tag = "contexts",
    params(
        ("after" = Option<String>, Query, description = "Id of the last event that was seen; without it, the stream begins now"),
    ),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
    ),
)]
pub(super) async fn stream_events(
    call: Call,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Sse<impl Stream<Item = Result<Frame, Infallible>>>, Problem> {
    // Clients that have seen nothing yet may send an empty one.
    let after = params.text("after").filter(|after| !after.is_empty());
    params.finish()?;
    let invalid = |_| Problem::invalid_field("/after", EXPECTED);
    let after = after.map(|after| after.parse()).transpose().map_err(invalid)?;
    let last_seen = headers
        .get("last-event-id")
        .map(|id| id.to_str().unwrap_or_default().parse());
    let last_seen: Option<Resume> = last_seen.transpose().map_err(invalid)?;
    let events = call.events(after.or(last_seen)).await?;
    Ok(Sse::new(frames(events)).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

fn frames(events: Events) -> impl Stream<Item = Result<Frame, Infallible>> + Send {
    let end = Instant::now() + LONGEST;
    let batches = stream::unfold(events, move |mut events| async move {
        let followed = timeout_at(end, events.next()).await.ok()??;
        let frames = match followed {
            Followed::Events(events) => events.into_iter().map(frame).collect(),
            Followed::Gap(place) => vec![gap(place)],
        };
        Some((stream::iter(frames), events))
    });
    batches.flatten().map(Ok)
}

fn frame(event: Event) -> Frame {
    let data = EventBody {
        id: event.id.0,
        level: event.level.into(),
        scope: event.scope,
    };
    let frame = Frame::default().event(event.kind.as_str()).id(event.resume.to_string());
    // A struct of strings always serialises.
    frame.clone().json_data(data).unwrap_or(frame)
}

fn gap(place: Resume) -> Frame {
    Frame::default().event("gap").id(place.to_string()).data("{}")
}
