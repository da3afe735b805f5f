//! A request, and everything that the server says to it. Nothing is checked on the way out: what no honest
//! client can spell has to be sendable too.

use crate::harness::{Answer, parse};
use data_encoding::BASE64;
use serde_json::Value;
use std::{fmt::Write as _, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Longer than any time-out of the server that a request could run into: who reaches it hangs.
const HANG: Duration = Duration::from_secs(40);

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Ask {
    method: String,
    target: String,
    host: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Ask {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            host: "admin.example".into(),
            headers: Vec::new(),
            body: None,
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    /// Of this host.
    pub fn at(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub fn basic(self, id: &str, secret: &str) -> Self {
        let pair = BASE64.encode(format!("{id}:{secret}").as_bytes());
        self.header("Authorization", &format!("Basic {pair}"))
    }

    pub fn bytes(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("Content-Type", media_type)
    }

    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        self.bytes(FORM, form(pairs))
    }

    pub fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string())
    }

    /// The bytes on the wire.
    pub fn wire(&self) -> Vec<u8> {
        let (method, target, host) = (&self.method, &self.target, &self.host);
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if let Some(body) = &self.body {
            write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        head.push_str("Connection: close\r\n\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }

    pub async fn send(&self, address: SocketAddr) -> Answer {
        parse(&raw(address, &self.wire()).await)
    }

    /// The whole answer, or none where the server went away before all of it was said.
    pub async fn try_send(&self, address: SocketAddr) -> Option<Answer> {
        let stream = TcpStream::connect(address).await.ok()?;
        let said = Box::pin(exchange(stream, &self.wire())).await;
        let head_ends = said.windows(4).any(|four| four == b"\r\n\r\n");
        let answer = head_ends.then(|| parse(&said))?;
        let length = answer.header("content-length").unwrap_or("0");
        (length.parse() == Ok(answer.body.len())).then_some(answer)
    }
}

pub const FORM: &str = "application/x-www-form-urlencoded";

/// `pairs` as a form, everything but letters and digits encoded.
pub fn form(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        write!(text, "{}={}", percent(name), percent(value)).unwrap();
    }
    text
}

pub fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}

/// Send bytes, and take what comes until the connection ends. What is not read by the server is not missed:
/// it may answer before it has seen all.
pub async fn raw(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(address).await.unwrap();
    // In a box: tests await hundreds of these, and an unoptimised build gives each a place of its own.
    Box::pin(exchange(stream, request)).await
}

async fn exchange(stream: TcpStream, request: &[u8]) -> Vec<u8> {
    let (mut reading, mut writing) = stream.into_split();
    let sending = async {
        let sent = writing.write_all(request).await;
        // Half a close would end what the server has not answered yet.
        (sent.is_ok(), writing)
    };
    let receiving = async {
        let mut said = Vec::new();
        let mut chunk = [0; 16 * 1024];
        while let Ok(count @ 1..) = reading.read(&mut chunk).await {
            said.extend_from_slice(&chunk[..count]);
        }
        said
    };
    let both = async { tokio::join!(sending, receiving) };
    let (_, said) = tokio::time::timeout(HANG, both).await.unwrap_or_else(|_| {
        panic!(
            "hangs: {}",
            String::from_utf8_lossy(&request[..request.len().min(300)])
        )
    });
    said
}

/// The same, where the server has to end the connection although nobody asked it to.
pub async fn raw_until_closed(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The peer may have seen enough before it has seen all.
    drop(stream.write_all(request).await);
    drop(stream.shutdown().await);
    let mut said = Vec::new();
    let reading = stream.read_to_end(&mut said);
    let ended = tokio::time::timeout(HANG, reading).await;
    assert!(ended.is_ok(), "hangs: {}", String::from_utf8_lossy(request));
    said
}
