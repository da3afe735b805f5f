//! `ETag`, `If-Match` (RFC 9110 sections 8.8.3 and 13.1.1) and `Idempotency-Key`.

use countersign_engine::{
    call::IdempotencyKey,
    commit::Version,
    denied::{Denied, ProblemKind},
    digest::Digest,
    secret::Secret,
};
use http::{HeaderMap, HeaderValue, header};

/// A version as a strong entity tag.
pub(super) fn entity_tag(version: Version) -> String {
    format!("\"{version}\"")
}

/// The version that the caller read. A change without one is refused: it would be made blindly.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Version, Denied> {
    let expected = ProblemKind::Expected("one entity tag, as `ETag` of an earlier answer gave it");
    let malformed = || Denied::invalid("If-Match", expected.clone());
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = values.next() else {
        return Err(Denied::PreconditionRequired);
    };
    if values.next().is_some() {
        return Err(Denied::invalid("If-Match", ProblemKind::Repeated));
    }
    let text = value.to_str().map_err(|_| malformed())?.trim();
    let opaque = |tag: &'_ str| {
        let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
        (!inner.contains('"')).then(|| inner.to_owned())
    };
    if text.strip_prefix("W/").and_then(opaque).is_some() {
        // Weak tags never match where a strong comparison is due.
        return Err(Denied::PreconditionFailed);
    }
    let inner = opaque(text).ok_or_else(malformed)?;
    // Any other tag is one that we never gave: it cannot be current.
    let version: Version = inner.parse().map_err(|_| Denied::PreconditionFailed)?;
    if version.to_string() == inner {
        Ok(version)
    } else {
        Err(Denied::PreconditionFailed)
    }
}

/// The key that makes a repeated creation the same creation, and the digest of what it came with.
pub(super) fn idempotency_key(
    headers: &HeaderMap,
    method: &http::Method,
    path: &str,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, Denied> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Denied::invalid(IDEMPOTENCY_KEY_NAME, ProblemKind::Repeated));
    }
    let key = visible(value).ok_or_else(|| {
        let expected = "1 to 255 characters of visible ASCII";
        Denied::invalid(IDEMPOTENCY_KEY_NAME, ProblemKind::Expected(expected))
    })?;
    let parts: [&[u8]; 3] = [method.as_str().as_bytes(), path.as_bytes(), body];
    Ok(Some(IdempotencyKey {
        key: Secret::new(key.to_owned()),
        request: Digest::of("countersign admin request", &parts),
    }))
}

/// A change that cannot be made once only does not pretend to: the header is refused, not ignored.
pub(super) fn no_idempotency_key(headers: &HeaderMap) -> Result<(), Denied> {
    if headers.contains_key(IDEMPOTENCY_KEY) {
        return Err(Denied::invalid(
            IDEMPOTENCY_KEY_NAME,
            ProblemKind::UnknownMember,
        ));
    }
    Ok(())
}

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const IDEMPOTENCY_KEY_NAME: &str = "Idempotency-Key";

fn visible(value: &HeaderValue) -> Option<&str> {
    let text = std::str::from_utf8(value.as_bytes()).ok()?;
    let fits = (1..=255).contains(&text.len());
    (fits && text.bytes().all(|b| b.is_ascii_graphic())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn if_match_is_one_strong_tag_of_ours() {
        assert_eq!(if_match(&headers(&[("if-match", "\"3\"")])), Ok(3));
        assert_eq!(
            if_match(&headers(&[("if-match", entity_tag(9).leak())])),
            Ok(9)
        );
        assert_eq!(if_match(&headers(&[])), Err(Denied::PreconditionRequired));
        for stale in [
            "\"03\"",
            "\"+3\"",
            "\"\"",
            "\"abc\"",
            "W/\"3\"",
            "\"99999999999999999999\"",
        ] {
            let read = if_match(&headers(&[("if-match", stale)]));
            assert_eq!(read, Err(Denied::PreconditionFailed), "{stale}");
        }
        for malformed in ["*", "3", "\"3", "\"3\", \"4\"", "", "w/\"3\""] {
            let read = if_match(&headers(&[("if-match", malformed)]));
            assert!(
                matches!(read, Err(Denied::Invalid(_))),
                "{malformed}: {read:?}"
            );
        }
        let twice = headers(&[("if-match", "\"3\""), ("if-match", "\"3\"")]);
        let repeated = Denied::invalid("If-Match", ProblemKind::Repeated);
        assert_eq!(if_match(&twice), Err(repeated));
    }

    #[test]
    fn an_idempotency_key_is_bound_to_method_path_and_body() {
        let carried = headers(&[("idempotency-key", "7f3a")]);
        let read = |method: http::Method, path: &str, body: &[u8]| {
            let key = idempotency_key(&carried, &method, path, body);
            key.unwrap().unwrap().request
        };
        let first = read(http::Method::POST, "/a", b"{}");
        assert_eq!(first, read(http::Method::POST, "/a", b"{}"));
        assert_ne!(first, read(http::Method::PUT, "/a", b"{}"));
        assert_ne!(first, read(http::Method::POST, "/b", b"{}"));
        assert_ne!(first, read(http::Method::POST, "/a", b"{ }"));
    }

    #[test]
    fn an_idempotency_key_is_visible_ascii_of_bounded_length() {
        let read = |pairs: &[_]| idempotency_key(&headers(pairs), &http::Method::POST, "/", b"");
        assert!(matches!(read(&[]), Ok(None)));
        let fits: &str = "k".repeat(255).leak();
        assert!(matches!(read(&[("idempotency-key", fits)]), Ok(Some(_))));
        let long: &str = "k".repeat(256).leak();
        for bad in ["", "a b", "a\tb", long] {
            let read = read(&[("idempotency-key", bad)]);
            assert!(matches!(read, Err(Denied::Invalid(_))), "{bad}");
        }
        let twice = read(&[("idempotency-key", "a"), ("idempotency-key", "a")]);
        assert!(matches!(twice, Err(Denied::Invalid(_))));
    }
}
