//! Unread rest of a request's body when the answer is ready.
//!
//! A client may not see an answer before it has sent everything: a connection that is closed meanwhile, or an HTTP/2
//! stream that is reset, loses it. So a small rest is read before the answer goes out, and the connection stays open. With
//! a larger one the client is told that the connection ends (RFC 9112, section 9.6), and more is read behind the answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, Version, header};
use axum::response::Response;
use futures::StreamExt;
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Limits on reading before an answer.
const SMALL: Portion = Portion {
    bytes: 256 * 1024,
    time: Duration::from_secs(1),
};
/// Limits on reading after an answer.
const LARGE: Portion = Portion {
    bytes: 16 * 1024 * 1024,
    time: Duration::from_secs(2),
};

#[derive(Debug, Clone, Copy)]
struct Portion {
    bytes: u64,
    time: Duration,
}

impl Portion {
    /// Reads at most this portion, and returns whether that was all.
    async fn discard(self, body: &mut BodyDataStream) -> bool {
        let reading = async {
            let mut read = 0;
            while let Some(Ok(piece)) = body.next().await {
                read += piece.len() as u64;
                if read > self.bytes {
                    return false;
                }
            }
            true
        };
        timeout(self.time, reading).await.unwrap_or(false)
    }
}

/// A body that comes back when it is dropped before its end.
struct Lent {
    body: Body,
    owner: Option<oneshot::Sender<Body>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.owner = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take().filter(|_| !self.body.is_end_stream()) {
            // Without a receiver the rest is not needed.
            let _ = owner.send(std::mem::take(&mut self.body));
        }
    }
}

/// Handle to the unread rest of a request's body.
#[derive(Debug)]
pub(super) struct Leftover {
    rest: Option<oneshot::Receiver<Body>>,
    version: Version,
    /// True if the client sends nothing of it before it is told to.
    on_request: bool,
}

/// Hands a request over so that the unread rest of its body comes back.
pub(super) fn lend(request: Request) -> (Request, Leftover) {
    let mut leftover = Leftover {
        rest: None,
        version: request.version(),
        on_request: request.headers().contains_key(header::EXPECT),
    };
    if request.body().is_end_stream() {
        return (request, leftover);
    }
    let (owner, rest) = oneshot::channel();
    leftover.rest = Some(rest);
    let lent = |body| Lent {
        body,
        owner: Some(owner),
    };
    (request.map(|body| Body::new(lent(body))), leftover)
}

impl Leftover {
    /// Reads the rest before the answer goes out, or marks the answer as the last one of the connection.
    pub(super) async fn settle(self, response: &mut Response) {
        // There is none if all was read, or is still being read.
        let Some(rest) = self.rest.and_then(|mut rest| rest.try_recv().ok()) else {
            return;
        };
        let is_small = rest.size_hint().lower() <= SMALL.bytes;
        let mut rest = rest.into_data_stream();
        // Reading would make the client send a body that is not needed.
        if !self.on_request && is_small && SMALL.discard(&mut rest).await {
            return;
        }
        if self.version < Version::HTTP_2 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        if !self.on_request {
            tokio::spawn(async move { LARGE.discard(&mut rest).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use futures::stream;

    use super::*;

    fn request(body: Body) -> Request {
        Request::new(body)
    }

    /// The value of `Connection` in an answer to a request of which nothing was read.
    async fn refused(request: Request) -> Option<HeaderValue> {
        let (request, leftover) = lend(request);
        drop(request);
        let mut response = StatusCode::FORBIDDEN.into_response();
        leftover.settle(&mut response).await;
        response.headers_mut().remove(header::CONNECTION)
    }

    fn pieces(count: usize) -> Body {
        Body::from_stream(stream::iter(
            (0..count).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024])),
        ))
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_rest_is_read_and_the_end_is_told_with_any_other() {
        let closes = Some(HeaderValue::from_static("close"));
        assert_eq!(refused(request(Body::empty())).await, None);
        assert_eq!(refused(request(vec![b' '; 256 * 1024].into())).await, None);
        assert_eq!(refused(request(pieces(256))).await, None);
        assert_eq!(refused(request(vec![b' '; 256 * 1024 + 1].into())).await, closes);
        assert_eq!(refused(request(pieces(257))).await, closes);
        let never = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
        assert_eq!(refused(request(never)).await, closes);
        let mut waiting = request("x".into());
        let expect = HeaderValue::from_static("100-continue");
        waiting.headers_mut().insert(header::EXPECT, expect);
        assert_eq!(refused(waiting).await, closes);
    }

    #[tokio::test]
    async fn what_was_read_to_its_end_leaves_nothing() {
        let (request, leftover) = lend(request(pieces(1000)));
        axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
        let mut response = StatusCode::OK.into_response();
        leftover.settle(&mut response).await;
        assert!(response.headers().get(header::CONNECTION).is_none());
    }
}
