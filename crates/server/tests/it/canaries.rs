//! Secrets of every kind through every endpoint that takes one, rightly and wrongly carried; then a search for
//! them in all that the server wrote: log lines of every level, metrics, audit, and each byte of its folder. On its
//! standard output there is nothing to search.

use crate::{
    ask::{Ask, FORM, form, percent},
    binary::Process,
    world::{ASSERTION_TYPE, Doors, assertion, elliptic_key, jwk, unique},
};
use countersign_dialects::registry;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

const HOST: &str = "localhost";

/// What must not be found, and what has to be: a search that finds nothing at all proves nothing.
struct Canaries {
    secrets: Vec<(&'static str, String)>,
    client: String,
}

#[tokio::test]
async fn no_secret_is_found_in_anything_that_the_server_writes() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve_at(&folder, "trace");
    let doors = process.doors(&folder);
    let canaries = everything_is_shown_everywhere(&doors).await;
    let metrics = Ask::get("/metrics").send(doors.admin).await.body;
    let audit = audit_with_observations(&doors, &canaries.client).await;
    // As it stands in the midst of its work: the write-ahead log is still there.
    let said = process.kill();
    assert_eq!(said.out, [""; 0], "nobody reads a server's standard output");
    let mut written = vec![
        ("the log".to_owned(), said.log.join("\n").into_bytes()),
        ("the metrics".to_owned(), metrics.into_bytes()),
        ("the audit log".to_owned(), audit.into_bytes()),
    ];
    written.extend(files(&folder));
    let found: Vec<String> = written
        .iter()
        .flat_map(|(place, bytes)| hits(&canaries, place, bytes))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    for (place, known) in [
        ("the log", "answered"),
        ("the metrics", "countersign_requests_total"),
        ("the audit log", canaries.client.as_str()),
        ("countersign.db-wal", canaries.client.as_str()),
    ] {
        let (_, bytes) = written
            .iter()
            .find(|(name, _)| name.ends_with(place))
            .unwrap();
        assert!(
            contains(bytes, known.as_bytes()),
            "{known} is not even in {place}"
        );
    }
}

#[test]
fn a_secret_is_found_however_it_is_spelled() {
    let secret = "cs_key_test_c4n4ry/+=\"\u{e4}".to_owned();
    let canaries = Canaries {
        secrets: vec![("a key", secret.clone())],
        client: String::new(),
    };
    let basic = |id: &str| BASE64.encode(format!("{id}:{secret}\n").as_bytes());
    for text in [
        format!("Bearer {secret}."),
        format!("?token={}&", percent(&secret)),
        format!("{{\"token\":{}}}", json!(secret)),
        HEXLOWER.encode(secret.as_bytes()),
        basic("a"),
        basic("ab"),
        basic("abc"),
        BASE64URL_NOPAD.encode(secret.as_bytes()),
    ] {
        assert!(
            !hits(&canaries, "here", text.as_bytes()).is_empty(),
            "{text}"
        );
    }
    assert_eq!(hits(&canaries, "here", b"cs_key_test_"), [""; 0]);
}

/// The places where a secret was found, in any spelling in which it was carried.
fn hits(canaries: &Canaries, place: &str, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, secret) in &canaries.secrets {
        let plain = secret.as_bytes();
        let mut spellings = vec![
            ("plain", secret.clone()),
            ("percent-encoded", percent(secret)),
            ("hexadecimal", HEXLOWER.encode(plain)),
            (
                "as JSON escapes it",
                json!(secret).to_string().trim_matches('"').to_owned(),
            ),
        ];
        // Base64 has three shapes, by what stands before; the first and last letters mix with the neighbours.
        for shift in 0..3 {
            let shifted = [vec![b'x'; shift], plain.to_vec()].concat();
            for encoded in [BASE64.encode(&shifted), BASE64URL_NOPAD.encode(&shifted)] {
                let inner = encoded.trim_end_matches('=');
                let inner = &inner[4..inner.len() - 4];
                spellings.push(("base64", inner.to_owned()));
            }
        }
        for (spelling, text) in spellings {
            if contains(bytes, text.as_bytes()) {
                found.push(format!("{kind}, {spelling}, in {place}"));
            }
        }
    }
    found
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}

