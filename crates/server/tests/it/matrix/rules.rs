//! Every way for a client to authenticate × every rule about clients: none of the ways forgets one.

use super::refusal;
use crate::{
    ask::{Ask, FORM, form},
    harness::Answer,
    world::{
        Doors, Made, SANDBOX, World, assertion, assertion_form, body, elliptic_key, jwk, time,
        unique,
    },
};
use countersign_jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

/// How a client says who it is, and where.
#[derive(Clone, Copy, Debug)]
enum Way {
    Basic(&'static str),
    Form(&'static str),
    /// Ultra's four headers.
    Headers,
    PublicKey,
    SigningSecret,
}

const STANDARD: &str = "/oauth2/token";
const AYYEKA: &str = "/auth/token";
const ULTRA: &str = "/auth/realms/ultraio/protocol/openid-connect/token";

const WAYS: [Way; 9] = [
    Way::Basic(STANDARD),
    Way::Form(STANDARD),
    Way::PublicKey,
    Way::SigningSecret,
    Way::Basic(AYYEKA),
    Way::Form(AYYEKA),
    Way::Basic(ULTRA),
    Way::Form(ULTRA),
    Way::Headers,
];

impl Way {
    fn dialect(self) -> &'static str {
        match self {
            Self::Basic(AYYEKA) | Self::Form(AYYEKA) => "ayyeka",
            Self::Basic(ULTRA) | Self::Form(ULTRA) | Self::Headers => "ultra",
            _ => "standard",
        }
    }
}

/// A client that can authenticate in one way.
struct Caller {
    way: Way,
    organization: String,
    client: String,
    credential: Made,
    key: Option<SigningKey>,
}

impl Caller {
    /// With a credential that has these properties besides its kind.
    async fn make(doors: &Doors, way: Way, lifecycle: Value) -> Self {
        let organization = unique("org-");
        let new = json!({ "id": organization, "display_name": "Customer" });
        doors.make("/admin/v1/organizations", new).await;
        let client = doors
            .client_of("sandbox", &organization, "countersign")
            .await;
        let key = matches!(way, Way::PublicKey).then(elliptic_key);
        let mut new = match way {
            Way::Basic(_) | Way::Form(_) | Way::Headers => json!({ "kind": "client_secret" }),
            Way::PublicKey => json!({
                "kind": "public_key", "algorithm": "ES256", "jwk": jwk(key.as_ref().unwrap()),
            }),
            Way::SigningSecret => json!({ "kind": "signing_secret", "algorithm": "HS256" }),
        };
        new.as_object_mut()
            .unwrap()
            .extend(lifecycle.as_object().unwrap().clone());
        let credential = doors.credential("sandbox", &client, new).await;
        Self {
            way,
            organization,
            client,
            credential,
            key,
        }
    }

    /// Ask for a token.
    async fn ask(&self, doors: &Doors, more: &[(&str, &str)]) -> Answer {
        let mut pairs = vec![("grant_type", "client_credentials")];
        pairs.extend(more);
        let (id, secret) = (self.client.as_str(), self.credential.secret.as_str());
        let issuer = format!("https://{SANDBOX}");
        let signed = |key| {
            let assertion = assertion(key, id, &issuer);
            Ask::post(STANDARD).bytes(FORM, assertion_form(&assertion, &pairs))
        };
        let ask = match self.way {
            Way::Basic(path) => Ask::post(path).basic(id, secret).bytes(FORM, form(&pairs)),
            Way::Form(path) => {
                pairs.extend([("client_id", id), ("client_secret", secret)]);
                Ask::post(path).bytes(FORM, form(&pairs))
            }
            Way::Headers => {
                pairs.extend([("client_id", id), ("client_secret", secret)]);
                let with = |ask: Ask, (name, value): &(&str, &str)| ask.header(name, value);
                pairs.iter().fold(Ask::post(ULTRA), with)
            }
            Way::PublicKey => signed(self.key.clone().unwrap()),
            Way::SigningSecret => {
                signed(SigningKey::from_secret(Algorithm::Hs256, secret.as_bytes()).unwrap())
            }
        };
        ask.at(SANDBOX).send(doors.public).await
    }

