//! What broke other products, tried on each proxy with its sample. Rows D1 to D19, one function each.

use super::{Answer, Ask, Kind, Stage, countersign::SANDBOX, wire::Headers};

#[test]
fn nginx_withstands_what_broke_others() {
    withstand(&Stage::new(Kind::Nginx));
}

#[test]
fn caddy_withstands_what_broke_others() {
    withstand(&Stage::new(Kind::Caddy));
}

#[test]
fn haproxy_withstands_what_broke_others() {
    withstand(&Stage::new(Kind::Haproxy));
}

fn withstand(stage: &Stage) {
    d1_a_caller_cannot_say_what_is_judged(stage);
    d2_d3_a_callers_identity_never_arrives(stage);
    d4_trailers_are_not_headers(stage);
    d5_d6_d8_forwarding_headers_change_nothing(stage);
    d7_a_connection_header_drops_nothing_of_ours(stage);
    d9_d10_a_callers_address_is_not_what_it_says(stage);
    d11_cookies_change_nothing(stage);
    d12_no_path_agent_or_method_is_a_short_cut(stage);
    d13_to_d16_a_target_that_can_be_misread_stays_out(stage);
    d15_the_host_in_the_target_is_the_host(stage);
    d17_a_denial_repeats_nothing_of_the_request(stage);
    d18_a_host_is_there_once(stage);
    d19_a_bearer_is_read_to_the_letter(stage);
}

const SITE: &str = "/v2.0/site";

fn site() -> Ask {
    Ask::get(SITE, SANDBOX)
}

fn good(stage: &Stage) -> Ask {
    site().bearer(&stage.cast.key)
}

/// D1 (CVE-2026-40575): the headers by which any proxy says what is judged, sent by a caller.
fn d1_a_caller_cannot_say_what_is_judged(stage: &Stage) {
    let mut lie = site();
    for (_, carriers) in ::countersign::gateway::profile::PROFILES {
        for header in carriers.headers() {
            let value = match header {
                name if name.ends_with("method") => "GET",
                name if name.ends_with("host") => SANDBOX,
                name if name.ends_with("uri") || name.ends_with("target") => "/open",
                name if name.ends_with("id") => "chosen-by-the-caller",
                _ => "127.0.0.1",
            };
            stage.refuses(&site().header(header, value), 401);
            lie = lie.header(header, value);
        }
    }
    for (name, value) in [
        ("X-Original-URL", "/open"),
        ("X-Rewrite-URL", "/open"),
        ("X-Auth-Request-Redirect", "/open"),
        ("X_Forwarded_Uri", "/open"),
        ("X_Original_Uri", "/open"),
        ("Forwarded", "for=127.0.0.1;host=evil;proto=https"),
    ] {
        lie = lie.header(name, value);
    }
    stage.refuses(&lie, 401);
    let reached = stage.passes(&lie.bearer(&stage.cast.key));
    assert_ne!(
        reached.values("Countersign-Request-Id"),
        ["chosen-by-the-caller"]
    );
}

/// D2, D3 (CVE-2025-64484, CVE-2026-39858, CVE-2026-88011): aliases of identity headers.
fn d2_d3_a_callers_identity_never_arrives(stage: &Stage) {
    for name in [
        "Countersign-Subject",
        "countersign-client",
        "COUNTERSIGN-SCOPES",
        "Countersign_Subject",
        "Countersign_Client",
        "countersign.subject",
        "Countersign.Client",
        "Countersign-Assertion",
        "Countersign-Status",
        "Countersign-Anything",
        "Countersign_Approval",
    ] {
        for ask in [
            good(stage).header(name, "spoofed"),
            Ask::get("/open", SANDBOX).header(name, "spoofed"),
        ] {
            let (answer, reached) = stage.ask(&ask);
            assert!(matches!(answer.status, 200 | 400), "{name}: {answer:?}");
            assert!(
                !spoofed(reached.iter().map(|it| &it.headers)),
                "{name}: {reached:?}"
            );
            stage.stays_out(&site().header(name, "spoofed"));
        }
    }
}

