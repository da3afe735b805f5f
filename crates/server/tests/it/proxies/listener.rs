//! The gateway listeners themselves, asked as a proxy asks, and as another one would.

use super::{
    Ask,
    countersign::{Cast, Countersign, PROFILES, SANDBOX, set_up},
};
use ::countersign::gateway::profile::{Carriers, PROFILES as CARRIERS, Source};

fn carriers(profile: &str) -> &'static Carriers {
    CARRIERS
        .iter()
        .find(|(name, _)| *name == profile)
        .unwrap()
        .1
}

/// A decision request of `profile` about this request, added to `ask`.
pub fn asks(profile: &str, ask: Ask, method: &str, host: &str, target: &str) -> Ask {
    let carriers = carriers(profile);
    let mut ask = ask;
    for (source, value) in [
        (carriers.method, method),
        (carriers.host, host),
        (carriers.target, target),
    ] {
        if let Source::Header(name) = source {
            ask = ask.header(name, value);
        }
    }
    ask = ask.header(carriers.peer, "192.0.2.7");
    match carriers.request_id {
        Some(name) => ask.header(name, "r1"),
        None => ask,
    }
}

/// The decision request's own line and host: the judged ones for Envoy, nobody's business for the others.
fn plain(profile: &str, target: &str) -> Ask {
    match profile {
        "envoy" => Ask::get(target, SANDBOX),
        _ => Ask::get("/", "decisions"),
    }
}

fn good(profile: &str, cast: &Cast) -> Ask {
    let ask = plain(profile, "/v2.0/site").bearer(&cast.key);
    asks(profile, ask, "GET", SANDBOX, "/v2.0/site")
}

#[test]
fn each_listener_answers_its_own_proxy_only() {
    let countersign = Countersign::start();
    let cast = set_up(&countersign);
    for profile in PROFILES {
        let gateway = countersign.gateway(profile);
        let answer = good(profile, &cast).send(gateway);
        assert_eq!(answer.status, 200, "{profile}: {answer:?}");
        for header in super::identity_headers() {
            assert_eq!(answer.values(header).len(), 1, "{profile}: {header}");
        }
        assert_eq!(answer.values("Cache-Control"), ["no-store"], "{profile}");
        assert_eq!(answer.values("Countersign-Client"), ["meter"], "{profile}");
        d1_another_profiles_headers_say_nothing(&countersign, &cast, profile);
        the_decision_requests_own_line_says_nothing(&countersign, &cast, profile);
        d12_there_is_no_short_cut(&countersign, profile);
        d18_a_fact_is_there_once(&countersign, &cast, profile);
    }
    nginx_is_told_what_it_understands(&countersign, &cast);
}

/// D1: every profile x every other profile's headers.
fn d1_another_profiles_headers_say_nothing(countersign: &Countersign, cast: &Cast, profile: &str) {
    let gateway = countersign.gateway(profile);
    for other in PROFILES.iter().filter(|other| **other != profile) {
        // Asked as another proxy would, about something open to all: not a decision request here.
        let foreign = asks(other, plain(profile, "/v2.0/site"), "GET", SANDBOX, "/open");
        let answer = foreign.send(gateway);
        assert!(
            matches!(answer.status, 400 | 401 | 403),
            "{profile} asked as {other}: {answer:?}"
        );

        // Beside its own: the others are not read, whatever they say.
        let both = asks(
            other,
            good(profile, cast),
            "BAD METHOD",
            "evil.example",
            "//",
        );
        let shared = carriers(profile).peer == carriers(other).peer;
        let status = if shared { status_of(profile, 400) } else { 200 };
        let answer = both.send(gateway);
        assert_eq!(
            answer.status, status,
            "{profile} beside {other}: {answer:?}"
        );
    }
}

/// What a status is on the wire of a profile.
fn status_of(profile: &str, status: u16) -> u16 {
    match (profile, status) {
        ("nginx", 401) => 401,
        ("nginx", _) => 403,
        _ => status,
    }
}

fn the_decision_requests_own_line_says_nothing(
    countersign: &Countersign,
    cast: &Cast,
    profile: &str,
) {
    if profile == "envoy" {
        return;
    }
    for line in [
        "GET /open HTTP/1.1",
        "GET /?x-original-uri=/open&rd=/open HTTP/1.1",
        "DELETE //..%2f HTTP/1.1",
    ] {
        let mut ask = good(profile, cast);
        line.clone_into(&mut ask.line);
        assert_eq!(
            ask.send(countersign.gateway(profile)).status,
            200,
            "{profile} {line}"
        );
        let ask = ask.without("Authorization");
        let status = ask.send(countersign.gateway(profile)).status;
        assert_eq!(status, 401, "{profile} {line}");
    }
}

/// D12: nothing about the asking request lets it pass.
fn d12_there_is_no_short_cut(countersign: &Countersign, profile: &str) {
    for agent in ["GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0"] {
        for target in ["/healthz", "/readyz", "/ping", "/metrics", "/robots.txt"] {
            let ask = Ask::get(target, SANDBOX).header("User-Agent", agent);
            let answer = ask.send(countersign.gateway(profile));
            assert!(answer.status >= 400, "{profile} {target}: {answer:?}");
        }
    }
}

/// D18, and D7's missing ones: a fact is never guessed.
fn d18_a_fact_is_there_once(countersign: &Countersign, cast: &Cast, profile: &str) {
    let gateway = countersign.gateway(profile);
    for fact in carriers(profile).headers() {
        let missing = good(profile, cast).without(fact).send(gateway);
        assert_eq!(
            missing.status,
            status_of(profile, 400),
            "{profile} without {fact}"
        );
        let value = "192.0.2.9";
        let repeated = good(profile, cast).header(fact, value).send(gateway);
        assert_eq!(
            repeated.status,
            status_of(profile, 400),
            "{profile} {fact} twice"
        );
    }
    for spoofed in [
        "Countersign-Subject",
        "Countersign_Subject",
        "countersign.subject",
    ] {
        let ask = good(profile, cast).header(spoofed, "root");
        assert_eq!(
            ask.send(gateway).status,
            status_of(profile, 400),
            "{profile} {spoofed}"
        );
    }
}

fn nginx_is_told_what_it_understands(countersign: &Countersign, cast: &Cast) {
    let gateway = countersign.gateway("nginx");
    let ask = |host: &str, shown: Option<&str>| {
        let ask = shown.map_or(plain("nginx", "/"), |shown| {
            plain("nginx", "/").bearer(shown)
        });
        asks("nginx", ask, "GET", host, "/api/x").send(gateway)
    };
    for (host, shown, status, truth) in [
        (SANDBOX, None, 401, "401"),
        (SANDBOX, Some(cast.weak_key.as_str()), 403, "403"),
        ("other.test", Some(cast.key.as_str()), 403, "421"),
    ] {
        let answer = ask(host, shown);
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.values("Countersign-Status"), [truth], "{answer:?}");
        let body = answer.values("Countersign-Body")[0];
        assert!(body.len() <= 2048 && body.is_ascii(), "{answer:?}");
        assert!(
            serde_json::from_str::<serde_json::Value>(body)
                .unwrap()
                .is_object()
        );
        assert_eq!(answer.body, "", "{answer:?}");
    }
}
