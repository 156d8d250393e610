//! Finding the key in a request's headers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::denied::Denied;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Returns the key of a request, if it has one. `Authorization` with another scheme than `Bearer` may belong to a proxy, as
/// long as the key is in the other header. Values longer than `longest` bytes are refused unread.
pub(super) fn find(headers: &HeaderMap, longest: usize) -> Result<Option<&str>, Denied> {
    let mut found = None;
    for value in headers.get_all(API_KEY) {
        take(&mut found, Some(read(value, longest)?))?;
    }
    for value in headers.get_all(header::AUTHORIZATION) {
        let text = read(value, longest)?;
        take(&mut found, bearer(text))?;
        if found.is_none() {
            return Err(Denied::Malformed);
        }
    }
    Ok(found)
}

/// Reads the headers of a request, without looking the key up.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn inspect(headers: &HeaderMap) {
    if let Ok(Some(key)) = find(headers, super::jwt::MAX_BYTES) {
        let _ = super::token::is_damaged(key);
        let _ = super::token::KeyHash::of(key);
        let _ = jsonwebtoken::decode_header(key);
    }
}

fn read(value: &HeaderValue, longest: usize) -> Result<&str, Denied> {
    let text = value.to_str().map_err(|_| Denied::Malformed)?.trim();
    if text.is_empty() || text.len() > longest {
        return Err(Denied::Malformed);
    }
    Ok(text)
}

fn bearer(text: &str) -> Option<&str> {
    let (scheme, key) = text.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

fn take<'a>(found: &mut Option<&'a str>, key: Option<&'a str>) -> Result<(), Denied> {
    match (*found, key) {
        (Some(before), Some(key)) if before != key => Err(Denied::Ambiguous),
        (_, Some(key)) => {
            *found = Some(key);
            Ok(())
        }
        (_, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::MAX_BYTES;
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_key_is_found_in_either_header() {
        for (pairs, expected) in [
            (&[][..], Ok(None)),
            (&[("authorization", "Bearer k")], Ok(Some("k"))),
            (&[("authorization", "bearer  k ")], Ok(Some("k"))),
            (&[("x-api-key", "k")], Ok(Some("k"))),
            (&[("authorization", "Bearer k"), ("x-api-key", "k")], Ok(Some("k"))),
            (&[("authorization", "Basic eDp5"), ("x-api-key", "k")], Ok(Some("k"))),
            (&[("authorization", "Basic eDp5")], Err(Denied::Malformed)),
            (&[("authorization", "k")], Err(Denied::Malformed)),
            (&[("authorization", "Bearer ")], Err(Denied::Malformed)),
            (&[("x-api-key", "")], Err(Denied::Malformed)),
            (
                &[("authorization", "Bearer k"), ("x-api-key", "l")],
                Err(Denied::Ambiguous),
            ),
            (&[("x-api-key", "k"), ("x-api-key", "l")], Err(Denied::Ambiguous)),
        ] {
            assert_eq!(find(&headers(pairs), MAX_BYTES), expected, "{pairs:?}");
        }
        let mut long = HeaderMap::new();
        long.insert(API_KEY, "k".repeat(MAX_BYTES + 1).parse().unwrap());
        assert_eq!(find(&long, MAX_BYTES), Err(Denied::Malformed));
    }
}
