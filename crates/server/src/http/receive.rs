//! Reads a request's body before any work on the request, so that a slow client holds up only itself.
//!
//! JSON is gathered whole, within limits of size, time and the memory of all bodies together. Anything else goes through
//! as it comes, only with a limit on pauses: a route that takes a stream counts its bytes itself.

use std::error::Error;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use flate2::read::MultiGzDecoder;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_http::timeout::{TimeoutBody, TimeoutError};

use super::body::is_json;
use super::problem::{Code, Problem};
use crate::limits::REQUESTS_SHED;

/// Unit of memory, so that a semaphore can count it.
const UNIT_BYTES: usize = 1024;
/// Maximum number of bytes that deflate makes of one.
const MAX_EXPANSION: usize = 1032;

/// Limits that all bodies share.
#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    max_bytes: usize,
    idle: Duration,
    memory: Arc<Semaphore>,
}

/// A request whose body is there, or comes as a stream.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) request: Request,
    /// Share of the body in the memory of all; kept until the request is done.
    pub(crate) memory: Option<OwnedSemaphorePermit>,
    compressed: Option<Bytes>,
}

impl Bodies {
    /// Bodies of at most `max_bytes`, `buffered_bytes` all together, with pauses of at most `idle`.
    pub(crate) fn new(max_bytes: usize, buffered_bytes: usize, idle: Duration) -> Self {
        let units = (buffered_bytes / UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self {
            max_bytes,
            idle,
            memory: Arc::new(Semaphore::new(units)),
        }
    }

    /// Reads the body, if it is JSON.
    ///
    /// # Errors
    /// The body is too large, in an encoding that is not understood, or does not come in time; or there is no memory left.
    pub(crate) async fn receive(&self, request: Request) -> Result<Received, Problem> {
        let (parts, body) = request.into_parts();
        if body.is_end_stream() {
            return Ok(Received::as_it_is(Request::from_parts(parts, body)));
        }
        let announced = body.size_hint().exact();
        let body = Body::new(TimeoutBody::new(self.idle, body));
        if !is_json(&parts.headers) {
            return Ok(Received::as_it_is(Request::from_parts(parts, body)));
        }
        let gzip = is_gzip(&parts.headers)?;
        if let Some(bytes) = announced.filter(|bytes| *bytes > self.max_bytes as u64) {
            return Err(self.too_large(&format!("the body has {bytes} bytes")));
        }
        let (bytes, memory) = self.gather(body).await?;
        let (body, compressed) = if gzip {
            (Body::empty(), Some(bytes))
        } else {
            (Body::from(bytes), None)
        };
        Ok(Received {
            request: Request::from_parts(parts, body),
            memory,
            compressed,
        })
    }

    async fn gather(&self, body: Body) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Problem> {
        let mut chunks = body.into_data_stream();
        let mut gathered = Vec::new();
        let mut memory = None;
        // Most bodies come in one piece, which need not be copied.
        let Some(first) = chunks.next().await.transpose().map_err(|error| unreadable(&error))? else {
            return Ok((Bytes::new(), None));
        };
        self.hold(&mut memory, first.len())?;
        let mut next = chunks.next().await;
        if next.is_none() && first.len() <= self.max_bytes {
            return Ok((first, memory));
        }
        gathered.extend_from_slice(&first);
        loop {
            if gathered.len() > self.max_bytes {
                return Err(self.too_large(&format!("the body has more than {} bytes", self.max_bytes)));
            }
            let Some(chunk) = next.transpose().map_err(|error| unreadable(&error))? else {
                break;
            };
            self.hold(&mut memory, gathered.len() + chunk.len())?;
            gathered.extend_from_slice(&chunk);
            next = chunks.next().await;
        }
        Ok((gathered.into(), memory))
    }

    /// Reserves memory for `bytes` in all.
    fn hold(&self, memory: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Problem> {
        let held = memory.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(UNIT_BYTES).saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.memory)
            .try_acquire_many_owned(missing)
            .map_err(|_| no_memory())?;
        match memory {
            Some(memory) => memory.merge(more),
            None => *memory = Some(more),
        }
        Ok(())
    }

    /// Replaces a compressed body by its decompressed form, within the same limit.
    ///
    /// # Errors
    /// The body is not gzip, or too large; or there is no memory left.
    pub(crate) async fn decompress(&self, received: &mut Received) -> Result<(), Problem> {
        let Some(compressed) = received.compressed.take() else {
            return Ok(());
        };
        let most = compressed.len().saturating_mul(MAX_EXPANSION).min(self.max_bytes);
        self.hold(&mut received.memory, compressed.len() + most)?;
        let limit = most as u64 + 1;
        let decompressed = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            MultiGzDecoder::new(&*compressed).take(limit).read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        });
        let bytes = decompressed
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| Problem::new(Code::InvalidRequest).with_detail("the body is not what gzip makes"))?;
        if bytes.len() > self.max_bytes {
            return Err(self.too_large(&format!(
                "the body has more than {} bytes when decompressed",
                self.max_bytes
            )));
        }
        let needed = bytes.len().div_ceil(UNIT_BYTES);
        if let Some(memory) = &mut received.memory {
            drop(memory.split(memory.num_permits().saturating_sub(needed)));
        }
        let headers = received.request.headers_mut();
        headers.remove(header::CONTENT_ENCODING);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        *received.request.body_mut() = Body::from(bytes);
        Ok(())
    }

    fn too_large(&self, actual: &str) -> Problem {
        let detail = format!("{actual}; the maximum is {} (server.max_body_bytes)", self.max_bytes);
        Problem::new(Code::PayloadTooLarge).with_detail(detail)
    }
}

impl Received {
    fn as_it_is(request: Request) -> Self {
        Self {
            request,
            memory: None,
            compressed: None,
        }
    }
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Problem> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else {
        return Ok(false);
    };
    match encoding.to_str().unwrap_or_default().to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => Ok(true),
        "identity" | "" => Ok(false),
        _ => Err(Problem::new(Code::UnsupportedMediaType)
            .with_detail("of all content encodings only gzip is understood")
            .with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))),
    }
}

fn no_memory() -> Problem {
    metrics::counter!(REQUESTS_SHED, "lane" => "memory").increment(1);
    Problem::new(Code::ServiceUnavailable).with_detail("more is being sent than the server can hold; try again later")
}

/// Returns the problem with a body that did not arrive, or not in time.
fn unreadable(error: &axum::Error) -> Problem {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<TimeoutError>() {
            return Problem::new(Code::RequestTimeout).with_detail("nothing came of the body for too long");
        }
        cause = error.source();
    }
    Problem::new(Code::InvalidRequest).with_detail("the body could not be read to its end")
}
