//! Every gateway profile × everyone at its guards, and every decision request that tells of no request.

use crate::{
    ask::Ask,
    harness::Answer,
    world::{Doors, Made, PRODUCTION, PROFILES, SANDBOX, World, time},
};
use countersign::{
    config::Profile,
    gateway::profile::{Answers, Source},
};
use serde_json::{Value, json};

/// A decision request of this proxy.
pub(super) fn judged(profile: Profile, method: &str, host: &str, target: &str) -> Ask {
    without(profile, method, host, target, "")
}

/// The same, without the header of this name.
fn without(profile: Profile, method: &str, host: &str, target: &str, left_out: &str) -> Ask {
    let carriers = profile.carriers();
    let itself = carriers.method == Source::Itself;
    let mut ask = if itself {
        Ask::new(method, target).at(host)
    } else {
        // What the decision request itself asks for means nothing.
        Ask::new("GET", "/anything?of=its&own").at("decide.internal")
    };
    let facts = [
        (carriers.method, method),
        (carriers.host, host),
        (carriers.target, target),
    ];
    let facts = facts
        .into_iter()
        .filter_map(|(source, value)| match source {
            Source::Header(name) => Some((name, value)),
            Source::Itself => None,
        });
    let peer = [(carriers.peer, "192.0.2.7")];
    let id = carriers.request_id.map(|name| (name, "proxy-1"));
    for (name, value) in facts.chain(peer).chain(id) {
        if name != left_out {
            ask = ask.header(name, value);
        }
    }
    ask
}

/// The status that the caller will see, and the body; whatever of both the proxy can carry.
pub(super) fn verdict(profile: Profile, answer: &Answer) -> (u16, Value) {
    assert_eq!(
        answer.header("cache-control"),
        Some("no-store"),
        "{answer:?}"
    );
    if answer.status == 200 {
        for name in IDENTITY {
            assert!(answer.header(name).is_some(), "no {name}: {answer:?}");
        }
        return (200, Value::Null);
    }
    let managed = answer
        .headers
        .iter()
        .find(|(name, _)| IDENTITY.contains(&name.as_str()));
    assert!(managed.is_none(), "a denial names someone: {answer:?}");
    match profile.carriers().answers {
        Answers::Plain => {
            let told = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
            (answer.status, told)
        }
        Answers::Subrequest => {
            assert!(matches!(answer.status, 401 | 403), "{answer:?}");
            let status = answer
                .header("countersign-status")
                .unwrap()
                .parse()
                .unwrap();
            let line = answer.header("countersign-body").unwrap_or("null");
            (status, serde_json::from_str(line).unwrap())
        }
    }
}

const IDENTITY: [&str; 9] = [
    "countersign-subject",
    "countersign-client",
    "countersign-organization",
    "countersign-environment",
    "countersign-scopes",
    "countersign-credential",
    "countersign-expires",
    "countersign-request-id",
    "countersign-content-digest",
];

async fn guarded() -> World {
    let world = World::start().await;
    let guard = |name: &str, scopes: &[&str], more: Value| {
        let mut guard = json!({
            "name": name, "paths": [format!("/{name}")], "scopes": scopes,
            "accept": ["access_token", "api_key", "registration_token"],
        });
        guard
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        guard
    };
    let guards = json!([
        guard(
            "read",
            &["read"],
            json!({ "origins": ["https://app.example"] })
        ),
        guard("admin", &["admin"], json!({})),
        guard(
            "seldom",
            &[],
            json!({ "rate_limit": { "per_minute": 1, "burst": 1 } })
        ),
        guard("vendor", &["admin"], json!({ "dialect": "ayyeka" })),
    ]);
    for environment in ["sandbox", "production"] {
        world.doors.guards(environment, guards.clone()).await;
    }
    world
}

