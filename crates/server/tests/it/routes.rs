//! Requests that take a dialect's route, from the socket to the engine and back.

use crate::harness::{Answer, Server, exchange, get, parse, read, send};
use countersign_engine::model::environment::Mode;
use tokio::{io::AsyncWriteExt, net::TcpStream};

async fn sandbox() -> Server {
    let server = Server::start().await;
    server
        .environment("sandbox", Mode::Sandbox, &["api.example"])
        .await;
    server
}

/// `POST /oauth2/token` with these further header lines and this body.
async fn post(server: &Server, lines: &str, body: &str) -> Answer {
    let request = format!(
        "POST /oauth2/token HTTP/1.1\r\nHost: api.example\r\n{lines}Connection: close\r\n\r\n{body}"
    );
    send(server.public(), request.as_bytes()).await
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[tokio::test]
async fn a_request_reaches_the_engine_and_its_answer_comes_back() {
    let server = sandbox().await;
    let body = "grant_type=client_credentials&client_id=nobody&client_secret=nothing";
    let lines = format!("{FORM}Content-Length: {}\r\n", body.len());
    let answer = post(&server, &lines, body).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.body.contains("\"invalid_client\""), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let numbers = get(server.admin(), "x", "/metrics").await.body;
    assert!(
        numbers.contains("countersign_refusals_total{reason=\"unknown\"} 1"),
        "{numbers}"
    );
    server.stop().await;
}

#[tokio::test]
async fn public_documents_are_for_every_browser() {
    let server = sandbox().await;
    let request = "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: api.example\r\nOrigin: https://x.example\r\nConnection: close\r\n\r\n";
    let answer = send(server.public(), request.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer.body.contains("https://sandbox.example"),
        "{answer:?}"
    );
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let preflight = request.replace("GET", "OPTIONS").replace(
        "Connection",
        "Access-Control-Request-Method: GET\r\nConnection",
    );
    let answer = send(server.public(), preflight.as_bytes()).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("GET, HEAD")
    );
    server.stop().await;
}

