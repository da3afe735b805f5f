use super::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// A gateway listener that answers everything with `answer`, or with nothing, and tells what it was asked.
async fn gateway(answer: Option<&'static str>) -> (Gate, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gate = Gate::new(listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 8192];
        let count = stream.read(&mut asked).await.unwrap();
        match answer {
            Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
            // It hangs until the other side has had enough.
            None => drop(stream.read(&mut [0]).await),
        }
        String::from_utf8_lossy(&asked[..count]).to_lowercase()
    });
    (gate, asked)
}

fn request(headers: &[(&'static str, &'static str)]) -> Parts {
    let mut request = Request::builder()
        .method("POST")
        .uri("/v2.0/site?limit=1")
        .header("host", "api.example:8083");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn peer() -> IpAddr {
    IpAddr::from([127, 0, 0, 9])
}

const YES: &str = "HTTP/1.1 200 OK\r\nCountersign-Environment: sandbox\r\nCountersign-Client: c1\r\nX-Other: 1\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn the_question_tells_of_the_request_and_nothing_that_the_caller_says_of_it() {
    let (gate, asked) = gateway(Some(YES)).await;
    let parts = request(&[
        ("authorization", "Bearer x"),
        ("cookie", "a=b"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-uri", "/health"),
    ]);
    let identity = gate.ask(&parts, peer()).await.unwrap();
    assert_eq!(identity.len(), 2, "only identity headers: {identity:?}");
    assert_eq!(identity["countersign-client"], "c1");
    let asked = asked.await.unwrap();
    for line in [
        "get / http/1.1",
        "authorization: bearer x",
        "x-forwarded-method: post",
        "x-forwarded-host: api.example:8083",
        "x-forwarded-uri: /v2.0/site?limit=1",
        "x-forwarded-for: 127.0.0.9",
    ] {
        assert!(asked.lines().any(|it| it == line), "{line}: {asked}");
    }
    for word in ["cookie", "192.0.2.1", "/health"] {
        assert!(!asked.contains(word), "{word}: {asked}");
    }
}

#[tokio::test]
async fn a_denial_is_passed_on_as_it_is() {
    let answer = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let (gate, _asked) = gateway(Some(answer)).await;
    let denial = gate.ask(&request(&[]), peer()).await.unwrap_err();
    assert_eq!(denial.status(), 429);
    assert_eq!(denial.headers()["retry-after"], "7");
    let body = denial.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&body[..], b"{}");
}

#[tokio::test]
async fn what_binds_a_countersigned_request_is_asked_with_and_where_to_poll_is_told() {
    let answer = "HTTP/1.1 403 Forbidden\r\nLocation: http://auth.example/approvals/a1\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}";
    let (gate, asked) = gateway(Some(answer)).await;
    let parts = request(&[
        ("content-digest", "sha-256=:YWJj:"),
        ("countersign-approval", "a1"),
    ]);
    let denial = gate.ask(&parts, peer()).await.unwrap_err();
    assert_eq!(denial.status(), 403);
    let headers = denial.headers();
    assert_eq!(headers["location"], "http://auth.example/approvals/a1");
    assert_eq!(headers["content-type"], "application/problem+json");
    let asked = asked.await.unwrap();
    for line in ["content-digest: sha-256=:ywjj:", "countersign-approval: a1"] {
        assert!(asked.lines().any(|it| it == line), "{line}: {asked}");
    }
}

#[test]
fn behind_a_proxy_that_has_asked_its_word_counts_and_without_one_nothing_passes() {
    let headers = request(&[("countersign-environment", "sandbox"), ("x-own", "1")]).headers;
    let identity = told(&headers).unwrap();
    assert_eq!(identity.len(), 1, "{identity:?}");
    assert_eq!(identity["countersign-environment"], "sandbox");
    let nobody = told(&request(&[("countersign-subject", "ada")]).headers);
    assert_eq!(nobody.unwrap_err().status(), 503);
}

#[tokio::test]
async fn without_a_yes_that_names_the_environment_nothing_passes() {
    for answer in [
        Some("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Some("HTTP/1.1 204 No Content\r\nCountersign-Environment: sandbox\r\n\r\n"),
        Some("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"),
        Some("what?\r\n\r\n"),
        None,
    ] {
        let (gate, _asked) = gateway(answer).await;
        let denial = gate.ask(&request(&[]), peer()).await.unwrap_err();
        assert_eq!(denial.status(), 503, "{answer:?}");
        assert_eq!(denial.headers()["retry-after"], "1", "{answer:?}");
    }
}

#[tokio::test]
async fn a_gateway_that_is_away_lets_nothing_pass() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gate = Gate::new(listener.local_addr().unwrap());
    drop(listener);
    let denial = gate.ask(&request(&[]), peer()).await.unwrap_err();
    assert_eq!(denial.status(), 503);
}

#[tokio::test]
async fn a_request_with_two_hosts_or_another_target_is_no_question() {
    let gate = Gate::new("127.0.0.1:1".parse().unwrap());
    let mut two = request(&[("host", "other.example")]);
    let denial = gate.ask(&two, peer()).await.unwrap_err();
    assert_eq!(denial.status(), 400);
    two.headers.remove("host");
    assert_eq!(gate.ask(&two, peer()).await.unwrap_err().status(), 400);
    let mut absolute = request(&[]);
    absolute.uri = "http://other.example/v2.0/site".parse().unwrap();
    assert_eq!(gate.ask(&absolute, peer()).await.unwrap_err().status(), 400);
}

#[tokio::test]
async fn a_forged_identity_was_dropped_in_silence_where_the_samples_have_it_refused() {
    let (gate, asked) = gateway(Some(YES)).await;
    let parts = request(&[
        ("countersign-client", "someone"),
        ("countersign_subject", "someone"),
    ]);
    let identity = gate.ask(&parts, peer()).await.unwrap();
    let asked = asked.await.unwrap();
    for line in [
        "countersign-client: someone",
        "countersign_subject: someone",
    ] {
        assert!(asked.lines().any(|it| it == line), "{line}: {asked}");
    }
    assert_eq!(
        identity["countersign-client"], "c1",
        "what the gateway says"
    );
}
