//! Ultra's realm, its four headers at a guard, and what its browsers show.

use super::world::*;
use countersign_engine::{
    call::{
        Asked, Call, Callers, Lifecycle, New, NewClient, NewEnvironment, Presented, RealmAsk,
        RealmCall, Sender, Shown,
    },
    decision::{Carrier, ClientHeaders, Decision, Judged, ShownKind},
    denied::{Denied, Malformed, ProblemKind, Reason, Refusal},
    id::{ClientId, OrganizationId},
    model::{
        client::{ClientKind, Spelling},
        credential::{CredentialKind, RateLimit},
        environment::Mode,
        guard::{Accept, Guard},
    },
    outcome::{Issued, Outcome},
    secret::Secret,
};
use countersign_jose::base64url_decode;

const REALM: &str = "ultraio";

async fn games(world: &World) -> Kept {
    let new = NewClient {
        environment: env(SANDBOX),
        id: Some(ClientId::parse("games").unwrap()),
        organization: OrganizationId::parse("acme").unwrap(),
        display_name: "Games".into(),
        kind: ClientKind::Backend,
        spelling: Spelling::Countersign,
        scopes: scopes("profile email"),
        resources: vec![],
        serves: vec![],
        platform: None,
        sign_in: None,
        number: None,
        maker_number: None,
    };
    let (client, _) = world.create(New::Client(new)).await.unwrap();
    let client = client.client().unwrap().id.clone();
    world
        .credential(SANDBOX, &client, CredentialKind::ClientSecret)
        .await
}

fn to_realm(realm: &str, ask: RealmAsk) -> Call {
    Call::Realm(RealmCall {
        profile: "ultra",
        realm: realm.into(),
        ask,
    })
}

async fn token(world: &World, environment: &str, realm: &str, kept: &Kept) -> Issued {
    let call = to_realm(realm, RealmAsk::Token { scopes: None });
    match world.as_client(environment, kept, call).await.unwrap() {
        Outcome::Token(issued) => issued,
        other => panic!("{other:?}"),
    }
}

