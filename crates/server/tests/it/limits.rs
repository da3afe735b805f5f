//! What is too much, too slow or not HTTP: each refused for its own reason, none an end of the server.

use crate::harness::{Server, exchange, get, read, send};
use countersign_engine::model::environment::Mode;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_util::task::TaskTracker;

async fn still_answers(server: Server) {
    let answer = get(server.public(), "x", "/healthz").await;
    assert_eq!(answer.status, 200);
    let numbers = get(server.admin(), "x", "/metrics").await.body;
    assert!(numbers.contains("countersign_panics_total 0"), "{numbers}");
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_does_not_end_is_closed() {
    let server = Server::start_with(|config| {
        config.listener.public.limits.header_timeout_s = 1;
    })
    .await;
    let mut slow = TcpStream::connect(server.public()).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .await
        .unwrap();
    let (reading, mut writing) = slow.into_split();
    let trickle = async {
        // A byte now and then, for as long as someone takes it.
        while writing.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (said, ()) = tokio::join!(read(reading), trickle);
    assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
    still_answers(server).await;
}

/// Who sends a head long before its body would else choose where between two beats its answer is made.
#[tokio::test]
async fn an_answer_on_the_beat_leaves_a_whole_beat_after_the_body() {
    let server = Server::start().await;
    let (hosts, dialects) = (&["sandbox.example"], &["standard", "bitcanuck"][..]);
    server
        .environment_with("sandbox", Mode::Sandbox, hosts, &[], Some(dialects))
        .await;
    let body = r#"{"email":"nobody@email.com"}"#;
    let head = format!(
        "POST /api/v1/password-reset HTTP/1.1\r\nHost: sandbox.example\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let clock = &server.running.state.clock;
    for pause_ms in 10..30 {
        let mut asker = TcpStream::connect(server.public()).await.unwrap();
        asker.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        let sent = clock.monotonic();
        asker.write_all(body.as_bytes()).await.unwrap();
        let said = read(asker).await;
        let took = clock.monotonic().saturating_sub(sent);
        let said = String::from_utf8_lossy(&said);
        assert!(said.starts_with("HTTP/1.1 204"), "{said}");
        assert!(took >= Duration::from_millis(10), "{took:?}");
    }
    still_answers(server).await;
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let server = Server::start_with(|config| {
        config.listener.public.limits.idle_timeout_s = 1;
    })
    .await;
    let silent = TcpStream::connect(server.public()).await.unwrap();
    assert!(read(silent).await.is_empty());
    let mut kept = TcpStream::connect(server.public()).await.unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let said = read(kept).await;
    assert!(
        said.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&said)
    );
    still_answers(server).await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start().await;
    let long = format!(
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\nConnection: close\r\n\r\n",
        "a".repeat(20_000)
    );
    assert_eq!(send(server.public(), long.as_bytes()).await.status, 431);
    let many: String = (0..200)
        .map(|number| format!("X-{number}: 1\r\n"))
        .collect();
    let many = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{many}Connection: close\r\n\r\n");
    assert_eq!(send(server.public(), many.as_bytes()).await.status, 431);
    still_answers(server).await;
}

#[tokio::test]
async fn a_large_head_that_a_proxy_took_became_503_behind_nginx() {
    let server = Server::start().await;
    let judged = "GET / HTTP/1.1\r\nHost: x\r\nX-Original-Method: GET\r\nX-Original-Host: api.example\r\nX-Original-URI: /x\r\nX-Original-Peer: 192.0.2.7\r\nX-Original-Request-Id: r1\r\n";
    let many: String = (0..150)
        .map(|number| format!("X-{number}: {}\r\n", "a".repeat(250)))
        .collect();
    assert!(many.len() > 32 * 1024, "more than nginx takes");
    let request = format!("{judged}{many}Connection: close\r\n\r\n");
    let answer = send(server.gateway(), request.as_bytes()).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("countersign-status"), Some("421"));
    still_answers(server).await;
}

#[tokio::test]
async fn what_is_not_http_gets_a_400_or_nothing() {
    let server = Server::start().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET  /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nA\0B: c\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nBad Name: c\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.public()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let said = read(stream).await;
        let text = String::from_utf8_lossy(&said);
        assert!(
            text.is_empty() || text.starts_with("HTTP/1.1 4"),
            "{bytes:?}: {text}"
        );
    }
    still_answers(server).await;
}

#[tokio::test]
async fn a_method_that_is_not_there_says_which_are() {
    let server = Server::start().await;
    server
        .environment(
            "sandbox",
            countersign_engine::model::environment::Mode::Sandbox,
            &["x.example"],
        )
        .await;
    let request = b"DELETE /healthz HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n\r\n";
    let answer = send(server.public(), request).await;
    assert_eq!(answer.status, 405);
    still_answers(server).await;
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = Server::start().await;
    let request = b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = send(server.public(), request).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("content-length"), Some("3"));
    still_answers(server).await;
}

#[tokio::test]
async fn requests_of_one_connection_are_answered_in_turn() {
    let server = Server::start().await;
    let stream = TcpStream::connect(server.public()).await.unwrap();
    let both = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let first = exchange(stream, both).await;
    assert_eq!(first.status, 200);
    assert!(
        first.body.starts_with("ok\n") && first.body.ends_with("ready\n"),
        "{}",
        first.body
    );
    still_answers(server).await;
}

#[tokio::test]
async fn http2_is_spoken_without_tls_too() {
    let server = Server::start().await;
    let stream = TcpStream::connect(server.public()).await.unwrap();
    let io = TokioIo::new(stream);
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    let tasks = TaskTracker::new();
    countersign::system::spawn(&tasks, async move { connection.await.unwrap() });
    for _ in 0..3 {
        let request = hyper::Request::get("http://x.example/healthz").body(Empty::<Bytes>::new());
        let answer = client.send_request(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&body[..], b"ok\n");
    }
    let other = hyper::Request::get("http://x.example/nothing")
        .header("host", "y.example")
        .body(Empty::<Bytes>::new());
    let answer = client.send_request(other.unwrap()).await.unwrap();
    assert_eq!(answer.status(), 400, "two hosts");
    drop(client);
    tasks.close();
    tasks.wait().await;
    still_answers(server).await;
}
