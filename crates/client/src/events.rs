//! Server-sent events of a tenant.

use std::future::ready;

use futures::{Stream, StreamExt};
use sse_stream::{Sse, SseStream};

use crate::Error;
use crate::wire::{Event, EventKind};

/// Reads the events of a response. Kinds that this client does not know are passed over.
pub(crate) fn events(
    url: String,
    response: reqwest::Response,
) -> impl Stream<Item = Result<Event, Error>> + Send + use<> {
    let frames = SseStream::from_bytes_stream(response.bytes_stream());
    frames.filter_map(move |frame| {
        ready(match frame {
            Ok(frame) => event(frame).map_err(Error::from).transpose(),
            Err(source) => Some(Err(Error::Interrupted {
                url: url.clone(),
                source: source.into(),
            })),
        })
    })
}

fn event(frame: Sse) -> Result<Option<Event>, serde_json::Error> {
    let (Some(name), Some(id)) = (frame.event, frame.id) else {
        return Ok(None);
    };
    let data = frame.data.unwrap_or_default();
    let context = || serde_json::from_str(&data);
    let kind = match name.as_str() {
        "stored" => EventKind::Stored(context()?),
        "changed" => EventKind::Changed(context()?),
        "deleted" => EventKind::Deleted(context()?),
        "expired" => EventKind::Expired(context()?),
        "gap" => EventKind::Gap,
        _ => return Ok(None),
    };
    Ok(Some(Event { id, kind }))
}
