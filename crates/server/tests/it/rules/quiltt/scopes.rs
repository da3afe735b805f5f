//! The two scopes are kept apart: every kind of credential at every kind of guard and endpoint.

use super::*;
use countersign_engine::{
    decision::{Carrier, Judged},
    denied::Denied,
    model::guard::{Accept, Guard},
};

/// What is shown, and the one `Accept` that takes it.
async fn shows(quiltt: &Quiltt) -> Vec<(&'static str, String, Option<Accept>)> {
    let world = &quiltt.world;
    let session = quiltt.session(UUID).await;
    let backend = world
        .client(SANDBOX, ClientKind::Backend, Spelling::Countersign)
        .await;
    let secret = world
        .credential(SANDBOX, &backend, CredentialKind::ClientSecret)
        .await;
    let registration = world
        .credential(SANDBOX, &backend, CredentialKind::RegistrationToken)
        .await;
    let token = world.token(SANDBOX, &secret, "standard").await.unwrap();
    let key = quiltt.key.secret.expose();
    let basic = |name: &str, secret: &str| {
        let pair = data_encoding::BASE64.encode(format!("{name}:{secret}").as_bytes());
        format!("Basic {pair}")
    };
    vec![
        ("an API key", quiltt.bearer(), Some(Accept::ApiKey)),
        (
            "a session",
            format!("Bearer {session}"),
            Some(Accept::Session),
        ),
        (
            "a profile's id with the key",
            basic(PROFILE, key),
            Some(Accept::SubjectBasic),
        ),
        (
            "a profile's UUID with the key",
            basic(UUID, key),
            Some(Accept::SubjectBasic),
        ),
        (
            "an access token",
            format!("Bearer {}", token.token.expose()),
            Some(Accept::AccessToken),
        ),
        (
            "a client secret",
            format!("Bearer {}", secret.secret.expose()),
            None,
        ),
        (
            "a registration token alone",
            format!("Bearer {}", registration.secret.expose()),
            None,
        ),
        ("a profile with a session", basic(PROFILE, &session), None),
        (
            "a profile with a client secret",
            basic(PROFILE, secret.secret.expose()),
            None,
        ),
        (
            "an unknown profile with the key",
            basic("52909e05-e1cb-4e45-b273-2b7b5d1f9bff", key),
            None,
        ),
        ("nothing", String::new(), None),
    ]
}

const ALL: [(&str, Accept); 6] = [
    ("access_token", Accept::AccessToken),
    ("api_key", Accept::ApiKey),
    ("registration_token", Accept::RegistrationToken),
    ("session", Accept::Session),
    ("subject_basic", Accept::SubjectBasic),
    ("client_headers", Accept::ClientHeaders),
];

fn guard(name: &str, accept: &[Accept]) -> Guard {
    Guard {
        name: name.into(),
        hosts: vec![],
        paths: vec![format!("/{name}/*")],
        methods: vec![],
        accept: accept.to_vec(),
        profiles: vec![],
        audiences: vec![],
        scopes: scopes(""),
        origins: vec![],
        rate_limit: None,
        dialect: Some("quiltt".into()),
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    }
}

#[tokio::test]
async fn each_guard_takes_what_it_accepts_and_nothing_else() {
    let quiltt = Quiltt::new().await;
    let mut guards: Vec<Guard> = ALL
        .iter()
        .map(|(name, accept)| guard(name, &[*accept]))
        .collect();
    // The sample's GraphQL: the profile scope, either way.
    guards.push(guard("graphql", &[Accept::Session, Accept::SubjectBasic]));
    quiltt
        .world
        .set_guards(SANDBOX, guards.clone())
        .await
        .unwrap();
    for (what, shown, takes) in shows(&quiltt).await {
        for guard in &guards {
            let target = format!("/{}/1", guard.name);
            let authorization = match shown.as_str() {
                "" => Carrier::Absent,
                value => Carrier::Present(value),
            };
            let judged = Judged {
                authorization,
                ..request(&target)
            };
            let is_let_in = takes.is_some_and(|accept| guard.accept.contains(&accept));
            // Cold, then warm.
            for _ in 0..2 {
                let decided = quiltt.world.judge(SANDBOX, &judged).await;
                let what = format!("{what} at {}", guard.name);
                assert_eq!(decided.is_ok(), is_let_in, "{what}: {decided:?}");
                if let Err(denied) = decided {
                    let is_401 = matches!(
                        denied,
                        Denied::NoCredential
                            | Denied::InvalidToken(_)
                            | Denied::MalformedCredential(_)
                    );
                    assert!(is_401, "{what}: {denied:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn each_endpoint_takes_the_scope_that_it_is_for() {
    use countersign_engine::call::Callers;
    let quiltt = Quiltt::new().await;
    for (what, shown, takes) in shows(&quiltt).await {
        for route in dialect("quiltt").unwrap().routes {
            let (accept, names) = match route.callers {
                Callers::ApiKey => (Accept::ApiKey, "API Key secret"),
                Callers::Session => (Accept::Session, "Session token"),
                _ => continue,
            };
            // The last of the table, and it would end what the others show.
            if takes == Some(accept) && route.method == "DELETE" {
                continue;
            }
            let path = route
                .path
                .replace("{profile}", UUID)
                .replace("{subscription}", "wh_1");
            let headers: &[(&str, &str)] = match shown.as_str() {
                "" => &[],
                _ => &[("Authorization", shown.as_str())],
            };
            let said = quiltt
                .say(&format!("{} {path}", route.method), headers, "")
                .await;
            let what = format!("{what} at {}", route.name);
            if takes == Some(accept) {
                assert!(
                    !matches!(said.status, 401 | 403 | 500..),
                    "{what}: {said:?}"
                );
            } else {
                assert_eq!(said.status, 401, "{what}: {said:?}");
                assert_eq!(said.member("message"), "Not Authenticated", "{what}");
                assert!(
                    said.member("instruction").contains(names),
                    "{what}: {said:?}"
                );
                assert!(said.headers.contains_key("www-authenticate"), "{what}");
            }
            quiltt.world.pass(1).await;
        }
    }
}
