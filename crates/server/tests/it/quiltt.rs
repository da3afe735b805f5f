//! Quiltt over sockets, on the store that is on disk.

use crate::{
    ask::Ask,
    harness::Answer,
    world::{Doors, SANDBOX, World, body, text},
};
use serde_json::json;

const PROFILE: &str = r#"{"userId":"e6dd0bda-7384-4d88-866b-2e5aa1b2c693"}"#;

async fn key(doors: &Doors, client: &str) -> String {
    let new = json!({ "kind": "api_key" });
    doors.credential("sandbox", client, new).await.secret
}

async fn issue(doors: Doors, key: String) -> Answer {
    let ask = Ask::post("/v1/users/sessions").at(SANDBOX).bearer(&key);
    ask.bytes("application/json", PROFILE)
        .send(doors.public)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_thirty_sessions_asked_for_at_once_ten_are_issued() {
    let world = World::start().await;
    let doors = &world.doors;
    let client = doors.client_of("sandbox", "acme", "quiltt").await;
    // Two keys: a key's budget is 25 a second.
    let keys = [key(doors, &client).await, key(doors, &client).await];
    let mut askers = tokio::task::JoinSet::new();
    for key in keys.iter().cycle().take(30) {
        askers.spawn(issue(doors.clone(), key.clone()));
    }
    let answers = askers.join_all().await;
    let (issued, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(issued.len(), 10, "{answers:?}");
    for answer in refused {
        assert_eq!(answer.status, 429, "{answer:?}");
        let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait), "{answer:?}");
    }
    let token = text(&body(issued[0]), "token");
    let end = Ask::new("DELETE", "/v1/users/session").at(SANDBOX);
    let ended = end.bearer(&token).send(doors.public).await;
    assert_eq!((ended.status, ended.body.as_str()), (204, ""), "{ended:?}");
    let freed = issue(doors.clone(), keys[0].clone()).await;
    assert_eq!(freed.status, 201, "{freed:?}");
    let full = issue(doors.clone(), keys[1].clone()).await;
    assert_eq!(full.status, 429, "{full:?}");
    world.stop_sound().await;
}
