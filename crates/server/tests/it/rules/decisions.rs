//! What a gateway is told: guards, carriers, tokens.

use super::world::*;
use countersign_engine::{
    call::{AdminCall, Call, Target},
    decision::{Carrier, Judged},
    denied::{Denied, Malformed, Reason},
    model::{
        client::{ClientKind, Spelling},
        credential::CredentialKind,
        guard::{Accept, Guard},
    },
    outcome::Outcome,
    secret::Secret,
};
use countersign_jose::{
    Algorithm, RsaBits, Signer, SigningKey, base64url_decode, base64url_encode,
};
use std::time::Duration;

struct Scene {
    world: World,
    key: Kept,
    secret: Kept,
    ayyeka: Kept,
}

async fn scene() -> Scene {
    let world = World::new().await;
    world.guards(SANDBOX).await;
    let client = world
        .client(SANDBOX, ClientKind::Backend, Spelling::Countersign)
        .await;
    let key = world
        .credential(SANDBOX, &client, CredentialKind::ApiKey)
        .await;
    let secret = world
        .credential(SANDBOX, &client, CredentialKind::ClientSecret)
        .await;
    let ayyeka = world
        .client(SANDBOX, ClientKind::Backend, Spelling::Ayyeka)
        .await;
    let ayyeka = world
        .credential(SANDBOX, &ayyeka, CredentialKind::ClientSecret)
        .await;
    Scene {
        world,
        key,
        secret,
        ayyeka,
    }
}

impl Scene {
    async fn token(&self, profile: &'static str) -> String {
        let kept = if profile == "ayyeka" {
            &self.ayyeka
        } else {
            &self.secret
        };
        self.world
            .token(SANDBOX, kept, profile)
            .await
            .unwrap()
            .token
            .expose()
            .clone()
    }
}

const PROFILES: [&str; 2] = ["standard", "ayyeka"];

#[tokio::test]
async fn a_good_token_passes_and_a_tampered_one_does_not() {
    let scene = scene().await;
    for profile in PROFILES {
        let token = scene.token(profile).await;
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &token).await,
            Ok(()),
            "{profile}"
        );
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let text = String::from_utf8(base64url_decode(claims).unwrap()).unwrap();
        let longer = base64url_encode(text.replace("\"exp\":1", "\"exp\":2").as_bytes());
        let none = base64url_encode(br#"{"alg":"none","typ":"JWT"}"#);
        let mut flipped = base64url_decode(signature).unwrap();
        flipped[17] ^= 1;
        let invalid = |reason| Err(Denied::InvalidToken(reason));
        for (what, forged, expected) in [
            (
                "claims changed",
                format!("{header}.{longer}.{signature}"),
                invalid(Reason::Signature),
            ),
            (
                "signature changed",
                format!("{signed}.{}", base64url_encode(&flipped)),
                invalid(Reason::Signature),
            ),
            (
                "no algorithm",
                format!("{none}.{claims}.{signature}"),
                invalid(Reason::Signature),
            ),
            (
                "no signature",
                format!("{signed}."),
                invalid(Reason::Signature),
            ),
            (
                "a part more",
                format!("{token}.e30"),
                invalid(Reason::Signature),
            ),
            ("a part less", signed.to_owned(), invalid(Reason::Signature)),
        ] {
            assert_eq!(
                scene.world.ask(SANDBOX, "/tokens/1", &forged).await,
                expected,
                "{profile}, {what}"
            );
        }
    }
}

