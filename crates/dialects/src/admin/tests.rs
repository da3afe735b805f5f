//! Every route with what it takes, and what it refuses, as tables.

mod approvals;
mod bad;
mod good;
mod outcomes;

use super::routes::ROUTES;
use crate::{Decoded, Request, Route};
use countersign_engine::{
    call::{AdminCall, Call},
    denied::Denied,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::borrow::Cow;

/// A request as a test writes it: method, target, headers, body.
#[derive(Clone, Copy)]
struct Sent<'a> {
    method: &'a str,
    target: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

fn sent<'a>(method: &'a str, target: &'a str, body: &'a str) -> Sent<'a> {
    Sent {
        method,
        target,
        headers: &[("content-type", "application/json"), ("if-match", "\"3\"")],
        body: body.as_bytes(),
    }
}

/// The route for a path, and the values of its `{name}` segments: the router, in small.
fn routed<'a>(
    method: &Method,
    path: &'a str,
) -> (&'static Route, Vec<(&'static str, Cow<'a, str>)>) {
    let fits = |route: &'static Route| {
        let pattern: Vec<&str> = route.path.split('/').collect();
        let segments: Vec<&str> = path.split('/').collect();
        if pattern.len() != segments.len() || route.method != *method {
            return None;
        }
        let mut parameters = Vec::new();
        for (pattern, segment) in pattern.into_iter().zip(segments) {
            match pattern
                .strip_prefix('{')
                .and_then(|name| name.strip_suffix('}'))
            {
                Some(name) => parameters.push((name, Cow::Borrowed(segment))),
                None if pattern == segment => {}
                None => return None,
            }
        }
        Some((route, parameters))
    };
    let mut found = ROUTES.iter().filter_map(fits);
    let route = found
        .next()
        .unwrap_or_else(|| panic!("no route for {method} {path}"));
    assert!(found.next().is_none(), "two routes for {method} {path}");
    route
}

fn decoded(sent: Sent<'_>) -> (&'static Route, Decoded) {
    let method: Method = sent.method.parse().unwrap();
    let (path, query) = match sent.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (sent.target, None),
    };
    let (route, parameters) = routed(&method, path);
    let mut headers = HeaderMap::new();
    for (name, value) in sent.headers {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let request = Request {
        method: &method,
        host: "admin.example",
        path,
        parameters: &parameters,
        query,
        headers: &headers,
        body: sent.body,
    };
    (route, (route.decode)(&request))
}

fn call(sent: Sent<'_>) -> Result<AdminCall, Denied> {
    match decoded(sent).1.call {
        Ok(Call::Admin(call)) => Ok(call),
        Ok(other) => panic!("not a call of the admin API: {other:?}"),
        Err(denied) => Err(denied),
    }
}
