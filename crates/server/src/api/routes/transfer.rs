//! Export and import of all contexts of a tenant.

use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use context_manager_core::Error;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio::time::timeout;

use crate::api::wire::ImportAnswer;
use crate::http::{Code, Json, Lines, Params, Problem};
use crate::service::Call;
use crate::transfer::{Export, Gzip, Import};

/// The media type of JSON lines.
const JSON_LINES: &str = "application/x-ndjson";

/// Limits of a body that is read or written piece by piece.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct StreamLimits {
    /// Maximum wait for a piece.
    pub(in crate::api) wait: Duration,
    pub(in crate::api) max_line_bytes: usize,
}

/// Export everything that is stored
///
/// One JSON text per line: a header, each context with its checksum in the order of storing, and a trailer. An export
/// without the trailer is incomplete. The same contexts give the same bytes. Compressed with gzip if `Accept-Encoding`
/// allows it.
#[utoipa::path(
    get, path = "/admin/export", tag = "operations",
    params(("vectors" = Option<bool>, Query, description = "Export vectors too, so that importing need not make them again. Default false")),
    responses(
        (status = 200, description = "The export, as JSON lines", body = String, content_type = "application/x-ndjson"),
    ),
)]
pub(super) async fn export_contexts(
    call: Call,
    Extension(limits): Extension<StreamLimits>,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    let vectors: bool = params.parse("vectors", "must be `true` or `false`").unwrap_or(false);
    params.finish()?;
    let (engine, scope) = call.export().await?;
    let export = Export::new(engine, scope, vectors);
    let mut chunks = Box::pin(chunks(export, limits.wait));
    // A failure of the first chunk is answered as an error; later ones show by the missing trailer.
    let first = chunks.next().await.transpose().map_err(Problem::from)?;
    let chunks = stream::iter(first.map(Ok)).chain(chunks);
    let mut response = if accepts_gzip(&headers) {
        let mut response = Body::from_stream(compressed(chunks)).into_response();
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
        response
    } else {
        Body::from_stream(chunks.map_ok(Bytes::from)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON_LINES));
    headers.insert(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
    Ok(response)
}

/// Reason for ending an export early.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("the store failed")]
    Store(#[from] Error),
    #[error("the store did not answer in time")]
    TooSlow,
    #[error("cannot compress")]
    Compression(#[from] std::io::Error),
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::TooSlow => Self::new(Code::DeadlineExceeded),
            ExportError::Compression(_) => Self::new(Code::Internal),
        }
    }
}

fn chunks(export: Export, wait: Duration) -> impl Stream<Item = Result<Vec<u8>, ExportError>> + Send {
    stream::try_unfold(export, move |mut export| async move {
        let next = timeout(wait, export.next())
            .await
            .map_err(|_late| ExportError::TooSlow)?;
        let next = next.inspect_err(|error| tracing::error!(%error, "an export was cut short"))?;
        Ok(next.map(|chunk| (chunk, export)))
    })
}

fn compressed(
    chunks: impl Stream<Item = Result<Vec<u8>, ExportError>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, ExportError>> + Send {
    let start = Some((Box::pin(chunks), Gzip::new()));
    stream::try_unfold(start, async move |state| {
        let Some((mut chunks, mut gzip)) = state else {
            return Ok(None);
        };
        loop {
            let Some(chunk) = chunks.next().await.transpose()? else {
                return Ok(Some((Bytes::from(gzip.finish()?), None)));
            };
            let bytes = gzip.add(&chunk)?;
            if !bytes.is_empty() {
                return Ok(Some((Bytes::from(bytes), Some((chunks, gzip)))));
            }
        }
    })
}

/// Returns whether the client accepts gzip.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|part| {
            let quality = part.strip_prefix("q=").and_then(|quality| quality.parse::<f32>().ok());
            quality.is_some_and(|quality| quality <= 0.0)
        });
        name.eq_ignore_ascii_case("gzip") && !refused
    })
}

/// Import an export
///
/// Ids, times and counts are kept. A context that is stored already with the same content is skipped, so importing again
/// changes nothing. Each line is checked by itself, and the errors of the first 1,000 bad ones are returned. Vectors are
/// made again where the export has none or another model made them. The body may be compressed with gzip
/// (`Content-Encoding: gzip`).
#[utoipa::path(
    post, path = "/admin/import", tag = "operations",
    request_body(content((String = "application/x-ndjson"), (String = "application/octet-stream"))),
    responses(
        (status = 200, description = "The result of the import", body = ImportAnswer),
        (status = 400, description = "Not an export"),
        (status = 413, description = "The first line is too long"),
        (status = 415, description = "Compressed with anything but gzip"),
    ),
)]
pub(super) async fn import_contexts(
    call: Call,
    Extension(limits): Extension<StreamLimits>,
    request: Request,
) -> Result<Json<ImportAnswer>, Problem> {
    let gzip = is_gzip(request.headers())?;
    let mut import = Import::new(call.import().await?, limits.max_line_bytes);
    let mut lines = Lines::new(gzip, limits.max_line_bytes);
    let mut body = request.into_body().into_data_stream();
    let cut_short = loop {
        let piece = match timeout(limits.wait, body.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(None) => break None,
            Ok(Some(Err(_))) => break Some("the body could not be read to its end".to_owned()),
            Err(_late) => break Some("the body did not go on in time".to_owned()),
        };
        let mut rest = &piece[..];
        let mut broken = None;
        while !rest.is_empty() {
            let (later, whole) = match lines.take(rest) {
                Ok(taken) => taken,
                Err(error) => {
                    broken = Some(error.to_string());
                    break;
                }
            };
            for line in whole {
                import.line(line).await?;
            }
            rest = later;
        }
        if broken.is_some() {
            break broken;
        }
    };
    let cut_short = match cut_short {
        Some(reason) => Some(reason),
        None => match lines.finish() {
            Ok(last) => {
                for line in last {
                    import.line(line).await?;
                }
                None
            }
            Err(error) => Some(error.to_string()),
        },
    };
    if import.is_empty() {
        let detail = cut_short.unwrap_or_else(|| "the body is empty".to_owned());
        return Err(Problem::new(Code::InvalidRequest).with_detail(detail));
    }
    Ok(Json(import.finish(cut_short).await?))
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Problem> {
    let coding = headers.get(header::CONTENT_ENCODING);
    match coding.map(|coding| coding.to_str().unwrap_or_default().trim().to_ascii_lowercase()) {
        None => Ok(false),
        Some(coding) if coding == "identity" => Ok(false),
        Some(coding) if coding == "gzip" || coding == "x-gzip" => Ok(true),
        Some(_) => {
            Err(Problem::new(Code::UnsupportedMediaType).with_detail("the body may be compressed with gzip only"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_only_to_those_who_ask_for_it() {
        for (value, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("*", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            assert_eq!(accepts_gzip(&headers), expected, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
