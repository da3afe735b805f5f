//! Ten sessions an hour and twenty a day, of those that are active.

use super::*;
use countersign_engine::call::AdminCall;

async fn statuses(quiltt: &Quiltt, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        // So that only the quota counts, and not the budget of a second.
        quiltt.world.pass(1).await;
        let body = format!(r#"{{"userId":"{UUID}"}}"#);
        statuses.push(quiltt.ask("POST /v1/users/sessions", &body).await.status);
    }
    statuses
}

#[tokio::test]
async fn the_eleventh_of_an_hour_waits_and_the_twenty_first_of_a_day() {
    let quiltt = Quiltt::new().await;
    assert_eq!(
        statuses(&quiltt, 11).await,
        [[201; 10].as_slice(), &[429]].concat()
    );
    let body = format!(r#"{{"userId":"{UUID}"}}"#);
    let refused = quiltt.ask("POST /v1/users/sessions", &body).await;
    assert_eq!(refused.member("message"), "Too Many Requests");
    // The first was issued eleven seconds ago... and nothing but its hour has to pass.
    let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(wait, 3600 - 10);
    quiltt.world.pass(wait - 1).await;
    assert_eq!(
        quiltt.ask("POST /v1/users/sessions", &body).await.status,
        429
    );
    quiltt.world.pass(1).await;
    assert_eq!(
        quiltt.ask("POST /v1/users/sessions", &body).await.status,
        201
    );
    quiltt.world.pass(3600).await;
    assert_eq!(
        statuses(&quiltt, 10).await,
        [[201; 9].as_slice(), &[429]].concat()
    );
    quiltt.world.pass(24 * 3600).await;
    assert_eq!(
        statuses(&quiltt, 1).await,
        [201],
        "what has ended does not count"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_thirty_asked_for_at_once_ten_are_issued_and_revoking_one_frees_it_at_once() {
    let quiltt = Arc::new(Quiltt::new().await);
    let body = format!(r#"{{"userId":"{UUID}"}}"#);
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (quiltt, body) = (quiltt.clone(), body.clone());
        // From keys of their own: only the subject's window is common.
        let key = quiltt
            .world
            .credential(SANDBOX, &quiltt.client, CredentialKind::ApiKey)
            .await;
        askers.spawn(async move {
            let bearer = format!("Bearer {}", key.secret.expose());
            let headers = [
                ("Authorization", bearer.as_str()),
                ("Content-Type", "application/json"),
            ];
            quiltt.say("POST /v1/users/sessions", &headers, &body).await
        });
    }
    let said = askers.join_all().await;
    let issued: Vec<&Said> = said.iter().filter(|said| said.status == 201).collect();
    assert_eq!(issued.len(), 10, "{said:?}");
    for refused in said.iter().filter(|said| said.status != 201) {
        assert_eq!(
            (refused.status, refused.header("retry-after")),
            (429, Some("3600"))
        );
    }
    let token = issued[0].member("token");
    let revoked = quiltt.with("DELETE /v1/users/session", &token).await;
    assert_eq!((revoked.status, revoked.body.as_str()), (204, ""));
    assert_eq!(
        quiltt.ask("POST /v1/users/sessions", &body).await.status,
        201
    );
    assert_eq!(
        quiltt.ask("POST /v1/users/sessions", &body).await.status,
        429
    );
}

#[tokio::test]
async fn sessions_that_ended_with_their_api_key_do_not_count() {
    let quiltt = Quiltt::new().await;
    let other = quiltt
        .world
        .credential(SANDBOX, &quiltt.client, CredentialKind::ApiKey)
        .await;
    assert_eq!(statuses(&quiltt, 10).await, [201; 10]);
    let bearer = format!("Bearer {}", other.secret.expose());
    let body = format!(r#"{{"userId":"{UUID}"}}"#);
    let json = ("Content-Type", "application/json");
    let headers = [("Authorization", bearer.as_str()), json];
    let line = "POST /v1/users/sessions";
    assert_eq!(quiltt.say(line, &headers, &body).await.status, 429);
    let revoke = AdminCall::RevokeCredential(env(SANDBOX), quiltt.key.id.clone());
    quiltt.world.admin(revoke).await.unwrap();
    assert_eq!(quiltt.say(line, &headers, &body).await.status, 201);
}
