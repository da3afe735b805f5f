//! Heads and framing: what is not one HTTP request with one meaning is refused.

use super::{Stage, refused};
use crate::{
    ask::{self, Ask},
    harness::{Answer, parse},
    world::SANDBOX,
};

/// Framing that two readers could understand in two ways (RFC 9112 section 6.3), with what ends the head.
const SMUGGLED: [(&str, &str); 16] = [
    (
        "both",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "both, in the other order",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    (
        "two lengths",
        "Content-Length: 0\r\nContent-Length: 43\r\n\r\n",
    ),
    ("two lengths in one", "Content-Length: 0, 43\r\n\r\n"),
    ("a sign", "Content-Length: +0\r\n\r\n"),
    ("a negative length", "Content-Length: -1\r\n\r\n"),
    ("hexadecimal", "Content-Length: 0x0\r\n\r\n"),
    (
        "a length without end",
        "Content-Length: 99999999999999999999999\r\n\r\n",
    ),
    ("no number", "Content-Length: zero\r\n\r\n"),
    ("an empty length", "Content-Length:\r\n\r\n"),
    (
        "chunked twice",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunked not last",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ),
    (
        "something like chunked",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a space before the colon",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a folded coding",
        "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunked in HTTP/1.0's place",
        "Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
    ),
];

/// A head of this size, spread over one header or many.
fn large(lines: usize, bytes: usize) -> String {
    let filler: String = (0..lines)
        .map(|number| format!("X-Filler-{number}: {}\r\n", "a".repeat(bytes)))
        .collect();
    format!("GET /healthz HTTP/1.1\r\nHost: {SANDBOX}\r\n{filler}Connection: close\r\n\r\n")
}

/// What the documents say of bytes that never became a request: a status, and the end.
fn is_bare(answer: &Answer) -> bool {
    let names = answer.headers.iter().map(|(name, _)| name.as_str());
    let known = ["connection", "content-length", "date"];
    let closes = answer.header("connection") == Some("close");
    closes && answer.body.is_empty() && names.into_iter().all(|name| known.contains(&name))
}

#[tokio::test]
async fn what_is_too_large_is_refused_by_its_own_status() {
    let stage = Stage::set().await;
    for (name, address) in stage.listeners() {
        for (what, request) in [
            ("one long header", large(1, 64 * 1024)),
            ("many headers", large(1000, 1)),
            ("many long headers", large(90, 1000)),
        ] {
            let what = format!("{what} at {name}");
            let answer = refused(&what, address, request.as_bytes()).await.unwrap();
            assert_eq!(answer.status, 431, "{what}: {answer:?}");
            assert!(is_bare(&answer), "{what}: {answer:?}");
        }
        let url = format!(
            "GET /{} HTTP/1.1\r\nHost: {SANDBOX}\r\n\r\n",
            "a".repeat(64 * 1024)
        );
        let what = format!("a long target at {name}");
        let answer = refused(&what, address, url.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 431, "{what}: {answer:?}");
        assert!(is_bare(&answer), "{what}: {answer:?}");
        let dots = Ask::get("/").at(SANDBOX).bearer(&".".repeat(1024 * 1024));
        let what = format!("a megabyte of dots at {name}");
        let answer = refused(&what, address, &dots.wire()).await;
        assert_eq!(answer.unwrap().status, 431, "{what}");
    }
    stage.stop_sound().await;
}

#[tokio::test]
async fn a_bearer_of_dots_that_fits_is_refused_like_any_other() {
    let stage = Stage::set().await;
    let doors = stage.doors();
    for length in [1, 2, 3, 4, 100, 8191, 8192, 8193, 15_000] {
        let dots = ".".repeat(length);
        let whoami = Ask::get("/admin/v1/whoami")
            .bearer(&dots)
            .send(doors.admin)
            .await;
        assert_eq!(whoami.status, 401, "{length}: {whoami:?}");
        let judged = Ask::get("/x")
            .at(SANDBOX)
            .header("X-Forwarded-For", "192.0.2.1");
        let answer = judged.bearer(&dots).send(doors.gateways[3]).await;
        assert_eq!(answer.status, 401, "{length}: {answer:?}");
        let seen = stage
            .token(&format!("&client_assertion={dots}"))
            .send(doors.public)
            .await;
        assert_eq!(seen.status, 400, "{length}: {seen:?}");
    }
    stage.stop_sound().await;
}

#[tokio::test]
async fn one_host_that_is_ours_is_needed() {
    let stage = Stage::set().await;
    let doors = stage.doors();
    let asks = |lines: &str, target: &str| {
        format!("GET {target} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n")
    };
    let host = format!("Host: {SANDBOX}\r\n");
    let cases = [
        ("none", asks("", "/oauth2/jwks"), 400),
        ("two", asks(&host.repeat(2), "/oauth2/jwks"), 400),
        (
            "two that differ",
            asks(&format!("{host}Host: x.example\r\n"), "/oauth2/jwks"),
            400,
        ),
        ("an empty one", asks("Host:\r\n", "/oauth2/jwks"), 400),
        (
            "a list",
            asks("Host: a.example, b.example\r\n", "/oauth2/jwks"),
            400,
        ),
        (
            "with a user",
            asks(&format!("Host: a@{SANDBOX}\r\n"), "/oauth2/jwks"),
            400,
        ),
        (
            "with a path",
            asks(&format!("Host: {SANDBOX}/x\r\n"), "/oauth2/jwks"),
            400,
        ),
        (
            "not ASCII",
            asks("Host: s\u{e4}ndbox.example\r\n", "/oauth2/jwks"),
            400,
        ),
        (
            "with a silly port",
            asks(&format!("Host: {SANDBOX}:99999\r\n"), "/oauth2/jwks"),
            400,
        ),
        (
            "unknown",
            asks("Host: other.example\r\n", "/oauth2/jwks"),
            421,
        ),
        (
            "its own subdomain",
            asks(&format!("Host: x.{SANDBOX}\r\n"), "/oauth2/jwks"),
            421,
        ),
        (
            "a dot behind it",
            asks(&format!("Host: {SANDBOX}.\r\n"), "/oauth2/jwks"),
            421,
        ),
        (
            "an address",
            asks("Host: 127.0.0.1\r\n", "/oauth2/jwks"),
            421,
        ),
        (
            "another in the target",
            asks(&host, "http://other.example/oauth2/jwks"),
            400,
        ),
        (
            "unknown in both",
            asks("Host: o.example\r\n", "http://o.example/oauth2/jwks"),
            421,
        ),
        (
            "the same in the target",
            asks(&host, &format!("http://{SANDBOX}/oauth2/jwks")),
            200,
        ),
        (
            "in capitals",
            asks("Host: SANDBOX.Example\r\n", "/oauth2/jwks"),
            200,
        ),
    ];
    for (what, request, expected) in cases {
        let answer = parse(&ask::raw(doors.public, request.as_bytes()).await);
        assert_eq!(answer.status, expected, "{what}: {answer:?}");
        if expected != 200 {
            assert_eq!(
                super::error(&answer),
                "invalid_request",
                "{what}: {answer:?}"
            );
        }
    }
    // The headers that proxies speak for hosts with mean nothing here.
    for name in [
        "X-Forwarded-Host",
        "X-Host",
        "Forwarded",
        "X-Original-Host",
        "X-Forwarded-Server",
    ] {
        let ask = Ask::get("/oauth2/jwks")
            .at("other.example")
            .header(name, SANDBOX);
        assert_eq!(ask.send(doors.public).await.status, 421, "{name}");
    }
    stage.stop_sound().await;
}

#[tokio::test]
async fn framing_with_two_meanings_is_refused_and_the_connection_ends() {
    let stage = Stage::set().await;
    for (name, address) in stage.listeners() {
        for (what, framing) in SMUGGLED {
            // Who understands the framing in the other way finds a request behind it.
            let request = format!(
                "POST /oauth2/token HTTP/1.1\r\nHost: {SANDBOX}\r\n{framing}GET /healthz HTTP/1.1\r\nHost: {SANDBOX}\r\n\r\n"
            );
            let said = ask::raw_until_closed(address, request.as_bytes()).await;
            let text = String::from_utf8_lossy(&said);
            let answers = text.matches("HTTP/1.1 ").count();
            assert!(answers <= 1, "{what} at {name}: {text}");
            assert!(
                text.is_empty() || text.starts_with("HTTP/1.1 4"),
                "{what} at {name}: {text}"
            );
        }
    }
    stage.stop_sound().await;
}

#[tokio::test]
async fn what_is_not_http_gets_400_or_the_end_of_the_connection() {
    let stage = Stage::set().await;
    let cases: [(&str, &[u8]); 18] = [
        ("a NUL in the target", b"GET /\0 HTTP/1.1\r\nHost: sandbox.example\r\n\r\n"),
        ("a NUL in a name", b"GET / HTTP/1.1\r\nHost: sandbox.example\r\nA\0: b\r\n\r\n"),
        ("a NUL in a value", b"GET / HTTP/1.1\r\nHost: sandbox.example\r\nA: \0\r\n\r\n"),
        ("a NUL in the method", b"G\0T / HTTP/1.1\r\nHost: sandbox.example\r\n\r\n"),
        ("a CR in a value", b"GET / HTTP/1.1\r\nHost: sandbox.example\r\nA: a\rb\r\n\r\n"),
        ("a space in the target", b"GET /a b HTTP/1.1\r\nHost: sandbox.example\r\n\r\n"),
        ("a space behind a name", b"GET / HTTP/1.1\r\nHost : sandbox.example\r\n\r\n"),
        ("a folded header", b"GET / HTTP/1.1\r\nHost: sandbox.example\r\nA: b\r\n c\r\n\r\n"),
        ("no name", b"GET / HTTP/1.1\r\nHost: sandbox.example\r\n: b\r\n\r\n"),
        ("no version", b"GET /\r\nHost: sandbox.example\r\n\r\n"),
        ("a version to come", b"GET / HTTP/3.0\r\nHost: sandbox.example\r\n\r\n"),
        ("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
        ("TLS", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n"),
        ("nothing but line ends", b"\r\n\r\n\r\n\r\n"),
        ("half an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
        ("bytes that are no text", b"\xff\xfe\xfd\r\n\r\n"),
        ("a target that is no text", b"GET /\xff HTTP/1.1\r\nHost: sandbox.example\r\nConnection: close\r\n\r\n"),
        ("CONNECT", b"CONNECT sandbox.example:443 HTTP/1.1\r\nHost: sandbox.example:443\r\nConnection: close\r\n\r\n"),
    ];
    for (name, address) in stage.listeners() {
        for (what, request) in cases {
            let said = ask::raw_until_closed(address, request).await;
            let text = String::from_utf8_lossy(&said);
            // An HTTP/2 connection that begins wrongly ends with frames, and those are no text.
            let is_http2 = request.starts_with(b"PRI");
            assert!(
                said.is_empty() || text.starts_with("HTTP/1.1 4") || is_http2,
                "{what} at {name}: {text}"
            );
        }
    }
    stage.stop_sound().await;
}

#[tokio::test]
async fn chunks_are_read_strictly_and_trailers_say_nothing() {
    let stage = Stage::set().await;
    let doors = stage.doors();
    let form = "grant_type=client_credentials";
    let head = |more: &str| {
        let basic =
            data_encoding::BASE64.encode(format!("{}:{}", stage.client, stage.secret).as_bytes());
        let auth = if more.contains("no-auth") {
            String::new()
        } else {
            format!("Authorization: Basic {basic}\r\n")
        };
        let auth_line = format!("authorization: Basic {basic}\r\n");
        let head = format!(
            "POST /oauth2/token HTTP/1.1\r\nHost: {SANDBOX}\r\n{auth}Content-Type: {}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            ask::FORM
        );
        (head, auth_line)
    };
    let chunk = format!("{:x}\r\n{form}\r\n", form.len());
    let (good, trailer) = head("");
    let whole = format!("{good}{chunk}0\r\n\r\n");
    assert_eq!(
        parse(&ask::raw(doors.public, whole.as_bytes()).await).status,
        200
    );
    // A credential in a trailer is none (vulnerability class: aliases smuggled in trailers).
    let (bare, _) = head("no-auth");
    let smuggled = format!("{bare}{chunk}0\r\n{trailer}\r\n");
    let answer = parse(&ask::raw(doors.public, smuggled.as_bytes()).await);
    assert_eq!(answer.status, 401, "{answer:?}");
    for (what, body) in [
        (
            "a size that is no number",
            format!("zz\r\n{form}\r\n0\r\n\r\n"),
        ),
        ("a negative size", format!("-1\r\n{form}\r\n0\r\n\r\n")),
        (
            "a size without end",
            format!("ffffffffffffffffff\r\n{form}\r\n0\r\n\r\n"),
        ),
        (
            "a chunk that is longer than it says",
            format!("1\r\n{form}\r\n0\r\n\r\n"),
        ),
        (
            "no line end behind a chunk",
            format!("{:x}\r\n{form}0\r\n\r\n", form.len()),
        ),
        (
            "extensions without end",
            format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(100_000)),
        ),
        (
            "trailers without end",
            format!("{chunk}0\r\nx: {}\r\n\r\n", "x".repeat(100_000)),
        ),
    ] {
        let request = format!("{good}{body}");
        let answer = refused(what, doors.public, request.as_bytes()).await;
        if let Some(answer) = answer {
            assert!(
                matches!(answer.status, 400 | 413 | 431),
                "{what}: {answer:?}"
            );
        }
    }
    let endless = format!(
        "{good}{}",
        "1000\r\n".to_owned() + &"a".repeat(4096) + "\r\n"
    )
    .into_bytes();
    let mut endless = endless;
    for _ in 0..64 {
        endless.extend_from_slice(format!("1000\r\n{}\r\n", "a".repeat(4096)).as_bytes());
    }
    let answer = refused("chunks without end", doors.public, &endless)
        .await
        .unwrap();
    assert_eq!(answer.status, 413, "{answer:?}");
    stage.stop_sound().await;
}

#[tokio::test]
async fn a_bare_line_feed_makes_no_second_request() {
    let stage = Stage::set().await;
    let cases = [
        format!("GET /healthz HTTP/1.1\nHost: {SANDBOX}\n\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: {SANDBOX}\nConnection: close\n\r\n"),
        format!(
            "POST /oauth2/token HTTP/1.1\r\nHost: {SANDBOX}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\n\nGET /healthz HTTP/1.1\r\nHost: {SANDBOX}\r\n\r\n"
        ),
        format!(
            "POST /oauth2/token HTTP/1.1\r\nHost: {SANDBOX}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1;x\na\r\n0\r\n\r\n"
        ),
    ];
    for (name, address) in stage.listeners() {
        for request in &cases {
            let said = ask::raw_until_closed(address, request.as_bytes()).await;
            let text = String::from_utf8_lossy(&said);
            assert!(
                text.matches("HTTP/1.1 ").count() <= 1,
                "{request:?} at {name}: {text}"
            );
        }
    }
    stage.stop_sound().await;
}
