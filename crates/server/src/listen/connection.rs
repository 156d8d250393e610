//! One connection, from its handshake to its end.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::Version;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::activity::{Activity, InFlight, Overdue, Timeouts};
use super::leftover::lend;
use super::metrics::{REFUSED, TIMED_OUT};
use super::tls::Tls;
use super::write_timeout::WriteTimeoutStream;
use crate::config::ServerConfig;
use crate::http::{Code, PeerAddress, Problem};

/// Bounds on the interval of looking at timeouts, which is a part of the shortest one.
const SOONEST_LOOK: Duration = Duration::from_millis(20);
const LATEST_LOOK: Duration = Duration::from_secs(5);
/// Time that a server that stops still answers a request on an open connection: one that is on its way, or that was sent into
/// a connection accepted last.
const LAST_REQUEST: Duration = Duration::from_millis(100);
/// hyper reads into a buffer of at least this size; the head of a request must fit.
const MIN_BUFFER_BYTES: usize = 64 * 1024;

/// Protocol and timeouts of connections.
#[derive(Debug)]
pub(super) struct Protocol {
    http: auto::Builder<TokioExecutor>,
    timeouts: Timeouts,
    write_timeout: Duration,
    handshake_timeout: Duration,
}

impl Protocol {
    pub(super) fn new(config: &ServerConfig) -> Self {
        let (limits, http2) = (&config.connections, &config.http2);
        let idle = Duration::from_secs(limits.idle_timeout_secs);
        // Above the limits that are answered with a problem; hyper refuses larger heads itself.
        let head_bytes = limits.max_uri_bytes.saturating_add(limits.max_header_bytes);
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(idle)
            .max_headers(limits.max_headers.saturating_mul(2))
            .max_buf_size(head_bytes.saturating_mul(2).max(MIN_BUFFER_BYTES));
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(http2.max_concurrent_streams)
            .max_pending_accept_reset_streams(http2.max_pending_reset_streams)
            .max_local_error_reset_streams(http2.max_local_error_reset_streams)
            .max_header_list_size(u32::try_from(head_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(Duration::from_secs(http2.keep_alive_interval_secs))
            .keep_alive_timeout(Duration::from_secs(http2.keep_alive_timeout_secs));
        Self {
            http,
            timeouts: Timeouts {
                header: Duration::from_millis(limits.header_timeout_ms),
                idle,
            },
            write_timeout: Duration::from_millis(limits.write_timeout_ms),
            handshake_timeout: Duration::from_millis(config.tls.handshake_timeout_ms),
        }
    }

    fn look_after(&self) -> Duration {
        let shortest = self.timeouts.header.min(self.timeouts.idle);
        (shortest / 4).clamp(SOONEST_LOOK, LATEST_LOOK)
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    router: Router,
    tls: Option<&Tls>,
    protocol: &Protocol,
    stop: &CancellationToken,
) {
    // An answer is written whole: there is nothing to gather it with. Where it cannot be set it does no harm.
    let _ = stream.set_nodelay(true);
    let activity = Activity::new();
    let timed = |stream| WriteTimeoutStream::new(stream, activity.clone(), protocol.write_timeout);
    let Some(tls) = tls else {
        return drive(timed(stream), peer, router, activity, protocol, stop).await;
    };
    let handshake = async {
        if is_plain_http(&stream).await? {
            refuse_plain_http(stream).await.map(|()| None)
        } else {
            tls.acceptor().accept(timed(stream)).await.map(Some)
        }
    };
    let handshake = tokio::time::timeout(protocol.handshake_timeout, handshake);
    match stop.run_until_cancelled(handshake).await {
        Some(Ok(Ok(Some(stream)))) => drive(stream, peer, router, activity, protocol, stop).await,
        Some(Ok(Ok(None))) => {
            metrics::counter!(REFUSED, "cause" => "plain_http").increment(1);
            tracing::info!("plain HTTP came to the TLS port, and was refused");
        }
        Some(Ok(Err(error))) => {
            metrics::counter!(REFUSED, "cause" => "handshake").increment(1);
            tracing::debug!(%error, "a TLS handshake failed");
        }
        Some(Err(_elapsed)) => metrics::counter!(TIMED_OUT, "cause" => "handshake").increment(1),
        None => {}
    }
}

/// Returns whether the first byte is that of a method. A TLS handshake begins with a byte that is no letter.
async fn is_plain_http(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let length = stream.peek(&mut first).await?;
    Ok(length > 0 && first[0].is_ascii_uppercase())
}

/// Tells a client in the clear that this port speaks TLS.
async fn refuse_plain_http(mut stream: TcpStream) -> io::Result<()> {
    // What is not read has the system reset the connection, and the answer with it.
    let _sent = stream.read(&mut vec![0; MIN_BUFFER_BYTES]).await?;
    let problem = Problem::new(Code::InvalidRequest).with_detail("this port speaks TLS; use https://");
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Speaks HTTP until either side ends it.
async fn drive(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
    router: Router,
    activity: Activity,
    protocol: &Protocol,
    stop: &CancellationToken,
) {
    let requests = activity.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let in_flight = requests.request(request.version() == Version::HTTP_2);
        let (mut request, leftover) = lend(request.map(Body::new));
        request.extensions_mut().insert(PeerAddress(peer));
        let mut router = router.clone();
        async move {
            let Ok(mut response) = Service::<Request>::call(&mut router, request).await;
            leftover.settle(&mut response).await;
            let watched = |body| Watched {
                body,
                _in_flight: in_flight,
            };
            Ok::<_, Infallible>(response.map(watched))
        }
    });
    let mut connection = pin!(protocol.http.serve_connection(TokioIo::new(stream), service));
    let mut stopping = pin!(async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_REQUEST).await;
    });
    let mut ending = false;
    loop {
        let look = tokio::time::sleep(protocol.look_after());
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error, "a connection ended early");
                }
                return;
            }
            () = stopping.as_mut(), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = look => match activity.overdue(protocol.timeouts) {
                // No request is under way, and no other will be answered.
                None if ending && !activity.is_busy() => return,
                None => {}
                Some(Overdue::Idle) if !ending => {
                    ending = true;
                    connection.as_mut().graceful_shutdown();
                }
                Some(overdue) => {
                    let cause = if overdue == Overdue::Head { "header" } else { "idle" };
                    metrics::counter!(TIMED_OUT, "cause" => cause).increment(1);
                    return;
                }
            },
        }
    }
}

/// Body of an answer, whose request is in flight until the body is dropped.
struct Watched {
    body: Body,
    _in_flight: InFlight,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