fn decoded(token: &Secret<String>, part: usize) -> String {
    let part = token.expose().split('.').nth(part).unwrap();
    String::from_utf8(base64url_decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_realms_token_is_spelled_as_the_published_examples_are() {
    let world = World::new().await;
    let kept = games(&world).await;
    let issued = token(&world, SANDBOX, REALM, &kept).await;
    assert_eq!(
        (issued.token_type.as_str(), issued.expires_in_s),
        ("Bearer", 3600)
    );
    let header = decoded(&issued.token, 0);
    let kid = header
        .strip_prefix(r#"{"alg":"RS256","typ":"JWT","kid":""#)
        .and_then(|rest| rest.strip_suffix(r#""}"#))
        .unwrap_or_else(|| panic!("{header}"));
    assert_eq!(kid.len(), 43, "{kid}");
    let claims = decoded(&issued.token, 1);
    let told: serde_json::Value = serde_json::from_str(&claims).unwrap();
    let uuid = |name: &str| {
        let text = told[name].as_str().unwrap().to_owned();
        assert_eq!((text.len(), text.matches('-').count()), (36, 4), "{name}");
        text
    };
    let (jti, sub, now) = (uuid("jti"), uuid("sub"), world.now().seconds());
    assert_eq!(
        claims,
        format!(
            r#"{{"exp":{},"iat":{now},"jti":"{jti}","iss":"{ISSUER}/auth/realms/ultraio","aud":"{ISSUER}/auth/realms/ultraio","sub":"{sub}","typ":"Bearer","azp":"games","realm_access":{{"roles":["email","profile"]}},"resource_access":{{}},"scope":"email profile","email_verified":false,"clientId":"games","clientHost":"192.0.2.7","clientAddress":"192.0.2.7","preferred_username":"service-account-games","valid":true,"permission":{{"global":[]}},"id":"{sub}","type":"accessToken"}}"#,
            now + 3600,
        )
    );
    let second = decoded(&token(&world, SANDBOX, REALM, &kept).await.token, 1);
    let second: serde_json::Value = serde_json::from_str(&second).unwrap();
    assert_ne!(second["jti"], told["jti"]);
    assert_eq!(second["sub"], told["sub"]);
}

#[tokio::test]
async fn another_realm_is_not_there_and_each_environment_has_its_own() {
    let world = World::new().await;
    let kept = games(&world).await;
    let asks: [fn() -> RealmAsk; 3] = [
        || RealmAsk::Token { scopes: None },
        || RealmAsk::Introspect {
            token: Secret::new("x".into()),
        },
        || RealmAsk::Revoke {
            token: Secret::new("x".into()),
        },
    ];
    let none = Refusal::from(Denied::NotFound { noun: "realm" });
    for ask in asks {
        for realm in ["", "master", "Ultraio", "ultraio/", "auth"] {
            let call = to_realm(realm, ask());
            let told = world.as_client(SANDBOX, &kept, call).await;
            assert_eq!(told.unwrap_err(), none, "{realm:?}");
        }
    }
    for ask in [RealmAsk::Keys, RealmAsk::Discovery] {
        let asked = Asked {
            callers: Callers::Anyone,
            presented: Presented::Absent,
            sender: Sender::Browser { headers: vec![] },
            call: Ok(to_realm("master", ask)),
        };
        let told = world.engine.handle(&world.context(SANDBOX), asked).await;
        assert_eq!(told.unwrap_err(), none);
    }
    world
        .create(New::Environment(NewEnvironment {
            id: env("games"),
            display_name: None,
            mode: Mode::Sandbox,
            issuer: "https://auth.games.example/auth/realms/play".into(),
            hosts: vec!["auth.games.example".into()],
            dialects: Some(vec!["ultra".into()]),
            brand: None,
            allowed_origins: vec![],
            public_url: None,
            phone_url: None,
            provider_registrations: None,
        }))
        .await
        .unwrap();
    let client = world
        .client("games", ClientKind::Backend, Spelling::Countersign)
        .await;
    let own = world
        .credential("games", &client, CredentialKind::ClientSecret)
        .await;
    let issued = token(&world, "games", "play", &own).await;
    let claims: serde_json::Value = serde_json::from_str(&decoded(&issued.token, 1)).unwrap();
    assert_eq!(claims["iss"], "https://auth.games.example/auth/realms/play");
    let about = RealmAsk::Introspect {
        token: issued.token,
    };
    let told = world
        .as_client(SANDBOX, &kept, to_realm(REALM, about))
        .await;
    assert!(matches!(told, Ok(Outcome::Introspection(None))), "{told:?}");
}

#[tokio::test]
async fn userinfo_and_introspection_name_who_the_token_names() {
    let world = World::new().await;
    let kept = games(&world).await;
    let issued = token(&world, SANDBOX, REALM, &kept).await;
    let claims: serde_json::Value = serde_json::from_str(&decoded(&issued.token, 1)).unwrap();
    let userinfo = async |shown: Secret<String>, from_browser: bool| {
        let asked = Asked {
            callers: Callers::AccessToken,
            presented: Presented::Present(Shown::Bearer(shown)),
            sender: match from_browser {
                true => Sender::Browser { headers: vec![] },
                false => Sender::Machine,
            },
            call: Ok(to_realm(REALM, RealmAsk::UserInfo)),
        };
        world.engine.handle(&world.context(SANDBOX), asked).await
    };
    for from_browser in [false, true] {
        let told = userinfo(issued.token.clone(), from_browser).await.unwrap();
        let Outcome::UserInfo(told) = told else {
            panic!("{told:?}")
        };
        assert_eq!(told.subject, claims["sub"]);
        assert_eq!(told.username, claims["preferred_username"]);
    }
    let other = world.token(SANDBOX, &kept, "standard").await.unwrap();
    assert_eq!(
        userinfo(other.token, false).await.unwrap_err(),
        Denied::InvalidToken(Reason::Kind).into()
    );
    let about = || RealmAsk::Introspect {
        token: issued.token.clone(),
    };
    let told = world
        .as_client(SANDBOX, &kept, to_realm(REALM, about()))
        .await;
    let Ok(Outcome::Introspection(Some(told))) = told else {
        panic!("{told:?}")
    };
    assert_eq!(told.subject.unwrap(), claims["sub"]);
    assert_eq!(told.token_id.unwrap(), claims["jti"]);
    let end = RealmAsk::Revoke {
        token: issued.token.clone(),
    };
    let told = world.as_client(SANDBOX, &kept, to_realm(REALM, end)).await;
    assert!(matches!(told, Ok(Outcome::Revoked)), "{told:?}");
    assert_eq!(
        userinfo(issued.token.clone(), false).await.unwrap_err(),
        Denied::InvalidToken(Reason::Revoked).into()
    );
    world.pass(3600).await;
    let told = userinfo(issued.token, false).await;
    assert!(matches!(
        told,
        Err(Refusal::Denied(Denied::InvalidToken(_)))
    ));
}

fn guard(name: &str, accept: &[Accept], needed: &str) -> Guard {
    Guard {
        name: name.into(),
        hosts: vec![],
        paths: vec![format!("/{name}/*"), format!("/{name}")],
        methods: vec![],
        accept: accept.to_vec(),
        profiles: vec![],
        audiences: vec![],
        scopes: scopes(needed),
        origins: vec!["https://app.example".into(), "https://b.example".into()],
        rate_limit: None,
        dialect: Some("ultra".into()),
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    }
}

async fn guarded() -> (World, Kept) {
    let world = World::new().await;
    let guards = vec![
        guard("graphql", &[Accept::ClientHeaders], ""),
        guard(
            "both",
            &[Accept::ClientHeaders, Accept::AccessToken],
            "email",
        ),
        guard("maybe", &[Accept::ClientHeaders, Accept::Anonymous], ""),
        guard("tokens", &[Accept::AccessToken], ""),
        guard("open", &[Accept::Anonymous], ""),
        guard("front", &[Accept::RegistrationToken], ""),
    ];
    world.set_guards(SANDBOX, guards).await.unwrap();
    let kept = games(&world).await;
    (world, kept)
}

fn headers<'a>(client: &'a str, secret: &'a str) -> ClientHeaders<'a> {
    ClientHeaders {
        client_id: Carrier::Present(client),
        client_secret: Carrier::Present(secret),
        grant_type: Carrier::Present("client_credentials"),
        scope: Carrier::Absent,
    }
}

#[tokio::test]
async fn four_headers_authenticate_the_one_request_that_has_them() {
    let (world, kept) = guarded().await;
    let secret = kept.secret.expose();
    let good = headers("games", secret);
    let other = games_rival(&world).await;
    let key = world
        .credential(SANDBOX, &kept.client, CredentialKind::ApiKey)
        .await;
    let malformed = |how| Err(Denied::MalformedCredential(how));
    let wrong = |reason| Err(Denied::InvalidToken(reason));
    let scope = |text| ClientHeaders {
        scope: Carrier::Present(text),
        ..good
    };
    let grant = |text| ClientHeaders {
        grant_type: Carrier::Present(text),
        ..good
    };
    let lacking = Denied::invalid("grant_type", ProblemKind::Missing);
    let forged = format!("{}x", &secret[..secret.len() - 1]);
    let cases = [
        ("as it should be", "/graphql", good, Ok(())),
        (
            "with a scope that it has",
            "/graphql",
            scope("email"),
            Ok(()),
        ),
        ("with an empty scope", "/graphql", scope(""), Ok(())),
        ("beside other kinds", "/both", good, Ok(())),
        (
            "with a scope too few",
            "/both",
            scope("profile"),
            Err(Denied::InsufficientScope {
                needed: scopes("email"),
            }),
        ),
        (
            "with a scope too many",
            "/graphql",
            scope("email admin"),
            Err(Denied::InvalidScope),
        ),
        (
            "with a scope that is none",
            "/graphql",
            scope("\""),
            Err(Denied::InvalidScope),
        ),
        (
            "with another grant",
            "/graphql",
            grant("password"),
            Err(Denied::UnsupportedGrantType),
        ),
        (
            "without a grant",
            "/graphql",
            ClientHeaders {
                grant_type: Carrier::Absent,
                ..good
            },
            Err(lacking),
        ),
        (
            "of another client",
            "/graphql",
            headers("rival", secret),
            wrong(Reason::Mismatch),
        ),
        (
            "with another's secret",
            "/graphql",
            headers("games", other.secret.expose()),
            wrong(Reason::Mismatch),
        ),
        (
            "forged",
            "/graphql",
            headers("games", &forged),
            wrong(Reason::Forged),
        ),
        (
            "unknown",
            "/graphql",
            headers("games", "guess"),
            wrong(Reason::Unknown),
        ),
        (
            "with an API key",
            "/graphql",
            headers("games", key.secret.expose()),
            wrong(Reason::Kind),
        ),
        (
            "without a client",
            "/graphql",
            ClientHeaders {
                client_id: Carrier::Absent,
                ..good
            },
            malformed(Malformed::Form),
        ),
        (
            "with the secret twice",
            "/graphql",
            ClientHeaders {
                client_secret: Carrier::Malformed,
                ..good
            },
            malformed(Malformed::Repeated),
        ),
        (
            "with the scope twice",
            "/graphql",
            ClientHeaders {
                scope: Carrier::Malformed,
                ..good
            },
            malformed(Malformed::Repeated),
        ),
        (
            "without a secret",
            "/graphql",
            ClientHeaders {
                client_secret: Carrier::Absent,
                ..good
            },
            Err(Denied::NoCredential),
        ),
        (
            "without a secret where none is needed",
            "/maybe",
            ClientHeaders {
                client_secret: Carrier::Absent,
                ..good
            },
            Ok(()),
        ),
        (
            "wrong where none is needed",
            "/maybe",
            headers("games", "guess"),
            wrong(Reason::Unknown),
        ),
        (
            "where they are not accepted",
            "/tokens",
            good,
            malformed(Malformed::Unaccepted),
        ),
        (
            "where nothing is",
            "/open",
            good,
            malformed(Malformed::Unaccepted),
        ),
        (
            "another's secret where nothing is",
            "/open",
            headers("games", "guess"),
            Ok(()),
        ),
    ];
    for (what, target, client_headers, expected) in cases {
        let judged = Judged {
            client_headers,
            ..request(target)
        };
        // Cold, then warm.
        for _ in 0..2 {
            assert_eq!(world.judge(SANDBOX, &judged).await, expected, "{what}");
        }
    }
    let bearer = format!("Bearer {secret}");
    for (authorization, client_headers, expected) in [
        (
            Carrier::Present(bearer.as_str()),
            good,
            malformed(Malformed::Two),
        ),
        (Carrier::Malformed, good, malformed(Malformed::Two)),
        // Carried in the wrong way, a secret is none, also when it was seen in the right way before.
        (
            Carrier::Present(bearer.as_str()),
            ClientHeaders::default(),
            wrong(Reason::Kind),
        ),
    ] {
        let judged = Judged {
            authorization,
            client_headers,
            ..request("/both")
        };
        assert_eq!(world.judge(SANDBOX, &judged).await, expected);
    }
    // What is not looked at opens nothing.
    let judged = Judged {
        authorization: Carrier::Present("Bearer not-ours"),
        ..request("/graphql")
    };
    assert_eq!(
        world.judge(SANDBOX, &judged).await,
        Err(Denied::NoCredential)
    );
}

async fn games_rival(world: &World) -> Kept {
    let client = world
        .client(SANDBOX, ClientKind::Backend, Spelling::Countersign)
        .await;
    world
        .credential(SANDBOX, &client, CredentialKind::ClientSecret)
        .await
}

#[tokio::test]
async fn the_api_is_told_who_the_headers_were_and_a_revoked_secret_ends_them() {
    let (world, kept) = guarded().await;
    let judged = Judged {
        client_headers: ClientHeaders {
            scope: Carrier::Present("email"),
            ..headers("games", kept.secret.expose())
        },
        ..request("/graphql")
    };
    let context = world.context(SANDBOX);
    let Decision::Allow(allowed) = world.engine.decide(&context, &judged).await else {
        panic!("denied")
    };
    let principal = &allowed.fact.principal;
    assert_eq!(principal.client.as_ref(), Some(&kept.client));
    assert_eq!(principal.scopes, scopes("email"));
    assert_eq!(principal.shown, ShownKind::ClientHeaders);
    assert_eq!(principal.shown.word(), "client_secret");
    let fresh = world.engine.fresh(context.now).unwrap();
    assert!(world.engine.decide_warm(&context, &judged, fresh).is_some());
    let revoke =
        countersign_engine::call::AdminCall::RevokeCredential(env(SANDBOX), kept.id.clone());
    world.admin(revoke).await.unwrap();
    assert_eq!(
        world.judge(SANDBOX, &judged).await,
        Err(Denied::InvalidToken(Reason::Revoked))
    );
}

#[tokio::test]
async fn a_client_that_cannot_keep_a_secret_has_no_headers_either() {
    let (world, _) = guarded().await;
    let client = world
        .client(SANDBOX, ClientKind::Frontend, Spelling::Countersign)
        .await;
    let kept = world
        .credential(SANDBOX, &client, CredentialKind::ClientSecret)
        .await;
    let judged = Judged {
        client_headers: headers(client.as_str(), kept.secret.expose()),
        ..request("/graphql")
    };
    assert_eq!(
        world.judge(SANDBOX, &judged).await,
        Err(Denied::UnauthorizedClient)
    );
}

async fn page(world: &World, lifecycle: Lifecycle) -> Kept {
    let client = world
        .client(SANDBOX, ClientKind::Frontend, Spelling::Countersign)
        .await;
    let kind = CredentialKind::RegistrationToken;
    world
        .credential_with(SANDBOX, &client, kind, lifecycle)
        .await
}

#[tokio::test]
async fn a_registration_token_is_good_from_its_own_origins_on_top_of_the_guards() {
    let (world, _) = guarded().await;
    let only = |origins: &[&str]| Lifecycle {
        origins: Some(origins.iter().map(|&origin| origin.into()).collect()),
        ..Lifecycle::default()
    };
    let refused = Err(Denied::Forbidden(Reason::Origin));
    for (own, origin, expected) in [
        (&[][..], "https://app.example", Ok(())),
        (&[], "https://b.example", Ok(())),
        (&[], "https://c.example", refused.clone()),
        (&["https://b.example"], "https://b.example", Ok(())),
        (
            &["https://b.example"],
            "https://app.example",
            refused.clone(),
        ),
        // The guard's are not widened by a token's.
        (&["https://c.example"], "https://c.example", refused.clone()),
    ] {
        let kept = page(&world, only(own)).await;
        let bearer = format!("Bearer {}", kept.secret.expose());
        let judged = Judged {
            authorization: Carrier::Present(&bearer),
            client_id: Carrier::Present(kept.client.as_str()),
            origin: Carrier::Present(origin),
            ..request("/front")
        };
        let told = world.judge(SANDBOX, &judged).await;
        assert_eq!(told, expected, "{own:?} {origin}");
        let app = Judged {
            origin: Carrier::Absent,
            ..judged
        };
        assert_eq!(world.judge(SANDBOX, &app).await, Ok(()), "no browser");
    }
}

#[tokio::test]
async fn a_registration_token_has_a_low_limit_that_nobody_uses_up_for_others() {
    let (world, _) = guarded().await;
    let uses = async |kept: &Kept, peer: [u8; 4]| {
        let bearer = format!("Bearer {}", kept.secret.expose());
        let judged = Judged {
            authorization: Carrier::Present(&bearer),
            client_id: Carrier::Present(kept.client.as_str()),
            ..request("/front")
        };
        let mut context = world.context(SANDBOX);
        context.peer = Some(peer.into());
        for passed in 0..1000 {
            match world.engine.decide(&context, &judged).await {
                Decision::Allow(_) => {}
                Decision::Deny(denied) => {
                    let denied = denied.refusal;
                    assert!(
                        matches!(denied, Refusal::Denied(Denied::TooManyRequests { .. })),
                        "{denied:?}"
                    );
                    return passed;
                }
            }
        }
        1000
    };
    let plain = page(&world, Lifecycle::default()).await;
    assert_eq!(uses(&plain, [192, 0, 2, 1]).await, 30);
    assert_eq!(uses(&plain, [192, 0, 2, 2]).await, 30, "another network");
    let limit = |limit| Lifecycle {
        rate_limit: Some(limit),
        ..Lifecycle::default()
    };
    let five = RateLimit {
        per_minute: 1,
        burst: 5,
    };
    let own = page(&world, limit(Some(five))).await;
    assert_eq!(uses(&own, [192, 0, 2, 1]).await, 5);
    let free = page(&world, limit(None)).await;
    assert_eq!(uses(&free, [192, 0, 2, 1]).await, 1000);
}