#[tokio::test]
async fn the_header_never_chooses_the_algorithm() {
    let scene = scene().await;
    let token = scene.token("ayyeka").await;
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64url_decode(claims).unwrap();
    let Ok(Outcome::PublicKeys(keys)) = scene
        .world
        .engine
        .handle(
            &scene.world.context(SANDBOX),
            countersign_engine::call::Asked {
                callers: countersign_engine::call::Callers::Anyone,
                presented: countersign_engine::call::Presented::Absent,
                call: Ok(Call::PublicKeys),
            },
        )
        .await
    else {
        panic!()
    };
    // The published key as an HMAC secret, in every spelling, under our very header and under its own.
    for jwk in &keys.keys {
        for secret in [
            serde_json::to_vec(jwk).unwrap(),
            jwk.n.clone().unwrap_or_default().into_bytes(),
        ] {
            let Ok(key) = SigningKey::from_secret(Algorithm::Hs256, &secret) else {
                continue;
            };
            for header in [
                r#"{"alg":"HS256","typ":"JWT"}"#,
                r#"{"alg":"RS384","typ":"JWT"}"#,
            ] {
                let mut forged = format!(
                    "{}.{}",
                    base64url_encode(header.as_bytes()),
                    base64url_encode(&claims)
                );
                let signature = key.sign(forged.as_bytes()).unwrap();
                forged.push('.');
                forged.push_str(&base64url_encode(&signature));
                assert!(
                    scene
                        .world
                        .ask(SANDBOX, "/tokens/1", &forged)
                        .await
                        .is_err(),
                    "{header}"
                );
            }
        }
    }
    let stranger = SigningKey::generate(Algorithm::Rs384, RsaBits::B3072).unwrap();
    let forged = Signer::new(stranger, r#"{"alg":"RS384","typ":"JWT"}"#)
        .sign(&claims)
        .unwrap();
    let answer = scene.world.ask(SANDBOX, "/tokens/1", &forged).await;
    assert_eq!(answer, Err(Denied::InvalidToken(Reason::Signature)));
}

#[tokio::test]
async fn a_token_ends_at_its_expiry_to_the_second_warm_or_cold() {
    let scene = scene().await;
    let mut tokens = Vec::new();
    for profile in PROFILES {
        tokens.push((
            profile,
            scene.token(profile).await,
            if profile == "ayyeka" { 3600 } else { 600 },
        ));
    }
    let mut passed = 0;
    tokens.sort_by_key(|(_, _, life)| *life);
    for (profile, token, life) in tokens {
        scene.world.pass(life - 1 - passed).await;
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &token).await,
            Ok(()),
            "{profile}"
        );
        scene.world.pass(1).await;
        let expired = Err(Denied::InvalidToken(Reason::Expired));
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &token).await,
            expired,
            "{profile}"
        );
        passed = life;
    }
}

#[tokio::test]
async fn a_token_of_one_environment_is_refused_in_the_other() {
    let scene = scene().await;
    scene.world.guards(PRODUCTION).await;
    let there = scene
        .world
        .client(PRODUCTION, ClientKind::Backend, Spelling::Ayyeka)
        .await;
    let there = scene
        .world
        .credential(PRODUCTION, &there, CredentialKind::ClientSecret)
        .await;
    // Both environments have keys of both profiles.
    for profile in PROFILES {
        let own = scene
            .world
            .token(PRODUCTION, &there, profile)
            .await
            .unwrap();
        assert_eq!(
            scene
                .world
                .ask(PRODUCTION, "/tokens/1", own.token.expose())
                .await,
            Ok(())
        );
        let token = scene.token(profile).await;
        assert!(matches!(
            scene.world.ask(PRODUCTION, "/tokens/1", &token).await,
            Err(Denied::InvalidToken(Reason::Unknown | Reason::Signature))
        ));
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_by_the_very_next_decision_and_stays_so() {
    let scene = scene().await;
    for profile in PROFILES {
        let token = scene.token(profile).await;
        let other = {
            scene.world.pass(1).await;
            scene.token(profile).await
        };
        assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", &token).await, Ok(()));
        let kept = if profile == "ayyeka" {
            &scene.ayyeka
        } else {
            &scene.secret
        };
        let revoke = || Call::Revoke {
            token: Secret::new(token.clone()),
        };
        let stranger = if profile == "ayyeka" {
            &scene.secret
        } else {
            &scene.ayyeka
        };
        // RFC 7009 section 2.1: another's token is answered alike and not ended.
        assert!(matches!(
            scene.world.as_client(SANDBOX, stranger, revoke()).await,
            Ok(Outcome::Revoked)
        ));
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &token).await,
            Ok(()),
            "{profile}"
        );
        for _ in 0..2 {
            assert!(matches!(
                scene.world.as_client(SANDBOX, kept, revoke()).await,
                Ok(Outcome::Revoked)
            ));
            let revoked = Err(Denied::InvalidToken(Reason::Revoked));
            assert_eq!(
                scene.world.ask(SANDBOX, "/tokens/1", &token).await,
                revoked,
                "{profile}"
            );
        }
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &other).await,
            Ok(()),
            "{profile}: only the one"
        );
    }
}

