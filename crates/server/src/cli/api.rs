//! The admin API, as a client sees it. The one place of the command line that sends requests.

use super::{connect::Server, failure::Failure};
use countersign_engine::secret::Secret;
use reqwest::{
    Certificate, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH},
    redirect::Policy,
};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// Making an environment makes its key pairs, which takes a small machine a while.
const ANSWER_FOR: Duration = Duration::from_secs(60);
const CONNECT_FOR: Duration = Duration::from_secs(5);
/// Rows of a page: the most that the API gives.
const PAGE_ROWS: &str = "200";
/// Bytes of an answer: far more than a page of rows.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A connection to the admin API.
pub struct Api {
    base: Url,
    token: Secret<String>,
    http: reqwest::Client,
}

/// An HTTP client with our bounds: no proxies, no redirects, an end to every wait. It trusts these authorities
/// alone, or those of this machine where none is given.
///
/// # Errors
/// [`Failure`] when TLS cannot be set up.
pub fn http_client(authorities: &[Certificate]) -> Result<reqwest::Client, Failure> {
    // The second call of a process finds the provider there already; it is the same one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder = reqwest::Client::builder();
    if !authorities.is_empty() {
        builder = builder.tls_certs_only(authorities.iter().cloned());
    }
    client_of(builder)
}

/// A client for an address that is not the server's own: whom this machine trusts may vouch for its name, and these
/// authorities too.
///
/// # Errors
/// [`Failure`] when TLS cannot be set up.
pub fn http_client_also(authorities: Vec<Certificate>) -> Result<reqwest::Client, Failure> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    client_of(reqwest::Client::builder().tls_certs_merge(authorities))
}

fn client_of(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Failure> {
    builder
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_FOR)
        .timeout(ANSWER_FOR)
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Failure::refused(format!("cannot set up TLS: {}", chain(&error))))
}

impl Api {
    /// For `server`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Failure`] when TLS cannot be set up.
    pub fn new(server: Server) -> Result<Self, Failure> {
        Ok(Self {
            http: http_client(&server.authorities)?,
            base: server.url,
            token: server.token,
        })
    }

    /// The client that its requests go by, for what needs no token.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The server's address.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// What stands at these segments under `/admin/v1`.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn get(&self, path: &[&str]) -> Result<Value, Failure> {
        self.send(Method::GET, self.url(path), None, None).await
    }

    /// The same, or nothing where there is no such thing.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn find(&self, path: &[&str]) -> Result<Option<Value>, Failure> {
        let url = self.url(path);
        let (status, body) = self.exchange(Method::GET, url.clone(), None, None).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        settle(status, body, "GET", &url).map(Some)
    }

    /// Every row of a list, page by page, at most `rows_max`.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn list(
        &self,
        path: &[&str],
        query: &[(&str, Option<String>)],
        rows_max: usize,
    ) -> Result<Vec<Value>, Failure> {
        let mut rows: Vec<Value> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut url = self.url(path);
            {
                let mut pairs = url.query_pairs_mut();
                pairs.append_pair("limit", PAGE_ROWS);
                for (name, value) in query {
                    if let Some(value) = value {
                        pairs.append_pair(name, value);
                    }
                }
                if let Some(cursor) = &cursor {
                    pairs.append_pair("cursor", cursor);
                }
            }
            let mut page = self.send(Method::GET, url, None, None).await?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                rows.extend(items);
            }
            let next = page.get("next_cursor").and_then(Value::as_str);
            if rows.len() >= rows_max || next.is_none() {
                rows.truncate(rows_max);
                return Ok(rows);
            }
            cursor = next.map(str::to_owned);
        }
    }

    /// Make something, or start something.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn post(&self, path: &[&str], body: Option<&Value>) -> Result<Value, Failure> {
        self.send(Method::POST, self.url(path), None, body).await
    }

    /// Change something that has no version.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn set(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        self.send(method, self.url(path), None, body).await
    }

    /// End something that has no version.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn end(&self, path: &[&str]) -> Result<(), Failure> {
        let url = self.url(path);
        self.send(Method::DELETE, url, None, None).await.map(|_| ())
    }

    /// Change what was read at `version`.
    ///
    /// # Errors
    /// [`Failure`], also when it has changed since.
    pub async fn change(
        &self,
        method: Method,
        path: &[&str],
        version: u64,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        self.send(method, self.url(path), Some(version), body).await
    }

    /// Segments are escaped, so that an argument cannot lead elsewhere.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(["admin", "v1"]).extend(path);
        }
        url
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        version: Option<u64>,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let name = method.to_string();
        let (status, body) = self.exchange(method, url.clone(), version, body).await?;
        settle(status, body, &name, &url)
    }

    async fn exchange(
        &self,
        method: Method,
        url: Url,
        version: Option<u64>,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), Failure> {
        let place = format!("{method} {url}");
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {}", self.token.expose())).map_err(|_| {
                Failure::usage("the operator's token has characters that no token has")
                    .advise("check the file or variable that it was taken from")
            })?;
        bearer.set_sensitive(true);
        let mut request = self.http.request(method, url).header(AUTHORIZATION, bearer);
        if let Some(version) = version {
            request = request.header(IF_MATCH, format!("\"{version}\""));
        }
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let unreachable = |error| unreachable(error).at(&place);
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE).cloned();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_BYTES_MAX {
                return Err(
                    Failure::unreachable("the answer is too long to be the admin API's").at(place),
                );
            }
        }
        if !may_be_admins(status, kind.as_ref()) {
            let what = format!("the answer ({status}) is not the admin API's");
            return Err(Failure::unreachable(what).at(place).advise(OTHER_LISTENER));
        }
        if bytes.is_empty() {
            return Ok((status, Value::Null));
        }
        match serde_json::from_slice(&bytes) {
            Ok(body) => Ok((status, body)),
            Err(_) => Err(Failure::unreachable(format!(
                "the answer ({status}) is not JSON: this is not the admin API"
            ))
            .at(place)
            .advise(OTHER_LISTENER)),
        }
    }
}

