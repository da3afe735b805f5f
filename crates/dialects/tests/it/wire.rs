//! Requests and responses as the text that goes over the wire.

use countersign_dialects::{Decoded, Request, Response, Route, dialect};
use countersign_engine::{
    call::{CallContext, Presented, Shown},
    id::{EnvironmentId, RequestId},
    time::Timestamp,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

pub fn context() -> CallContext {
    CallContext {
        environment: EnvironmentId::parse("sandbox").unwrap(),
        now: Timestamp::from_seconds(1_700_000_000),
        request_id: RequestId::parse("req_0123uGv69FKl").unwrap(),
        peer: None,
        dialect: "standard",
    }
}

pub fn route(name: &str) -> &'static Route {
    let (dialect_name, _) = name.split_once('.').unwrap();
    let routes = dialect(dialect_name).unwrap().routes;
    routes.iter().find(|route| route.name == name).unwrap()
}

/// Decode a request that is printed as a document prints it: request line, headers, an empty line, body.
pub fn decode(name: &str, text: &[u8]) -> Decoded {
    let route = route(name);
    let end = text.windows(2).position(|pair| pair == b"\n\n").unwrap();
    let head = std::str::from_utf8(&text[..end]).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    assert_eq!(first.next(), Some(route.method.as_str()));
    let target = first.next().unwrap();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        let (field, value) = line.split_once(':').unwrap();
        headers.append(
            HeaderName::from_bytes(field.as_bytes()).unwrap(),
            HeaderValue::from_str(value.trim()).unwrap(),
        );
    }
    (route.decode)(&Request {
        method: &route.method,
        host: "restapi.ayyeka.com",
        path,
        parameters: &parameters(route.path, path),
        query,
        headers: &headers,
        body: &text[end + 2..],
    })
}

/// The segments of `path` that `pattern` names.
fn parameters<'a>(pattern: &'static str, path: &'a str) -> Vec<(&'a str, Cow<'a, str>)> {
    let pairs = pattern.split('/').zip(path.split('/'));
    let named = pairs.filter_map(|(name, value)| {
        let name = name.strip_prefix('{')?.strip_suffix('}')?;
        Some((name, Cow::Borrowed(value)))
    });
    named.collect()
}

/// A POST of `body` with the header lines `headers`.
pub fn post(name: &str, headers: &str, body: &str) -> Decoded {
    let path = route(name).path;
    let text = format!(
        "POST {path} HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n{headers}\n\n{body}"
    );
    decode(name, text.replace("\n\n\n", "\n\n").as_bytes())
}

/// What was shown, secrets and all.
pub fn shown(decoded: &Decoded) -> String {
    match &decoded.presented {
        Presented::Absent => "nothing".into(),
        Presented::Malformed(why) => format!("malformed: {why:?}"),
        Presented::Present(Shown::ClientSecret { client_id, secret }) => {
            format!("{client_id} with {}", secret.expose())
        }
        Presented::Present(Shown::ClientAssertion {
            client_id,
            assertion,
        }) => format!("{client_id:?} asserts {}", assertion.expose()),
        Presented::Present(Shown::Bearer(token)) => format!("bearer {}", token.expose()),
        Presented::Present(Shown::DeviceSignature(signed)) => {
            format!("signed by {}", signed.device)
        }
    }
}

/// A response as text: status, headers in the order of their names, empty line, body.
pub fn print(response: &Response) -> String {
    let mut lines: Vec<String> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    let body = std::str::from_utf8(response.body()).unwrap();
    format!(
        "{}\n{}\n\n{body}",
        response.status().as_u16(),
        lines.join("\n")
    )
}
