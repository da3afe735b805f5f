//! A dialect's own words, asked of the world's engine: decoded, answered and encoded as the listener does it, with
//! nothing in between that depends on time or chance.

use super::world::{World, env};
use countersign_dialects::{Dialect, Request, Response, Route, registry};
use countersign_engine::{
    call::{Asked, CallContext},
    id::RequestId,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::borrow::Cow;

/// Ask what a document prints: request line, headers, an empty line, body. From this address.
pub async fn ask_from(world: &World, environment: &str, peer: [u8; 4], text: &str) -> Response {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines().map(str::trim);
    let mut first = lines.next().unwrap().split(' ');
    let method = Method::from_bytes(first.next().unwrap().as_bytes()).unwrap();
    let target = first.next().unwrap();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value.trim()).unwrap(),
        );
    }
    let (dialect, route, parameters) = found(&method, path);
    let context = CallContext {
        environment: env(environment),
        now: world.now(),
        request_id: RequestId::parse("test0001").unwrap(),
        peer: Some(peer.into()),
        dialect: dialect.name,
    };
    let decoded = (route.decode)(&Request {
        method: &method,
        host: "api.sandbox.example.com",
        path,
        parameters: &parameters,
        query,
        headers: &headers,
        body: body.as_bytes(),
    });
    let asked = Asked {
        callers: route.callers,
        presented: decoded.presented,
        call: decoded.call,
        sender: countersign_engine::call::Sender::Machine,
    };
    let result = world.engine.handle(&context, asked).await;
    (route.encode)(&result, &decoded.reply, &context)
}

/// The same from the address that everyone has.
pub async fn ask(world: &World, environment: &str, text: &str) -> Response {
    ask_from(world, environment, [192, 0, 2, 7], text).await
}

/// Status, headers in the order of their names, an empty line, body.
pub fn print(response: &Response) -> String {
    let headers = response.headers().iter();
    let mut lines: Vec<String> = headers
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

/// The route, whose it is, and the `{name}` segments of its path.
fn found<'a>(
    method: &Method,
    path: &'a str,
) -> (
    &'static Dialect,
    &'static Route,
    Vec<(&'a str, Cow<'a, str>)>,
) {
    for dialect in registry() {
        for route in dialect.routes {
            if let (true, Some(parameters)) = (route.method == method, matched(route.path, path)) {
                return (dialect, route, parameters);
            }
        }
    }
    panic!("no route for {method} {path}")
}

fn matched<'a>(pattern: &'a str, path: &'a str) -> Option<Vec<(&'a str, Cow<'a, str>)>> {
    let (wanted, given): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    if wanted.len() != given.len() {
        return None;
    }
    let mut parameters = Vec::new();
    for (wanted, given) in wanted.into_iter().zip(given) {
        match wanted
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(name) => parameters.push((name, Cow::from(given))),
            None if wanted == given => {}
            None => return None,
        }
    }
    Some(parameters)
}
