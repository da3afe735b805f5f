//! Profiles beside people of other vendors, and very many of them.

use super::*;
use crate::rules::subjects::{insert, session};
use countersign_engine::{
    bounds::SIGN_UPS_UP_TO,
    call::{AdminCall, Amend, EnvironmentChange, Target},
    denied::{Denied, Reason},
    id::OrganizationId,
    model::guard::{Accept, Guard},
    outcome::Outcome,
};

fn guard(name: &str) -> Guard {
    Guard {
        name: name.into(),
        hosts: vec![],
        paths: vec![format!("/{name}/*")],
        methods: vec![],
        accept: vec![Accept::Session],
        profiles: vec![name.into()],
        audiences: vec![],
        scopes: scopes(""),
        origins: vec![],
        rate_limit: None,
        dialect: None,
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    }
}

#[tokio::test]
async fn a_session_of_one_vendor_does_not_open_the_others_api() {
    let quiltt = Quiltt::new().await;
    let Ok(Outcome::Row(view)) = quiltt
        .world
        .admin(AdminCall::Show(Target::Environment(env(SANDBOX))))
        .await
    else {
        panic!()
    };
    let change = EnvironmentChange {
        dialects: Some(["quiltt", "bitcanuck"].map(String::from).to_vec()),
        ..EnvironmentChange::default()
    };
    let amend = AdminCall::Amend {
        change: Amend::Environment(env(SANDBOX), change),
        if_version: Some(view.stored.version),
    };
    quiltt.world.admin(amend).await.unwrap();
    let guards = vec![guard("quiltt"), guard("bitcanuck")];
    quiltt.world.set_guards(SANDBOX, guards).await.unwrap();
    let token = quiltt.session(UUID).await;
    let stored = quiltt.stored(UUID).await.unwrap();
    let kept = "kept0000000000000000000000";
    let row = session(&quiltt.world, stored.subject().unwrap(), kept, 600);
    insert(&quiltt.world, vec![Row::Session(row)]).await;
    let kind = Err(Denied::InvalidToken(Reason::Kind));
    for (shown, own, other) in [
        (token.as_str(), "/quiltt/1", "/bitcanuck/1"),
        (kept, "/bitcanuck/1", "/quiltt/1"),
    ] {
        // Cold, then warm.
        for _ in 0..2 {
            assert_eq!(
                quiltt.world.ask(SANDBOX, other, shown).await,
                kind,
                "{other}"
            );
            assert_eq!(quiltt.world.ask(SANDBOX, own, shown).await, Ok(()), "{own}");
        }
    }
}

#[tokio::test]
async fn the_first_pages_are_there_however_many_profiles_there_are() {
    let quiltt = Quiltt::new().await;
    quiltt.session(UUID).await;
    let stored = quiltt.stored(UUID).await.unwrap();
    let one = stored.subject().unwrap();
    assert_eq!(one.organization, OrganizationId::parse("acme").unwrap());
    let many: Vec<Row> = (0..20_400)
        .map(|number| {
            let id = format!("{number:08x}-0000-4000-8000-000000000000");
            Row::Subject(Subject {
                id: SubjectId::parse(&id).unwrap(),
                ..one.clone()
            })
        })
        .collect();
    for some in many.chunks(1000) {
        insert(&quiltt.world, some.to_vec()).await;
    }
    let first = quiltt.ask("GET /v1/profiles", "").await;
    assert_eq!(first.status, 200, "{first:?}");
    let counted: u64 = first.header("total-count").unwrap().parse().unwrap();
    assert_eq!(counted, 20_000, "what was counted");
    let last = quiltt.ask("GET /v1/profiles?page=2000&limit=10", "").await;
    assert_eq!(last.json().as_array().map(Vec::len), Some(10), "{last:?}");
    let behind = quiltt.ask("GET /v1/profiles?page=2100&limit=10", "").await;
    assert_eq!(behind.status, 409, "{behind:?}");
}

#[tokio::test]
async fn people_who_sign_up_by_themselves_leave_room_for_those_whom_a_server_makes() {
    let quiltt = Quiltt::new().await;
    quiltt.let_sign_in(true).await;
    let email = |name: &str| format!(r#""email":"{name}@example.com""#);
    let first = quiltt.enter("POST", &email("first")).await;
    assert_eq!(first.status, 201, "{first:?}");
    let token = quiltt.session(UUID).await;
    let stored = quiltt.stored(UUID).await.unwrap();
    let one = stored.subject().unwrap();
    let ids = (0..SIGN_UPS_UP_TO).map(|number| format!("{number:08x}-0000-4000-8000-000000000000"));
    let many: Vec<Row> = ids
        .map(|id| {
            let id = SubjectId::parse(&id).unwrap();
            Row::Subject(Subject { id, ..one.clone() })
        })
        .collect();
    for some in many.chunks(1000) {
        insert(&quiltt.world, some.to_vec()).await;
    }
    quiltt.world.pass(60).await;
    let full = quiltt.enter("POST", &email("second")).await;
    assert_eq!(full.status, 403, "{full:?}");
    assert!(full.json()["message"].is_string(), "{full:?}");
    let shown = quiltt.with("GET /v1/users/session", &token).await;
    assert_eq!(shown.status, 200, "who is there goes on");
    let made = quiltt.ask("POST /v1/profiles", r#"{"email":"third@example.com"}"#);
    assert_eq!(made.await.status, 201);
}
