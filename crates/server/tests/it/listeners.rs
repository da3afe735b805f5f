//! What listens where, and who answers there.

use crate::harness::{self, Server, exchange, get, send, socket};
use countersign_engine::model::environment::Mode;
use std::os::unix::fs::PermissionsExt;
use tokio::net::{TcpStream, UnixStream};

#[tokio::test]
async fn every_listener_answers_on_its_own_address() {
    let server = Server::start().await;
    for address in [server.public(), server.admin()] {
        let answer = get(address, "anything", "/healthz").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
        assert_eq!(get(address, "anything", "/readyz").await.status, 200);
    }
    let health = get(server.public(), "anything", "/health").await;
    assert_eq!((health.status, health.body.as_str()), (200, "OK"));
    assert_eq!(get(server.admin(), "anything", "/health").await.status, 404);
    server.stop().await;
}

#[tokio::test]
async fn numbers_are_for_operators_only_and_count_what_was_answered() {
    let server = Server::start().await;
    server
        .environment("sandbox", Mode::Sandbox, &["api.example"])
        .await;
    get(server.public(), "api.example", "/healthz").await;
    // The rows of the tables are counted by a worker, which has only just been started.
    let numbers = loop {
        let numbers = get(server.admin(), "x", "/metrics").await;
        assert_eq!(numbers.status, 200);
        if numbers.body.contains("countersign_outbox_deliveries{") {
            break numbers;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let line =
        "countersign_requests_total{listener=\"public\",route=\"server.healthz\",status=\"2xx\"} 1";
    assert!(numbers.body.contains(line), "{}", numbers.body);
    for name in [
        "countersign_cache_hits_total",
        "countersign_feed_age_milliseconds",
        "countersign_signatures_waiting 0",
        "countersign_store_rows{table=\"delivery\"} 0",
        "countersign_outbox_deliveries{state=\"waiting\"} 0",
        "countersign_outbox_deliveries{state=\"dead\"} 0",
        "countersign_observations_dropped_total 0",
    ] {
        assert!(numbers.body.contains(name), "{name}: {}", numbers.body);
    }
    assert_eq!(
        get(server.public(), "api.example", "/metrics").await.status,
        404
    );
    server.stop().await;
}

#[tokio::test]
async fn what_callers_write_never_becomes_a_label() {
    let server = Server::start().await;
    let series = async || {
        let numbers = get(server.admin(), "x", "/metrics").await.body;
        numbers
            .lines()
            .filter(|line| line.starts_with("countersign_requests"))
            .count()
    };
    get(server.public(), "first.example", "/first").await;
    series().await;
    let before = series().await;
    for number in 0..50 {
        let host = format!("host-{number}.example");
        let path = format!("/path-{number}?client_id=c{number}");
        assert_eq!(get(server.public(), &host, &path).await.status, 421);
    }
    assert_eq!(series().await, before);
    server.stop().await;
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own_and_says_what_browsers_may_not_do() {
    let server = Server::start().await;
    let mut ids = std::collections::HashSet::new();
    for path in ["/healthz", "/nothing", "/readyz"] {
        let answer = get(server.public(), "x.example", path).await;
        let id = answer.header("countersign-request-id").unwrap().to_owned();
        assert_eq!(answer.header("x-request-id"), Some(id.as_str()));
        assert!(
            id.len() == 8 && id.bytes().all(|b| b.is_ascii_alphanumeric()),
            "{id}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert!(ids.insert(id));
    }
    server.stop().await;
}

#[tokio::test]
async fn the_host_finds_the_environment_and_an_unknown_one_is_misdirected() {
    let server = Server::start().await;
    server
        .environment("sandbox", Mode::Sandbox, &["api.example", "127.0.0.1:9"])
        .await;
    for host in [
        "api.example",
        "API.example",
        "api.example:8443",
        "127.0.0.1:9",
    ] {
        assert_eq!(
            get(server.public(), host, "/nothing").await.status,
            404,
            "{host}"
        );
    }
    for host in ["other.example", "127.0.0.1", "localhost", "127.0.0.1:10"] {
        assert_eq!(
            get(server.public(), host, "/nothing").await.status,
            421,
            "{host}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn addresses_and_localhost_go_to_the_default_environment() {
    let sandbox = countersign_engine::id::EnvironmentId::parse("sandbox").unwrap();
    let server = Server::start_with(|config| {
        config.server.default_environment = Some(sandbox);
    })
    .await;
    assert_eq!(
        get(server.public(), "localhost", "/nothing").await.status,
        421
    );
    server
        .environment("sandbox", Mode::Sandbox, &["api.example"])
        .await;
    for host in ["localhost", "a.localhost:1", "127.0.0.1:77", "[::1]"] {
        assert_eq!(
            get(server.public(), host, "/nothing").await.status,
            404,
            "{host}"
        );
    }
    assert_eq!(
        get(server.public(), "other.example", "/nothing")
            .await
            .status,
        421
    );
    server.stop().await;
}

#[tokio::test]
async fn one_host_and_the_same_wherever_it_stands() {
    let server = Server::start().await;
    server
        .environment("sandbox", Mode::Sandbox, &["api.example"])
        .await;
    for head in [
        "GET /x HTTP/1.1\r\nHost: api.example\r\nHost: api.example\r\n",
        "GET /x HTTP/1.1\r\nHost: api.example\r\nHost: other.example\r\n",
        "GET /x HTTP/1.1\r\n",
        "GET /x HTTP/1.1\r\nHost: \r\n",
        "GET /x HTTP/1.1\r\nHost: a@api.example\r\n",
        "GET http://other.example/x HTTP/1.1\r\nHost: api.example\r\n",
    ] {
        let request = format!("{head}Connection: close\r\n\r\n");
        let answer = send(server.public(), request.as_bytes()).await;
        assert_eq!(answer.status, 400, "{head}");
    }
    let absolute =
        "GET http://api.example/x HTTP/1.1\r\nHost: API.example\r\nConnection: close\r\n\r\n";
    assert_eq!(send(server.public(), absolute.as_bytes()).await.status, 404);
    server.stop().await;
}

#[tokio::test]
async fn a_listener_has_several_addresses_unix_sockets_among_them() {
    let folder = tempfile::tempdir().unwrap();
    let (address, path) = socket(&folder, "public.sock");
    // What a killed process leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = Server::start_with(|config| {
        config.listener.public.addresses.push(address.clone());
        config
            .listener
            .public
            .addresses
            .push(countersign::config::Address::loopback(0));
    })
    .await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let stream = UnixStream::connect(&path).await.unwrap();
    assert_eq!(exchange(stream, request).await.status, 200);
    let third = harness::tcp(&server.running.addresses.public[2]);
    assert_eq!(send(third, request).await.status, 200);
    server.stop().await;
    assert!(!path.exists(), "the socket file goes with the server");
}

#[tokio::test]
async fn a_file_in_the_place_of_a_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (address, path) = socket(&folder, "precious");
    std::fs::write(&path, "precious").unwrap();
    let mut config = harness::config(&folder);
    config.listener.public.addresses = vec![address];
    let error = countersign::serve::start(config, &[]).await.err().unwrap();
    assert!(error.to_string().contains("not a socket"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn too_many_connections_are_closed_at_once_and_counted() {
    let server = Server::start_with(|config| {
        config.listener.public.limits.connections_max = 1;
    })
    .await;
    let first = TcpStream::connect(server.public()).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let first = {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = first;
        stream.write_all(request).await.unwrap();
        let mut some = [0; 16];
        stream.read_exact(&mut some).await.unwrap();
        stream
    };
    let second = TcpStream::connect(server.public()).await.unwrap();
    assert!(harness::read(second).await.is_empty());
    let numbers = get(server.admin(), "x", "/metrics").await.body;
    let line = "countersign_connections_refused_total{listener=\"public\"} 1";
    assert!(numbers.contains(line), "{numbers}");
    drop(first);
    server.stop().await;
}

#[tokio::test]
async fn the_first_start_makes_an_operator_whose_token_only_the_owner_can_read() {
    let server = Server::start().await;
    let folder = server.folder.path().join("data");
    let mode = |name: &str| {
        let metadata = std::fs::metadata(folder.join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("operator.json"), 0o600);
    assert_eq!(mode("master.key"), 0o600);
    assert_eq!(mode(""), 0o700);
    let text = std::fs::read_to_string(folder.join("operator.json")).unwrap();
    assert!(
        text.contains(&format!("http://{}", server.admin())),
        "{text}"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_data_folder_has_one_server() {
    let server = Server::start().await;
    let second = countersign::serve::start(harness::config(&server.folder), &[]).await;
    let error = second.err().unwrap().to_string();
    assert!(
        error.contains("another server uses the data folder"),
        "{error}"
    );
    let folder = server.folder;
    assert!(server.running.shutdown().await);
    let again = countersign::serve::start(harness::config(&folder), &[])
        .await
        .unwrap();
    assert!(again.shutdown().await);
}

#[tokio::test]
async fn a_gateway_lets_nothing_pass_that_no_guard_lets_pass() {
    let server = Server::start().await;
    server
        .environment("sandbox", Mode::Sandbox, &["api.example"])
        .await;
    let judged = b"GET /decide HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Original-Method: GET\r\nX-Original-Host: api.example\r\nX-Original-URI: /x\r\nConnection: close\r\n\r\n";
    for request in [
        &judged[..],
        b"GET /healthz HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: api.example\r\nContent-Length: 100000\r\n\r\nabc",
    ] {
        let answer = send(server.gateway(), request).await;
        assert!(answer.status >= 400, "{answer:?}");
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{answer:?}"
        );
    }
    let numbers = get(server.admin(), "x", "/metrics").await.body;
    assert!(
        numbers.contains("countersign_decisions_allowed_total 0"),
        "{numbers}"
    );
    assert!(numbers.contains("countersign_panics_total 0"), "{numbers}");
    server.stop().await;
}