const OTHER_LISTENER: &str = "name the admin listener with --server (port 8082 unless configured), not the public one or a gateway's";

/// Whether the admin API answers so. It refuses with problem documents (RFC 9457); what another listener speaks
/// is other JSON, and what it does not have or does not let in may be refused with anything.
fn may_be_admins(status: StatusCode, kind: Option<&HeaderValue>) -> bool {
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is = |known: &str| kind.split(';').next() == Some(known);
    let is_elsewhere = matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::MISDIRECTED_REQUEST
    );
    status.is_success()
        || is("application/problem+json")
        || !(is("application/json") || is_elsewhere)
}

/// Why the server that `--server` names did not answer, and what to do about it.
pub fn unreachable(error: reqwest::Error) -> Failure {
    let otherwise = "see that it runs (`countersign serve`) and that --server is right; `countersign doctor` looks at everything";
    unreachable_at("--server", otherwise, error)
}

/// The same where another `option` names the address. `otherwise` is what to do where no certificate is to blame.
pub fn unreachable_at(option: &str, otherwise: &str, error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let advice = match is_about_certificate(&error) {
        true => format!(
            "see that {option} has the name in the server's certificate, and name the authority that signed it with --ca"
        ),
        false => otherwise.to_owned(),
    };
    Failure::unreachable(format!("the server cannot be reached: {}", why(&error))).advise(advice)
}

/// Why no answer came, in few words: layers that only say that something below them failed say nothing.
pub fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        let (what, limit) = match error.is_connect() {
            true => ("connection", CONNECT_FOR),
            false => ("answer", ANSWER_FOR),
        };
        return format!("no {what} within {} s", limit.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let io = cause.downcast_ref::<std::io::Error>();
    if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
        return "nothing listens there".into();
    }
    let text = cause.to_string();
    // The number is for programs.
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// Whether the other side answered, and is not believed to be the server.
fn is_about_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return true;
        }
        // An I/O error hides what it wraps from `source`.
        let io = error.downcast_ref::<std::io::Error>();
        cause = match io.and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

