//! Reading a body: all of it, no more than the route takes, and in time.

use countersign_engine::denied::Denied;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use std::time::Duration;

/// Why there is no body. In each case what is left of it is not read, so the connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unread {
    /// The dialect says why.
    Denied(Denied),
    /// It did not come in time, or the connection broke: nobody may be there to read the answer.
    Broken(StatusCode),
}

/// The whole body, at most `limit_bytes`, within `timeout`.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Incoming,
    limit_bytes: usize,
    timeout: Duration,
) -> Result<Bytes, Unread> {
    // A coding is a way to make a small body large (RFC 9110 section 8.4); no client of ours needs one.
    let codings = headers.get_all(header::CONTENT_ENCODING);
    if codings
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Unread::Denied(Denied::UnsupportedMediaType {
            expected: "no Content-Encoding",
        }));
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let too_large = Unread::Denied(Denied::BodyTooLarge { limit_bytes });
    if body.size_hint().lower() > u64::try_from(limit_bytes).unwrap_or(u64::MAX) {
        return Err(too_large);
    }
    let collect = Limited::new(body, limit_bytes).collect();
    match tokio::time::timeout(timeout, collect).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large),
        Ok(Err(_)) => Err(Unread::Broken(StatusCode::BAD_REQUEST)),
        Err(_) => Err(Unread::Broken(StatusCode::REQUEST_TIMEOUT)),
    }
}
