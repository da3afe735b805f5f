//! A decision as the asking proxy understands it.

use super::{
    identity,
    profile::{Answers, Carriers},
};
use bytes::Bytes;
use countersign_dialects::{Dialect, dialect, wire::problem};
use countersign_engine::{
    call::CallContext,
    decision::{Allowed, Carrier, DeniedAtGuard},
    denied::{Denied, Fault, Refusal},
    id::RequestId,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

/// What a gateway listener answers.
pub type Answer = Response<Full<Bytes>>;

/// The true status of an answer that a subrequest cannot carry.
pub const STATUS: HeaderName = HeaderName::from_static("countersign-status");
/// The true body of such an answer: one line of ASCII JSON.
pub const BODY: HeaderName = HeaderName::from_static("countersign-body");
/// Bytes of that line: a proxy reads the headers of an answer into one buffer, often of 4 KiB.
pub const BODY_BYTES_MAX: usize = 2048;

/// The headers of a denial that its caller needs, and that a proxy must therefore pass on. nginx passes
/// `WWW-Authenticate` on by itself, but only with a 401.
pub const PASSED_ON: &[&str] = &[
    "retry-after",
    "location",
    "vary",
    "cache-control",
    "pragma",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "www-authenticate",
    "quiltt-version",
];

/// Let it pass. The identity is rendered once per fact; a request adds its id, and what was countersigned and signed of
/// it, if anything.
///
/// # Errors
/// [`Fault`] when there is something that no header can carry.
pub fn allow(
    allowed: &Allowed,
    request: &RequestId,
    assertion: Option<&str>,
) -> Result<Answer, Fault> {
    let fact = &allowed.fact;
    let rendered = match fact.rendered.get() {
        Some(rendered) => rendered,
        None => {
            let rendered = identity::render(&fact.principal)?;
            fact.rendered.get_or_init(|| Box::new(rendered))
        }
    };
    let headers = rendered
        .downcast_ref::<HeaderMap>()
        .ok_or_else(|| Fault::internal("a fact was rendered by someone else"))?;
    let mut answer = Response::new(Full::new(Bytes::new()));
    answer.headers_mut().clone_from(headers);
    let id = HeaderValue::from_str(request.as_str()).map_err(Fault::internal)?;
    identity::name_request(answer.headers_mut(), id);
    if let Some(digest) = &allowed.content_digest {
        let digest = HeaderValue::from_str(digest).map_err(Fault::internal)?;
        identity::name_body(answer.headers_mut(), digest);
    }
    if let Some(compact) = assertion {
        let compact = HeaderValue::from_str(compact).map_err(Fault::internal)?;
        identity::add_assertion(answer.headers_mut(), compact);
    }
    Ok(answer)
}

/// Keep it out, in the envelope of the guard's dialect. That people have to approve has one body everywhere: no vendor
/// has a word for it, and whoever waits reads where to ask.
pub fn deny(
    carriers: &Carriers,
    denied: &DeniedAtGuard,
    origin: Carrier<'_>,
    context: &CallContext,
) -> Answer {
    let mut response = match envelope(denied.dialect.as_deref()) {
        _ if is_unapproved(&denied.refusal) => problem::refuse(&denied.refusal, context),
        Some(dialect) => {
            let graphql = dialect.refuse_graphql.filter(|_| denied.graphql);
            graphql.unwrap_or(dialect.refuse)(&denied.refusal, context)
        }
        None => without_envelope(&denied.refusal),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let (true, Carrier::Present(origin)) = (denied.allowed_origin, origin) {
        share(headers, origin);
    }
    match carriers.answers {
        Answers::Plain => response.map(Full::new),
        Answers::Subrequest => for_subrequest(&response),
    }
}

/// The dialect that a guard names, else the standard one.
fn envelope(name: Option<&str>) -> Option<&'static Dialect> {
    name.and_then(dialect).or_else(|| dialect("standard"))
}

const fn is_unapproved(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Denied(Denied::Unapproved(_)))
}

