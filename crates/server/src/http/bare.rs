//! Answers where no dialect can speak: nothing was routed, or the handler itself failed.

use super::Answer;
use http::{HeaderValue, StatusCode, header};

/// The status as a problem (RFC 9457) without any detail.
pub(super) fn answer(status: StatusCode) -> Answer {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = format!("{{\"title\":\"{title}\",\"status\":{}}}", status.as_u16());
    let mut answer = Answer::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
