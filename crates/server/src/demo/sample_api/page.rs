//! The demo's front end: one page that calls across origins, with publishable things only.

use super::handlers;
use crate::http::Answer;
use http::{HeaderValue, StatusCode, header};

/// The page. What it shows is its reader's own: everything comes after the `#`, which browsers keep.
pub const HTML: &str = include_str!("page/index.html");
/// Its script.
pub const SCRIPT: &str = include_str!("page/page.js");

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
     connect-src http://127.0.0.1:* http://localhost:* http://auth.localhost:* http://api.localhost:*",
);

/// One of the two files.
pub fn answer(text: &'static str, kind: &'static str) -> Answer {
    let mut answer = handlers::with_body(StatusCode::OK, kind, text.into());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    let no_store = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, no_store);
    answer
}