/// Everything in the data folder but the two files whose purpose is to hold a secret.
fn files(folder: &TempDir) -> Vec<(String, Vec<u8>)> {
    fn walk(at: &Path, list: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, list),
                false => list.push(path),
            }
        }
    }
    let mut list = Vec::new();
    walk(folder.path(), &mut list);
    let holds_secrets =
        |path: &PathBuf| path.ends_with("master.key") || path.ends_with("operator.json");
    assert_eq!(list.iter().filter(|path| holds_secrets(path)).count(), 2);
    list.retain(|path| !holds_secrets(path));
    list.into_iter()
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect()
}

/// The audit log, once the observations of the last requests are in it.
async fn audit_with_observations(doors: &Doors, client: &str) -> String {
    let actor = format!("client:{client}");
    loop {
        let lines = doors.audit().await;
        let has = |action: &str| lines.iter().any(|line| line["action"] == action);
        let is_issued = lines
            .iter()
            .any(|l| l["action"] == "token.issue" && l["actor"] == actor);
        if is_issued && has("caller.refuse") && has("decision.deny") {
            return serde_json::to_string(&lines).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Make one secret of each kind, and show each in every place where somebody might.
async fn everything_is_shown_everywhere(doors: &Doors) -> Canaries {
    doors.environment("sandbox", "sandbox", HOST).await;
    let new = json!({ "id": "acme", "display_name": "Acme" });
    doors.make("/admin/v1/organizations", new).await;
    let guards = json!([
        { "name": "open", "paths": ["/open"], "accept": ["anonymous"] },
        {
            "name": "all", "paths": ["/*"], "assertion": true,
            "accept": ["api_key", "access_token", "registration_token"],
        },
    ]);
    doors.guards("sandbox", guards).await;
    let client = doors.client("sandbox").await;
    let ayyeka = doors.client_of("sandbox", "acme", "ayyeka").await;
    let key = elliptic_key();
    let make = async |kind: &str| {
        let new = json!({ "kind": kind });
        doors.credential("sandbox", &client, new).await.secret
    };
    let shared = json!({ "kind": "signing_secret", "algorithm": "HS512" });
    let public = json!({ "kind": "public_key", "algorithm": "ES256", "jwk": jwk(&key) });
    doors.credential("sandbox", &client, public).await;
    let secret = make("client_secret").await;
    let ayyeka_secret = doors.secret("sandbox", &ayyeka).await;
    let standard_token = doors.token(HOST, "/oauth2/token", &client, &secret).await;
    let ayyeka_token = doors
        .token(HOST, "/auth/token", &ayyeka, &ayyeka_secret)
        .await;
    let idempotency = unique("idempotency-canary-");
    let rotated = rotated(doors, &client, &idempotency).await;
    let mut secrets = vec![
        ("a client secret", secret),
        ("an Ayyeka secret", ayyeka_secret),
        ("an API key", make("api_key").await),
        ("a registration token", make("registration_token").await),
        (
            "a signing secret",
            doors.credential("sandbox", &client, shared).await.secret,
        ),
        ("the first operator's token", doors.owner.clone()),
        (
            "an operator's token",
            doors.operator("second", "editor").await,
        ),
        ("a standard token", standard_token),
        ("an Ayyeka token", ayyeka_token),
        (
            "an assertion",
            assertion(key.clone(), &client, "https://localhost"),
        ),
        (
            "an assertion for nobody",
            assertion(key, "nobody", "https://localhost"),
        ),
        ("a rotated secret", rotated),
        ("a secret of nobody", unique("canary-of-nobody-")),
        (
            "a password with odd letters",
            format!("{}\"\\ %&=+\u{e4}", unique("canary-odd-")),
        ),
    ];
    for (_, secret) in &secrets {
        show(doors, &client, secret).await;
    }
    secrets.push(("an idempotency key", idempotency));
    Canaries { secrets, client }
}

/// A secret that is made by a repeated, idempotent rotation: its answer is kept for a while.
async fn rotated(doors: &Doors, client: &str, idempotency: &str) -> String {
    let made = doors
        .credential("sandbox", client, json!({ "kind": "client_secret" }))
        .await;
    let path = format!(
        "/admin/v1/environments/sandbox/credentials/{}/rotate",
        made.id
    );
    let ask = Ask::post(&path).header("Idempotency-Key", idempotency);
    let ask = ask.json(&json!({ "overlap_s": 60 }));
    let first = doors.admin(ask.clone()).await;
    let again = doors.admin(ask).await;
    assert_eq!((first.status, again.status), (201, 201), "{again:?}");
    assert_eq!(first.body, again.body, "the answer is told again");
    crate::world::text(&crate::world::body(&first), "secret")
}

/// Every place where a secret may stand, and every place where it must not but might.
async fn show(doors: &Doors, client: &str, secret: &str) {
    let (public, admin, gateway) = (doors.public, doors.admin, doors.gateways[0]);
    let encoded = percent(secret);
    let grant = ("grant_type", "client_credentials");
    let mut asks = Vec::new();
    for (address, host) in [(public, HOST), (admin, "admin.example")] {
        for route in registry().iter().flat_map(|dialect| dialect.routes) {
            let path = route.path.replace(['{', '}'], "");
            let ask = || Ask::new(route.method.as_str(), &path).at(host);
            asks.push((address, ask().bearer(secret)));
            if route.body_bytes_max > 0 {
                let wrong = format!(
                    "{{\"token\":{0},\"id\":{0},\"{client}\":{0}}}",
                    json!(secret)
                );
                asks.push((
                    address,
                    ask().bearer(&doors.owner).bytes("application/json", wrong),
                ));
            }
        }
    }
    for path in [
        "/oauth2/token",
        "/oauth2/introspect",
        "/oauth2/revoke",
        "/auth/token",
    ] {
        let ask = |query: &str| Ask::post(&format!("{path}{query}")).at(HOST);
        let pairs = |name, value| form(&[grant, ("client_id", client), (name, value)]);
        asks.extend(
            [
                ask("").basic(client, secret).form(&[grant]),
                ask("").basic(secret, secret).form(&[grant]),
                ask("")
                    .basic(client, &encoded)
                    .form(&[grant, ("token", secret)]),
                ask("").bytes(FORM, pairs("client_secret", secret)),
                ask("").bytes(FORM, pairs("token", secret)),
                ask("").bytes(FORM, pairs("scope", secret)),
                ask("").bytes(FORM, pairs("resource", secret)),
                ask("").bytes("text/plain", secret),
                ask("").form(&[
                    grant,
                    ("client_assertion_type", ASSERTION_TYPE),
                    ("client_assertion", secret),
                ]),
                ask(&format!("?client_secret={encoded}")).form(&[grant]),
                ask(&format!("?access_token={encoded}")).form(&[grant]),
                ask(&format!("/{encoded}")).form(&[grant]),
            ]
            .map(|ask| (public, ask)),
        );
    }
    let organization = json!({ "display_name": secret.len(), "secret": secret });
    asks.extend([
        (
            admin,
            Ask::get(&format!("/admin/v1/operators/{encoded}")).bearer(&doors.owner),
        ),
        (
            admin,
            Ask::get(&format!("/admin/v1/audit?cursor={encoded}")).bearer(&doors.owner),
        ),
        (
            admin,
            Ask::get("/admin/v1/whoami").header("Cookie", &format!("token={encoded}")),
        ),
        (
            admin,
            Ask::get("/admin/v1/whoami")
                .header("If-Match", &encoded)
                .bearer(&doors.owner),
        ),
        (
            admin,
            Ask::post("/admin/v1/organizations")
                .bearer(&doors.owner)
                .json(&organization),
        ),
        (
            public,
            Ask::get("/oauth2/jwks").at(&format!("{encoded}.example")),
        ),
        (
            public,
            Ask::get(&format!("/{encoded}"))
                .at(HOST)
                .header("X-Forwarded-For", &encoded),
        ),
    ]);
    for path in ["tokens/inspect", "tokens/revoke"] {
        let path = format!("/admin/v1/environments/sandbox/{path}");
        asks.push((
            admin,
            Ask::post(&path)
                .bearer(&doors.owner)
                .json(&json!({ "token": secret })),
        ));
    }
    let judged = |target: &str| {
        Ask::get("/decide")
            .header("X-Original-Method", "GET")
            .header("X-Original-Host", HOST)
            .header("X-Original-Uri", target)
            .header("X-Original-Peer", "192.0.2.1")
            .header("X-Original-Request-Id", "proxy-1")
            .header("X-Client-ID", client)
    };
    asks.extend(
        [
            judged("/x").bearer(secret),
            judged("/open").bearer(secret),
            judged("/x")
                .bearer(secret)
                .header("Origin", "https://app.example"),
            judged("/x").header("Authorization", &format!("Digest {secret}")),
            judged("/x").header("Authorization", secret),
            judged(&format!("/{encoded}?access_token={encoded}")),
            judged("/x").header("Countersign-Assertion", secret),
        ]
        .map(|ask| (gateway, ask)),
    );
    for (address, ask) in asks {
        let answer = ask.send(address).await;
        assert!(answer.status < 500, "{ask:?}: {answer:?}");
    }
}
