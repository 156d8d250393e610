//! The console: pages for a browser, which call the API as any other client does.
//!
//! Their sources and the built files are in `console/` of the repository; the built files are in this program.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::http::{Code, Problem};

/// Path of the page without its slash, which leads to it.
pub(crate) const SHORT: &str = "/console";
/// Path of the page.
pub(crate) const PAGE: &str = "/console/";
/// Path of its files.
pub(crate) const FILES: &str = "/console/{*path}";
/// Folder of files that are named by their content.
const BY_CONTENT: &str = "assets/";

/// The page loads its own files and calls its own server, runs no script that a text could bring, and is in no frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

#[derive(RustEmbed)]
#[folder = "../../console/dist"]
struct Built;

/// A file in the forms that it is sent in.
#[derive(Debug)]
struct File {
    kind: HeaderValue,
    tag: HeaderValue,
    plain: Bytes,
    /// Compressed once, when the first file is asked for.
    gzip: Bytes,
}

/// Every file, by its path in the folder.
static SENT: LazyLock<BTreeMap<Cow<'static, str>, File>> = LazyLock::new(|| {
    let files = Built::iter().filter_map(|path| {
        let file = File::new(&path, Built::get(&path)?)?;
        Some((path, file))
    });
    files.collect()
});

/// Leads to the page, also behind a proxy that serves it under a prefix.
pub(crate) async fn get_short() -> impl IntoResponse {
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "console/")])
}

/// Serves the page.
pub(crate) async fn get_page(headers: HeaderMap) -> Response {
    answer("index.html", &headers)
}

/// Serves one of its files.
pub(crate) async fn get_file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    answer(&path, &headers)
}

fn answer(path: &str, request: &HeaderMap) -> Response {
    let Some(file) = SENT.get(path) else {
        return Problem::new(Code::NotFound)
            .with_detail("the console has no such file; load the page again")
            .into_response();
    };
    let caching = if path.starts_with(BY_CONTENT) {
        FOR_EVER
    } else {
        ASK_AGAIN
    };
    let common: [(HeaderName, HeaderValue); 4] = [
        (header::ETAG, file.tag.clone()),
        (header::CACHE_CONTROL, caching),
        (header::VARY, HeaderValue::from_static("Accept-Encoding")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    if lists(request, header::IF_NONE_MATCH, |known| {
        known == "*" || known.trim_start_matches("W/").as_bytes() == file.tag.as_bytes()
    }) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = [(header::CONTENT_TYPE, file.kind.clone())];
    let takes_gzip = lists(request, header::ACCEPT_ENCODING, |coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    });
    if takes_gzip {
        let coding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        return (common, kind, coding, file.gzip.clone()).into_response();
    }
    (common, kind, file.plain.clone()).into_response()
}

/// Returns whether a header has an element that `matches`.
fn lists(request: &HeaderMap, name: HeaderName, matches: impl Fn(&str) -> bool) -> bool {
    let values = request
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(matches)
}

impl File {
    /// Prepares a file; `None` for one of a kind that the page does not have.
    fn new(path: &str, embedded: EmbeddedFile) -> Option<Self> {
        let kind = match path.rsplit_once('.')?.1 {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "txt" => "text/plain; charset=utf-8",
            _ => return None,
        };
        let tag = format!("\"{}\"", HEXLOWER.encode(&embedded.metadata.sha256_hash()[..16]));
        let plain = match embedded.data {
            Cow::Borrowed(data) => Bytes::from_static(data),
            Cow::Owned(data) => Bytes::from(data),
        };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&plain).ok()?;
        Some(Self {
            kind: HeaderValue::from_static(kind),
            tag: HeaderValue::from_str(&tag).ok()?,
            gzip: encoder.finish().ok()?.into(),
            plain,
        })
    }
}
