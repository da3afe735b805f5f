//! A platform that vouches for its users with a signed token.

use super::*;
use countersign_engine::{
    call::{Amend, ClientChange, Lifecycle, Target},
    denied::{Denied, Reason},
    id::CredentialId,
    model::credential::RateLimit,
};
use countersign_jose::{RsaBits, base64url_encode};
use serde_json::json;

/// A platform, its code in the path, and what it signs with.
struct Partner {
    client: ClientId,
    code: &'static str,
    key: SigningKey,
    credential: CredentialId,
}

async fn partner(world: &World, code: &'static str, change: impl FnOnce(&mut Platform)) -> Partner {
    let mut platform = Platform {
        code: code.into(),
        algorithm: Algorithm::Rs512,
        single_use: false,
        enrols: true,
        token_lifetime_max_s: 3600,
    };
    change(&mut platform);
    let algorithm = platform.algorithm;
    let new = NewClient {
        environment: env(CANUCK),
        id: None,
        organization: acme(),
        display_name: "A partner".into(),
        kind: ClientKind::Platform,
        spelling: Spelling::Bitcanuck,
        scopes: scopes("read"),
        resources: vec![],
        serves: vec![],
        platform: Some(platform),
        sign_in: None,
        number: None,
        maker_number: None,
    };
    let (stored, _) = world.create(New::Client(new)).await.unwrap();
    let client = stored.client().unwrap().id.clone();
    let (key, credential) = new_key(world, &client, algorithm).await;
    Partner {
        client,
        code,
        key,
        credential,
    }
}

async fn new_key(
    world: &World,
    client: &ClientId,
    algorithm: Algorithm,
) -> (SigningKey, CredentialId) {
    let made = match algorithm.is_symmetric() {
        true => None,
        false => Some(SigningKey::generate(algorithm, RsaBits::B2048).unwrap()),
    };
    let jwk = made
        .as_ref()
        .map(|key| key.verifying_key().unwrap().to_jwk().unwrap());
    let new = NewCredential {
        environment: env(CANUCK),
        holder: NewHolder::Client(client.clone()),
        kind: match jwk {
            Some(_) => CredentialKind::PublicKey,
            None => CredentialKind::SigningSecret,
        },
        key: Some((algorithm, jwk)),
        lifecycle: Default::default(),
    };
    let (stored, secret) = world.create(New::Credential(new)).await.unwrap();
    let key = made.unwrap_or_else(|| {
        SigningKey::from_secret(algorithm, secret.unwrap().expose().as_bytes()).unwrap()
    });
    (key, stored.credential().unwrap().id.clone())
}

fn signed(key: &SigningKey, header: Value, claims: &Value) -> String {
    // By hand: our own signer refuses a header that is not its key's.
    let part = |value: &Value| base64url_encode(value.to_string().as_bytes());
    let input = format!("{}.{}", part(&header), part(claims));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url_encode(&signature))
}

impl Partner {
    fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": self.key.algorithm().name(), "typ": "JWT" });
        signed(&self.key, header, claims)
    }
}

fn exchange(code: &str, token: &str) -> String {
    format!("POST /api/v1/authenticate-jwt/{code}\nToken: {token}\n\n")
}

fn claims(world: &World, ahead_s: i64) -> Value {
    json!({ "email": EMAIL, "expire": world.now().seconds() + ahead_s })
}

