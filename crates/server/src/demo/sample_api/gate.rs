//! The question that a proxy asks before it lets a request through, in the `forward_auth` profile.
//!
//! What is sent, what is believed and what is refused is what the sample configurations of real proxies do:
//! a yes is a 200 that names the environment; anything else never reaches the API.

use super::handlers;
use crate::{gateway::identity::IDENTITY_HEADERS, http::Answer};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header,
    request::Parts,
};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// No answer within this time is a no.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Bytes of a denial's body.
const DENIAL_BYTES_MAX: usize = 64 * 1024;
/// Connections to the gateway that are kept open.
const IDLE_CONNECTIONS_MAX: usize = 8;
/// How long they are: less than the gateway's listener keeps them.
const IDLE_FOR: Duration = Duration::from_secs(30);

/// Headers that are about one connection (RFC 9110 section 7.6.1), or about a body that is not sent on.
const NOT_SENT_ON: &[&str] = &[
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Where to ask.
pub struct Gate {
    client: Client<HttpConnector, Empty<Bytes>>,
    gateway: SocketAddr,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("the question cannot be written: {0}")]
    Question(#[from] http::Error),
    #[error("the gateway listener cannot be asked: {0}")]
    Connection(#[from] hyper_util::client::legacy::Error),
    #[error("its answer cannot be read: {0}")]
    Answer(Box<dyn std::error::Error + Send + Sync>),
}

impl Gate {
    /// Ask at this gateway listener.
    pub fn new(gateway: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(ANSWER_WITHIN));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_FOR)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector);
        Self { client, gateway }
    }

    /// May it pass? The identity headers of the yes, or what the caller is told instead.
    ///
    /// # Errors
    /// The denial as the gateway gave it, or 503 where there is no answer to be had.
    pub async fn ask(&self, parts: &Parts, peer: IpAddr) -> Result<HeaderMap, Box<Answer>> {
        let Some(facts) = Facts::of(parts, peer) else {
            let message = "a request has one Host, and a target that begins with a slash";
            return Err(Box::new(handlers::error(StatusCode::BAD_REQUEST, message)));
        };
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.exchange(parts, facts)).await;
        match answer {
            Ok(Ok(answer)) => judge(answer),
            Ok(Err(error)) => {
                tracing::warn!(%error, "no decision");
                Err(Box::new(away()))
            }
            Err(_) => {
                tracing::warn!("no decision in time");
                Err(Box::new(away()))
            }
        }
    }

    async fn exchange(&self, parts: &Parts, facts: Facts) -> Result<Response<Bytes>, Unanswered> {
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.gateway.to_string())
            .path_and_query("/")
            .build()?;
        let mut question = Request::builder()
            .method(Method::GET)
            .uri(uri)
            .body(Empty::new())?;
        *question.headers_mut() = sent_on(&parts.headers);
        facts.write(question.headers_mut());
        let answer: Response<Incoming> = self.client.request(question).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, DENIAL_BYTES_MAX).collect().await;
        let body = body.map_err(Unanswered::Answer)?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}

/// What a proxy says of the request itself. It overwrites what the caller says of it.
struct Facts {
    method: HeaderValue,
    host: HeaderValue,
    target: HeaderValue,
    peer: HeaderValue,
}

impl Facts {
    fn of(parts: &Parts, peer: IpAddr) -> Option<Self> {
        let mut hosts = parts.headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return None;
        };
        // With a whole URL as target there would be two hosts.
        if parts.uri.scheme().is_some() || parts.uri.authority().is_some() {
            return None;
        }
        let target = parts.uri.path_and_query()?.as_str();
        Some(Self {
            method: HeaderValue::from_str(parts.method.as_str()).ok()?,
            host: host.clone(),
            target: HeaderValue::from_str(target).ok()?,
            peer: HeaderValue::from_str(&peer.to_string()).ok()?,
        })
    }

    fn write(self, headers: &mut HeaderMap) {
        for (name, value) in [
            ("x-forwarded-method", self.method),
            ("x-forwarded-host", self.host),
            ("x-forwarded-uri", self.target),
            ("x-forwarded-for", self.peer),
            ("x-forwarded-proto", HeaderValue::from_static("http")),
        ] {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// The caller's headers without those that are not for the gateway. A caller's identity headers go with them, as
/// in the samples: they are lies, and the gateway refuses who tells them.
fn sent_on(headers: &HeaderMap) -> HeaderMap {
    let mut sent = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if !NOT_SENT_ON.contains(&name.as_str()) {
            sent.append(name.clone(), value.clone());
        }
    }
    sent
}

/// A yes is a 200 that names the environment.
fn judge(answer: Response<Bytes>) -> Result<HeaderMap, Box<Answer>> {
    let status = answer.status();
    if status == StatusCode::OK && answer.headers().contains_key("countersign-environment") {
        return Ok(identity(answer.headers()));
    }
    if status.is_success() || status.is_redirection() || status.is_informational() {
        tracing::warn!(%status, "whoever answers there is not Countersign");
        return Err(Box::new(away()));
    }
    let (mut head, body) = answer.into_parts();
    for name in NOT_SENT_ON {
        head.headers.remove(*name);
    }
    Err(Box::new(Response::from_parts(head, body.into())))
}

/// What the identity headers among these say.
fn identity(headers: &HeaderMap) -> HeaderMap {
    let said = IDENTITY_HEADERS.iter().filter_map(|header| {
        let value = headers.get(header.lower)?;
        Some((HeaderName::from_static(header.lower), value.clone()))
    });
    said.collect()
}

/// Who calls, as the proxy that has asked says on each request. Without an environment nobody has asked.
///
/// # Errors
/// 503, as where this API cannot ask.
pub fn told(headers: &HeaderMap) -> Result<HeaderMap, Box<Answer>> {
    match headers.contains_key("countersign-environment") {
        true => Ok(identity(headers)),
        false => Err(Box::new(away())),
    }
}

/// Without a decision nothing passes.
fn away() -> Answer {
    let mut answer = handlers::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "nobody can say now whether this may pass; try again",
    );
    let headers = answer.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests;