#[tokio::test]
async fn ending_all_tokens_ends_those_of_this_second_and_none_that_come_after() {
    let scene = scene().await;
    let targets = [
        Target::Client(env(SANDBOX), scene.secret.client.clone()),
        Target::Organization(countersign_engine::id::OrganizationId::parse("acme").unwrap()),
        Target::Environment(env(SANDBOX)),
    ];
    for target in targets {
        let before = scene.token("standard").await;
        assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", &before).await, Ok(()));
        scene.world.pass(1).await;
        let same_second = scene.token("standard").await;
        scene
            .world
            .admin(AdminCall::EndTokens(target.clone()))
            .await
            .unwrap();
        for token in [before, same_second] {
            // The clock stands on a whole second, so a token of this very second is not older than the mark.
            let answer = scene.world.ask(SANDBOX, "/tokens/1", &token).await;
            let issued: serde_json::Value = serde_json::from_slice(
                &base64url_decode(token.split('.').nth(1).unwrap()).unwrap(),
            )
            .unwrap();
            let older = issued["iat"].as_i64().unwrap() < scene.world.now().seconds();
            let expected = if older {
                Err(Denied::InvalidToken(Reason::Revoked))
            } else {
                Ok(())
            };
            assert_eq!(answer, expected, "{target:?}");
        }
        scene.world.pass(1).await;
        let after = scene.token("standard").await;
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &after).await,
            Ok(()),
            "{target:?}"
        );
    }
}

#[tokio::test]
async fn carriers_are_read_to_the_letter() {
    let scene = scene().await;
    let token = scene.token("standard").await;
    let bearer = format!("Bearer {token}");
    let malformed = |how| Err(Denied::MalformedCredential(how));
    for (what, value, expected) in [
        ("as it should be", bearer.clone(), Ok(())),
        ("scheme in another case", format!("bEARER {token}"), Ok(())),
        (
            "two spaces",
            format!("Bearer  {token}"),
            malformed(Malformed::Form),
        ),
        (
            "a tab",
            format!("Bearer\t{token}"),
            malformed(Malformed::Form),
        ),
        (
            "a list",
            format!("Bearer {token}, Bearer {token}"),
            malformed(Malformed::Form),
        ),
        (
            "a space after it",
            format!("Bearer {token} "),
            malformed(Malformed::Form),
        ),
        (
            "nothing after the scheme",
            "Bearer ".into(),
            malformed(Malformed::Form),
        ),
        (
            "the scheme alone",
            "Bearer".into(),
            malformed(Malformed::Form),
        ),
        (
            "another scheme",
            "Basic abc".into(),
            Err(Denied::InvalidToken(Reason::Kind)),
        ),
        (
            "a megabyte of dots",
            format!("Bearer {}", ".".repeat(1 << 20)),
            malformed(Malformed::TooLong),
        ),
    ] {
        let judged = Judged {
            authorization: Carrier::Present(&value),
            ..request("/tokens/1")
        };
        assert_eq!(
            scene.world.judge(SANDBOX, &judged).await,
            expected,
            "{what}"
        );
    }
    let twice = Judged {
        authorization: Carrier::Malformed,
        ..request("/tokens/1")
    };
    assert_eq!(
        scene.world.judge(SANDBOX, &twice).await,
        malformed(Malformed::Repeated)
    );
    assert_eq!(
        scene.world.judge(SANDBOX, &request("/tokens/1")).await,
        Err(Denied::NoCredential)
    );
}