/// A server whose dialects are all taken out still denies.
fn without_envelope(refusal: &Refusal) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = match refusal {
        Refusal::Denied(_) => StatusCode::FORBIDDEN,
        Refusal::Fault(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    response
}

/// Let the page's script read why it was denied (Fetch standard, section 3.2).
fn share(headers: &mut HeaderMap, origin: &str) {
    let Ok(origin) = HeaderValue::from_str(origin) else {
        return;
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("WWW-Authenticate, Retry-After, Location"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
}

/// `auth_request` knows 401 and 403 only, and drops bodies: the truth stands in headers.
fn for_subrequest(response: &Response<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = match response.status() {
        StatusCode::UNAUTHORIZED => StatusCode::UNAUTHORIZED,
        _ => StatusCode::FORBIDDEN,
    };
    let headers = answer.headers_mut();
    for name in PASSED_ON {
        for value in response.headers().get_all(*name) {
            headers.append(HeaderName::from_static(name), value.clone());
        }
    }
    if let Ok(status) = HeaderValue::from_str(response.status().as_str()) {
        headers.insert(STATUS, status);
    }
    let line = one_ascii_line(response.body());
    if let Some(line) = line.and_then(|line| HeaderValue::from_str(&line).ok()) {
        headers.insert(BODY, line);
    }
    answer
}

/// JSON as a header can carry it: control characters stand between tokens only and become spaces, and
/// characters beyond ASCII stand in strings only and become escapes (RFC 8259 sections 2 and 7).
fn one_ascii_line(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim_ascii();
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' '..='~' => line.push(character),
            control if control.is_ascii_control() => line.push(' '),
            beyond => {
                for unit in beyond.encode_utf16(&mut [0; 2]) {
                    line.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    (1..=BODY_BYTES_MAX).contains(&line.len()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_any_form_fits_one_ascii_line_and_means_the_same() {
        let body = "{\n\t\"error\": \"caf\u{e9} \u{1f511} \\n\",\r\n \"a\": [1]\n}\n";
        let line = one_ascii_line(body.as_bytes()).unwrap();
        assert!(line.bytes().all(|b| (0x20..0x7f).contains(&b)), "{line}");
        let meaning = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(meaning(&line), meaning(body));
    }

    /// Under every envelope, and through nginx: the longest address that an issuer can make.
    #[test]
    fn whoever_waits_for_an_approval_learns_where_to_ask_behind_every_proxy() {
        use crate::gateway::profile::{ENVOY, NGINX};
        use countersign_dialects::registry;
        use countersign_engine::{
            denied::Unapproved,
            id::{ApprovalId, EnvironmentId},
            time::Timestamp,
        };

        let poll = format!("https://{}/approvals/{}", "a".repeat(248), "0".repeat(32));
        let waiting = Unapproved::Waiting {
            approval: ApprovalId::parse(&"0".repeat(32)).unwrap(),
            poll: poll.clone(),
            otp: "1".repeat(32),
            expires_at: Timestamp::EPOCH,
        };
        let context = CallContext {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            now: Timestamp::EPOCH,
            request_id: RequestId::parse(&"r".repeat(64)).unwrap(),
            peer: None,
            dialect: "gateway",
        };
        for dialect in registry() {
            let denied = DeniedAtGuard {
                refusal: Denied::Unapproved(Box::new(waiting.clone())).into(),
                dialect: Some(dialect.name.to_owned()),
                allowed_origin: true,
                graphql: true,
            };
            let origin = Carrier::Present("https://app.example");
            let plain = deny(&ENVOY, &denied, origin, &context);
            assert_eq!(plain.status(), 403, "{}", dialect.name);
            assert_eq!(plain.headers()["location"], poll);
            let shared = plain.headers()["access-control-expose-headers"].to_str();
            assert!(shared.unwrap().ends_with(", Location"));
            let nginx = deny(&NGINX, &denied, origin, &context);
            assert_eq!(nginx.headers()[STATUS], "403");
            assert_eq!(nginx.headers()["location"], poll);
            let body: serde_json::Value =
                serde_json::from_slice(nginx.headers()[BODY].as_bytes()).unwrap();
            assert_eq!(body["type"], "urn:countersign:problem:approval-required");
            assert_eq!(body["poll"], poll);
            assert_eq!(body["approval"], "0".repeat(32));
            assert_eq!(body["code"], "1".repeat(32));
            assert_eq!(body["expires_at"], "1970-01-01T00:00:00.000000Z");
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_not_cut() {
        assert_eq!(one_ascii_line(b""), None);
        assert_eq!(one_ascii_line(&[0xff]), None);
        assert!(one_ascii_line(&[b'1'; BODY_BYTES_MAX]).is_some());
        assert_eq!(one_ascii_line(&[b'1'; BODY_BYTES_MAX + 1]), None);
    }

    #[test]
    fn a_subrequest_gets_a_status_that_it_knows_and_the_truth_beside_it() {
        for (status, known) in [
            (400, 403),
            (401, 401),
            (403, 403),
            (421, 403),
            (429, 403),
            (503, 403),
        ] {
            let mut response = Response::new(Bytes::from_static(b"{\"a\":1}"));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            let headers = response.headers_mut();
            headers.insert("retry-after", HeaderValue::from_static("7"));
            headers.insert("content-type", HeaderValue::from_static("application/json"));
            let answer = for_subrequest(&response);
            assert_eq!(answer.status(), known, "{status}");
            assert_eq!(answer.headers()[STATUS], status.to_string());
            assert_eq!(answer.headers()[BODY], "{\"a\":1}");
            assert_eq!(answer.headers()["retry-after"], "7");
            assert!(!answer.headers().contains_key("content-type"));
        }
    }

    /// Everything that a guard can answer with, in the words of every dialect that a guard can name.
    #[test]
    fn every_denial_reaches_callers_behind_nginx_whole() {
        use crate::gateway::{profile::NGINX, samples::DENIAL_STATUSES};
        use countersign_dialects::{Listener, registry};
        use countersign_engine::{
            denied::{Denied, Malformed, Reason},
            id::EnvironmentId,
            model::scopes::Scopes,
            time::Timestamp,
        };

        let refusals: Vec<Refusal> = vec![
            Denied::NoCredential.into(),
            Denied::MalformedCredential(Malformed::Form).into(),
            Denied::MalformedCredential(Malformed::Repeated).into(),
            Denied::MalformedCredential(Malformed::Two).into(),
            Denied::MalformedCredential(Malformed::Request).into(),
            Denied::MalformedCredential(Malformed::Unaccepted).into(),
            Denied::InvalidToken(Reason::Revoked).into(),
            Denied::InvalidClient(Reason::Unknown).into(),
            Denied::InsufficientScope {
                needed: Scopes::parse(&"s".repeat(128)).unwrap(),
            }
            .into(),
            Denied::Forbidden(Reason::Unguarded).into(),
            Denied::TooManyRequests { retry_after_s: 9 }.into(),
            Denied::UnknownHost.into(),
            Denied::SecretFromBrowser.into(),
            Fault::unavailable("away").into(),
            Fault::internal("broken").into(),
        ];
        let context = CallContext {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            now: Timestamp::EPOCH,
            request_id: RequestId::parse("r1").unwrap(),
            peer: None,
            dialect: "gateway",
        };
        let mut dialects = registry().iter();
        assert!(dialects.len() > 0);
        for dialect in dialects
            .by_ref()
            .filter(|it| it.listener == Listener::Public)
        {
            for refusal in &refusals {
                let what = format!("{} {refusal:?}", dialect.name);
                let plain = (dialect.refuse)(refusal, &context);
                let content_type = plain.headers()[header::CONTENT_TYPE].to_str().unwrap();
                // The sample gives each body its own of these two.
                let is_known = ["application/json", "application/problem+json"]
                    .iter()
                    .any(|known| content_type.starts_with(known));
                assert!(is_known, "{what}: {content_type}");
                let denied = DeniedAtGuard {
                    refusal: refusal.clone(),
                    dialect: Some(dialect.name.to_owned()),
                    allowed_origin: true,
                    graphql: false,
                };
                let origin = Carrier::Present("https://app.example");
                let answer = deny(&NGINX, &denied, origin, &context);
                let status: u16 = answer.headers()[STATUS].to_str().unwrap().parse().unwrap();
                assert_eq!(status, plain.status().as_u16(), "{what}");
                assert!(DENIAL_STATUSES.contains(&status), "{what}");
                let meaning =
                    |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
                let carried = answer.headers()[BODY].as_bytes();
                assert_eq!(meaning(carried), meaning(plain.body()), "{what}");
                assert_eq!(
                    answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN],
                    "https://app.example"
                );
                let known = plain
                    .headers()
                    .keys()
                    .filter(|name| **name != header::CONTENT_TYPE);
                for name in known {
                    assert!(
                        PASSED_ON.contains(&name.as_str()),
                        "{what}: {name} does not arrive"
                    );
                }
            }
        }
    }
}
