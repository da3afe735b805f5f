//! Browsers: what the API says to a page on another origin (Fetch standard, section 3.2). Whether that page may
//! call at all the gateway has said; here it is told that it may read.

use super::{Passed, handlers};
use crate::http::Answer;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// What a front end of these APIs sends besides what browsers always allow.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, X-Client-ID, Quiltt-Version, Quiltt-SDK-Agent, Quiltt-Client-Version, \
     Quiltt-Session-ID, Quiltt-Anonymous-ID",
);
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
/// Seconds that a browser need not ask again.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");

/// The origins of the demo's own page, which the sample API on `port` serves.
pub fn origins(port: u16) -> Vec<String> {
    ["localhost", "127.0.0.1"]
        .map(|host| format!("http://{host}:{port}"))
        .to_vec()
}

/// The pages whose scripts may read what the API answers.
pub struct Pages {
    /// Their origins.
    pub origins: Vec<String>,
}

impl Pages {
    /// The answer to a preflight, which the gateway let pass because it knows the origin; none for other requests.
    pub fn preflight(&self, passed: &Passed) -> Option<Answer> {
        let credential = passed.identity.get("countersign-credential")?;
        if credential != "preflight" {
            return None;
        }
        let mut answer = handlers::with_body(StatusCode::NO_CONTENT, "text/plain", Bytes::new());
        let headers = answer.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        self.share(&passed.request.headers, headers);
        Some(answer)
    }

    /// Let the page's script read this answer, if it is one of these pages.
    pub fn share(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = asked.get(header::ORIGIN) else {
            return;
        };
        if self.origins.iter().any(|known| known.as_str() == origin) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let seen =
                HeaderValue::from_static("Seen-Countersign-Client, Seen-Countersign-Subject");
            answer.insert(EXPOSED, seen);
        }
    }
}

const EXPOSED: HeaderName = header::ACCESS_CONTROL_EXPOSE_HEADERS;

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn passed(origin: &str, credential: &'static str) -> Passed {
        let request = Request::builder()
            .method("OPTIONS")
            .header("origin", origin)
            .body(());
        let mut identity = HeaderMap::new();
        identity.insert(
            "countersign-credential",
            HeaderValue::from_static(credential),
        );
        Passed {
            request: request.unwrap().into_parts().0,
            body: Bytes::new(),
            identity,
        }
    }

    #[test]
    fn only_the_demos_own_page_may_read() {
        let pages = Pages {
            origins: origins(8083),
        };
        for (origin, expected) in [
            ("http://localhost:8083", true),
            ("http://127.0.0.1:8083", true),
            ("http://localhost:80", false),
            ("http://localhost:8083.evil.example", false),
            ("null", false),
        ] {
            let answer = pages.preflight(&passed(origin, "preflight")).unwrap();
            let allowed = answer.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(allowed.is_some(), expected, "{origin}");
            assert_eq!(answer.headers()[header::VARY], "Origin");
        }
    }

    #[test]
    fn whoever_shows_something_is_answered_by_the_api_itself() {
        let pages = Pages {
            origins: origins(8083),
        };
        let passed = passed("http://localhost:8083", "registration_token");
        assert!(pages.preflight(&passed).is_none());
    }
}
