//! HTTP/2 frames that cost more than they should. Written by hand: no client sends them.

use crate::harness::{Server, get, read};
use tokio::{
    io::{AsyncWriteExt, split},
    net::TcpStream,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `GET / http`, authority `x`.
const HEADERS: &[u8] = &[0x82, 0x86, 0x84, 0x41, 0x01, b'x'];
// RFC 9113 section 6.
const DATA: u8 = 0;
const HEADERS_TYPE: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn opening() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// Send `flood` for as long as someone takes it, at most `times`; then everything that the server said.
async fn flood(
    server: &Server,
    start: &[u8],
    flood: impl Fn(u32) -> Vec<u8>,
    times: u32,
) -> Vec<u8> {
    let stream = TcpStream::connect(server.public()).await.unwrap();
    let (reading, mut writing) = split(stream);
    let write = async {
        if writing.write_all(start).await.is_err() {
            return;
        }
        for number in 0..times {
            if writing.write_all(&flood(number)).await.is_err() {
                return;
            }
        }
        // All was taken: say goodbye, so that the answer ends.
        drop(writing.shutdown().await);
    };
    let (said, ()) = tokio::join!(read(reading), write);
    said
}

/// Whether the server said goodbye with an error (RFC 9113 section 6.8).
fn went_away(said: &[u8]) -> bool {
    let mut rest = said;
    while rest.len() >= 9 {
        let length = usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
        let Some(payload) = rest.get(9..9 + length) else {
            return false;
        };
        if rest[3] == 7 && payload[4..8] != [0, 0, 0, 0] {
            return true;
        }
        rest = &rest[9 + length..];
    }
    false
}

async fn still_answers(server: Server) {
    assert_eq!(get(server.public(), "x", "/healthz").await.status, 200);
    let numbers = get(server.admin(), "x", "/metrics").await.body;
    assert!(numbers.contains("countersign_panics_total 0"), "{numbers}");
    server.stop().await;
}

#[tokio::test]
async fn headers_that_never_end_end_the_connection() {
    let server = Server::start().await;
    let start = [opening(), frame(HEADERS_TYPE, 0, 1, HEADERS)].concat();
    // A literal header without indexing, `a: a`, again and again.
    let more: Vec<u8> = [0x00, 1, b'a', 1, b'a'].repeat(1000);
    let said = flood(
        &server,
        &start,
        |_| frame(CONTINUATION, 0, 1, &more),
        100_000,
    )
    .await;
    assert!(went_away(&said), "{said:?}");
    still_answers(server).await;
}

#[tokio::test]
async fn streams_that_are_reset_at_once_end_the_connection() {
    let server = Server::start().await;
    let pair = |number: u32| {
        let mut frames = Vec::new();
        // Many in one piece, so that the server sees the reset together with its stream.
        for within in 0..200 {
            let stream = (number * 200 + within) * 2 + 1;
            frames.extend(frame(HEADERS_TYPE, 0x5, stream, HEADERS));
            frames.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
        }
        frames
    };
    let said = flood(&server, &opening(), pair, 1000).await;
    assert!(went_away(&said), "{} bytes", said.len());
    still_answers(server).await;
}

#[tokio::test]
async fn empty_frames_do_not_keep_anything() {
    let server = Server::start().await;
    let start = [opening(), frame(HEADERS_TYPE, 0x4, 1, HEADERS)].concat();
    flood(
        &server,
        &start,
        |_| frame(DATA, 0, 1, &[]).repeat(1000),
        100,
    )
    .await;
    still_answers(server).await;
}

#[tokio::test]
async fn pings_are_answered_or_end_the_connection() {
    let server = Server::start().await;
    flood(
        &server,
        &opening(),
        |_| frame(PING, 0, 0, &[0; 8]).repeat(1000),
        20,
    )
    .await;
    still_answers(server).await;
}
