//! Bytes that nobody meant well: no decoder panics, and what it finds is bounded.

use countersign_dialects::{Request, registry};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

fn decode_everywhere(headers: &HeaderMap, path: &str, query: Option<&str>, body: &[u8]) {
    for route in registry().iter().flat_map(|dialect| dialect.routes) {
        let parameters: Vec<(&str, std::borrow::Cow<'_, str>)> = route
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| (name, path.into()))
            .collect();
        let decoded = (route.decode)(&Request {
            method: &route.method,
            host: "localhost",
            path,
            parameters: &parameters,
            query,
            headers,
            body,
        });
        assert!(
            format!("{:?}", decoded.presented).len() < 16 * 1024,
            "{}",
            route.name
        );
    }
}

fn header_values() -> impl Strategy<Value = Vec<(usize, Vec<u8>)>> {
    let value = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64),
        "(Basic|Bearer|basic)[ ]{0,2}[A-Za-z0-9+/=:. ]{0,80}".prop_map(String::into_bytes),
        Just(b"application/x-www-form-urlencoded".to_vec()),
        Just(b"application/json".to_vec()),
    ];
    proptest::collection::vec((0..14_usize, value), 0..5)
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..256),
        "((grant_type|scope|resource|client_id|client_secret|token|%[0-9a-f]{2})=[a-z%0-9+ ]{0,20}&?){0,8}"
            .prop_map(String::into_bytes),
        "[\\[\\]{}\",:a-z0-9\\\\ ]{0,80}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn no_decoder_panics(
        values in header_values(),
        body in bodies(),
        path in "/[a-z/.%0-9-]{0,40}",
        query in proptest::option::of("[a-z=&%0-9]{0,40}"),
    ) {
        let names = ["authorization", "content-type", "content-encoding", "if-match", "idempotency-key", "client_id", "client_secret", "grant_type", "scope", "x-api-key", "accept", "signature", "signature-input", "content-digest"];
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(HeaderName::from_static(names[name]), value);
            }
        }
        decode_everywhere(&headers, &path, query.as_deref(), &body);
    }
}

#[test]
fn a_mebibyte_of_anything_is_refused_without_harm() {
    let megabyte = 1024 * 1024;
    for body in [
        vec![0; megabyte],
        vec![b'&'; megabyte],
        vec![b'='; megabyte],
        vec![b'%'; megabyte],
        vec![b'['; megabyte],
        vec![0xff; megabyte],
        b"a=".repeat(megabyte / 2),
        b"{\"a\":".repeat(megabyte / 5),
    ] {
        for media_type in ["application/x-www-form-urlencoded", "application/json"] {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", HeaderValue::from_static(media_type));
            let long = [b"Basic ".to_vec(), vec![b'A'; 64 * 1024]].concat();
            headers.insert("authorization", HeaderValue::from_bytes(&long).unwrap());
            decode_everywhere(&headers, "/", None, &body);
        }
    }
}
