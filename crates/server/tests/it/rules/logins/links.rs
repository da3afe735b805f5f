//! Links for a password that an operator sends: how a person whom an operator made comes to the first one.

use super::{
    passwords::{json_post, letters},
    *,
};
use countersign_engine::{
    call::{Amend, NewOrganization, NewSubject, SubjectCall, SubjectChange, Target},
    denied::{Denied, Refusal},
    model::webhook::LetterText,
    outcome::SubjectOutcome,
    ports::Query,
    time::Timestamp,
};

const JANE: &str = "jane@email.com";
const FIRST: &str = "a desert you can remember";

pub(super) fn jane(organization: &OrganizationId) -> NewSubject {
    NewSubject {
        environment: env(CANUCK),
        id: None,
        organization: organization.clone(),
        platform: None,
        email: Some(JANE.into()),
        phone: None,
        attributes: Attributes::default(),
        metadata: None,
    }
}

pub(super) async fn made(world: &World, new: NewSubject) -> SubjectId {
    let (stored, _) = world.create(New::Subject(new)).await.unwrap();
    stored.subject().unwrap().id.clone()
}

/// To whom a link is on its way, and until when it is good.
pub(super) async fn send(world: &World, id: &SubjectId) -> Result<(String, Timestamp), Denied> {
    let call = SubjectCall::SendPasswordLink(env(CANUCK), id.clone());
    match world.admin(AdminCall::Subjects(call)).await {
        Ok(Outcome::Subject(SubjectOutcome::PasswordLink {
            sent_to,
            expires_at,
        })) => Ok((sent_to, expires_at)),
        Ok(other) => panic!("{other:?}"),
        Err(Refusal::Denied(denied)) => Err(denied),
        Err(fault) => panic!("{fault}"),
    }
}

/// What the last letter's link carries.
async fn token(world: &World) -> String {
    match letters(world).await.pop() {
        Some((
            to,
            LetterText::PasswordLink {
                link,
                minutes: 1440,
            },
        )) => {
            assert_eq!(to, JANE);
            let token = link.strip_prefix("https://www.canuck.example/password-reset#token=");
            token.unwrap().to_owned()
        }
        _ => panic!("no link was sent"),
    }
}

async fn follow(world: &World, token: &str, password: &str) -> u16 {
    let body = serde_json::json!({ "token": token, "newPassword": password });
    let request = json_post("/api/v1/password-reset/confirm", "", body);
    ask(world, CANUCK, &request).await.status().as_u16()
}

#[tokio::test]
async fn whom_an_operator_made_chooses_a_first_password_by_a_link_and_logs_in() {
    let world = world().await;
    let id = made(&world, jane(&acme())).await;
    assert_eq!(refused(&world, &login(JANE, FIRST)).await, login_failed());
    let told = send(&world, &id).await.unwrap();
    let expected = (
        "j***@email.com".into(),
        Timestamp::from_seconds(1_700_086_400),
    );
    assert_eq!(told, expected);
    let token = token(&world).await;
    assert_eq!(follow(&world, &token, "too short").await, 400);
    assert_eq!(follow(&world, &token, FIRST).await, 204);
    assert_eq!(
        follow(&world, &token, "another one of mine").await,
        400,
        "once"
    );
    let bearer = let_in(&world, &login(JANE, FIRST)).await;
    assert_eq!(bearer.len(), 51);

    let query = Query::Audit {
        environment: Some(env(CANUCK)),
        organization: Some(acme()),
        since: None,
    };
    let lines = world.store.list(&query, None, 100).await.unwrap().rows;
    let target = format!("subject:{id}");
    let by_operator = lines
        .iter()
        .filter_map(|row| row.audit())
        .find(|line| line.action == "subject.send-password-link" && line.target == target);
    assert_eq!(by_operator.unwrap().actor, "operator:root");
}

#[tokio::test]
async fn a_link_is_over_after_a_day_and_with_the_address_that_it_went_to() {
    let world = world().await;
    let id = made(&world, jane(&acme())).await;
    send(&world, &id).await.unwrap();
    let late = token(&world).await;
    world.pass(24 * 3600).await;
    assert_eq!(follow(&world, &late, FIRST).await, 400);

    send(&world, &id).await.unwrap();
    let moved = token(&world).await;
    let target = Target::Subject(env(CANUCK), id.clone());
    let Ok(Outcome::Row(view)) = world.admin(AdminCall::Show(target)).await else {
        panic!("not shown")
    };
    let change = SubjectChange {
        email: Some(Some("jane@elsewhere.example".into())),
        ..SubjectChange::default()
    };
    let amend = AdminCall::Amend {
        change: Amend::Subject(env(CANUCK), id, change),
        if_version: Some(view.stored.version),
    };
    world.admin(amend).await.unwrap();
    assert_eq!(follow(&world, &moved, FIRST).await, 400);
}

#[tokio::test]
async fn of_two_organizations_subjects_with_one_address_the_first_to_have_a_password_logs_in() {
    let world = world().await;
    let globex = OrganizationId::parse("globex").unwrap();
    let other = NewOrganization {
        id: Some(globex.clone()),
        display_name: "Globex".into(),
        number: None,
    };
    world.create(New::Organization(other)).await.unwrap();
    let ours = made(&world, jane(&acme())).await;
    let theirs = made(&world, jane(&globex)).await;
    send(&world, &theirs).await.unwrap();
    let late = token(&world).await;
    send(&world, &ours).await.unwrap();
    let first = token(&world).await;
    assert_eq!(follow(&world, &first, FIRST).await, 204);
    assert_eq!(follow(&world, &late, "another one of mine").await, 400);
    let taken = Denied::Conflict("another subject logs in by this e-mail address");
    assert_eq!(send(&world, &theirs).await, Err(taken));
    let_in(&world, &login(JANE, FIRST)).await;
}

#[tokio::test]
async fn a_mailbox_is_not_filled_by_an_operators_script() {
    let world = world().await;
    let id = made(&world, jane(&acme())).await;
    for _ in 0..6 {
        send(&world, &id).await.unwrap();
        world.pass(60).await;
    }
    let retry_after_s = 3600 - 6 * 60;
    let refused = Err(Denied::TooManyRequests { retry_after_s });
    assert_eq!(send(&world, &id).await, refused);
    world.pass(i64::from(retry_after_s)).await;
    assert!(send(&world, &id).await.is_ok());
}