/// Everyone at the guard `/read`: what it is, the bearer, the `X-Client-ID`, and what becomes of it.
async fn everyone(doors: &Doors) -> Vec<(String, String, String, u16)> {
    let mut list = Vec::new();
    for kind in ["api_key", "registration_token"] {
        let client = doors.client("sandbox").await;
        let make = async |new: Value| {
            let mut whole = json!({ "kind": kind });
            whole
                .as_object_mut()
                .unwrap()
                .extend(new.as_object().unwrap().clone());
            doors.credential("sandbox", &client, whole).await
        };
        let mut add = |what: &str, client: &str, made: &Made, status: u16| {
            list.push((
                format!("{kind}: {what}"),
                made.secret.clone(),
                client.to_owned(),
                status,
            ));
        };
        let good = make(json!({})).await;
        add("good", &client, &good, 200);
        let letter = good.secret.as_bytes()[25];
        let mut forged = good.clone();
        forged
            .secret
            .replace_range(25..26, if letter == b'a' { "b" } else { "a" });
        add("forged", &client, &forged, 401);
        add(
            "expired",
            &client,
            &make(json!({ "expires_at": time(-60) })).await,
            401,
        );
        add(
            "before its time",
            &client,
            &make(json!({ "not_before": time(3600) })).await,
            401,
        );
        let networks = json!({ "allowed_networks": ["198.51.100.0/24"] });
        add(
            "from the wrong network",
            &client,
            &make(networks).await,
            401,
        );
        let networks = json!({ "allowed_networks": ["192.0.2.0/24"] });
        add(
            "from the right network",
            &client,
            &make(networks).await,
            200,
        );
        add(
            "of too few scopes",
            &client,
            &make(json!({ "scopes": ["write"] })).await,
            403,
        );
        let revoked = make(json!({})).await;
        let path = format!(
            "/admin/v1/environments/sandbox/credentials/{}/revoke",
            revoked.id
        );
        doors.act(&path).await;
        add("revoked", &client, &revoked, 401);
        let foreign = doors.client("production").await;
        let made = doors
            .credential("production", &foreign, json!({ "kind": kind }))
            .await;
        add("of the other environment", &foreign, &made, 401);
        let disabled = doors.client("sandbox").await;
        let made = doors
            .credential("sandbox", &disabled, json!({ "kind": kind }))
            .await;
        let path = format!("/admin/v1/environments/sandbox/clients/{disabled}");
        doors
            .change("PATCH", &path, json!({ "state": "disabled" }))
            .await;
        add("of a disabled client", &disabled, &made, 401);
        let removed = doors.client("sandbox").await;
        let made = doors
            .credential("sandbox", &removed, json!({ "kind": kind }))
            .await;
        doors
            .remove(&format!("/admin/v1/environments/sandbox/clients/{removed}"))
            .await;
        add("of a removed client", &removed, &made, 401);
        let name = format!("bankrupt-{kind}");
        let new = json!({ "id": name, "display_name": name });
        doors.make("/admin/v1/organizations", new).await;
        let orphan = doors.client_of("sandbox", &name, "countersign").await;
        let made = doors
            .credential("sandbox", &orphan, json!({ "kind": kind }))
            .await;
        let path = format!("/admin/v1/organizations/{name}");
        doors
            .change("PATCH", &path, json!({ "state": "disabled" }))
            .await;
        add("of a disabled organization", &orphan, &made, 401);
        if kind == "registration_token" {
            add("with another client's name", &orphan, &good, 401);
            add("without a client's name", "", &good, 400);
        }
    }
    list
}

