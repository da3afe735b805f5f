//! Who passes, who does not, and what each of them gets to see.

use super::{
    Ask, Kind, Stage,
    countersign::{PAGE, PRODUCTION, SANDBOX},
};

#[test]
fn nginx_lets_good_callers_pass_and_keeps_the_rest_out() {
    tell(&Stage::new(Kind::Nginx));
}

#[test]
fn caddy_lets_good_callers_pass_and_keeps_the_rest_out() {
    tell(&Stage::new(Kind::Caddy));
}

#[test]
fn haproxy_lets_good_callers_pass_and_keeps_the_rest_out() {
    tell(&Stage::new(Kind::Haproxy));
}

fn tell(stage: &Stage) {
    good_callers_pass_and_the_api_knows_them(stage);
    the_request_itself_arrives_unchanged(stage);
    where_a_request_came_from_was_the_callers_to_say(stage);
    the_api_was_told_another_method_or_target_than_was_judged(stage);
    bad_callers_get_the_envelope_of_the_guards_dialect(stage);
    a_denial_had_the_media_type_that_the_paths_ending_suggests(stage);
    a_signed_identity_arrives_where_the_guard_wants_one(stage);
    a_browser_can_ask_first_and_can_read_why_not(stage);
    a_limit_says_when_to_come_back(stage);
    a_host_that_nobody_lists_is_misdirected(stage);
    a_revoked_key_is_refused_by_the_next_decision(stage);
    super::ultra::tell(stage);
}

const SITE: &str = "/v2.0/site";

fn good_callers_pass_and_the_api_knows_them(stage: &Stage) {
    let cast = &stage.cast;
    for (shown, kind) in [(&cast.token, "access_token"), (&cast.key, "api_key")] {
        let reached = stage.passes(&Ask::get(SITE, SANDBOX).bearer(shown));
        let said = |name: &str| reached.values(name)[0].to_owned();
        assert_eq!(said("Countersign-Client"), cast.client);
        assert_eq!(
            said("Countersign-Subject"),
            format!("client:{}", cast.client)
        );
        assert_eq!(said("Countersign-Organization"), "acme");
        assert_eq!(said("Countersign-Environment"), "sandbox");
        assert_eq!(said("Countersign-Credential"), kind);
        assert!(
            said("Countersign-Scopes")
                .split(' ')
                .any(|scope| scope == "read")
        );
        assert_ne!(said("Countersign-Request-Id"), "-");
        assert_eq!(said("Countersign-Content-Digest"), "-");
        assert!(reached.values("Countersign-Assertion").is_empty());
    }
    let anonymous = stage.passes(&Ask::get("/open", SANDBOX));
    assert_eq!(anonymous.values("Countersign-Credential"), ["anonymous"]);
    assert_eq!(anonymous.values("Countersign-Client"), ["-"]);
    stage.passes(&Ask::get(SITE, PRODUCTION).bearer(&cast.production_key));
}

fn the_request_itself_arrives_unchanged(stage: &Stage) {
    let ask = Ask::new("POST", "/v2.0/site?a=b&c=%2Fd", SANDBOX)
        .bearer(&stage.cast.key)
        .header("X-Own", "kept")
        .header("client_secret", "not the API's business")
        .header("Countersign-Approval", "a1")
        .form("name=value");
    let reached = stage.passes(&ask);
    assert_eq!(reached.method, "POST");
    assert_eq!(reached.target, "/v2.0/site?a=b&c=%2Fd");
    assert_eq!(reached.body, b"name=value");
    assert_eq!(reached.values("X-Own"), ["kept"]);
    assert_eq!(reached.values("Host"), [SANDBOX]);
}

fn where_a_request_came_from_was_the_callers_to_say(stage: &Stage) {
    let lie = Ask::get(SITE, SANDBOX)
        .bearer(&stage.cast.key)
        .header("X-Forwarded-For", "203.0.113.9")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Proto", "https")
        .header("Forwarded", "for=203.0.113.9;host=evil.example;proto=https");
    let reached = stage.passes(&lie);
    let kind = stage.proxy.kind;
    for (name, said) in [
        ("X-Forwarded-For", &["127.0.0.1"][..]),
        ("X-Forwarded-Host", &[SANDBOX]),
        ("X-Forwarded-Proto", &["http"]),
        ("Forwarded", &[]),
    ] {
        assert_eq!(reached.values(name), said, "{kind:?}: {name}");
    }
}

fn the_api_was_told_another_method_or_target_than_was_judged(stage: &Stage) {
    let kind = stage.proxy.kind;
    for name in ::countersign::gateway::overrides::OVERRIDES {
        let good = || Ask::get(SITE, SANDBOX).bearer(&stage.cast.key);
        for spelled in [(*name).to_owned(), name.to_ascii_lowercase()] {
            let reached = stage.passes(&good().header(&spelled, "DELETE"));
            assert!(reached.values(&spelled).is_empty(), "{kind:?}: {reached:?}");
        }
        // Where the proxy itself does not drop such a spelling, the request is refused.
        for spelled in [name.replace('-', "_"), name.replacen('-', ".", 1)] {
            let (answer, reached) = stage.ask(&good().header(&spelled, "DELETE"));
            assert!(matches!(answer.status, 200 | 400), "{kind:?}: {answer:?}");
            for reached in reached {
                assert!(reached.values(&spelled).is_empty(), "{kind:?}: {reached:?}");
            }
        }
    }
}