#[tokio::test]
async fn what_a_guard_does_not_accept_is_not_read_unless_it_is_ours() {
    let scene = scene().await;
    let token = scene.token("standard").await;
    let key = scene.key.secret.expose();
    let ask = |target: &'static str, bearer: &str| {
        let bearer = bearer.to_owned();
        let world = &scene.world;
        async move { world.ask(SANDBOX, target, &bearer).await }
    };
    let kind = Err(Denied::InvalidToken(Reason::Kind));
    assert_eq!(ask("/keys/1", key).await, Ok(()));
    assert_eq!(ask("/keys/1", &token).await, kind);
    assert_eq!(ask("/tokens/1", key).await, kind);
    assert_eq!(ask("/anonymous/1", &token).await, Ok(()));
    assert_eq!(
        ask("/anonymous/1", key).await,
        Err(Denied::MalformedCredential(Malformed::Unaccepted))
    );
    assert_eq!(
        scene.world.judge(SANDBOX, &request("/anonymous/1")).await,
        Ok(())
    );
    let lacking = Err(Denied::InsufficientScope {
        needed: scopes("admin"),
    });
    assert_eq!(ask("/admin/1", &token).await, lacking);
    assert_eq!(ask("/admin/1", key).await, lacking);
    assert_eq!(
        ask("/elsewhere", key).await,
        Err(Denied::Forbidden(Reason::Unguarded))
    );
}

#[tokio::test]
async fn a_fact_kept_for_one_guard_does_not_open_another() {
    let scene = scene().await;
    let token = scene.token("standard").await;
    for _ in 0..2 {
        assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", &token).await, Ok(()));
        let lacking = Err(Denied::InsufficientScope {
            needed: scopes("admin"),
        });
        assert_eq!(scene.world.ask(SANDBOX, "/admin/1", &token).await, lacking);
    }
}

#[tokio::test]
async fn a_secret_from_a_browser_is_refused_and_a_token_is_not() {
    let scene = scene().await;
    let key = format!("Bearer {}", scene.key.secret.expose());
    let token = format!("Bearer {}", scene.token("standard").await);
    let origin = Carrier::Present("https://app.example.com");
    for (authorization, target, expected) in [
        (&key, "/keys/1", Err(Denied::SecretFromBrowser)),
        (&token, "/tokens/1", Ok(())),
    ] {
        let authorization = Carrier::Present(authorization.as_str());
        let fetched = Judged {
            authorization,
            from_browser: true,
            ..request(target)
        };
        assert_eq!(
            scene.world.judge(SANDBOX, &fetched).await,
            expected,
            "{target}"
        );
        let posted = Judged {
            authorization,
            origin,
            ..request(target)
        };
        assert_eq!(
            scene.world.judge(SANDBOX, &posted).await,
            expected,
            "{target}"
        );
    }
}

#[tokio::test]
async fn a_preflight_passes_from_the_guards_origins_only() {
    let scene = scene().await;
    let preflight = |origin, method| Judged {
        method: "OPTIONS",
        origin: Carrier::Present(origin),
        preflight_method: method,
        ..request("/tokens/1")
    };
    let get = Carrier::Present("GET");
    let judge = |judged| {
        let world = &scene.world;
        async move { world.judge(SANDBOX, &judged).await }
    };
    assert_eq!(
        judge(preflight("https://app.example.com", get)).await,
        Ok(())
    );
    let refused = Err(Denied::Forbidden(Reason::Origin));
    for origin in [
        "https://evil.example.com",
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
    ] {
        assert_eq!(judge(preflight(origin, get)).await, refused, "{origin}");
    }
    // Without the method that it asks for it is no preflight, and needs what every request needs.
    assert_eq!(
        judge(preflight("https://app.example.com", Carrier::Absent)).await,
        Err(Denied::NoCredential)
    );
}

