//! HTTP/2 by prior knowledge, at every listener: the same rules for what replaces the request line and `Host`.

use super::Stage;
use crate::world::SANDBOX;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
    body::Bytes,
    client::conn::http2::{SendRequest, handshake},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[expect(
    clippy::disallowed_methods,
    reason = "the connection's task ends with the test"
)]
async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

async fn status(
    sender: &mut SendRequest<Full<Bytes>>,
    request: http::request::Builder,
    body: &str,
) -> (u16, String) {
    let request = request.body(Full::from(body.to_owned())).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn the_authority_is_the_host_and_both_must_agree() {
    let stage = Stage::set().await;
    let mut sender = connect(stage.doors().public).await;
    let jwks = |authority: &str| Request::get(format!("http://{authority}/oauth2/jwks"));
    for (request, expected) in [
        (jwks(SANDBOX), 200),
        (jwks("other.example"), 421),
        (jwks(SANDBOX).header("host", SANDBOX), 200),
        (jwks(SANDBOX).header("host", "other.example"), 400),
        (jwks("other.example").header("host", SANDBOX), 400),
        (
            jwks(SANDBOX)
                .header("host", SANDBOX)
                .header("host", SANDBOX),
            400,
        ),
    ] {
        let shown = format!("{request:?}");
        let (status, told) = status(&mut sender, request, "").await;
        assert_eq!(status, expected, "{shown}: {told}");
    }
    stage.stop_sound().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_or_compressed_is_refused_and_the_connection_goes_on() {
    let stage = Stage::set().await;
    let mut sender = connect(stage.doors().public).await;
    let url = format!("http://{SANDBOX}/oauth2/token");
    let large = "a".repeat(200_000);
    let (refused, told) = status(&mut sender, Request::post(&url), &large).await;
    assert_eq!(refused, 413, "{told}");
    let packed = Request::post(&url).header("content-encoding", "gzip");
    assert_eq!(status(&mut sender, packed, "x").await.0, 415);
    let form = crate::ask::form(&[
        ("grant_type", "client_credentials"),
        ("client_id", &stage.client),
        ("client_secret", &stage.secret),
    ]);
    let right = Request::post(&url).header("content-type", crate::ask::FORM);
    assert_eq!(status(&mut sender, right, &form).await.0, 200);
    let many = Request::get(format!("http://{SANDBOX}/healthz"));
    let many = (0..400).fold(many, |many, n| {
        many.header(format!("x-{n}"), "x".repeat(100))
    });
    let refused = sender
        .send_request(many.body(Full::default()).unwrap())
        .await;
    let is_refused = refused.map_or(true, |answer| answer.status() == 431);
    assert!(is_refused, "a head of 40 kB");
    stage.stop_sound().await;
}

#[tokio::test]
async fn frames_that_are_none_end_their_connection_only() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let stage = Stage::set().await;
    let frames: [(&str, &[u8]); 5] = [
        (
            "a frame of sixteen megabytes",
            b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
        ),
        (
            "data on no stream",
            b"\x00\x00\x01\x00\x01\x00\x00\x00\x00a",
        ),
        (
            "headers on an even stream",
            b"\x00\x00\x01\x01\x05\x00\x00\x00\x02\x82",
        ),
        (
            "a window beyond all bounds",
            b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x7f\xff\xff\xff",
        ),
        (
            "settings of an odd length",
            b"\x00\x00\x05\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        ),
    ];
    for (name, address) in stage.listeners() {
        for (what, frame) in frames {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(PREFACE).await.unwrap();
            stream
                .write_all(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
                .await
                .unwrap();
            stream.write_all(frame).await.unwrap();
            let mut said = Vec::new();
            let end = stream.read_to_end(&mut said);
            let ended = tokio::time::timeout(std::time::Duration::from_secs(30), end).await;
            assert!(ended.is_ok(), "{what} at {name}: the connection stays open");
        }
    }
    stage.stop_sound().await;
}
