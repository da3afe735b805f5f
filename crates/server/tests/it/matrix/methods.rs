//! Every path × every method, body and media type that it does not take.

use super::{OWN_ADMIN, OWN_PUBLIC, filled, home, home_of, refusal, routes};
use crate::{
    ask::Ask,
    harness::Answer,
    world::{Doors, SANDBOX, World},
};
use countersign_dialects::{Listener, Route};
use countersign_engine::call::Callers;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
];

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_405_and_says_which_it_has() {
    let world = World::start().await;
    let doors = &world.doors;
    let mut paths: BTreeMap<(Face, String), (&str, BTreeSet<&str>)> = BTreeMap::new();
    for (dialect, listener, route) in routes() {
        let at = (which(listener), filled(route.path));
        let (_, methods) = paths.entry(at).or_insert((dialect, BTreeSet::new()));
        methods.insert(route.method.as_str());
    }
    for path in OWN_PUBLIC {
        paths.insert((Face::Public, (*path).into()), ("standard", ["GET"].into()));
    }
    for path in OWN_ADMIN {
        paths.insert((Face::Admin, (*path).into()), ("admin", ["GET"].into()));
    }
    for ((listener, path), (dialect, mut methods)) in paths {
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        for method in METHODS {
            let what = format!("{method} {path}");
            let answer = Ask::new(method, &path)
                .at(home(dialect))
                .send(listener.door(doors))
                .await;
            if methods.contains(method) {
                assert_ne!(answer.status, 405, "{what}: {answer:?}");
                continue;
            }
            assert_eq!(answer.status, 405, "{what}: {answer:?}");
            let allowed: BTreeSet<&str> = answer.header("allow").unwrap().split(", ").collect();
            assert_eq!(allowed, methods, "{what}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
            if method == "HEAD" {
                assert_eq!(answer.body, "", "{what}");
            } else {
                refusal(dialect, &what, &answer);
            }
        }
    }
    world.stop_sound().await;
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Face {
    Public,
    Admin,
}

impl Face {
    fn door(self, doors: &Doors) -> std::net::SocketAddr {
        match self {
            Self::Public => doors.public,
            Self::Admin => doors.admin,
        }
    }
}

fn which(listener: Listener) -> Face {
    match listener {
        Listener::Public => Face::Public,
        Listener::Admin => Face::Admin,
    }
}

/// A request of the route by someone who may make it, without a body.
struct Right {
    client: String,
    secret: String,
    owner: String,
    /// Of the environment and of the profile scope of Quiltt.
    key: String,
    session: String,
    /// Of a service provider.
    provider_key: String,
}

impl Right {
    async fn of(doors: &Doors) -> Self {
        let client = doors.client("sandbox").await;
        let (key, session) = quiltt_scopes(doors).await;
        Self {
            secret: doors.secret("sandbox", &client).await,
            client,
            owner: doors.owner.clone(),
            key,
            session,
            provider_key: provider_key(doors).await,
        }
    }

    fn ask(&self, route: &Route) -> Ask {
        let ask = Ask::new(route.method.as_str(), &filled(route.path)).at(home_of(route));
        match route.callers {
            Callers::Client => ask.basic(&self.client, &self.secret),
            Callers::Operator(_) => ask.bearer(&self.owner).header("If-Match", "\"1\""),
            Callers::ApiKey if route.name.starts_with("ubiqu.") => {
                ask.header("X-Api-Key", &self.provider_key)
            }
            Callers::ApiKey => ask.bearer(&self.key),
            Callers::Session if route.name.starts_with("quiltt.") => ask.bearer(&self.session),
            // Their own dialects' tests show these; here something that is none will do.
            Callers::Session | Callers::AccessToken => ask.bearer("none"),
            Callers::Device | Callers::NewDevice | Callers::Anyone => ask,
        }
    }
}

/// Send it, again when a budget is used up for this second.
async fn patiently(ask: Ask, door: SocketAddr) -> Answer {
    loop {
        let answer = ask.clone().send(door).await;
        if answer.status != 429 {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_415_and_any_at_all_is_too_large_where_none_is_taken() {
    let world = World::start().await;
    let doors = &world.doors;
    let right = Right::of(doors).await;
    for (dialect, listener, route) in routes() {
        let door = which(listener).door(doors);
        if route.body_bytes_max == 0 {
            let ask = right.ask(route).bytes("application/json", "{}");
            let what = format!("{}: a body", route.name);
            let answer = patiently(ask, door).await;
            assert_eq!(
                refusal(dialect, &what, &answer).0,
                413,
                "{what}: {answer:?}"
            );
            continue;
        }
        if route.doc.body.is_none() {
            // Some clients always send one: it is not read, and not endless either.
            let short = right.ask(route).bytes("text/plain", "{}");
            let answer = patiently(short, door).await;
            assert!(
                ![413, 415].contains(&answer.status),
                "{}: {answer:?}",
                route.name
            );
            let long = "x".repeat(route.body_bytes_max + 1);
            let answer = patiently(right.ask(route).bytes("text/plain", long), door).await;
            let what = format!("{}: a long body", route.name);
            assert_eq!(
                refusal(dialect, &what, &answer).0,
                413,
                "{what}: {answer:?}"
            );
            continue;
        }
        // Nobody is shown here to BitCanuck's sessions and to devices, and nobody learns of a body's type.
        let is_nobody = match route.callers {
            Callers::Session => !route.name.starts_with("quiltt."),
            Callers::Device | Callers::NewDevice => true,
            _ => false,
        };
        let expected = if is_nobody { 401 } else { 415 };
        for media_type in [
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/xml",
            "application/x-www-form-urlencoded-not",
            "application/jsonx",
            "application/json, application/x-www-form-urlencoded",
            "",
            "/",
        ] {
            let what = format!("{}: {media_type:?}", route.name);
            let answer = patiently(right.ask(route).bytes(media_type, "{}"), door).await;
            assert_eq!(
                refusal(dialect, &what, &answer).0,
                expected,
                "{what}: {answer:?}"
            );
        }
        let other = match route.callers {
            Callers::Client => "application/json",
            _ => crate::ask::FORM,
        };
        let what = format!("{}: {other}", route.name);
        let answer = patiently(right.ask(route).bytes(other, "{}"), door).await;
        assert_eq!(
            refusal(dialect, &what, &answer).0,
            expected,
            "{what}: {answer:?}"
        );
        for coding in ["gzip", "br", "identity, gzip", "deflate", "x"] {
            let what = format!("{}: {coding}", route.name);
            let ask = right.ask(route).header("Content-Encoding", coding);
            let answer = ask
                .bytes("application/json", "\u{1f}\u{8b}")
                .send(door)
                .await;
            assert_eq!(
                refusal(dialect, &what, &answer).0,
                415,
                "{what}: {answer:?}"
            );
        }
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn a_body_is_taken_up_to_its_limit_and_refused_beyond_before_it_is_read() {
    let world = World::start().await;
    let doors = &world.doors;
    let right = Right::of(doors).await;
    for (dialect, listener, route) in routes() {
        let door = which(listener).door(doors);
        let what = format!("{}: too large", route.name);
        let body = vec![b'a'; route.body_bytes_max + 1];
        let ask = right.ask(route).bytes("application/json", body);
        let answer = ask.send(door).await;
        assert_eq!(
            refusal(dialect, &what, &answer).0,
            413,
            "{what}: {answer:?}"
        );
        assert_eq!(answer.header("connection"), Some("close"), "{what}");
        // Announced and never sent: the answer does not wait for it.
        let mut request = right
            .ask(route)
            .header("Content-Length", "10000000000")
            .wire();
        request.extend_from_slice(b"a");
        let said = crate::harness::parse(&crate::ask::raw(door, &request).await);
        assert_eq!(refusal(dialect, &what, &said).0, 413, "{what}: {said:?}");
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn a_path_that_nobody_has_is_404_in_the_words_of_its_neighbours() {
    let world = World::start().await;
    let doors = &world.doors;
    for (path, dialect) in [
        ("/", "standard"),
        ("/nowhere", "standard"),
        ("/oauth2/nowhere", "standard"),
        ("/.well-known/nowhere", "standard"),
        ("/.well-known/oauth-authorization-server/", "standard"),
        ("/auth/nowhere", "ayyeka"),
        ("/auth/token/", "ayyeka"),
        ("/metrics", "standard"),
        ("/admin/v1/whoami", "standard"),
    ] {
        let answer = Ask::get(path).at(SANDBOX).send(doors.public).await;
        assert_eq!(refusal(dialect, path, &answer).0, 404, "{path}: {answer:?}");
    }
    for path in [
        "/",
        "/admin/v1",
        "/admin/v1/nowhere",
        "/oauth2/token",
        "/health",
    ] {
        let answer = Ask::get(path).send(doors.admin).await;
        assert_eq!(refusal("admin", path, &answer).0, 404, "{path}: {answer:?}");
    }
    world.stop_sound().await;
}

/// An API key of a Quiltt client, and a session that it asked for.
async fn quiltt_scopes(doors: &Doors) -> (String, String) {
    let client = doors.client_of("sandbox", "acme", "quiltt").await;
    let new = serde_json::json!({ "kind": "api_key" });
    let key = doors.credential("sandbox", &client, new).await.secret;
    let ask = Ask::post("/v1/users/sessions").at(SANDBOX).bearer(&key);
    let answer = ask.send(doors.public).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let session = crate::world::text(&crate::world::body(&answer), "token");
    (key, session)
}

/// An API key of a service provider.
async fn provider_key(doors: &Doors) -> String {
    let new = serde_json::json!({
        "organization": "acme", "display_name": "Bank", "kind": "service_provider", "spelling": "ubiqu",
    });
    let made = doors
        .make("/admin/v1/environments/sandbox/clients", new)
        .await;
    let client = crate::world::text(&made, "id");
    let new = serde_json::json!({ "kind": "api_key" });
    doors.credential("sandbox", &client, new).await.secret
}
