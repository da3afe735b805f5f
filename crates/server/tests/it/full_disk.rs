//! No room for another byte: what cannot be written is not acknowledged, what needs no write goes on, and with
//! room again everything does.

use crate::{
    ask::Ask,
    binary::Process,
    harness::Answer,
    world::{Doors, body, text},
};
use serde_json::json;
use std::time::Duration;

const HOST: &str = "localhost";
/// More than the first rows need, and soon reached.
const ROOM_KIB: u32 = 1024;
/// A disk is full when so many writes in a row were refused: one refusal may only have waited for a checkpoint.
const REFUSED_IN_A_ROW: u32 = 20;
/// So many writes of at least a page would have filled the room many times over.
const WRITES_MAX: u32 = 5_000;

/// Whether the write was acknowledged. If not, it was refused as a fault of ours that may pass.
fn acknowledged(what: &str, answer: &Answer) -> bool {
    if answer.status < 300 {
        return true;
    }
    assert_eq!(answer.status, 503, "{what}: {answer:?}");
    assert!(answer.header("retry-after").is_some(), "{what}: {answer:?}");
    let told = answer.body.to_lowercase();
    for word in ["sqlite", "disk", "file", "i/o", "/tmp"] {
        assert!(!told.contains(word), "{what} tells of {word}: {answer:?}");
    }
    false
}

async fn decision(doors: &Doors, bearer: &str) -> u16 {
    crate::crash::ledger::decision(doors, bearer).await
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_nothing_else_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve_below(&folder, ROOM_KIB);
    let doors = process.doors(&folder);
    crate::crash::set_up(&doors).await;
    let client = doors.client("sandbox").await;
    let secret = doors.secret("sandbox", &client).await;
    let key = doors
        .credential("sandbox", &client, json!({ "kind": "api_key" }))
        .await;
    let token = doors.token(HOST, "/oauth2/token", &client, &secret).await;

    let made = fill(&doors).await;
    assert!(!made.is_empty());

    // What needs no write goes on, also for what is asked for the first time.
    assert_eq!(decision(&doors, &key.secret).await, 200);
    let fresh = doors.token(HOST, "/oauth2/token", &client, &secret).await;
    assert_eq!(decision(&doors, &fresh).await, 200);
    assert_eq!(decision(&doors, "nothing").await, 401);
    // RFC 7009 section 2.2.1: who is told 503 has to believe that the token lives; who is told 200, that it does not.
    let ask = Ask::post("/oauth2/revoke").at(HOST).basic(&client, &secret);
    let answer = ask.form(&[("token", &token)]).send(doors.public).await;
    let is_revoked = acknowledged("a revocation", &answer);
    assert_eq!(
        decision(&doors, &token).await,
        if is_revoked { 401 } else { 200 }
    );
    let path = format!(
        "/admin/v1/environments/sandbox/credentials/{}/revoke",
        key.id
    );
    let is_revoked = acknowledged("an operator's", &doors.admin(Ask::post(&path)).await);
    assert_eq!(
        decision(&doors, &key.secret).await,
        if is_revoked { 401 } else { 200 }
    );

    process.make_room();
    while !acknowledged("with room again", &make(&doors).await) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    doors.act(&path).await;
    assert_eq!(decision(&doors, &key.secret).await, 401);
    while Ask::get("/readyz").send(doors.public).await.status != 200 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    process.kill();
    let process = Process::serve(&folder);
    let doors = process.doors(&folder);
    for id in made {
        doors.show(&format!("/admin/v1/organizations/{id}")).await;
    }
    assert_eq!(decision(&doors, &key.secret).await, 401);
}

async fn make(doors: &Doors) -> Answer {
    let new = json!({ "display_name": "x".repeat(200) });
    doors
        .admin(Ask::post("/admin/v1/organizations").json(&new))
        .await
}

/// Write until nothing can be written any more; what was acknowledged.
async fn fill(doors: &Doors) -> Vec<String> {
    let mut made = Vec::new();
    let mut refused = 0;
    for _ in 0..WRITES_MAX {
        let answer = make(doors).await;
        if acknowledged("a creation", &answer) {
            made.push(text(&body(&answer), "id"));
            refused = 0;
        } else {
            refused += 1;
        }
        if refused == REFUSED_IN_A_ROW {
            return made;
        }
    }
    panic!("{} writes fit into {ROOM_KIB} KiB", made.len());
}
