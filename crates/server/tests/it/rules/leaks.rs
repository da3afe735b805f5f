//! A secret that a browser shows has leaked, wherever it stands and whatever is asked: the places times the guards.

use super::world::{SANDBOX, World, request};
use countersign_engine::{
    call::{Asked, Call, Callers, Presented, Sender},
    decision::{Carrier, ClientHeaders, Judged},
    denied::{Denied, Malformed, Refusal},
    in_authorization,
    model::credential::CredentialKind,
    secret::Secret,
};
use data_encoding::BASE64;

const SECRETS: [CredentialKind; 2] = [CredentialKind::ApiKey, CredentialKind::ClientSecret];
const GUARDED: [&str; 5] = [
    "/anonymous/1",
    "/keys/1",
    "/tokens/1",
    "/admin/1",
    "/register/1",
];

#[tokio::test]
async fn at_every_guard_and_in_every_place() {
    let world = World::new().await;
    world.guards(SANDBOX).await;
    let client = world.backend().await;
    let backend = world
        .credential(SANDBOX, &client, CredentialKind::ClientSecret)
        .await;
    let token = world.token(SANDBOX, &backend, "standard").await.unwrap();
    let beside = format!("Bearer {}", token.token.expose());
    for kind in SECRETS {
        let kept = world.credential(SANDBOX, &client, kind).await;
        let secret = kept.secret.expose();
        let bearer = format!("Bearer {secret}");
        let basic = format!(
            "Basic {}",
            BASE64.encode(format!("p_1abc:{secret}").as_bytes())
        );
        let header = ClientHeaders {
            client_secret: Carrier::Present(secret),
            ..ClientHeaders::default()
        };
        for target in GUARDED {
            for (place, authorization, client_headers) in [
                (
                    "bearer",
                    Carrier::Present(bearer.as_str()),
                    ClientHeaders::default(),
                ),
                (
                    "basic",
                    Carrier::Present(basic.as_str()),
                    ClientHeaders::default(),
                ),
                ("header", Carrier::Absent, header),
                (
                    "header beside a token",
                    Carrier::Present(beside.as_str()),
                    header,
                ),
            ] {
                let judged = Judged {
                    authorization,
                    client_headers,
                    origin: Carrier::Present("https://app.example.com"),
                    ..request(target)
                };
                // Twice: what is in memory by then must change nothing.
                for _ in 0..2 {
                    assert_eq!(
                        world.judge(SANDBOX, &judged).await,
                        Err(Denied::SecretFromBrowser),
                        "{kind:?} {place} {target}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn on_routes_that_read_nothing_or_something_malformed() {
    let world = World::new().await;
    let client = world.backend().await;
    let backend = world
        .credential(SANDBOX, &client, CredentialKind::ClientSecret)
        .await;
    let basic = format!(
        "Basic {}",
        BASE64.encode(format!("x:{}", backend.secret.expose()).as_bytes())
    );
    for (callers, presented) in [
        (Callers::Anyone, Presented::Absent),
        (Callers::Client, Presented::Malformed(Malformed::Two)),
        (Callers::ApiKey, Presented::Absent),
        (Callers::Session, Presented::Malformed(Malformed::Form)),
    ] {
        let asked = |headers: Vec<Secret<String>>| Asked {
            callers,
            presented: presented.clone(),
            sender: Sender::Browser { headers },
            call: Ok(Call::PublicKeys),
        };
        let context = world.context(SANDBOX);
        let leaked = asked(in_authorization(&basic));
        let refused = world.engine.handle(&context, leaked).await.unwrap_err();
        assert_eq!(
            refused,
            Refusal::Denied(Denied::SecretFromBrowser),
            "{callers:?}"
        );
        let nothing = asked(in_authorization("Basic bm9ib2R5Om5vdGhpbmc="));
        let other = match world.engine.handle(&context, nothing).await {
            Err(Refusal::Denied(denied)) => Some(denied),
            _ => None,
        };
        assert_ne!(other, Some(Denied::SecretFromBrowser), "{callers:?}");
    }
}
