//! The headers that every answer has.

use super::{Answer, AnswerBody, speaker::Speaker};
use countersign_engine::id::RequestId;
use http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use hyper::body::Body;

/// The request's id, in our own header.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("countersign-request-id");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A year in which browsers do not come in plain text, whatever link they follow (RFC 6797 section 6.1). Of the hosts below
/// this one nothing is said: they may be somebody else's.
const TLS_FROM_NOW_ON: &str = "max-age=31536000";

/// A request, as far as its answer's last headers and its log line depend on it.
pub(super) struct Trace {
    /// Its id.
    pub(super) request_id: RequestId,
    /// Its method.
    pub(super) method: Method,
    /// Its version.
    pub(super) version: Version,
    /// The name of the route that it took, or one word for none.
    pub(super) route: &'static str,
    /// In whose words it is refused, as far as that is known.
    pub(super) speaker: Speaker,
    /// Whether some of its body was left unread, so that the connection cannot be used again.
    pub(super) is_unread: bool,
    /// Whether its route may hold it for news, so that its time says nothing of ours.
    pub(super) is_held: bool,
    /// Whether it came by a listener with TLS.
    pub(super) has_tls: bool,
}

/// Add the headers that every answer has, where the answer has none of its own.
pub(super) fn finish(mut answer: Answer, with: &Trace) -> Answer {
    if with.method == Method::HEAD {
        answer = without_body(answer);
    }
    let status = answer.status();
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(with.request_id.as_str()) {
        headers.entry(X_REQUEST_ID).or_insert(id.clone());
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::REFERRER_POLICY)
        .or_insert(HeaderValue::from_static("no-referrer"));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if with.has_tls {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(TLS_FROM_NOW_ON),
        );
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers
            .entry(header::RETRY_AFTER)
            .or_insert(HeaderValue::from_static("1"));
    }
    if with.is_unread && with.version < Version::HTTP_2 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// The same headers as with a body, and none (RFC 9110 section 9.3.2).
fn without_body(answer: Answer) -> Answer {
    let (mut parts, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts
            .headers
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Answer::from_parts(parts, AnswerBody::default())
}