#[tokio::test]
async fn a_registration_token_needs_its_client_id_and_an_allowed_origin() {
    let scene = scene().await;
    let client = scene
        .world
        .client(SANDBOX, ClientKind::Frontend, Spelling::Countersign)
        .await;
    let kept = scene
        .world
        .credential(SANDBOX, &client, CredentialKind::RegistrationToken)
        .await;
    let bearer = format!("Bearer {}", kept.secret.expose());
    let own = Carrier::Present(client.as_str());
    let good = Judged {
        authorization: Carrier::Present(&bearer),
        client_id: own,
        ..request("/register/1")
    };
    for (what, judged, expected) in [
        ("as it should be", good, Ok(())),
        (
            "from a browser",
            Judged {
                origin: Carrier::Present("https://app.example.com"),
                ..good
            },
            Ok(()),
        ),
        (
            "from elsewhere",
            Judged {
                origin: Carrier::Present("https://evil.example"),
                ..good
            },
            Err(Denied::Forbidden(Reason::Origin)),
        ),
        (
            "without client id",
            Judged {
                client_id: Carrier::Absent,
                ..good
            },
            Err(Denied::MalformedCredential(Malformed::Form)),
        ),
        (
            "with two",
            Judged {
                client_id: Carrier::Malformed,
                ..good
            },
            Err(Denied::MalformedCredential(Malformed::Form)),
        ),
        (
            "with another's",
            Judged {
                client_id: Carrier::Present("client_other"),
                ..good
            },
            Err(Denied::InvalidToken(Reason::Mismatch)),
        ),
        (
            "where it is not accepted",
            Judged {
                target: "/tokens/1",
                ..good
            },
            Err(Denied::InvalidToken(Reason::Kind)),
        ),
    ] {
        assert_eq!(
            scene.world.judge(SANDBOX, &judged).await,
            expected,
            "{what}"
        );
    }
}

#[tokio::test]
async fn the_first_matching_guard_decides_by_host_path_and_method() {
    let world = World::new().await;
    let guard = |name: &str, paths: &[&str], methods: &[&str], hosts: &[&str], accept| Guard {
        name: name.into(),
        hosts: hosts.iter().map(|&host| host.into()).collect(),
        paths: paths.iter().map(|&path| path.into()).collect(),
        methods: methods.iter().map(|&method| method.into()).collect(),
        accept: vec![accept],
        profiles: vec![],
        audiences: vec![],
        scopes: scopes(""),
        origins: vec![],
        rate_limit: None,
        dialect: None,
        assertion: false,
    };
    let guards = vec![
        guard("private", &["/site/private/*"], &[], &[], Accept::ApiKey),
        guard("read", &["/site/*"], &["GET"], &[], Accept::Anonymous),
        guard(
            "other-host",
            &["/*"],
            &[],
            &["other.example.com"],
            Accept::Anonymous,
        ),
    ];
    world.set_guards(SANDBOX, guards).await.unwrap();
    let unguarded = Err(Denied::Forbidden(Reason::Unguarded));
    let ambiguous = Err(Denied::MalformedCredential(Malformed::Request));
    for (method, host, target, expected) in [
        ("GET", "api.example.com", "/site/1?x=/../private", Ok(())),
        ("POST", "api.example.com", "/site/1", unguarded.clone()),
        ("get", "api.example.com", "/site/1", unguarded.clone()),
        (
            "GET",
            "api.example.com",
            "/site/private/1",
            Err(Denied::NoCredential),
        ),
        ("POST", "other.example.com", "/anything", Ok(())),
        (
            "GET",
            "api.example.com",
            "/site/%70rivate/1",
            Err(Denied::NoCredential),
        ),
        (
            "GET",
            "api.example.com",
            "/site//private/1",
            ambiguous.clone(),
        ),
        (
            "GET",
            "api.example.com",
            "/site/./private/1",
            ambiguous.clone(),
        ),
        (
            "GET",
            "api.example.com",
            "/site/x/../private/1",
            ambiguous.clone(),
        ),
        (
            "GET",
            "api.example.com",
            "/site/%2e%2e/x",
            ambiguous.clone(),
        ),
        (
            "GET",
            "api.example.com",
            "/site%2fprivate",
            ambiguous.clone(),
        ),
        ("GET", "api.example.com", "//evil/site/1", ambiguous.clone()),
        (
            "GET",
            "api.example.com",
            "http://evil/site/1",
            ambiguous.clone(),
        ),
        ("GET", "api.example.com", "*", ambiguous.clone()),
    ] {
        let judged = Judged {
            method,
            host,
            ..request(target)
        };
        assert_eq!(
            world.judge(SANDBOX, &judged).await,
            expected,
            "{method} {host} {target}"
        );
    }
}

