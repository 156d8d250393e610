//! Everything that reads what a stranger sends, for fuzzers (`fuzz/`) and for the tests below: whatever comes, it is read or
//! refused, and nothing panics.

use axum::http::HeaderMap;
use context_manager_core::{Cursor, Moment, NewContext, Patch, Violations};
use sha2::{Digest, Sha256};

use context_manager_client::wire::{
    BatchBody, ClearBody, ContextPatch, DeleteBody, Filter, Layout, NewContext as StoreBody, SearchRequest,
};

use crate::auth::inspect;
use crate::http::{BodyLine, JsonParts, Lines, parse, parse_parts, read_text};
use crate::transfer::record::Line;

/// The bodies of requests that store, change, search and assemble.
pub fn request_bodies(bytes: &[u8]) {
    let mut found = Violations::default();
    if let Ok(body) = parse::<StoreBody>(bytes) {
        found.extend(NewContext::from(body).validate(""));
    }
    if let Ok(body) = parse::<BatchBody>(bytes) {
        for item in body.contexts {
            drop(read_text::<StoreBody>("/contexts", item.get()));
        }
    }
    if let Ok(body) = parse::<ContextPatch>(bytes) {
        found.extend(Patch::from(body).validate());
    }
    if let Ok(JsonParts(search, layout)) = parse_parts::<SearchRequest, Layout>(bytes) {
        found.extend(layout.into_request(search, &mut Violations::default()).validate());
    }
    drop(found.into_result());
}

/// Filters, alone and in the bodies of deletions.
pub fn filters(bytes: &[u8]) {
    if let Ok(body) = parse::<Filter>(bytes) {
        let filter = body.into_filter("/filter", &mut Violations::default());
        let _ = filter.is_empty();
    }
    if let Ok(body) = parse::<DeleteBody>(bytes) {
        drop(body.into_filter());
    }
    if let Ok(body) = parse::<ClearBody>(bytes) {
        drop(body.into_filter());
    }
}

/// Cursors of pages, and times. What is read as a cursor is written as it came.
pub fn cursors(text: &str) {
    let _read = text.parse::<Moment>();
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text);
    }
}

/// Headers that should hold a key.
pub fn keys(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, part) in [
        ("authorization", bytes),
        ("x-api-key", bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes)),
    ] {
        if let Ok(value) = part.try_into() {
            headers.append(name, value);
        }
    }
    inspect(&headers);
}

/// The body of an import, and its lines: as they come, and as a context with a checksum that fits.
pub fn import_lines(bytes: &[u8]) {
    let read = |line: &BodyLine| {
        if let BodyLine::Whole(line) = line {
            drop(Line::parse(line));
        }
    };
    for gzip in [false, true] {
        let mut lines = Lines::new(gzip, 1024);
        let mut rest = bytes;
        while let Ok((later, whole)) = lines.take(rest) {
            whole.iter().for_each(read);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        if let Ok(last) = lines.finish() {
            last.iter().for_each(read);
        }
    }
    let context = String::from_utf8_lossy(bytes);
    let context = context.trim();
    let sha256 = Sha256::digest(context);
    drop(Line::parse(
        format!(r#"{{"context":{context},"sha256":"{sha256:x}"}}"#).as_bytes(),
    ));
}

/// Configuration files.
pub fn config(text: &str) {
    drop(crate::config::load_text(text));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// JSON of the fields that bodies have, with values that fit and values that do not.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(|number| serde_json::json!(number)),
            "\\PC{0,20}".prop_map(Into::into),
            Just("2026-01-01T00:00:00Z".into()),
            Just("01a20987-fa03-70f9-ad08-4e70954ccd94".into()),
            Just("long_term".into()),
        ];
        let names = "text level id ids filter tags tags_any metadata contexts \
                     query max_tokens limit occurred_after importance user_id format supersedes ttl_secs";
        let names: Vec<&str> = names.split_whitespace().collect();
        leaf.prop_recursive(4, 64, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
                prop::collection::vec((prop::sample::select(names.clone()), inner), 0..6).prop_map(|fields| {
                    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
                    serde_json::Value::Object(fields.collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(value in json(), bytes: Vec<u8>, text: String) {
            let body = value.to_string();
            for bytes in [body.as_bytes(), &bytes] {
                request_bodies(bytes);
                filters(bytes);
                keys(bytes);
                import_lines(bytes);
            }
            cursors(&text);
        }

        #[test]
        fn any_text_is_a_configuration_or_no_configuration(
            section in prop::sample::select(vec!["server", "auth", "embedding", "hirag", "log", "nothing"]),
            key in "[a-z_]{1,12}",
            value in prop_oneof!["-?[0-9]{1,25}", "\"\\PC{0,10}\"", "\\[\\]", "\\{\\}", "true", "nan", "\\PC{0,10}"],
        ) {
            config(&format!("[{section}]\n{key} = {value}\n"));
        }
    }
}
