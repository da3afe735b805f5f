//! One caller's words never turn up in another caller's answer.

use super::Stage;
use crate::{
    ask::{Ask, FORM, percent},
    world::SANDBOX,
};

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_bad_callers_at_once_are_each_told_of_their_own_mistakes_only() {
    const CALLERS: usize = 64;
    const ROUNDS: usize = 8;
    let stage = Stage::set().await;
    let (public, admin) = (stage.doors().public, stage.doors().admin);
    let gateway = stage.doors().gateways[2];
    let owner = stage.doors().owner.clone();
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..CALLERS {
        let owner = owner.clone();
        callers.spawn(async move {
            let canary = format!("canary{number:02}yranac");
            let mut said = Vec::new();
            for _ in 0..ROUNDS {
                for (door, ask) in asks(&canary, &owner) {
                    let address = [public, admin, gateway][door];
                    let answer = ask.send(address).await;
                    assert!((400..500).contains(&answer.status), "{answer:?}");
                    said.push(format!("{answer:?}"));
                }
            }
            (canary, said)
        });
    }
    let mut quoted = 0;
    for (own, said) in callers.join_all().await {
        for text in said {
            quoted += text.matches(&own).count();
            assert!(!text.replace(&own, "").contains("canary"), "{own}: {text}");
        }
    }
    assert!(quoted > 0, "answers that quote nobody prove nothing");
    stage.stop_sound().await;
}

/// Requests that are wrong in a way that the answer may have to name.
fn asks(canary: &str, owner: &str) -> Vec<(usize, Ask)> {
    let form = format!("grant_type={canary}&{canary}=1&{canary}=2");
    let json = format!("{{\"{canary}\":1,\"display_name\":2,\"id\":\"{canary}/\"}}");
    let grant = |id: &str, secret: &str| {
        format!(
            "grant_type=client_credentials&client_id={id}&client_secret={}",
            percent(secret)
        )
    };
    vec![
        (
            0,
            Ask::post("/oauth2/token")
                .at(SANDBOX)
                .basic(canary, canary)
                .bytes(FORM, form.clone()),
        ),
        (
            0,
            Ask::post("/auth/token")
                .at(SANDBOX)
                .bytes(FORM, grant(canary, canary)),
        ),
        (0, Ask::post(&format!("/oauth2/{canary}")).at(SANDBOX)),
        (0, Ask::get("/oauth2/jwks").at(&format!("{canary}.example"))),
        (
            1,
            Ask::post("/admin/v1/organizations")
                .bearer(owner)
                .bytes("application/json", json),
        ),
        (
            1,
            Ask::get(&format!("/admin/v1/organizations/{canary}")).bearer(owner),
        ),
        (
            1,
            Ask::get(&format!("/admin/v1/organizations?{canary}=1")).bearer(owner),
        ),
        (1, Ask::get("/admin/v1/whoami").bearer(canary)),
        (
            2,
            Ask::get("/")
                .header("X-HAProxy-Method", "GET")
                .header("X-HAProxy-Host", SANDBOX)
                .header("X-HAProxy-Target", &format!("/{canary}"))
                .header("X-HAProxy-Peer", "192.0.2.1")
                .header("X-HAProxy-Request-Id", "proxy-1")
                .bearer(canary),
        ),
    ]
}
