//! The limits: hyper and nothing else, on one thread, writing as many headers and bytes as the real server did.

use crate::load::Answer;
use anyhow::{Context, Result, anyhow};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::RSA_PKCS1_SHA256,
};
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, io::Write, net::Ipv4Addr, sync::Arc};
use tokio::{net::TcpListener, task::JoinSet};

/// What stands before the address that a bare server prints when it listens.
pub const LISTENING: &str = "listening on ";

/// Answer every request with `answer`, for ever.
///
/// # Errors
/// When it cannot listen, or `answer` cannot be written as headers.
pub fn decision(answer: &Answer) -> Result<Infallible> {
    let template = Template::of(answer)?;
    let body = Bytes::from(answer.body.clone());
    serve(move || template.response(body.clone()))
}

/// Answer every request with `answer`, whose access token gets a fresh signature each time, for ever.
///
/// # Errors
/// When it cannot listen, or `answer` has no access token in the compact form.
pub fn token(answer: &Answer) -> Result<Infallible> {
    let template = Template::of(answer)?;
    let signer = Signer::of(answer)?;
    serve(move || match signer.body() {
        Ok(body) => template.response(body),
        Err(error) => {
            eprintln!("cannot sign: {error:#}");
            let mut failed = Response::new(Full::new(Bytes::new()));
            *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            failed
        }
    })
}

/// Everything of an answer but its body.
struct Template {
    status: StatusCode,
    headers: HeaderMap,
}

impl Template {
    fn of(answer: &Answer) -> Result<Self> {
        let mut headers = HeaderMap::new();
        for (name, value) in &answer.headers {
            // hyper writes these two itself, here as there.
            if matches!(name.as_str(), "date" | "content-length") {
                continue;
            }
            headers.append(
                HeaderName::from_bytes(name.as_bytes())?,
                HeaderValue::from_maybe_shared(Bytes::from(value.clone()))?,
            );
        }
        Ok(Self {
            status: StatusCode::from_u16(answer.status)?,
            headers,
        })
    }

    fn response(&self, body: Bytes) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}

/// An RSA key of 2048 bits, parsed once, and what it signs.
struct Signer {
    key: KeyPair,
    random: SystemRandom,
    /// The body up to the signature.
    before: String,
    /// What was signed in it: header, dot, claims.
    signed: std::ops::Range<usize>,
    /// The body after the signature.
    after: String,
    signature_chars: usize,
}

impl Signer {
    #[expect(
        clippy::disallowed_methods,
        reason = "the limit has no ports; RSA signatures of this kind draw no randomness anyway"
    )]
    fn of(answer: &Answer) -> Result<Self> {
        let json: serde_json::Value =
            serde_json::from_str(&answer.body).context("the token answer is not JSON")?;
        let token = json.get("access_token").and_then(serde_json::Value::as_str);
        let token = token.context("the token answer has no access_token")?;
        let (signed, signature) = token.rsplit_once('.').context("not a compact JWS")?;
        let (before, rest) = answer
            .body
            .split_once(token)
            .context("the token is escaped in its answer")?;
        Ok(Self {
            key: KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no RSA key"))?,
            random: SystemRandom::new(),
            before: format!("{before}{signed}."),
            signed: before.len()..before.len() + signed.len(),
            after: rest.to_owned(),
            signature_chars: signature.len(),
        })
    }

    fn body(&self) -> Result<Bytes> {
        let signed = self
            .before
            .get(self.signed.clone())
            .context("no signing input")?;
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &self.random,
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| anyhow!("RSA signing failed"))?;
        let length = self.before.len() + self.signature_chars + self.after.len();
        let mut body = String::with_capacity(length);
        body.push_str(&self.before);
        BASE64URL_NOPAD.encode_append(&signature, &mut body);
        body.push_str(&self.after);
        Ok(Bytes::from(body))
    }
}

/// Listen on a free port of loopback, say where, and answer every request, whatever it is.
fn serve(
    respond: impl Fn() -> Response<Full<Bytes>> + Send + Sync + 'static,
) -> Result<Infallible> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    runtime.block_on(accept(Arc::new(respond)))
}

async fn accept<F>(respond: Arc<F>) -> Result<Infallible>
where
    F: Fn() -> Response<Full<Bytes>> + Send + Sync + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .context("cannot listen on loopback")?;
    println!("{LISTENING}{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let respond = Arc::clone(&respond);
        let service = service_fn(move |request: Request<Incoming>| {
            let respond = Arc::clone(&respond);
            async move {
                // Both servers read what a form carries; a decision request carries nothing.
                request.into_body().collect().await?;
                Ok::<_, hyper::Error>(respond())
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        connections.spawn(connection);
        while connections.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        let signature = "s".repeat(342);
        Answer {
            status: 200,
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("cache-control".into(), "no-store".into()),
                ("content-length".into(), "7".into()),
                ("date".into(), "Sun, 06 Nov 1994 08:49:37 GMT".into()),
            ],
            body: format!(r#"{{"access_token":"aGVhZA.Y2xhaW1z.{signature}","expires_in":3600}}"#),
        }
    }

    #[test]
    fn the_limit_writes_the_headers_that_hyper_does_not() {
        let template = Template::of(&answer()).unwrap();
        let response = template.response(Bytes::new());
        let names: Vec<&str> = response.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "cache-control"]);
    }

    #[test]
    fn the_limit_of_a_token_has_its_size_and_a_signature_of_its_own() {
        let signer = Signer::of(&answer()).unwrap();
        let body = signer.body().unwrap();
        assert_eq!(body.len(), answer().body.len());
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let token = json["access_token"].as_str().unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        assert_eq!(signed, "aGVhZA.Y2xhaW1z");
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
        UnparsedPublicKey::new(
            &RSA_PKCS1_2048_8192_SHA256,
            signer.key.public_key().as_ref(),
        )
        .verify(signed.as_bytes(), &signature)
        .unwrap();
    }
}
