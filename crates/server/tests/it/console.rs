//! The console's files, as a browser gets them. The pages themselves are tested in `console/`.

use std::io::Read;

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use flate2::read::GzDecoder;

use crate::support::TestApp;

#[tokio::test]
async fn the_page_may_load_its_own_files_alone_and_they_are_cached_by_content() {
    let app = TestApp::start().await;
    let short = app.raw(Request::get("/console").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (short.status().as_u16(), &short.headers()[header::LOCATION]),
        (307, &"console/".parse().unwrap())
    );

    let page = app.get("/console/").await;
    assert_eq!(page.status, 200);
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert_eq!(page.headers[header::CACHE_CONTROL], "no-cache");

    let names: Vec<&str> = page
        .text
        .split('"')
        .filter(|part| part.starts_with("assets/"))
        .collect();
    assert!(names.iter().any(|name| name.contains(".js")), "{}", page.text);
    for name in names {
        let path = format!("/console/{name}");
        let plain = app.get(&path).await;
        assert_eq!(plain.status, 200, "{path}");
        assert!(
            plain.headers[header::CACHE_CONTROL]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        assert_eq!(plain.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");

        let request = Request::get(&path).header(header::ACCEPT_ENCODING, "br, gzip;q=0.8");
        let packed = app.raw(request.body(Body::empty()).unwrap()).await;
        assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
        let bytes = to_bytes(packed.into_body(), usize::MAX).await.unwrap();
        let mut unpacked = String::new();
        GzDecoder::new(&bytes[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.text);

        let refused = Request::get(&path).header(header::ACCEPT_ENCODING, "gzip;q=0");
        let refused = app.raw(refused.body(Body::empty()).unwrap()).await;
        assert!(!refused.headers().contains_key(header::CONTENT_ENCODING));

        let known = Request::get(&path).header(header::IF_NONE_MATCH, &plain.headers[header::ETAG]);
        assert_eq!(app.raw(known.body(Body::empty()).unwrap()).await.status(), 304);
    }
    let licences = app.get("/console/licenses.txt").await;
    assert!(licences.text.contains("preact"), "{}", licences.text);
    app.get("/console/assets/app.js").await.problem(404, "not_found");
}

#[tokio::test]
async fn an_operator_can_leave_the_console_out() {
    let app = TestApp::with(|config| config.server.console = false).await;
    app.get("/console/").await.problem(404, "not_found");
    app.get("/console").await.problem(404, "not_found");
}