fn spoofed<'a>(mut all: impl Iterator<Item = &'a Headers>) -> bool {
    all.any(|headers| headers.iter().any(|(_, value)| value.contains("spoofed")))
}

/// D4 (CVE-2026-88004).
fn d4_trailers_are_not_headers(stage: &Stage) {
    let chunked = |ask: Ask| {
        let mut ask = ask.header("Transfer-Encoding", "chunked").header(
            "Trailer",
            "Countersign-Subject, X-Forwarded-Uri, X-Original-URI, Authorization",
        );
        ask.line = ask.line.replace("GET", "POST");
        ask.body = format!(
            "3\r\nabc\r\n0\r\nCountersign-Subject: spoofed\r\nX-Forwarded-Uri: /open\r\n\
             X-Original-URI: /open\r\nAuthorization: Bearer {}\r\n\r\n",
            stage.cast.key
        );
        ask
    };
    stage.refuses(&chunked(site()), 401);
    let reached = stage.passes(&chunked(good(stage)));
    assert!(!spoofed(std::iter::once(&reached.headers)), "{reached:?}");
    assert_eq!(reached.body, b"abc");
}

/// D5, D6, D8 (CVE-2026-35051, CVE-2026-54764, GHSA-vhr5-ggp3-qq85).
fn d5_d6_d8_forwarding_headers_change_nothing(stage: &Stage) {
    for (name, value) in [
        ("X-Forwarded-Prefix", "/open"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Server", "localhost"),
        ("X-Real-IP", "127.0.0.1"),
    ] {
        stage.refuses(&site().header(name, value), 401);
        stage.passes(&good(stage).header(name, value));
        let weak = site().bearer(&stage.cast.weak_key);
        stage.refuses(&weak.header(name, value), 403);
    }
}

/// D7 (GHSA-62c8-mh53-4cqv, GHSA-92mv-8f8w-wq52, CVE-2021-32813, CVE-2025-48865).
fn d7_a_connection_header_drops_nothing_of_ours(stage: &Stage) {
    for named in [
        "Countersign-Client",
        "close, Countersign-Client, countersign-subject",
        "COUNTERSIGN-CLIENT",
        "close, X-Forwarded-Host",
        "close, x-forwarded-uri, x-forwarded-method, x-forwarded-for",
        "close, X-Original-URI, X-Original-Method, X-Original-Host",
        "close, X-Haproxy-Target, X-Haproxy-Host",
    ] {
        // Whatever else it does, it names everyone who passes.
        let reached = stage.passes(&good(stage).header("Connection", named));
        assert_eq!(
            reached.values("Countersign-Client"),
            [stage.cast.client.as_str()]
        );
        let still_named = reached.values("Connection").join(",").to_ascii_lowercase();
        assert!(!still_named.contains("countersign"), "{named}: {reached:?}");
        stage.refuses(&site().header("Connection", named), 401);
    }
    // Its own credential a caller may well drop.
    let (answer, _) = stage.ask(&good(stage).header("Connection", "close, Authorization"));
    assert!(matches!(answer.status, 200 | 401), "{answer:?}");
}

/// D9, D10 (CVE-2024-47070, CVE-2023-36456): the address is the connection's.
fn d9_d10_a_callers_address_is_not_what_it_says(stage: &Stage) {
    let long = "1.2.3.4, ".repeat(300) + "10.0.0.1";
    for claim in [
        "10.0.0.1",
        "a",
        "",
        "fe80::1%eth0",
        "10.0.0.1, 10.0.0.1",
        "::ffff:10.0.0.1",
        "\"10.0.0.1\"",
        long.as_str(),
    ] {
        for name in [
            "X-Forwarded-For",
            "X-Real-IP",
            "X-Original-Peer",
            "X-Haproxy-Peer",
        ] {
            let with = |key: &str| site().bearer(key).header(name, claim);
            stage.refuses(&with(&stage.cast.distant_key), 401);
            stage.passes(&with(&stage.cast.local_key));
        }
    }
    let huge = "1".repeat(10_000);
    let ask = site().bearer(&stage.cast.distant_key);
    stage.stays_out(&ask.header("X-Forwarded-For", &huge));
}

/// D11 (CVE-2026-25748).
fn d11_cookies_change_nothing(stage: &Stage) {
    let long = format!("session={}", "a".repeat(6000));
    for cookie in [
        "",
        "=",
        ";;;",
        "session",
        "session=",
        "session=%",
        "session=YQ=",
        "session=a; session=b",
        "authentik_proxy=\"",
        "countersign=spoofed",
        long.as_str(),
    ] {
        stage.refuses(&site().header("Cookie", cookie), 401);
        stage.passes(&good(stage).header("Cookie", cookie));
    }
    let twice = site().header("Cookie", "a=b").header("Cookie", "a=c");
    stage.stays_out(&twice);
}

/// D12 (CVE-2026-34457).
fn d12_no_path_agent_or_method_is_a_short_cut(stage: &Stage) {
    for agent in ["GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0"] {
        for path in [
            "/ping",
            "/healthz",
            "/readyz",
            "/metrics",
            "/robots.txt",
            "/oauth2/jwks",
        ] {
            stage.refuses(&Ask::get(path, SANDBOX).header("User-Agent", agent), 403);
        }
        stage.refuses(&site().header("User-Agent", agent), 401);
    }
    for method in [
        "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND",
    ] {
        stage.refuses(&Ask::new(method, SITE, SANDBOX), 401);
    }
    for path in ["/_countersign", "/countersign", "/decision"] {
        stage.stays_out(&Ask::get(path, SANDBOX).bearer(&stage.cast.key));
    }
}

/// D13 to D16 (CVE-2026-41059, CVE-2026-42274, CVE-2026-26205, CVE-2021-29492 and others).
fn d13_to_d16_a_target_that_can_be_misread_stays_out(stage: &Stage) {
    for target in [
        "//v2.0/site",
        "/v2.0//site",
        "/v2.0/./site",
        "/v2.0/../v2.0/site",
        "/open/../v2.0/site",
        "/v2.0/site/..",
        "/v2.0/%2e%2e/v2.0/site",
        "/v2.0/%2E/site",
        "/v2.0%2fsite",
        "/v2.0%2Fsite",
        "/v2.0%5csite",
        "/v2.0\\site",
        "/v2.0/site;a=b",
        "/v2.0/..;/v2.0/site",
        "/v2.0/site%3ba",
        "/v2.0/site#open",
        "/v2.0/site%23open",
        "/open#/v2.0/site",
        "/v2.0/site%00",
        "/v2.0/site%0d%0aX-A:%20b",
        "/v2.0/%252e%252e/site",
        "/v2.0%252fsite",
        "/v2.0/site%",
        "/v2.0/site%zz",
        "/v2.0/%c0%af",
        "/v2.0/%ff",
        "*",
        "v2.0/site",
    ] {
        stage.stays_out(&Ask::get(target, SANDBOX).bearer(&stage.cast.key));
    }
    stage.stays_out(&Ask::new("OPTIONS", "*", SANDBOX).bearer(&stage.cast.key));
    // Bytes beyond ASCII stay out, or are escaped before they are judged.
    let raw = Ask::get("/v2.0/caf\u{e9}", SANDBOX).bearer(&stage.cast.key);
    for reached in stage.ask(&raw).1 {
        assert_eq!(reached.target, "/v2.0/caf%C3%A9", "{reached:?}");
    }
    // What can be read in one way only is read: a guarded path stays guarded when its letters are escaped.
    for target in ["/v2.0/s%69te", "/%762.0/site", "/v2%2e0/site"] {
        stage.stays_out(&Ask::get(target, SANDBOX));
    }
    let reached =
        stage.passes(&Ask::get("/v2.0/s%69te?x=%2f..%00", SANDBOX).bearer(&stage.cast.key));
    assert!(reached.target.starts_with("/v2.0/s"), "{reached:?}");
}

/// D15, and an absolute-form target with another Host (RFC 9112 section 3.2.2).
fn d15_the_host_in_the_target_is_the_host(stage: &Stage) {
    let key = &stage.cast.key;
    for (authority, host) in [("evil.example", SANDBOX), (SANDBOX, "evil.example")] {
        let target = format!("http://{authority}{SITE}");
        let (_, reached) = stage.ask(&Ask::get(&target, host).bearer(key));
        for reached in reached {
            assert_eq!(reached.values("Host"), [SANDBOX], "{reached:?}");
            assert_eq!(reached.target, SITE, "{reached:?}");
        }
        stage.stays_out(&Ask::get(&target, host));
    }
    let evil = format!("http://evil.example{SITE}");
    stage.stays_out(&Ask::get(&evil, SANDBOX).bearer(key));
    let same = format!("http://{SANDBOX}{SITE}");
    let reached = stage.passes(&Ask::get(&same, SANDBOX).bearer(key));
    assert_eq!(reached.target, SITE, "{reached:?}");
}

/// D17 (CVE-2026-41181).
fn d17_a_denial_repeats_nothing_of_the_request(stage: &Stage) {
    let ask = Ask::get("/v2.0/site?marked-query=1", SANDBOX)
        .bearer("marked-token")
        .header("Cookie", "session=marked-cookie")
        .header("X-Own", "marked-header")
        .header("client_secret", "marked-secret")
        .header("User-Agent", "marked-agent");
    let check = |answer: Answer| {
        let all = format!("{answer:?}");
        assert!(!all.contains("marked-"), "{all}");
    };
    check(stage.refuses(&ask, 401));
    let mut elsewhere = ask;
    elsewhere.line = "GET /marked-path HTTP/1.1".to_owned();
    check(stage.stays_out(&elsewhere));
}

/// D18 (Litestar): no other header stands in for a host.
fn d18_a_host_is_there_once(stage: &Stage) {
    let instead = good(stage).without("Host");
    let mut old = instead.clone();
    old.line = format!("GET {SITE} HTTP/1.0");
    for ask in [instead, old] {
        stage.stays_out(&ask);
        stage.stays_out(&ask.clone().header("X-Forwarded-Host", SANDBOX));
        stage.stays_out(&ask.header("X-Original-Host", SANDBOX));
    }
    stage.stays_out(&good(stage).header("Host", "evil.example"));
    // nginx reads a name before the first colon and passes on nothing else.
    for host in [
        "",
        ":80",
        "api.sandbox.test:x",
        "a b",
        "user@api.sandbox.test",
        "api.sandbox.test,evil",
    ] {
        let (_, reached) = stage.ask(&good(stage).without("Host").header("Host", host));
        for reached in reached {
            assert_eq!(reached.values("Host"), [SANDBOX], "{host}: {reached:?}");
        }
    }
}

/// D19 (GHSA-gv94-wp4h-vv8p).
fn d19_a_bearer_is_read_to_the_letter(stage: &Stage) {
    let key = &stage.cast.key;
    for value in [
        format!("Bearer\t{key}"),
        format!("Bearer  {key}"),
        format!("Bearer {key},{key}"),
        format!("Bearer {key}, Bearer {key}"),
        format!("Bearer {key} {key}"),
        format!("Bearer \"{key}\""),
        format!("Bearer{key}"),
        format!("Bearer: {key}"),
        format!("Token {key}"),
        "Bearer".to_owned(),
        key.clone(),
    ] {
        let denied = stage.stays_out(&site().header("Authorization", &value));
        assert!(matches!(denied.status, 400 | 401), "{value}: {denied:?}");
    }
    stage.refuses(&good(stage).bearer(key), 400);
    stage.refuses(&good(stage).bearer(&stage.cast.weak_key), 400);
    stage.passes(&site().header("authorization", &format!("bearer {key}")));
    stage.passes(&site().header("AUTHORIZATION", &format!("BEARER {key}")));
}
