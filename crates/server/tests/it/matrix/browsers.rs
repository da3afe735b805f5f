//! Every route and every gateway × every kind of credential, from a browser: a secret has leaked there, and
//! what is meant for browsers has not.

use super::{
    filled,
    gateways::{judged, verdict},
    home_of, routes,
};
use crate::{
    ask::{Ask, FORM, form},
    world::{Doors, Made, PROFILES, SANDBOX, World, assertion, assertion_form, elliptic_key, jwk},
};
use countersign_dialects::{Listener, Route};
use countersign_engine::call::Callers;
use countersign_jose::{Algorithm, SigningKey};
use serde_json::json;
use std::collections::BTreeSet;

/// What tells a browser, and what looks like it and is Node's fetch.
const SIGNS: [(&str, &str); 2] = [
    ("Origin", "https://app.example"),
    ("Sec-Fetch-Site", "same-origin"),
];
const NO_SIGN: (&str, &str) = ("Sec-Fetch-Mode", "cors");

/// A text that can be shown, and whether a browser that shows it has leaked it.
struct Thing {
    what: &'static str,
    text: String,
    /// Whose public name the audit log has to tell.
    leaks: Option<String>,
}

struct Cast {
    client: String,
    things: Vec<Thing>,
    shared: Made,
    signing: SigningKey,
}

impl Cast {
    async fn make(doors: &Doors) -> Self {
        let client = doors.client("sandbox").await;
        let make = |new| doors.credential("sandbox", &client, new);
        let secret = make(json!({ "kind": "client_secret" })).await;
        let key = make(json!({ "kind": "api_key" })).await;
        let registration = make(json!({ "kind": "registration_token" })).await;
        let shared = make(json!({ "kind": "signing_secret", "algorithm": "HS256" })).await;
        let signing = elliptic_key();
        make(json!({ "kind": "public_key", "algorithm": "ES256", "jwk": jwk(&signing) })).await;
        let revoked = make(json!({ "kind": "api_key" })).await;
        let path = format!(
            "/admin/v1/environments/sandbox/credentials/{}/revoke",
            revoked.id
        );
        doors.act(&path).await;
        doors.operator("typist", "owner").await;
        let operator = doors.operator_token("typist", json!({})).await;
        let token = async |path: &str| doors.token(SANDBOX, path, &client, &secret.secret).await;
        let realm = "/auth/realms/ultraio/protocol/openid-connect/token";
        let (standard, ultra) = (token("/oauth2/token").await, token(realm).await);
        let leaks = |what, made: &Made| Thing {
            what,
            text: made.secret.clone(),
            leaks: Some(made.id.clone()),
        };
        let fits = |what, text: &str| Thing {
            what,
            text: text.into(),
            leaks: None,
        };
        let things = vec![
            leaks("a client secret", &secret),
            leaks("an API key", &key),
            leaks("an operator's token", &operator),
            leaks("a signing secret, itself", &shared),
            fits("a registration token", &registration.secret),
            fits("a revoked key", &revoked.secret),
            fits("a standard token", &standard),
            fits("a realm's token", &ultra),
            fits("nothing of ours", "nothing-of-ours"),
        ];
        Self {
            things,
            shared,
            signing,
            client,
        }
    }
}

/// Every way in which the route's callers can show a text.
fn ways(route: &Route, client: &str, text: &str) -> Vec<(&'static str, Ask)> {
    let ask = || Ask::new(route.method.as_str(), &filled(route.path)).at(home_of(route));
    if route.callers != Callers::Client {
        return vec![("bearer", ask().bearer(text))];
    }
    let grant = [("grant_type", "client_credentials"), ("token", "x")];
    let mut pairs = grant.to_vec();
    pairs.extend([("client_id", client), ("client_secret", text)]);
    let mut ways = vec![
        ("basic", ask().basic(client, text).form(&grant)),
        ("form", ask().bytes(FORM, form(&pairs))),
    ];
    if route.name == "ultra.token" {
        let with = |ask: Ask, (name, value): &(&str, &str)| ask.header(name, value);
        ways.push(("headers", pairs.iter().fold(ask(), with)));
    }
    ways
}