    fn path(&self) -> String {
        format!("/admin/v1/environments/sandbox/clients/{}", self.client)
    }

    fn credential_path(&self) -> String {
        format!(
            "/admin/v1/environments/sandbox/credentials/{}",
            self.credential.id
        )
    }
}

/// Something that an operator does to a caller who could get tokens until then.
#[derive(Clone, Copy, Debug)]
enum Rule {
    DisableClient,
    DisableOrganization,
    RemoveClient,
    RemoveAndMakeAgain,
    Expire,
    NotYet,
    Revoke,
    RotateWithoutOverlap,
    Restrict,
}

const RULES: [Rule; 9] = [
    Rule::DisableClient,
    Rule::DisableOrganization,
    Rule::RemoveClient,
    Rule::RemoveAndMakeAgain,
    Rule::Expire,
    Rule::NotYet,
    Rule::Revoke,
    Rule::RotateWithoutOverlap,
    Rule::Restrict,
];

impl Rule {
    /// Apply it; whether there is such a thing for this way.
    async fn apply(self, doors: &Doors, caller: &Caller) -> bool {
        let change = |path: String, change| async move {
            doors.change("PATCH", &path, change).await;
        };
        let credential = caller.credential_path();
        match self {
            Self::DisableClient => change(caller.path(), json!({ "state": "disabled" })).await,
            Self::DisableOrganization => {
                let path = format!("/admin/v1/organizations/{}", caller.organization);
                change(path, json!({ "state": "disabled" })).await;
            }
            Self::RemoveClient => doors.remove(&caller.path()).await,
            Self::RemoveAndMakeAgain => {
                doors.remove(&caller.path()).await;
                let again = json!({
                    "id": caller.client, "organization": caller.organization,
                    "display_name": "Again", "kind": "backend", "scopes": ["read", "write"],
                });
                doors
                    .make("/admin/v1/environments/sandbox/clients", again)
                    .await;
            }
            Self::Expire => change(credential, json!({ "expires_at": time(-1) })).await,
            Self::NotYet => change(credential, json!({ "not_before": time(600) })).await,
            Self::Revoke => drop(doors.act(&format!("{credential}/revoke")).await),
            Self::RotateWithoutOverlap => {
                if matches!(caller.way, Way::PublicKey) {
                    // A new public key is the client's to bring: it is made, and the old one revoked.
                    return false;
                }
                let path = format!("{credential}/rotate");
                doors.make(&path, json!({ "overlap_s": 0 })).await;
            }
            Self::Restrict => {
                change(credential, json!({ "allowed_networks": ["192.0.2.0/24"] })).await;
            }
        }
        true
    }
}

#[tokio::test]
async fn every_rule_holds_however_a_client_authenticates() {
    let world = World::start().await;
    let doors = &world.doors;
    for way in WAYS {
        for rule in RULES {
            let what = format!("{rule:?} for {way:?}");
            let caller = Caller::make(doors, way, json!({})).await;
            let before = caller.ask(doors, &[]).await;
            assert_eq!(before.status, 200, "{what}: {before:?}");
            if !rule.apply(doors, &caller).await {
                continue;
            }
            let after = caller.ask(doors, &[]).await;
            let told = refusal(way.dialect(), &what, &after);
            assert_eq!(told, (401, "invalid_client".into()), "{what}: {after:?}");
        }
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn a_rate_limit_counts_every_way_to_authenticate() {
    let world = World::start().await;
    let doors = &world.doors;
    for way in WAYS {
        let limit = json!({ "rate_limit": { "per_minute": 1, "burst": 2 } });
        let caller = Caller::make(doors, way, limit).await;
        for _ in 0..2 {
            assert_eq!(caller.ask(doors, &[]).await.status, 200, "{way:?}");
        }
        let third = caller.ask(doors, &[]).await;
        let (status, _) = refusal(way.dialect(), &format!("{way:?}"), &third);
        assert_eq!(status, 429, "{way:?}: {third:?}");
        assert!(third.header("retry-after").is_some(), "{way:?}: {third:?}");
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn no_way_gives_more_scopes_than_the_credential_has() {
    let world = World::start().await;
    let doors = &world.doors;
    for way in WAYS {
        let caller = Caller::make(doors, way, json!({ "scopes": ["read"] })).await;
        let what = format!("{way:?}");
        let plain = caller.ask(doors, &[]).await;
        if way.dialect() == "ayyeka" {
            // Its tokens name no scopes: one would be good for all that the client may.
            assert_eq!(
                refusal("ayyeka", &what, &plain),
                (400, "invalid_scope".into()),
                "{plain:?}"
            );
            continue;
        }
        let inspect = "/admin/v1/environments/sandbox/tokens/inspect";
        let token = body(&plain)["access_token"].clone();
        let seen = body(
            &doors
                .admin(Ask::post(inspect).json(&json!({ "token": token })))
                .await,
        );
        assert_eq!(seen["scopes"], json!(["read"]), "{what}");
        for scope in [
            "write",
            "read write",
            "admin",
            "read  write",
            "Read",
            "read\twrite",
        ] {
            let more = caller.ask(doors, &[("scope", scope)]).await;
            let told = refusal("standard", &what, &more);
            assert_eq!(
                told,
                (400, "invalid_scope".into()),
                "{what} {scope:?}: {more:?}"
            );
        }
        if way.dialect() == "ultra" {
            // Its document knows no resources: a parameter like any unknown one.
            continue;
        }
        for resource in ["https://other.example", "x", "https://sandbox.example#f"] {
            let more = caller.ask(doors, &[("resource", resource)]).await;
            let told = refusal("standard", &what, &more);
            assert_eq!(
                told,
                (400, "invalid_target".into()),
                "{what} {resource}: {more:?}"
            );
        }
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn a_client_that_cannot_keep_a_secret_gets_no_token() {
    let world = World::start().await;
    let doors = &world.doors;
    let new = json!({ "organization": "acme", "display_name": "App", "kind": "frontend" });
    let client = crate::world::text(
        &doors
            .make("/admin/v1/environments/sandbox/clients", new)
            .await,
        "id",
    );
    let path = format!("/admin/v1/environments/sandbox/clients/{client}/credentials");
    let new = json!({ "kind": "client_secret" });
    let made = doors.admin(Ask::post(&path).json(&new)).await;
    if made.status == 201 {
        let secret = crate::world::text(&body(&made), "secret");
        for endpoint in [STANDARD, AYYEKA] {
            let ask = Ask::post(endpoint).at(SANDBOX).basic(&client, &secret);
            let answer = ask
                .form(&[("grant_type", "client_credentials")])
                .send(doors.public)
                .await;
            assert_eq!(answer.status, 400, "{answer:?}");
            assert_eq!(body(&answer)["error"], "unauthorized_client", "{answer:?}");
        }
    } else {
        assert_eq!(made.status, 400, "{made:?}");
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn who_guesses_is_slowed_down_and_who_knows_still_gets_in() {
    /// More failures than a network has at once.
    const GUESSES: u32 = 3_000;
    let world = World::start().await;
    let doors = &world.doors;
    let caller = Caller::make(doors, Way::Form(STANDARD), json!({})).await;
    let mut slowed = 0;
    for guess in 0..GUESSES {
        let wrong = format!("guess-{guess}");
        let ask = Ask::post(STANDARD)
            .at(SANDBOX)
            .basic(&caller.client, &wrong);
        let answer = ask
            .form(&[("grant_type", "client_credentials")])
            .send(doors.public)
            .await;
        match refusal("standard", "a guess", &answer).0 {
            // Ten a second are forgiven, so that one may slip in between.
            401 => {}
            429 => {
                assert!(answer.header("retry-after").is_some(), "{answer:?}");
                slowed += 1;
            }
            other => panic!("{other}: {answer:?}"),
        }
        if slowed == 3 {
            break;
        }
    }
    assert_eq!(slowed, 3, "nobody slows guesses down");
    assert_eq!(caller.ask(doors, &[]).await.status, 200);
    world.stop_sound().await;
}
