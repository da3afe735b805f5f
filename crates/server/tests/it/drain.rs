//! The end: what is under way finishes, nothing new begins.

use crate::harness::{Server, get, parse, read};
use tokio::{io::AsyncWriteExt, net::TcpStream};

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_drain_up() {
    let server = Server::start().await;
    let mut kept = TcpStream::connect(server.public()).await.unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut some = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut kept, &mut some)
        .await
        .unwrap();
    assert_eq!(&some, b"HTTP/1.1 200");
    let address = server.public();
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
    read(kept).await;
}

#[tokio::test]
async fn a_draining_node_is_not_ready() {
    let server = Server::start().await;
    server.running.state.health.begin_drain();
    let answer = get(server.public(), "x", "/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "draining\n"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(get(server.public(), "x", "/healthz").await.status, 200);
    assert_eq!(get(server.public(), "x", "/health").await.status, 503);
    server.stop().await;
}

#[tokio::test]
async fn a_head_under_way_is_not_waited_for_longer_than_the_drain() {
    let server = Server::start_with(|config| config.server.drain_s = 1).await;
    let mut slow = TcpStream::connect(server.public()).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        .await
        .unwrap();
    // The server has to have read the bytes before it drains.
    while !get(server.admin(), "x", "/metrics")
        .await
        .body
        .contains("countersign_connections{listener=\"public\"} 1")
    {
        tokio::task::yield_now().await;
    }
    server.running.shutdown().await;
    let said = read(slow).await;
    assert!(said.is_empty() || parse(&said).status >= 400, "{said:?}");
}