/// Whose session it is.
async fn subject_of(world: &World, request: &str) -> String {
    let answer = ask(world, CANUCK, request).await;
    assert_eq!(answer.status(), 200, "{}", print(&answer));
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    body["data"]["userId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_documented_exchange_makes_a_user_of_the_platforms_own() {
    let world = world().await;
    let partner_a = partner(&world, "xxxxxxxx", |_| ()).await;
    let partner_b = partner(&world, "yyyyyyyy", |_| ()).await;
    let token = partner_a.token(&claims(&world, 300));
    let first = subject_of(&world, &exchange(partner_a.code, &token)).await;
    // Not single use, and no `jti`: good again until it is over.
    let again = subject_of(&world, &exchange(partner_a.code, &token)).await;
    assert_eq!(first, again);
    let token = partner_b.token(&claims(&world, 300));
    let other = subject_of(&world, &exchange(partner_b.code, &token)).await;
    assert_ne!(first, other, "another platform's user");
    assert!(first != JOHN && other != JOHN, "nobody who has a password");
}

#[tokio::test]
async fn each_algorithm_works_where_the_platform_is_registered_with_it() {
    let world = world().await;
    for (code, algorithm) in [
        ("code-rs256", Algorithm::Rs256),
        ("code-rs384", Algorithm::Rs384),
        ("code-rs512", Algorithm::Rs512),
        ("code-hs256", Algorithm::Hs256),
        ("code-hs384", Algorithm::Hs384),
        ("code-hs512", Algorithm::Hs512),
    ] {
        let partner = partner(&world, code, |platform| platform.algorithm = algorithm).await;
        let token = partner.token(&claims(&world, 300));
        subject_of(&world, &exchange(code, &token)).await;
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_platform_or_token_the_answer_is_one() {
    let world = world().await;
    let ours = partner(&world, "xxxxxxxx", |_| ()).await;
    let other = partner(&world, "yyyyyyyy", |_| ()).await;
    let short = partner(&world, "short-lived", |p| p.token_lifetime_max_s = 60).await;
    let closed = partner(&world, "closed", |p| p.enrols = false).await;
    let good = claims(&world, 300);
    let now = world.now().seconds();
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        ours.token(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        ours.token(&claims)
    };
    let headed = |header: Value| signed(&ours.key, header, &good);
    let unsigned = |alg: &str| {
        let header = base64url_encode(json!({ "alg": alg, "typ": "JWT" }).to_string().as_bytes());
        format!(
            "{header}.{}.",
            base64url_encode(good.to_string().as_bytes())
        )
    };
    let confused = |alg: Algorithm| {
        let public = ours.key.verifying_key().unwrap().to_jwk().unwrap();
        let text = serde_json::to_string(&public).unwrap();
        let key = SigningKey::from_secret(alg, text.as_bytes()).unwrap();
        signed(&key, json!({ "alg": alg.name() }), &good)
    };
    let tampered = ours.token(&good).replacen('.', ".e", 1);
    let cases = [
        ("alg none", "xxxxxxxx", unsigned("none")),
        ("alg nOnE", "xxxxxxxx", unsigned("nOnE")),
        (
            "HS256 by the public key",
            "xxxxxxxx",
            confused(Algorithm::Hs256),
        ),
        (
            "HS512 by the public key",
            "xxxxxxxx",
            confused(Algorithm::Hs512),
        ),
        ("another platform's key", "xxxxxxxx", other.token(&good)),
        ("at another platform", "yyyyyyyy", ours.token(&good)),
        ("at no platform", "zzzzzzzz", ours.token(&good)),
        (
            "another algorithm's header",
            "xxxxxxxx",
            headed(json!({ "alg": "RS256" })),
        ),
        (
            "crit",
            "xxxxxxxx",
            headed(json!({ "alg": "RS512", "crit": ["exp"] })),
        ),
        (
            "its own jwk",
            "xxxxxxxx",
            headed(json!({ "alg": "RS512", "jwk": {} })),
        ),
        (
            "an access token's type",
            "xxxxxxxx",
            headed(json!({ "alg": "RS512", "typ": "at+jwt" })),
        ),
        ("tampered with", "xxxxxxxx", tampered),
        ("no JWT", "xxxxxxxx", "x".into()),
        ("past expire", "xxxxxxxx", with("expire", json!(now))),
        (
            "the printed expire of 1973",
            "xxxxxxxx",
            with("expire", json!(123_456_789)),
        ),
        (
            "too long a life",
            "xxxxxxxx",
            with("expire", json!(now + 3611)),
        ),
        (
            "too long for this one",
            "short-lived",
            short.token(&claims(&world, 71)),
        ),
        (
            "milliseconds",
            "xxxxxxxx",
            with("expire", json!((now + 60) * 1000)),
        ),
        (
            "expire as text",
            "xxxxxxxx",
            with("expire", json!((now + 60).to_string())),
        ),
        ("no expire", "xxxxxxxx", without("expire")),
        ("past exp", "xxxxxxxx", with("exp", json!(now))),
        ("exp as text", "xxxxxxxx", with("exp", json!("9"))),
        ("not yet", "xxxxxxxx", with("nbf", json!(now + 60))),
        (
            "issued tomorrow",
            "xxxxxxxx",
            with("iat", json!(now + 86_400)),
        ),
        (
            "issued long ago",
            "xxxxxxxx",
            with("iat", json!(now - 86_400)),
        ),
        (
            "for somebody else",
            "xxxxxxxx",
            with("aud", json!("https://other.example")),
        ),
        ("no email", "xxxxxxxx", without("email")),
        (
            "email that is none",
            "xxxxxxxx",
            with("email", json!("john")),
        ),
        ("email as a list", "xxxxxxxx", with("email", json!([EMAIL]))),
        ("jti as a number", "xxxxxxxx", with("jti", json!(7))),
        ("an empty jti", "xxxxxxxx", with("jti", json!(""))),
        ("a user who is not made", "closed", closed.token(&good)),
    ];
    let mut told: Option<String> = None;
    for (what, code, token) in cases {
        let answer = print(&ask(&world, CANUCK, &exchange(code, &token)).await);
        let expected = told.get_or_insert_with(|| answer.clone());
        assert_eq!(answer, *expected, "{what}");
        assert!(answer.starts_with("401"), "{what}: {answer}");
    }
    subject_of(&world, &exchange("xxxxxxxx", &ours.token(&good))).await;
    let without_header = "POST /api/v1/authenticate-jwt/xxxxxxxx\n\n";
    assert_eq!(
        refused(&world, without_header).await,
        (400, "BadRequest".into())
    );
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test waits for every one of them"
)]
async fn a_jti_is_good_once_at_its_platform() {
    let world = Arc::new(world().await);
    let ours = partner(&world, "xxxxxxxx", |_| ()).await;
    let other = partner(&world, "yyyyyyyy", |_| ()).await;
    let mut claims = claims(&world, 300);
    claims["jti"] = "one".into();
    let token = exchange("xxxxxxxx", &ours.token(&claims));
    let tries = (0..20).map(|_| {
        let (world, token) = (world.clone(), token.clone());
        tokio::spawn(async move { refused(&world, &token).await.0 })
    });
    let mut statuses = Vec::new();
    for told in tries.collect::<Vec<_>>() {
        statuses.push(told.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1]), (200, 401), "{statuses:?}");
    claims["email"] = "jane@email.com".into();
    let reused = exchange("xxxxxxxx", &ours.token(&claims));
    assert_eq!(refused(&world, &reused).await, login_failed());
    subject_of(&world, &exchange("yyyyyyyy", &other.token(&claims))).await;
}

#[tokio::test]
async fn a_single_use_platforms_token_is_good_once_without_a_jti() {
    let world = world().await;
    let ours = partner(&world, "xxxxxxxx", |platform| platform.single_use = true).await;
    let token = exchange("xxxxxxxx", &ours.token(&claims(&world, 300)));
    subject_of(&world, &token).await;
    assert_eq!(refused(&world, &token).await, login_failed());
    let next = exchange("xxxxxxxx", &ours.token(&claims(&world, 301)));
    subject_of(&world, &next).await;
}

#[tokio::test]
async fn keys_overlap_while_they_are_rotated() {
    let world = world().await;
    let ours = partner(&world, "xxxxxxxx", |_| ()).await;
    let (new, _) = new_key(&world, &ours.client, Algorithm::Rs512).await;
    let by_new = || signed(&new, json!({ "alg": "RS512" }), &claims(&world, 300));
    subject_of(
        &world,
        &exchange("xxxxxxxx", &ours.token(&claims(&world, 300))),
    )
    .await;
    subject_of(&world, &exchange("xxxxxxxx", &by_new())).await;
    let revoke = AdminCall::RevokeCredential(env(CANUCK), ours.credential.clone());
    world.admin(revoke).await.unwrap();
    let by_old = exchange("xxxxxxxx", &ours.token(&claims(&world, 300)));
    assert_eq!(refused(&world, &by_old).await, login_failed());
    subject_of(&world, &exchange("xxxxxxxx", &by_new())).await;
}

async fn amend_client(world: &World, client: &ClientId, change: ClientChange) {
    let target = Target::Client(env(CANUCK), client.clone());
    let version = match world.admin(AdminCall::Show(target)).await.unwrap() {
        Outcome::Row(view) => view.stored.version,
        other => panic!("{other:?}"),
    };
    let amend = AdminCall::Amend {
        change: Amend::Client(env(CANUCK), client.clone(), change),
        if_version: Some(version),
    };
    world.admin(amend).await.unwrap();
}

#[tokio::test]
async fn a_platforms_session_ends_with_the_key_that_signed_and_does_no_more_than_the_platform_may()
{
    let world = world().await;
    let ours = partner(&world, "xxxxxxxx", |_| ()).await;
    let guard = Guard {
        name: "private".into(),
        hosts: vec![],
        paths: vec!["/private/*".into()],
        methods: vec![],
        accept: vec![Accept::Session],
        profiles: vec!["bitcanuck".into()],
        audiences: vec![],
        scopes: scopes("read"),
        origins: vec![],
        rate_limit: None,
        dialect: Some("bitcanuck".into()),
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    };
    world.set_guards(CANUCK, vec![guard]).await.unwrap();
    let token = exchange("xxxxxxxx", &ours.token(&claims(&world, 300)));
    let bearer = let_in(&world, &token).await;
    let passes = async || world.ask(CANUCK, "/private/1", &bearer).await;
    assert_eq!(passes().await, Ok(()));
    let may = |text| ClientChange {
        scopes: Some(scopes(text)),
        ..ClientChange::default()
    };
    amend_client(&world, &ours.client, may("write")).await;
    let lacking = passes().await;
    assert!(
        matches!(lacking, Err(Denied::InsufficientScope { .. })),
        "{lacking:?}"
    );
    amend_client(&world, &ours.client, may("read")).await;
    assert_eq!(passes().await, Ok(()));
    let revoke = AdminCall::RevokeCredential(env(CANUCK), ours.credential.clone());
    world.admin(revoke).await.unwrap();
    assert_eq!(passes().await, Err(Denied::InvalidToken(Reason::Revoked)));
    assert_eq!(whoami(&world, &bearer).await, 401);
}

#[tokio::test]
async fn a_partners_server_brings_all_its_users_from_one_address_and_keeps_its_own_limit() {
    let world = world().await;
    let ours = partner(&world, "xxxxxxxx", |platform| {
        platform.algorithm = Algorithm::Hs256;
    })
    .await;
    let token = exchange("xxxxxxxx", &ours.token(&claims(&world, 300)));
    for count in 0..310 {
        let told = ask(&world, CANUCK, &token).await;
        assert_eq!(told.status(), 200, "{count}: {}", print(&told));
    }
    let nobody = exchange("nobody", &ours.token(&claims(&world, 300)));
    for _ in 0..300 {
        assert_eq!(refused(&world, &nobody).await, login_failed());
    }
    assert_eq!(
        refused(&world, &nobody).await.0,
        429,
        "a stranger's are counted"
    );
    world.pass(60).await;

    let new = NewCredential {
        environment: env(CANUCK),
        holder: NewHolder::Client(ours.client.clone()),
        kind: CredentialKind::SigningSecret,
        key: Some((Algorithm::Hs256, None)),
        lifecycle: Lifecycle {
            rate_limit: Some(Some(RateLimit {
                per_minute: 2,
                burst: 2,
            })),
            ..Lifecycle::default()
        },
    };
    let (_, secret) = world.create(New::Credential(new)).await.unwrap();
    let secret = secret.unwrap();
    let key = SigningKey::from_secret(Algorithm::Hs256, secret.expose().as_bytes()).unwrap();
    let header = json!({ "alg": "HS256" });
    let limited = exchange("xxxxxxxx", &signed(&key, header, &claims(&world, 300)));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(ask(&world, CANUCK, &limited).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn a_platform_that_is_disabled_takes_its_sessions_with_it() {
    let world = world().await;
    let ours = partner(&world, "xxxxxxxx", |_| ()).await;
    let token = exchange("xxxxxxxx", &ours.token(&claims(&world, 300)));
    let user = subject_of(&world, &token).await;
    let bearer = let_in(&world, &token).await;
    let own = format!("GET /api/v1/users/{user}\nAuthorization: Bearer {bearer}\n\n");
    assert_eq!(ask(&world, CANUCK, &own).await.status(), 200);
    let change = ClientChange {
        state: Some(State::Disabled),
        ..ClientChange::default()
    };
    amend_client(&world, &ours.client, change).await;
    assert_eq!(refused(&world, &own).await.0, 401);
    assert_eq!(refused(&world, &token).await, login_failed());
}