#[tokio::test]
async fn every_proxy_lets_the_same_callers_in() {
    let world = guarded().await;
    let doors = &world.doors;
    for (what, bearer, client, expected) in everyone(doors).await {
        for (profile, door) in PROFILES.into_iter().zip(&doors.gateways) {
            let mut ask = judged(profile, "GET", SANDBOX, "/read").bearer(&bearer);
            if !client.is_empty() {
                ask = ask.header("X-Client-ID", &client);
            }
            // Twice: from the store, and from what is kept of it.
            for _ in 0..2 {
                let answer = ask.clone().send(*door).await;
                let (status, told) = verdict(profile, &answer);
                assert_eq!(status, expected, "{what} at {profile:?}: {answer:?}");
                if status != 200 {
                    assert!(
                        told["error"].is_string(),
                        "{what} at {profile:?}: {answer:?}"
                    );
                }
                if status == 401 {
                    assert!(
                        answer.header("www-authenticate").is_some(),
                        "{what}: {answer:?}"
                    );
                }
            }
        }
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn access_tokens_end_with_what_they_were_issued_by() {
    let world = guarded().await;
    let doors = &world.doors;
    let profile = Profile::Haproxy;
    let door = doors.gateways[2];
    let status = async |host: &str, path: &str, token: &str| {
        let ask = judged(profile, "GET", host, path).bearer(token);
        verdict(profile, &ask.send(door).await).0
    };
    for endpoint in ["/oauth2/token", "/auth/token"] {
        let name = format!("short-lived{}", endpoint.replace('/', "-"));
        let new = json!({ "id": name, "display_name": name });
        doors.make("/admin/v1/organizations", new).await;
        let client = doors.client_of("sandbox", &name, "countersign").await;
        let secret = doors.secret("sandbox", &client).await;
        let path = format!("/admin/v1/environments/sandbox/clients/{client}");
        let fresh = async || doors.token(SANDBOX, endpoint, &client, &secret).await;

        let token = fresh().await;
        assert_eq!(status(SANDBOX, "/read", &token).await, 200, "{endpoint}");
        assert_eq!(status(SANDBOX, "/admin", &token).await, 403, "{endpoint}");
        assert_eq!(status(PRODUCTION, "/read", &token).await, 401, "{endpoint}");
        let at = token.len() - 20;
        let mut tampered = token.clone();
        tampered.replace_range(
            at..=at,
            if token.as_bytes()[at] == b'A' {
                "B"
            } else {
                "A"
            },
        );
        assert_eq!(status(SANDBOX, "/read", &tampered).await, 401, "{endpoint}");

        doors
            .change("PATCH", &path, json!({ "scopes": ["write"] }))
            .await;
        assert_eq!(
            status(SANDBOX, "/read", &token).await,
            403,
            "{endpoint}: scope taken away"
        );
        doors
            .change("PATCH", &path, json!({ "scopes": ["read"] }))
            .await;
        assert_eq!(
            status(SANDBOX, "/read", &token).await,
            200,
            "{endpoint}: scope given back"
        );
        for (of, path) in [
            ("client", &path),
            ("organization", &format!("/admin/v1/organizations/{name}")),
        ] {
            doors
                .change("PATCH", path, json!({ "state": "disabled" }))
                .await;
            assert_eq!(
                status(SANDBOX, "/read", &token).await,
                401,
                "{endpoint}: {of} disabled"
            );
            doors
                .change("PATCH", path, json!({ "state": "active" }))
                .await;
            assert_eq!(
                status(SANDBOX, "/read", &token).await,
                200,
                "{endpoint}: {of} active"
            );
        }
        let revoke = "/admin/v1/environments/sandbox/tokens/revoke";
        let answer = doors
            .admin(Ask::post(revoke).json(&json!({ "token": token })))
            .await;
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(
            status(SANDBOX, "/read", &token).await,
            401,
            "{endpoint}: revoked"
        );
        doors.act(&format!("{path}/end-tokens")).await;
        let after = fresh().await;
        assert_eq!(
            status(SANDBOX, "/read", &after).await,
            200,
            "{endpoint}: after the end"
        );
        doors.remove(&path).await;
        assert_eq!(
            status(SANDBOX, "/read", &after).await,
            401,
            "{endpoint}: removed"
        );
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn carriers_that_are_not_one_credential_never_pass() {
    let world = guarded().await;
    let doors = &world.doors;
    let client = doors.client("sandbox").await;
    let key = doors
        .credential("sandbox", &client, json!({ "kind": "api_key" }))
        .await
        .secret;
    let bearer = format!("Bearer {key}");
    for (profile, door) in PROFILES.into_iter().zip(&doors.gateways) {
        let base = || judged(profile, "GET", SANDBOX, "/read");
        let shown = |value: &str| base().header("Authorization", value);
        let cases = [
            ("nothing", base(), 401),
            ("an empty header", shown(""), 400),
            ("the scheme alone", shown("Bearer"), 400),
            ("a tab", shown(&format!("Bearer\t{key}")), 400),
            ("two spaces", shown(&format!("Bearer  {key}")), 400),
            ("a list", shown(&format!("{bearer}, {bearer}")), 400),
            ("a comma", shown(&format!("{bearer},")), 400),
            (
                "two headers",
                shown(&bearer).header("Authorization", &bearer),
                400,
            ),
            ("another scheme", shown(&format!("Basic {key}")), 401),
            ("not ASCII", shown("Bearer \u{fc}"), 400),
            (
                "a megabyte of nothing",
                shown(&format!("Bearer {}", ".".repeat(9000))),
                401,
            ),
            (
                "from a browser",
                shown(&bearer).header("Sec-Fetch-Site", "same-origin"),
                403,
            ),
            (
                "from an origin",
                shown(&bearer).header("Origin", "https://app.example"),
                403,
            ),
            ("a lower-case scheme", shown(&format!("bearer {key}")), 200),
        ];
        for (what, ask, expected) in cases {
            let answer = ask.send(*door).await;
            let (status, _) = verdict(profile, &answer);
            assert_eq!(status, expected, "{what} at {profile:?}: {answer:?}");
        }
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn a_decision_request_without_each_fact_once_is_denied() {
    let world = guarded().await;
    let doors = &world.doors;
    let client = doors.client("sandbox").await;
    let key = doors
        .credential("sandbox", &client, json!({ "kind": "api_key" }))
        .await
        .secret;
    for (profile, door) in PROFILES.into_iter().zip(&doors.gateways) {
        for name in profile.carriers().headers() {
            let less = without(profile, "GET", SANDBOX, "/read", name).bearer(&key);
            let whole = judged(profile, "GET", SANDBOX, "/read").bearer(&key);
            let cases = [
                ("missing", less.clone()),
                ("empty", less.clone().header(name, "")),
                ("twice", whole.clone().header(name, "GET")),
                ("not ASCII", less.header(name, "\u{fc}")),
            ];
            for (what, ask) in cases {
                let answer = ask.send(*door).await;
                let (status, _) = verdict(profile, &answer);
                assert_eq!(status, 400, "{name} {what} at {profile:?}: {answer:?}");
            }
        }
        for name in [
            "Countersign-Subject",
            "countersign_subject",
            "Countersign.Client",
        ] {
            let ask = judged(profile, "GET", SANDBOX, "/read")
                .bearer(&key)
                .header(name, "x");
            let answer = ask.send(*door).await;
            assert_eq!(
                verdict(profile, &answer).0,
                400,
                "{name} at {profile:?}: {answer:?}"
            );
        }
        let unknown = judged(profile, "GET", "other.example", "/read").bearer(&key);
        assert_eq!(
            verdict(profile, &unknown.send(*door).await).0,
            421,
            "{profile:?}"
        );
        let unguarded = judged(profile, "GET", SANDBOX, "/unguarded").bearer(&key);
        assert_eq!(
            verdict(profile, &unguarded.send(*door).await).0,
            403,
            "{profile:?}"
        );
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn too_often_is_429_and_a_vendors_guard_speaks_its_words() {
    let world = guarded().await;
    let doors = &world.doors;
    for (profile, door) in PROFILES.into_iter().zip(&doors.gateways) {
        let client = doors.client("sandbox").await;
        let key = doors
            .credential("sandbox", &client, json!({ "kind": "api_key" }))
            .await
            .secret;
        let seldom = judged(profile, "GET", SANDBOX, "/seldom").bearer(&key);
        assert_eq!(
            verdict(profile, &seldom.send(*door).await).0,
            200,
            "{profile:?}"
        );
        let answer = seldom.send(*door).await;
        assert_eq!(verdict(profile, &answer).0, 429, "{profile:?}: {answer:?}");
        let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{profile:?}: {answer:?}");
        let vendor = judged(profile, "GET", SANDBOX, "/vendor")
            .bearer(&key)
            .send(*door)
            .await;
        let (status, told) = verdict(profile, &vendor);
        assert_eq!(
            (status, &told["message"]),
            (403, &json!("permission denied")),
            "{vendor:?}"
        );
        assert!(
            told["request_id"].is_string() && told["error"].is_null(),
            "{told}"
        );
    }
    world.stop_sound().await;
}
