//! Every route × every caller who may not: the status and the word that its `callers` demands.

use super::{OWN_ADMIN, OWN_PUBLIC, filled, home_of, refusal, routes};
use crate::{
    ask::{Ask, form},
    world::{ASSERTION_TYPE, Doors, PRODUCTION, SANDBOX, World, body, text, time},
};
use countersign_dialects::Listener;
use countersign_engine::{call::Callers, model::operator::Role};
use serde_json::json;

/// What a caller shows, and what it is told then.
struct Show {
    what: &'static str,
    headers: Vec<(&'static str, String)>,
    form: Vec<(&'static str, String)>,
    query: &'static str,
    told: (u16, &'static str),
}

fn show(what: &'static str, told: (u16, &'static str)) -> Show {
    Show {
        what,
        headers: Vec::new(),
        form: Vec::new(),
        query: "",
        told,
    }
}

impl Show {
    fn authorization(mut self, value: impl Into<String>) -> Self {
        self.headers.push(("Authorization", value.into()));
        self
    }

    fn bearer(self, token: &str) -> Self {
        self.authorization(format!("Bearer {token}"))
    }

    fn basic(self, id: &str, secret: &str) -> Self {
        let pair = data_encoding::BASE64.encode(format!("{id}:{secret}").as_bytes());
        self.authorization(format!("Basic {pair}"))
    }

    fn form(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.form.push((name, value.into()));
        self
    }

    fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    fn headed(&self, ask: Ask) -> Ask {
        let with = |ask: Ask, (name, value): &(&str, String)| ask.header(name, value);
        self.headers.iter().fold(ask, with)
    }
}

/// The same text with another letter near its end.
fn forged(secret: &str) -> String {
    let mut letters: Vec<char> = secret.chars().collect();
    let at = letters.len() - 9;
    letters[at] = if letters[at] == 'a' { 'b' } else { 'a' };
    letters.into_iter().collect()
}

const BAD: (u16, &str) = (401, "invalid-credential");
const SHAPELESS: (u16, &str) = (401, "malformed-credential");
const WEAK: (u16, &str) = (403, "forbidden");

/// Everyone who is no operator, or no longer one.
async fn no_operators(doors: &Doors) -> Vec<Show> {
    let client = doors.client("sandbox").await;
    let secret = doors.secret("sandbox", &client).await;
    let key = doors
        .credential("sandbox", &client, json!({ "kind": "api_key" }))
        .await;
    let token = doors
        .token(SANDBOX, "/oauth2/token", &client, &secret)
        .await;
    doors.operator("weary", "owner").await;
    let ended = |bounds| doors.operator_token("weary", bounds);
    let expired = ended(json!({ "expires_at": time(-60) })).await.secret;
    let not_yet = ended(json!({ "not_before": time(3600) })).await.secret;
    let elsewhere = ended(json!({ "allowed_networks": ["192.0.2.0/24"] }))
        .await
        .secret;
    let revoked = ended(json!({})).await;
    doors
        .act(&format!("/admin/v1/operator-tokens/{}/revoke", revoked.id))
        .await;
    let fired = doors.operator("fired", "owner").await;
    doors
        .change(
            "PATCH",
            "/admin/v1/operators/fired",
            json!({ "state": "disabled" }),
        )
        .await;
    let owner = &doors.owner;
    vec![
        show("nothing", (401, "no-credential")),
        show("a token in the query", (401, "no-credential")).query("?access_token=x"),
        show("a cookie", (401, "no-credential")).with("Cookie", &format!("token={owner}")),
        show("no token behind the scheme", SHAPELESS).authorization("Bearer"),
        show("a tab behind the scheme", SHAPELESS).authorization(format!("Bearer\t{owner}")),
        show("two spaces", SHAPELESS).authorization(format!("Bearer  {owner}")),
        show("a list", SHAPELESS).authorization(format!("Bearer {owner}, Bearer {owner}")),
        show("Basic", SHAPELESS).basic("admin", owner),
        show("two headers", SHAPELESS).bearer(owner).bearer(owner),
        show("two headers of two kinds", SHAPELESS)
            .bearer(owner)
            .basic("admin", owner),
        show("a forged token", BAD).bearer(&forged(owner)),
        show("a token cut short", BAD).bearer(&owner[..owner.len() - 1]),
        show("an access token", SHAPELESS_OR_BAD).bearer(&token),
        show("an API key", BAD).bearer(&key.secret),
        show("a client secret", BAD).bearer(&secret),
        show("an expired token", BAD).bearer(&expired),
        show("a token before its time", BAD).bearer(&not_yet),
        show("a token from the wrong network", BAD).bearer(&elsewhere),
        show("a revoked token", BAD).bearer(&revoked.secret),
        show("a disabled operator's token", BAD).bearer(&fired),
    ]
}

/// A standard access token is longer than any operator's token.
const SHAPELESS_OR_BAD: (u16, &str) = SHAPELESS;

impl Show {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

#[tokio::test]
async fn no_route_for_operators_lets_anyone_else_in() {
    let world = World::start().await;
    let doors = &world.doors;
    let strangers = Box::pin(no_operators(doors)).await;
    let operators = [
        (Role::Viewer, doors.operator("reader", "viewer").await),
        (Role::Editor, doors.operator("writer", "editor").await),
        (Role::Owner, doors.owner.clone()),
    ];
    for (dialect, listener, route) in routes() {
        let Callers::Operator(needed) = route.callers else {
            continue;
        };
        assert_eq!(listener, Listener::Admin, "{}", route.name);
        let ask = |query: &str, body: &str| {
            let target = format!("{}{query}", filled(route.path));
            let ask = Ask::new(route.method.as_str(), &target);
            match route.body_bytes_max {
                0 => ask,
                _ => ask.bytes("application/json", body),
            }
        };
        for stranger in &strangers {
            // Neither a right nor a wrong body makes a difference to who is not let in.
            for body in ["{}", "{\"nonsense\": [", "\u{0}"] {
                let what = format!("{}: {}", route.name, stranger.what);
                let answer = stranger
                    .headed(ask(stranger.query, body))
                    .send(doors.admin)
                    .await;
                let (status, word) = refusal(dialect, &what, &answer);
                assert_eq!((status, word.as_str()), stranger.told, "{what}: {answer:?}");
                if stranger.what != "nothing" {
                    break;
                }
            }
        }
        for (role, token) in &operators {
            let answer = ask("", "{}").bearer(token).send(doors.admin).await;
            let what = format!("{}: {role:?}", route.name);
            if *role < needed {
                let (status, word) = refusal(dialect, &what, &answer);
                assert_eq!((status, word.as_str()), WEAK, "{what}: {answer:?}");
            } else {
                // Nothing is where the path points, so what is let in changes nothing.
                assert!(
                    !matches!(answer.status, 401 | 403 | 500..),
                    "{what}: {answer:?}"
                );
            }
        }
    }
    world.stop_sound().await;
}

const NOBODY: (u16, &str) = (401, "invalid_client");
const AMBIGUOUS: (u16, &str) = (400, "invalid_request");

/// Everyone who is no client here, or no longer one.
async fn no_clients(doors: &Doors) -> Vec<Show> {
    let client = doors.client("sandbox").await;
    let id = client.as_str();
    let make = |new| doors.credential("sandbox", id, new);
    let kind = "client_secret";
    let good = make(json!({ "kind": kind })).await.secret;
    let key = make(json!({ "kind": "api_key" })).await.secret;
    let registration = make(json!({ "kind": "registration_token" })).await.secret;
    let expired = make(json!({ "kind": kind, "expires_at": time(-60) }))
        .await
        .secret;
    let not_yet = make(json!({ "kind": kind, "not_before": time(3600) }))
        .await
        .secret;
    let elsewhere = make(json!({ "kind": kind, "allowed_networks": ["192.0.2.0/24"] }))
        .await
        .secret;
    let revoked = make(json!({ "kind": kind })).await;
    doors
        .act(&format!(
            "/admin/v1/environments/sandbox/credentials/{}/revoke",
            revoked.id
        ))
        .await;
    let token = doors.token(SANDBOX, "/oauth2/token", id, &good).await;
    let other = doors.client_of("sandbox", "rival", "countersign").await;
    let other_secret = doors.secret("sandbox", &other).await;
    let foreign = doors.client("production").await;
    let foreign_secret = doors.secret("production", &foreign).await;
    // The same name in both environments: then only the environment tells them apart.
    let twin =
        json!({ "id": id, "organization": "acme", "display_name": "Twin", "kind": "backend" });
    doors
        .make("/admin/v1/environments/production/clients", twin)
        .await;
    let twin_secret = doors.secret("production", id).await;
    let disabled = doors.client("sandbox").await;
    let disabled_secret = doors.secret("sandbox", &disabled).await;
    let path = format!("/admin/v1/environments/sandbox/clients/{disabled}");
    doors
        .change("PATCH", &path, json!({ "state": "disabled" }))
        .await;
    let removed = doors.client("sandbox").await;
    let removed_secret = doors.secret("sandbox", &removed).await;
    doors
        .remove(&format!("/admin/v1/environments/sandbox/clients/{removed}"))
        .await;
    let new = json!({ "id": "bankrupt", "display_name": "Bankrupt" });
    doors.make("/admin/v1/organizations", new).await;
    let orphan = doors.client_of("sandbox", "bankrupt", "countersign").await;
    let orphan_secret = doors.secret("sandbox", &orphan).await;
    doors
        .change(
            "PATCH",
            "/admin/v1/organizations/bankrupt",
            json!({ "state": "disabled" }),
        )
        .await;
    vec![
        show("nothing", NOBODY),
        show("a name alone", NOBODY).form("client_id", id),
        show("no pair", NOBODY).authorization("Basic"),
        show("not base64", NOBODY).authorization("Basic !!!"),
        show("no colon", NOBODY).authorization("Basic YWJj"),
        show("an empty secret", NOBODY).basic(id, ""),
        show("another scheme", NOBODY).authorization("Digest username=x"),
        show("two headers", AMBIGUOUS)
            .basic(id, &good)
            .basic(id, &good),
        show("header and form", AMBIGUOUS)
            .basic(id, &good)
            .form("client_secret", good.clone()),
        show("two names", AMBIGUOUS)
            .basic(id, &good)
            .form("client_id", other.clone()),
        show("two secrets", AMBIGUOUS)
            .form("client_id", id)
            .form("client_secret", good.clone())
            .form("client_secret", good.clone()),
        show("secret and assertion", AMBIGUOUS)
            .form("client_id", id)
            .form("client_secret", good.clone())
            .form("client_assertion_type", ASSERTION_TYPE)
            .form("client_assertion", "a.b.c"),
        show("header and assertion", AMBIGUOUS)
            .basic(id, &good)
            .form("client_assertion_type", ASSERTION_TYPE)
            .form("client_assertion", "a.b.c"),
        show("a secret in the query", AMBIGUOUS).query("?client_id=x&client_secret=y"),
        show("a secret in the query beside a good one", AMBIGUOUS)
            .query("?client%5Fsecret=y")
            .basic(id, &good),
        show("a forged secret", NOBODY).basic(id, &forged(&good)),
        show("a secret of nobody", NOBODY).basic(id, "nothing"),
        show("a secret of another client", NOBODY).basic(id, &other_secret),
        show("another client's name", NOBODY).basic(&other, &good),
        show("another environment's client", NOBODY).basic(&foreign, &foreign_secret),
        show("the secret of its twin elsewhere", NOBODY).basic(id, &twin_secret),
        show("an API key", NOBODY).basic(id, &key),
        show("a registration token", NOBODY).basic(id, &registration),
        show("an operator's token", NOBODY).basic("admin", &doors.owner),
        show("an access token", NOBODY).bearer(&token),
        show("an operator's bearer", NOBODY).bearer(&doors.owner),
        show("an access token as an assertion", NOBODY)
            .form("client_assertion_type", ASSERTION_TYPE)
            .form("client_assertion", token.clone()),
        show("an expired secret", NOBODY).basic(id, &expired),
        show("a secret before its time", NOBODY).basic(id, &not_yet),
        show("a secret from the wrong network", NOBODY).basic(id, &elsewhere),
        show("a revoked secret", NOBODY).basic(id, &revoked.secret),
        show("a disabled client", NOBODY).basic(&disabled, &disabled_secret),
        show("a removed client", NOBODY).basic(&removed, &removed_secret),
        show("a disabled organization", NOBODY).basic(&orphan, &orphan_secret),
        show("good", (200, "")).basic(id, &good),
    ]
}

#[tokio::test]
async fn no_route_for_clients_lets_anyone_else_in() {
    let world = World::start().await;
    let doors = &world.doors;
    let strangers = Box::pin(no_clients(doors)).await;
    let mut known = None;
    for (dialect, listener, route) in routes() {
        if route.callers != Callers::Client {
            continue;
        }
        assert_eq!(listener, Listener::Public, "{}", route.name);
        for stranger in &strangers {
            let mut pairs = vec![("grant_type", "client_credentials"), ("token", "x")];
            pairs.extend(
                stranger
                    .form
                    .iter()
                    .map(|(name, value)| (*name, value.as_str())),
            );
            let what = format!("{}: {}", route.name, stranger.what);
            let target = format!("{}{}", filled(route.path), stranger.query);
            let ask = Ask::post(&target).at(SANDBOX);
            let ask = stranger.headed(ask.bytes(crate::ask::FORM, form(&pairs)));
            let answer = ask.send(doors.public).await;
            if stranger.told.0 == 200 {
                assert_eq!(answer.status, 200, "{what}: {answer:?}");
                assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
                continue;
            }
            let (status, word) = refusal(dialect, &what, &answer);
            assert_eq!((status, word.as_str()), stranger.told, "{what}: {answer:?}");
            assert_eq!(answer.header("pragma"), Some("no-cache"), "{what}");
            // A stranger never learns why: unknown, forged, expired, revoked and disabled read alike (P9).
            if stranger.what.starts_with("a secret of") || stranger.what.contains("disabled") {
                let told = body(&answer)["error_description"].clone();
                assert_eq!(*known.get_or_insert_with(|| told.clone()), told, "{what}");
            }
        }
    }
    assert!(known.is_some());
    world.stop_sound().await;
}

#[tokio::test]
async fn no_route_for_access_tokens_takes_anything_else() {
    let world = World::start().await;
    let doors = &world.doors;
    let client = doors.client("sandbox").await;
    let secret = doors.secret("sandbox", &client).await;
    let realm = |rest: &str| format!("/auth/realms/ultraio/protocol/openid-connect/{rest}");
    let good = doors
        .token(SANDBOX, &realm("token"), &client, &secret)
        .await;
    let revoked = doors
        .token(SANDBOX, &realm("token"), &client, &secret)
        .await;
    let ask = Ask::post(&realm("revoke"))
        .at(SANDBOX)
        .basic(&client, &secret);
    let ended = ask.form(&[("token", &revoked)]).send(doors.public).await;
    assert_eq!(ended.status, 200, "{ended:?}");
    let other = doors
        .token(SANDBOX, "/oauth2/token", &client, &secret)
        .await;
    let key = doors
        .credential("sandbox", &client, json!({ "kind": "api_key" }))
        .await;
    let wrong = (401, "invalid_token");
    let strangers = [
        show("nothing", wrong),
        show("a token in the query", wrong).query("?access_token=x"),
        show("Basic", wrong).basic(&client, &secret),
        show("no token behind the scheme", wrong).authorization("Bearer"),
        show("a forged token", wrong).bearer(&forged(&good)),
        show("a revoked token", wrong).bearer(&revoked),
        show("a token of another profile", wrong).bearer(&other),
        show("an API key", wrong).bearer(&key.secret),
        show("a client secret", wrong).bearer(&secret),
        show("an operator's token", wrong).bearer(&doors.owner),
        show("good", (200, "")).bearer(&good),
    ];
    for (dialect, listener, route) in routes() {
        if route.callers != Callers::AccessToken {
            continue;
        }
        assert_eq!(listener, Listener::Public, "{}", route.name);
        for stranger in &strangers {
            let what = format!("{}: {}", route.name, stranger.what);
            let target = format!("{}{}", filled(route.path), stranger.query);
            let ask = Ask::new(route.method.as_str(), &target).at(SANDBOX);
            let answer = stranger.headed(ask).send(doors.public).await;
            if stranger.told.0 == 200 {
                assert_eq!(answer.status, 200, "{what}: {answer:?}");
                continue;
            }
            let (status, word) = refusal(dialect, &what, &answer);
            assert_eq!((status, word.as_str()), stranger.told, "{what}: {answer:?}");
        }
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn what_is_for_everyone_does_not_look_at_what_is_shown() {
    let world = World::start().await;
    let doors = &world.doors;
    let paths = routes()
        .filter(|(.., route)| route.callers == Callers::Anyone && route.method == "GET")
        .map(|(.., route)| (doors.public, home_of(route), filled(route.path)));
    let own = |address, list: &[&str]| {
        let list: Vec<_> = list
            .iter()
            .map(|path| (address, SANDBOX, (*path).to_owned()))
            .collect();
        list
    };
    let own = [own(doors.public, OWN_PUBLIC), own(doors.admin, OWN_ADMIN)];
    for (address, host, path) in paths.chain(own.into_iter().flatten()) {
        let plain = Ask::get(&path).at(host).send(address).await;
        assert!(matches!(plain.status, 200 | 404), "{path}: {plain:?}");
        for value in [
            "Bearer x",
            "Basic !!!",
            "\u{1}",
            &format!("Bearer {}", doors.owner),
        ] {
            let shown = Ask::get(&path).at(host).header("Authorization", value);
            let shown = shown.send(address).await;
            // A control character is not HTTP (RFC 9110 section 5.5), and so nobody's to ignore.
            let expected = if value == "\u{1}" { 400 } else { plain.status };
            assert_eq!(shown.status, expected, "{path}, {value:?}: {shown:?}");
        }
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn an_environments_routes_know_nothing_of_the_other_environment() {
    let world = World::start().await;
    let doors = &world.doors;
    let client = doors.client("sandbox").await;
    let credential = doors
        .credential("sandbox", &client, json!({ "kind": "api_key" }))
        .await
        .id;
    for path in [
        format!("/admin/v1/environments/production/clients/{client}"),
        format!("/admin/v1/environments/production/credentials/{credential}"),
        format!("/admin/v1/environments/production/credentials?client={client}"),
    ] {
        assert_eq!(doors.admin(Ask::get(&path)).await.status, 404, "{path}");
    }
    let secret = doors.secret("sandbox", &client).await;
    let token = doors
        .token(SANDBOX, "/oauth2/token", &client, &secret)
        .await;
    let path = "/admin/v1/environments/production/tokens/inspect";
    let seen = doors
        .admin(Ask::post(path).json(&json!({ "token": token })))
        .await;
    assert_eq!(body(&seen), json!({ "active": false }));
    // A client of the other environment learns nothing of it, and cannot end it.
    let foreign = doors.client("production").await;
    let foreign_secret = doors.secret("production", &foreign).await;
    for (path, expected) in [
        ("/oauth2/introspect", "{\"active\":false}"),
        ("/oauth2/revoke", ""),
    ] {
        let ask = Ask::post(path)
            .at(PRODUCTION)
            .basic(&foreign, &foreign_secret);
        let answer = ask.form(&[("token", &token)]).send(doors.public).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, expected),
            "{path}"
        );
    }
    let ask = Ask::post("/oauth2/introspect")
        .at(SANDBOX)
        .basic(&client, &secret);
    let answer = ask.form(&[("token", &token)]).send(doors.public).await;
    assert_eq!(text(&body(&answer), "client_id"), client);
    world.stop_sound().await;
}