#[tokio::test]
async fn introspection_says_nothing_of_what_is_not_for_the_caller() {
    let scene = scene().await;
    let token = scene.token("standard").await;
    let introspect = |kept: &Kept, token: &str| {
        let call = Call::Introspect {
            token: Secret::new(token.into()),
        };
        let (world, kept) = (&scene.world, kept.clone());
        async move {
            match world.as_client(SANDBOX, &kept, call).await.unwrap() {
                Outcome::Introspection(seen) => seen,
                other => panic!("{other:?}"),
            }
        }
    };
    let seen = introspect(&scene.secret, &token).await.unwrap();
    assert_eq!(seen.client_id.as_ref(), Some(&scene.secret.client));
    assert_eq!(
        (seen.scopes.to_string().as_str(), seen.token_type.as_str()),
        ("read write", "Bearer")
    );
    assert!(
        introspect(&scene.ayyeka, &token).await.is_none(),
        "another client's token"
    );
    for nothing in ["", "x", "a.b.c", scene.key.secret.expose()] {
        assert!(
            introspect(&scene.secret, nothing).await.is_none(),
            "{nothing}"
        );
    }
    // A resource that a client may ask tokens for is not a resource that it serves.
    let call = Call::ClientCredentials {
        profile: "standard",
        scopes: None,
        resources: vec!["https://api.example.com".into()],
    };
    let Ok(Outcome::Token(meant)) = scene.world.as_client(SANDBOX, &scene.secret, call).await
    else {
        panic!("no token");
    };
    let meant = meant.token.expose().clone();
    assert!(
        introspect(&scene.ayyeka, &meant).await.is_none(),
        "it only asks for the same"
    );
    let change = countersign_engine::call::ClientChange {
        serves: Some(vec!["https://api.example.com".into()]),
        ..Default::default()
    };
    let server = scene.ayyeka.client.clone();
    let change = countersign_engine::call::Amend::Client(env(SANDBOX), server.clone(), change);
    super::lifecycle::amend(&scene.world, Target::Client(env(SANDBOX), server), change).await;
    assert!(
        introspect(&scene.ayyeka, &meant).await.is_some(),
        "it serves what the token is for"
    );
    assert!(
        introspect(&scene.ayyeka, &token).await.is_none(),
        "not what this one is for"
    );
    scene.world.pass(600).await;
    assert!(introspect(&scene.secret, &token).await.is_none(), "expired");
}

#[tokio::test]
async fn keys_rotate_with_overlap_and_no_valid_token_is_lost() {
    let scene = scene().await;
    let old = scene.token("standard").await;
    let rotate = || AdminCall::RotateKeys {
        environment: env(SANDBOX),
        key_set: "standard".into(),
        overlap: Some(Duration::from_secs(60)),
    };
    scene.world.admin(rotate()).await.unwrap();
    let new = scene.token("standard").await;
    assert_ne!(
        old.split('.').next(),
        new.split('.').next(),
        "another key, another kid"
    );
    for token in [&old, &new] {
        assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", token).await, Ok(()));
    }
    scene.world.pass(59).await;
    assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", &old).await, Ok(()));
    scene.world.pass(1).await;
    assert!(
        scene.world.ask(SANDBOX, "/tokens/1", &old).await.is_err(),
        "its key has ended"
    );
    assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", &new).await, Ok(()));
}