#[tokio::test]
async fn a_preflight_for_what_browsers_may_not_call_is_refused() {
    let server = sandbox().await;
    let request = b"OPTIONS /oauth2/token HTTP/1.1\r\nHost: api.example\r\nOrigin: https://x.example\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n";
    let answer = send(server.public(), request).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones_and_nothing_is_found_elsewhere() {
    let server = sandbox().await;
    let answer = get(server.public(), "api.example", "/oauth2/token").await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("POST"));
    for path in [
        "/oauth2/token/",
        "/oauth2//token",
        "/OAUTH2/token",
        "/oauth2/%74oken",
        "/oauth2",
        "/",
        "/oauth2/token%00",
    ] {
        assert_eq!(
            get(server.public(), "api.example", path).await.status,
            404,
            "{path}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_dialect_that_the_environment_does_not_have_is_not_there() {
    let server = sandbox().await;
    let request = b"POST /auth/token HTTP/1.1\r\nHost: api.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(send(server.public(), request).await.status, 404);
    let wrong_method = get(server.public(), "api.example", "/auth/token").await;
    assert_eq!(wrong_method.status, 404);
    server.stop().await;
}

#[tokio::test]
async fn operators_routes_are_on_the_admin_listener_only() {
    let server = sandbox().await;
    assert_eq!(
        get(server.admin(), "x", "/admin/v1/environments")
            .await
            .status,
        401
    );
    assert_eq!(
        get(server.public(), "api.example", "/admin/v1/environments")
            .await
            .status,
        404
    );
    assert_eq!(get(server.admin(), "x", "/oauth2/token").await.status, 404);
    let request = format!(
        "GET /admin/v1/environments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        server.operator_token()
    );
    let answer = send(server.admin(), request.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("\"sandbox\""), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_and_while_it_is_read() {
    let server = sandbox().await;
    let announced = post(
        &server,
        &format!("{FORM}Content-Length: 99999999\r\n"),
        "a=",
    )
    .await;
    assert_eq!(announced.status, 413, "{announced:?}");
    assert_eq!(announced.header("connection"), Some("close"));
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let chunks = chunk.repeat(4) + "0\r\n\r\n";
    let unannounced = post(
        &server,
        &format!("{FORM}Transfer-Encoding: chunked\r\n"),
        &chunks,
    )
    .await;
    assert_eq!(unannounced.status, 413, "{unannounced:?}");
    let where_none_is_taken = b"GET /oauth2/jwks HTTP/1.1\r\nHost: api.example\r\nContent-Length: 1\r\nConnection: close\r\n\r\na";
    assert_eq!(send(server.public(), where_none_is_taken).await.status, 413);
    server.stop().await;
}

#[tokio::test]
async fn a_coded_body_is_refused() {
    let server = sandbox().await;
    let lines = format!("{FORM}Content-Encoding: gzip\r\nContent-Length: 2\r\n");
    assert_eq!(post(&server, &lines, "\x1f\x08").await.status, 415);
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_not_waited_for() {
    let server = Server::start_with(|config| {
        config.listener.public.limits.body_timeout_s = 1;
    })
    .await;
    server
        .environment("sandbox", Mode::Sandbox, &["api.example"])
        .await;
    let lines = format!("{FORM}Content-Length: 10\r\n");
    let answer = post(&server, &lines, "a=").await;
    assert_eq!(answer.status, 408, "{answer:?}");
    assert_eq!(answer.header("connection"), Some("close"));
    server.stop().await;
}

#[tokio::test]
async fn a_request_under_way_is_answered_during_the_drain() {
    let server = sandbox().await;
    let mut stream = TcpStream::connect(server.public()).await.unwrap();
    let head = format!(
        "POST /oauth2/token HTTP/1.1\r\nHost: api.example\r\n{FORM}Content-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: so the request is under way.
    let mut interim = [0; 25];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut interim)
        .await
        .unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    let finish = async {
        stream.write_all(b"a=bc").await.unwrap();
        parse(&read(stream).await)
    };
    let (drained, answer) = tokio::join!(server.running.shutdown(), finish);
    assert!(drained, "in time");
    assert_eq!(answer.status, 401, "{answer:?}");
}

#[tokio::test]
async fn documents_describe_each_dialect_where_it_is_served() {
    let server = sandbox().await;
    for name in [
        "standard",
        "ayyeka",
        "bitcanuck",
        "ultra",
        "quiltt",
        "ubiqu",
    ] {
        let answer = get(server.public(), "x", &format!("/openapi/{name}.json")).await;
        let document: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert!(
            document["openapi"].as_str().unwrap().starts_with("3.1"),
            "{name}"
        );
    }
    assert_eq!(
        get(server.admin(), "x", "/admin/v1/openapi.json")
            .await
            .status,
        200
    );
    assert_eq!(
        get(server.public(), "api.example", "/openapi/admin.json")
            .await
            .status,
        404
    );
    server.stop().await;
}

#[tokio::test]
async fn hostile_requests_get_a_4xx_and_harm_nothing() {
    let server = sandbox().await;
    let bodies: [&[u8]; 6] = [
        b"grant_type=client_credentials&grant_type=client_credentials",
        b"\xff\xfe\xfd",
        b"grant_type=%zz",
        b"grant_type=\0",
        b"=&=&=",
        b"{\"a\":[[[[[[[[[[",
    ];
    for body in bodies {
        let head = format!(
            "POST /oauth2/token HTTP/1.1\r\nHost: api.example\r\n{FORM}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let request = [head.as_bytes(), body].concat();
        let stream = TcpStream::connect(server.public()).await.unwrap();
        let answer = exchange(stream, &request).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    let numbers = get(server.admin(), "x", "/metrics").await.body;
    assert!(numbers.contains("countersign_panics_total 0"), "{numbers}");
    server.stop().await;
}

#[tokio::test]
async fn ayyekas_token_endpoint_lost_its_members_before_the_decoder() {
    let server = Server::start_with(|config| {
        config.listener.public.limits.body_timeout_s = 1;
    })
    .await;
    let hosts = &["api.example"];
    server
        .environment_with("sandbox", Mode::Sandbox, hosts, &[], Some(&["ayyeka"]))
        .await;
    for (method, lines, status) in [
        ("GET", "", 405),
        ("POST", "Content-Length: 99999\r\n", 413),
        (
            "POST",
            "Content-Encoding: gzip\r\nContent-Length: 1\r\n",
            415,
        ),
        ("POST", "Content-Length: 9\r\n", 408),
    ] {
        let request = format!(
            "{method} /auth/token HTTP/1.1\r\nHost: api.example\r\n{FORM}{lines}Connection: close\r\n\r\n"
        );
        let answer = send(server.public(), request.as_bytes()).await;
        assert_eq!(answer.status, status, "{answer:?}");
        for member in ["error", "error_description", "message", "request_id"] {
            assert!(answer.body.contains(&format!("\"{member}\"")), "{answer:?}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_decision_that_was_broken_off_was_no_denial_and_not_counted() {
    use countersign::{config::Profile, gateway};
    let server = Server::start().await;
    let state = &server.running.state;
    for (profile, status) in [(Profile::Nginx, 403), (Profile::ForwardAuth, 503)] {
        let place = "listener.gateway[0]".to_owned();
        let listener = gateway::GatewayProfile::new(place, profile, None);
        let fault = countersign_engine::denied::Fault::unavailable("too long");
        let answer =
            gateway::broken_off(state, &listener, fault, std::time::Duration::from_secs(30));
        assert_eq!(answer.status().as_u16(), status, "{profile:?}");
        let headers = answer.headers();
        assert!(headers.contains_key("retry-after"), "{profile:?}");
        if profile == Profile::Nginx {
            assert_eq!(headers["countersign-status"], "503");
        }
    }
    let numbers = get(server.admin(), "x", "/metrics").await.body;
    assert!(
        numbers.contains("countersign_decisions_unknowable_total 2"),
        "{numbers}"
    );
    server.stop().await;
}

/// Two dialects have paths below `/api/`, and an environment may have both.
#[tokio::test]
async fn below_api_everything_was_refused_in_bitcanucks_words() {
    let server = Server::start().await;
    for (number, dialects, path, word) in [
        (0, &["ubiqu", "bitcanuck"][..], "/api/nothing", "errors"),
        (1, &["ubiqu", "bitcanuck"], "/api/v1/nothing", "error"),
        (2, &["ubiqu"], "/api/v1/nothing", "errors"),
        (3, &["bitcanuck"], "/api/nothing", "error"),
        (4, &["standard"], "/api/nothing", "error"),
    ] {
        let (name, host) = (format!("e{number}"), format!("api{number}.example"));
        server
            .environment_with(&name, Mode::Sandbox, &[&host], &[], Some(dialects))
            .await;
        let answer = get(server.public(), &host, path).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let has = body.get(word).is_some();
        assert!(has, "{dialects:?} {path}: {answer:?}");
    }
    server.stop().await;
}