/// What an answer means.
fn settle(status: StatusCode, body: Value, method: &str, url: &Url) -> Result<Value, Failure> {
    if status.is_success() {
        return Ok(body);
    }
    let text = |member: &str| body.get(member).and_then(Value::as_str);
    let what = text("detail")
        .or(text("title"))
        .unwrap_or("no reason given");
    let mut failure = if status.is_server_error() {
        Failure::unreachable(format!("the server cannot answer now ({status}): {what}"))
    } else {
        Failure::refused(format!("the server refused ({status}): {what}"))
    };
    failure.problems = problems(&body);
    if !failure.problems.is_empty() {
        failure.what = format!("the server refused ({status}): the request is not valid");
    }
    let request = text("instance").map(|id| format!(" (request {id})"));
    let place = format!("{method} {url}{}", request.unwrap_or_default());
    let failure = failure.at(place);
    Err(match advice(status) {
        Some(advice) => failure.advise(advice),
        None => failure,
    })
}

fn problems(body: &Value) -> Vec<(String, String)> {
    let errors = body.get("errors").and_then(Value::as_array);
    let text = |error: &Value, member: &str| {
        let text = error.get(member).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    errors
        .into_iter()
        .flatten()
        .map(|error| {
            let (field, detail) = (text(error, "field"), text(error, "detail"));
            // The detail begins with the field's name, which stands before it already.
            let bare = detail
                .strip_prefix(&format!("{field}: "))
                .map(str::to_owned);
            (field, bare.unwrap_or(detail))
        })
        .collect()
}

fn advice(status: StatusCode) -> Option<&'static str> {
    Some(match status {
        StatusCode::UNAUTHORIZED => {
            "the operator's token is not accepted: see that it belongs to this server and was not revoked"
        }
        StatusCode::FORBIDDEN => {
            "this operator's role does not allow it: changes need `editor`, operators need `owner`"
        }
        StatusCode::NOT_FOUND => "check the names; `list` shows what is there",
        StatusCode::PRECONDITION_FAILED => {
            "someone else changed it meanwhile: run the command again"
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "try again in a moment",
        _ => return None,
    })
}

/// An error and what caused it, in one line. The address is told elsewhere.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(status: u16, body: Value) -> Failure {
        let url: Url = "http://127.0.0.1:1/admin/v1/clients".parse().unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        settle(status, body, "POST", &url).unwrap_err()
    }

    #[test]
    fn a_problem_document_becomes_what_where_and_what_to_do() {
        let failure = refused(
            400,
            json!({
                "title": "Invalid request", "detail": "display_name: missing; kind: expected x", "instance": "r1",
                "errors": [
                    {"field": "display_name", "code": "missing", "detail": "display_name: missing"},
                    {"field": "kind", "code": "expected", "detail": "kind: expected `backend`"},
                ],
            }),
        );
        insta::assert_snapshot!(failure.text());
        let failure = refused(
            412,
            json!({"detail": "It has changed since it was read.", "instance": "r2"}),
        );
        insta::assert_snapshot!(failure.text());
    }

    #[test]
    fn another_listener_was_taken_for_the_admin_api() {
        let kind = |text| HeaderValue::from_static(text);
        for (status, header, expected) in [
            (200, kind("application/json"), true),
            (404, kind("application/problem+json"), true),
            (404, kind("application/json"), false),
            (421, kind("text/plain"), false),
            (400, kind("application/json"), false),
            (503, kind("text/html"), true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                may_be_admins(status, Some(&header)),
                expected,
                "{status} {header:?}"
            );
        }
        assert!(!may_be_admins(StatusCode::NOT_FOUND, None));
        assert!(may_be_admins(StatusCode::PAYLOAD_TOO_LARGE, None));
    }

    #[test]
    fn a_fault_of_the_server_is_not_a_refusal() {
        use crate::cli::failure::Exit;
        assert_eq!(
            refused(503, json!({"detail": "later"})).exit,
            Exit::Unreachable
        );
        assert_eq!(refused(500, Value::Null).exit, Exit::Unreachable);
        assert_eq!(refused(403, json!({})).exit, Exit::Refused);
    }

    #[test]
    fn an_argument_cannot_lead_to_another_path() {
        let server = Server {
            url: "http://127.0.0.1:1".parse().unwrap(),
            token: Secret::new("cs_opr_x".into()),
            authorities: Vec::new(),
        };
        let api = Api::new(server).unwrap();
        for (argument, path) in [
            ("a/b", "/admin/v1/environments/a%2Fb"),
            ("../operators", "/admin/v1/environments/..%2Foperators"),
            ("a?b#c", "/admin/v1/environments/a%3Fb%23c"),
        ] {
            assert_eq!(api.url(&["environments", argument]).path(), path);
        }
    }
}