fn bad_callers_get_the_envelope_of_the_guards_dialect(stage: &Stage) {
    let cast = &stage.cast;
    let tampered = {
        let mut text = cast.token.clone().into_bytes();
        let place = text.len() - 20;
        text[place] = if text[place] == b'A' { b'B' } else { b'A' };
        String::from_utf8(text).unwrap()
    };
    let cases: [(&str, Option<&str>, u16); 8] = [
        ("none", None, 401),
        ("unknown", Some("cs_key_test_nothing"), 401),
        ("expired", Some(&cast.expired_key), 401),
        ("revoked", Some(&cast.revoked_key), 401),
        ("of another environment", Some(&cast.production_key), 401),
        ("tampered", Some(&tampered), 401),
        ("from another network", Some(&cast.distant_key), 401),
        ("too weak", Some(&cast.weak_key), 403),
    ];
    for (what, shown, status) in cases {
        let ask = |target: &str| {
            let ask = Ask::get(target, SANDBOX);
            shown.map_or(ask.clone(), |shown| ask.bearer(shown))
        };
        let vendor = stage.refuses(&ask(SITE), status);
        assert!(vendor.json()["message"].is_string(), "{what}: {vendor:?}");
        assert!(
            vendor.json()["request_id"].is_string(),
            "{what}: {vendor:?}"
        );

        let standard = stage.refuses(&ask("/api/site"), status);
        let challenge = standard.values("WWW-Authenticate");
        assert_eq!(challenge.len(), 1, "{what}: {standard:?}");
        assert!(challenge[0].starts_with("Bearer"), "{what}: {standard:?}");
        assert_eq!(standard.values("Cache-Control"), ["no-store"], "{what}");
        for answer in [&vendor, &standard] {
            let content_type = answer.values("Content-Type");
            assert_eq!(content_type.len(), 1, "{what}: {answer:?}");
            assert!(
                content_type[0].starts_with("application/json"),
                "{what}: {answer:?}"
            );
            for header in &answer.headers {
                let name = header.0.to_ascii_lowercase();
                assert!(!name.starts_with("countersign-"), "{what}: {answer:?}");
            }
        }
    }
}

/// nginx knows what `.html` is, whatever it answers.
fn a_denial_had_the_media_type_that_the_paths_ending_suggests(stage: &Stage) {
    for target in ["/api/page.html", "/api/page.js", "/api/page.gif"] {
        let denied = stage.refuses(&Ask::get(target, SANDBOX), 401);
        let content_type = denied.values("Content-Type");
        assert_eq!(content_type, ["application/json"], "{target}: {denied:?}");
    }
}

fn a_signed_identity_arrives_where_the_guard_wants_one(stage: &Stage) {
    let reached = stage.passes(&Ask::get("/signed", SANDBOX).bearer(&stage.cast.key));
    let assertion = reached.values("Countersign-Assertion");
    assert_eq!(assertion.len(), 1, "{reached:?}");
    assert_eq!(assertion[0].split('.').count(), 3, "{reached:?}");
}

fn a_browser_can_ask_first_and_can_read_why_not(stage: &Stage) {
    let preflight = |origin: &str| {
        Ask::new("OPTIONS", "/browser/x", SANDBOX)
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "GET")
            .header("Sec-Fetch-Site", "cross-site")
    };
    let reached = stage.passes(&preflight(PAGE));
    assert_eq!(reached.values("Countersign-Credential"), ["preflight"]);
    stage.stays_out(&preflight("https://evil.example"));

    let from_page = || Ask::get("/browser/x", SANDBOX).header("Origin", PAGE);
    let known = from_page()
        .bearer(&stage.cast.registration)
        .header("X-Client-ID", "page");
    assert_eq!(
        stage.passes(&known).values("Countersign-Credential"),
        ["registration_token"]
    );
    let denied = stage.refuses(&from_page(), 401);
    assert_eq!(
        denied.values("Access-Control-Allow-Origin"),
        [PAGE],
        "{denied:?}"
    );
    assert_eq!(denied.values("Vary"), ["Origin"], "{denied:?}");

    // A secret in a browser has leaked.
    let leaked = stage.stays_out(&from_page().bearer(&stage.cast.key));
    assert!(matches!(leaked.status, 400 | 401 | 403), "{leaked:?}");
    let fetched = Ask::get(SITE, SANDBOX).bearer(&stage.cast.key);
    stage.stays_out(&fetched.header("Sec-Fetch-Site", "same-origin"));
}

fn a_limit_says_when_to_come_back(stage: &Stage) {
    let ask = Ask::get("/rare", SANDBOX).bearer(&stage.cast.local_key);
    stage.passes(&ask);
    let denied = stage.refuses(&ask, 429);
    let wait: u32 = denied.values("Retry-After")[0].parse().unwrap();
    assert!((1..=60).contains(&wait), "{denied:?}");
    assert!(denied.json().is_object());
}

fn a_host_that_nobody_lists_is_misdirected(stage: &Stage) {
    stage.refuses(&Ask::get(SITE, "other.test").bearer(&stage.cast.key), 421);
    // Ports and case are not part of a name.
    stage.passes(&Ask::get(SITE, "API.Sandbox.TEST:8443").bearer(&stage.cast.key));
}

fn a_revoked_key_is_refused_by_the_next_decision(stage: &Stage) {
    let body = serde_json::json!({ "kind": "api_key" });
    let (id, key) = stage.countersign.credential("sandbox", "meter", &body);
    let ask = Ask::get(SITE, SANDBOX).bearer(&key);
    stage.passes(&ask);
    stage.passes(&ask);
    stage.countersign.revoke("sandbox", &id);
    stage.refuses(&ask, 401);
}