#[tokio::test]
async fn no_route_takes_a_secret_from_a_browser() {
    let world = World::start().await;
    let doors = &world.doors;
    let cast = Cast::make(doors).await;
    let mut leaked = BTreeSet::new();
    let closed = routes().filter(|(.., route)| route.callers != Callers::Anyone);
    for (number, (_, listener, route)) in closed.enumerate() {
        let door = match listener {
            Listener::Public => doors.public,
            Listener::Admin => doors.admin,
        };
        // The admin listener stands in no environment: what it knows is operators' tokens.
        let is_leak = |thing: &&Thing| {
            thing.leaks.is_some()
                && (listener == Listener::Public || thing.what.contains("operator"))
        };
        for thing in cast.things.iter().filter(is_leak) {
            for (way, ask) in ways(route, &cast.client, &thing.text) {
                for (name, value) in SIGNS {
                    let what = format!("{}: {} as {way}, {name}", route.name, thing.what);
                    let answer = ask.clone().header(name, value).send(door).await;
                    // In whatever words: they have to name the rule.
                    assert_eq!(answer.status, 403, "{what}: {answer:?}");
                    assert!(answer.body.contains("browser"), "{what}: {answer:?}");
                    leaked.extend(thing.leaks.iter().map(|id| format!("credential:{id}")));
                }
            }
        }
        // Each route one of the others, in turn: who is refused too often is slowed down.
        let others: Vec<&Thing> = cast.things.iter().filter(|it| !is_leak(it)).collect();
        let thing = others[number % others.len()];
        for (way, ask) in ways(route, &cast.client, &thing.text) {
            let plain = ask.clone().header(NO_SIGN.0, NO_SIGN.1).send(door).await;
            for (name, value) in SIGNS {
                let what = format!("{}: {} as {way}, {name}", route.name, thing.what);
                let answer = ask.clone().header(name, value).send(door).await;
                assert_eq!(answer.status, plain.status, "{what}: {answer:?}");
            }
        }
    }
    assert_eq!(leaked.len(), 4);
    audited(doors, "caller.refuse", leaked).await;
    world.stop_sound().await;
}

#[tokio::test]
async fn a_browser_that_signs_with_a_shared_secret_has_it() {
    let world = World::start().await;
    let doors = &world.doors;
    let cast = Cast::make(doors).await;
    let issuer = format!("https://{SANDBOX}");
    let shared = || SigningKey::from_secret(Algorithm::Hs256, cast.shared.secret.as_bytes());
    for (key, with_sign) in [(shared().unwrap(), 403), (cast.signing.clone(), 200)] {
        for (name, value, expected) in [
            (NO_SIGN.0, NO_SIGN.1, 200),
            (SIGNS[0].0, SIGNS[0].1, with_sign),
            (SIGNS[1].0, SIGNS[1].1, with_sign),
        ] {
            let signed = assertion(key.clone(), &cast.client, &issuer);
            let body = assertion_form(&signed, &[("grant_type", "client_credentials")]);
            let ask = Ask::post("/oauth2/token").at(SANDBOX).bytes(FORM, body);
            let answer = ask.header(name, value).send(doors.public).await;
            assert_eq!(answer.status, expected, "{name}: {answer:?}");
        }
    }
    let id = format!("credential:{}", cast.shared.id);
    audited(doors, "caller.refuse", [id].into()).await;
    world.stop_sound().await;
}

#[tokio::test]
async fn no_guard_takes_a_secret_from_a_browser_unless_it_says_so() {
    let world = World::start().await;
    let doors = &world.doors;
    let guard = |name: &str, accept: &[&str], allows: bool| {
        json!({
            "name": name, "paths": [format!("/{name}")], "accept": accept,
            "origins": [SIGNS[0].1], "secrets_from_browsers": allows,
        })
    };
    let every = [
        "access_token",
        "api_key",
        "registration_token",
        "client_headers",
    ];
    let guards = json!([
        guard("every", &every, false),
        guard("open", &["anonymous"], false),
        guard("careless", &every, true),
    ]);
    doors.guards("sandbox", guards).await;
    let cast = Cast::make(doors).await;
    let mut leaked = BTreeSet::new();
    for (profile, door) in PROFILES.into_iter().zip(&doors.gateways) {
        for thing in &cast.things {
            let ways = |path: &str| {
                let ask = judged(profile, "GET", SANDBOX, path);
                let bearer = ask.clone().bearer(&thing.text);
                let headers = ask
                    .header("client_id", &cast.client)
                    .header("client_secret", &thing.text)
                    .header("grant_type", "client_credentials");
                [bearer.header("X-Client-ID", &cast.client), headers]
            };
            for path in ["/every", "/open", "/careless"] {
                for ask in ways(path) {
                    let plain = ask.clone().header(NO_SIGN.0, NO_SIGN.1).send(*door).await;
                    let (plain, _) = verdict(profile, &plain);
                    for (name, value) in SIGNS {
                        let what = format!("{profile:?} {path} {} {name}", thing.what);
                        let answer = ask.clone().header(name, value).send(*door).await;
                        let (status, _) = verdict(profile, &answer);
                        match &thing.leaks {
                            Some(id) if path != "/careless" => {
                                assert_eq!(status, 403, "{what}: {answer:?}");
                                leaked.insert(format!("credential:{id}"));
                            }
                            _ => assert_eq!(status, plain, "{what}: {answer:?}"),
                        }
                    }
                }
            }
        }
    }
    assert_eq!(leaked.len(), 4);
    audited(doors, "decision.deny", leaked).await;
    world.stop_sound().await;
}

/// The audit log names each of these as leaked; observations come within a second.
async fn audited(doors: &Doors, action: &str, wanted: BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        seen = doors
            .audit()
            .await
            .iter()
            .filter(|line| line["action"] == action && line["outcome"] == "secret_from_browser")
            .map(|line| line["target"].as_str().unwrap().to_owned())
            .collect();
        if seen.is_superset(&wanted) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{seen:?} lacks some of {wanted:?}");
}
