//! Every kind of token and credential × everything that verifies one: only the diagonal passes.

use super::gateways::{judged, verdict};
use crate::{
    ask::Ask,
    world::{ASSERTION_TYPE, Doors, PROFILES, SANDBOX, World, assertion, body, elliptic_key, jwk},
};
use countersign_jose::{Algorithm, SigningKey};
use serde_json::json;

/// What can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    StandardToken,
    AyyekaToken,
    UltraToken,
    ApiKey,
    RegistrationToken,
    ClientSecret,
    OperatorToken,
    SignedByKey,
    SignedBySecret,
}

const KINDS: [Kind; 9] = [
    Kind::StandardToken,
    Kind::AyyekaToken,
    Kind::UltraToken,
    Kind::ApiKey,
    Kind::RegistrationToken,
    Kind::ClientSecret,
    Kind::OperatorToken,
    Kind::SignedByKey,
    Kind::SignedBySecret,
];

/// Where it can be shown, and what passes there.
#[derive(Clone, Copy, Debug)]
enum Verifier {
    /// A guard for this path.
    Guard(&'static str),
    /// The same, as the secret of Ultra's four headers.
    GuardHeaders(&'static str),
    Introspection,
    Inspection,
    UserInfo,
    TokenEndpointHeaders(&'static str),
    TokenEndpointBasic(&'static str),
    TokenEndpointForm(&'static str),
    TokenEndpointBearer(&'static str),
    TokenEndpointAssertion(&'static str),
    Admin,
}

const ANY_TOKEN: &[Kind] = &[Kind::StandardToken, Kind::AyyekaToken, Kind::UltraToken];
const ULTRA: &str = "/auth/realms/ultraio/protocol/openid-connect/token";

const VERIFIERS: [(Verifier, &[Kind]); 25] = [
    (Verifier::Guard("/standard"), &[Kind::StandardToken]),
    (Verifier::Guard("/ayyeka"), &[Kind::AyyekaToken]),
    (Verifier::Guard("/ultra"), &[Kind::UltraToken]),
    (Verifier::Guard("/any-token"), ANY_TOKEN),
    (Verifier::Guard("/key"), &[Kind::ApiKey]),
    (Verifier::Guard("/registration"), &[Kind::RegistrationToken]),
    (Verifier::Guard("/headers"), &[]),
    (Verifier::GuardHeaders("/headers"), &[Kind::ClientSecret]),
    (Verifier::GuardHeaders("/key"), &[]),
    (Verifier::Introspection, ANY_TOKEN),
    (Verifier::Inspection, ANY_TOKEN),
    (Verifier::UserInfo, &[Kind::UltraToken]),
    (
        Verifier::TokenEndpointBasic("/oauth2/token"),
        &[Kind::ClientSecret],
    ),
    (
        Verifier::TokenEndpointBasic("/auth/token"),
        &[Kind::ClientSecret],
    ),
    (Verifier::TokenEndpointBasic(ULTRA), &[Kind::ClientSecret]),
    (
        Verifier::TokenEndpointForm("/oauth2/token"),
        &[Kind::ClientSecret],
    ),
    (
        Verifier::TokenEndpointForm("/auth/token"),
        &[Kind::ClientSecret],
    ),
    (Verifier::TokenEndpointForm(ULTRA), &[Kind::ClientSecret]),
    (Verifier::TokenEndpointHeaders(ULTRA), &[Kind::ClientSecret]),
    (Verifier::TokenEndpointBearer("/oauth2/token"), &[]),
    (Verifier::TokenEndpointBearer("/auth/token"), &[]),
    (
        Verifier::TokenEndpointAssertion("/oauth2/token"),
        &[Kind::SignedByKey, Kind::SignedBySecret],
    ),
    (Verifier::TokenEndpointAssertion("/auth/token"), &[]),
    (Verifier::TokenEndpointAssertion(ULTRA), &[]),
    (Verifier::Admin, &[Kind::OperatorToken]),
];

/// A client that has one of everything.
struct Owner {
    client: String,
    secret: String,
    key: String,
    registration: String,
    signing: SigningKey,
    shared: String,
    operator: String,
}

impl Owner {
    async fn make(doors: &Doors) -> Self {
        let client = doors.client("sandbox").await;
        let make = |new| doors.credential("sandbox", &client, new);
        let signing = elliptic_key();
        make(json!({ "kind": "public_key", "algorithm": "ES256", "jwk": jwk(&signing) })).await;
        Self {
            secret: make(json!({ "kind": "client_secret" })).await.secret,
            key: make(json!({ "kind": "api_key" })).await.secret,
            registration: make(json!({ "kind": "registration_token" })).await.secret,
            shared: make(json!({ "kind": "signing_secret", "algorithm": "HS256" }))
                .await
                .secret,
            operator: doors.operator("everyday", "owner").await,
            signing,
            client,
        }
    }

    /// One of this kind; assertions are good for one use, so each is new.
    async fn shown(&self, doors: &Doors, kind: Kind) -> String {
        let signed = |key| assertion(key, &self.client, &format!("https://{SANDBOX}"));
        match kind {
            Kind::StandardToken => {
                doors
                    .token(SANDBOX, "/oauth2/token", &self.client, &self.secret)
                    .await
            }
            Kind::AyyekaToken => {
                doors
                    .token(SANDBOX, "/auth/token", &self.client, &self.secret)
                    .await
            }
            Kind::UltraToken => {
                doors
                    .token(SANDBOX, ULTRA, &self.client, &self.secret)
                    .await
            }
            Kind::ApiKey => self.key.clone(),
            Kind::RegistrationToken => self.registration.clone(),
            Kind::ClientSecret => self.secret.clone(),
            Kind::OperatorToken => self.operator.clone(),
            Kind::SignedByKey => signed(self.signing.clone()),
            Kind::SignedBySecret => {
                let bytes = self.shared.as_bytes();
                signed(SigningKey::from_secret(Algorithm::Hs256, bytes).unwrap())
            }
        }
    }

    /// Whether the verifier takes it.
    async fn passes(&self, doors: &Doors, verifier: Verifier, text: &str) -> bool {
        let grant = ("grant_type", "client_credentials");
        let ask = |path| Ask::post(path).at(SANDBOX);
        let ask_get = |path| Ask::get(path).at(SANDBOX);
        let issued = async |ask: Ask| {
            let answer = ask.send(doors.public).await;
            assert!(matches!(answer.status, 200 | 400 | 401), "{answer:?}");
            assert_eq!(
                answer.status == 200,
                answer.body.contains("access_token"),
                "{answer:?}"
            );
            answer.status == 200
        };
        match verifier {
            Verifier::Guard(path) => {
                same_everywhere(doors, path, |ask| {
                    ask.bearer(text).header("X-Client-ID", &self.client)
                })
                .await
            }
            Verifier::GuardHeaders(path) => {
                same_everywhere(doors, path, |ask| headed(ask, &self.client, text)).await
            }
            Verifier::UserInfo => {
                let path = "/auth/realms/ultraio/protocol/openid-connect/userinfo";
                let answer = ask_get(path).bearer(text).send(doors.public).await;
                assert!(matches!(answer.status, 200 | 401), "{answer:?}");
                answer.status == 200
            }
            Verifier::TokenEndpointHeaders(path) => {
                issued(headed(ask(path), &self.client, text)).await
            }
            Verifier::Introspection => {
                let ask = ask("/oauth2/introspect").basic(&self.client, &self.secret);
                let answer = ask.form(&[("token", text)]).send(doors.public).await;
                let told = body(&answer);
                let is_active = told["active"] == true;
                assert!(is_active || told == json!({ "active": false }), "{told}");
                is_active
            }
            Verifier::Inspection => {
                let path = "/admin/v1/environments/sandbox/tokens/inspect";
                let told = body(
                    &doors
                        .admin(Ask::post(path).json(&json!({ "token": text })))
                        .await,
                );
                let is_active = told["active"] == true;
                assert!(is_active || told == json!({ "active": false }), "{told}");
                is_active
            }
            Verifier::TokenEndpointBasic(path) => {
                issued(ask(path).basic(&self.client, text).form(&[grant])).await
            }
            Verifier::TokenEndpointForm(path) => {
                let client = ("client_id", self.client.as_str());
                issued(ask(path).form(&[grant, client, ("client_secret", text)])).await
            }
            Verifier::TokenEndpointBearer(path) => {
                issued(ask(path).bearer(text).form(&[grant])).await
            }
            Verifier::TokenEndpointAssertion(path) => {
                let typed = ("client_assertion_type", ASSERTION_TYPE);
                issued(ask(path).form(&[grant, typed, ("client_assertion", text)])).await
            }
            Verifier::Admin => {
                let ask = Ask::get("/admin/v1/whoami").bearer(text);
                let answer = ask.send(doors.admin).await;
                assert!(matches!(answer.status, 200 | 401), "{answer:?}");
                answer.status == 200
            }
        }
    }
}

/// Ultra's four headers.
fn headed(ask: Ask, client: &str, secret: &str) -> Ask {
    ask.header("client_id", client)
        .header("client_secret", secret)
        .header("grant_type", "client_credentials")
}

/// Whether every proxy is told that the request passes; or none.
async fn same_everywhere(doors: &Doors, path: &str, show: impl Fn(Ask) -> Ask) -> bool {
    let mut seen = Vec::new();
    for (profile, door) in PROFILES.into_iter().zip(&doors.gateways) {
        let ask = show(judged(profile, "GET", SANDBOX, path));
        let (status, ..) = verdict(profile, &ask.send(*door).await);
        assert!(matches!(status, 200 | 400 | 401), "{profile:?}: {status}");
        seen.push(status == 200);
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "proxies are told different things of {path}");
    seen[0]
}

async fn with_guards() -> World {
    let world = World::start().await;
    let guard = |name: &str, accept: &str, profiles: &[&str]| {
        json!({
            "name": name, "paths": [format!("/{name}")], "accept": [accept], "profiles": profiles,
        })
    };
    let guards = json!([
        guard("standard", "access_token", &["standard"]),
        guard("ayyeka", "access_token", &["ayyeka"]),
        guard("ultra", "access_token", &["ultra"]),
        guard("headers", "client_headers", &[]),
        guard("any-token", "access_token", &[]),
        guard("key", "api_key", &[]),
        guard("registration", "registration_token", &[]),
        guard("nothing", "anonymous", &[]),
    ]);
    world.doors.guards("sandbox", guards).await;
    world
}

#[tokio::test]
async fn each_kind_passes_where_it_belongs_and_nowhere_else() {
    let world = with_guards().await;
    let doors = &world.doors;
    let owner = Owner::make(doors).await;
    for (verifier, accepted) in VERIFIERS {
        for kind in KINDS {
            let shown = owner.shown(doors, kind).await;
            let passes = owner.passes(doors, verifier, &shown).await;
            assert_eq!(passes, accepted.contains(&kind), "{kind:?} at {verifier:?}");
        }
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn revocation_ends_tokens_and_nothing_that_is_no_token() {
    let world = with_guards().await;
    let doors = &world.doors;
    let owner = Owner::make(doors).await;
    let homes = [
        (Kind::StandardToken, Verifier::Guard("/standard"), true),
        (Kind::AyyekaToken, Verifier::Guard("/ayyeka"), true),
        (Kind::UltraToken, Verifier::Guard("/ultra"), true),
        (Kind::ApiKey, Verifier::Guard("/key"), false),
        (
            Kind::RegistrationToken,
            Verifier::Guard("/registration"),
            false,
        ),
        (
            Kind::ClientSecret,
            Verifier::TokenEndpointForm("/oauth2/token"),
            false,
        ),
        (Kind::OperatorToken, Verifier::Admin, false),
        (
            Kind::SignedByKey,
            Verifier::TokenEndpointAssertion("/oauth2/token"),
            false,
        ),
    ];
    for (kind, home, ends) in homes {
        let shown = owner.shown(doors, kind).await;
        // Assertions are good for one use, so that one has to come after the revocation.
        let is_once = kind == Kind::SignedByKey;
        assert!(
            is_once || owner.passes(doors, home, &shown).await,
            "{kind:?}"
        );
        let ask = Ask::post("/oauth2/revoke")
            .at(SANDBOX)
            .basic(&owner.client, &owner.secret);
        // A wrong hint changes nothing (RFC 7009 section 2.1).
        let form = [
            ("token", shown.as_str()),
            ("token_type_hint", "refresh_token"),
        ];
        for _ in 0..2 {
            let answer = ask.clone().form(&form).send(doors.public).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{kind:?}");
        }
        assert_eq!(
            !owner.passes(doors, home, &shown).await,
            ends,
            "{kind:?} afterwards"
        );
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn nobody_ends_or_reads_another_clients_token() {
    let world = with_guards().await;
    let doors = &world.doors;
    let owner = Owner::make(doors).await;
    let other = doors.client_of("sandbox", "rival", "countersign").await;
    let secret = doors.secret("sandbox", &other).await;
    for kind in [Kind::StandardToken, Kind::AyyekaToken, Kind::UltraToken] {
        let shown = owner.shown(doors, kind).await;
        for (path, told) in [
            ("/oauth2/introspect", "{\"active\":false}"),
            ("/oauth2/revoke", ""),
        ] {
            let ask = Ask::post(path).at(SANDBOX).basic(&other, &secret);
            let answer = ask.form(&[("token", &shown)]).send(doors.public).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (200, told),
                "{kind:?} at {path}"
            );
        }
        assert!(
            owner
                .passes(doors, Verifier::Guard("/any-token"), &shown)
                .await,
            "{kind:?}"
        );
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn an_assertion_is_good_for_one_use_also_when_it_is_used_at_once_everywhere() {
    let world = with_guards().await;
    let doors = &world.doors;
    let owner = Owner::make(doors).await;
    for kind in [Kind::SignedByKey, Kind::SignedBySecret] {
        let shown = owner.shown(doors, kind).await;
        let ask = Ask::post("/oauth2/token").at(SANDBOX).form(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &shown),
        ]);
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (ask, door) = (ask.clone(), doors.public);
            tries.spawn(async move { ask.send(door).await.status });
        }
        let mut passed = 0;
        for status in tries.join_all().await {
            match status {
                200 => passed += 1,
                status => assert_eq!(status, 401, "{kind:?}"),
            }
        }
        assert_eq!(passed, 1, "{kind:?}");
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn one_of_ours_is_refused_where_nothing_is_needed() {
    let world = with_guards().await;
    let doors = &world.doors;
    let owner = Owner::make(doors).await;
    for (profile, door) in PROFILES.into_iter().zip(&doors.gateways) {
        let plain = judged(profile, "GET", SANDBOX, "/nothing")
            .send(*door)
            .await;
        assert_eq!(verdict(profile, &plain).0, 200, "{plain:?}");
        let foreign = judged(profile, "GET", SANDBOX, "/nothing").bearer("not-ours");
        assert_eq!(verdict(profile, &foreign.send(*door).await).0, 200);
        for kind in [Kind::ApiKey, Kind::ClientSecret, Kind::OperatorToken] {
            let shown = owner.shown(doors, kind).await;
            let ask = judged(profile, "GET", SANDBOX, "/nothing").bearer(&shown);
            let answer = ask.send(*door).await;
            assert_eq!(verdict(profile, &answer).0, 401, "{kind:?}: {answer:?}");
        }
    }
    world.stop_sound().await;
}
