//! For whom a phone approves.

use super::{
    super::subjects::{insert, session},
    *,
};
use countersign_engine::{
    call::{ApprovalCall, NewApprover, NewSubject, SubjectCall},
    model::{
        approver::ApproverList,
        device::Link,
        subject::{Attributes, Subject},
    },
    outcome::SubjectOutcome,
};

async fn subject(world: &World) -> (SubjectId, u64) {
    let new = NewSubject {
        environment: env(SANDBOX),
        id: None,
        organization: acme(),
        platform: None,
        email: None,
        phone: None,
        attributes: Attributes::default(),
        metadata: None,
    };
    let new = countersign_engine::call::New::Subject(new);
    let (stored, _) = world.create(new).await.unwrap();
    (stored.subject().unwrap().id.clone(), stored.version)
}

async fn subject_row(world: &World, id: &SubjectId) -> (Subject, u64) {
    let stored = row(world, Key::Subject(env(SANDBOX), id.clone())).await;
    let stored = stored.unwrap();
    (stored.subject().unwrap().clone(), stored.version)
}

async fn linked(world: &World, id: &SubjectId) -> Phone {
    let phone = enrolled(world).await;
    let nonce = link_nonce(world, LinkTo::Subject(id.clone()))
        .await
        .unwrap();
    let typed = type_in(world, &phone, &nonce).await.unwrap();
    assert_eq!(
        (typed.purpose, typed.shown_by.as_str()),
        ("subject", "Acme")
    );
    phone
}

fn ada() -> ApproverId {
    ApproverId::parse("ada").unwrap()
}

async fn add_ada(world: &World) -> Result<ApproverList, Denied> {
    let new = NewApprover {
        id: ada(),
        display_name: Some("Ada Lovelace".into()),
        groups: vec!["finance".into()],
    };
    let call = ApprovalAdmin::AddApprover {
        environment: env(SANDBOX),
        organization: acme(),
        new,
    };
    approvers(admin(world, call).await?)
}

fn approvers(outcome: Outcome) -> Result<ApproverList, Denied> {
    match outcome {
        Outcome::Approval(ApprovalOutcome::Approvers(list)) => Ok(list),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_phone_is_linked_to_a_subject_with_an_asset_of_the_environments_own() {
    let world = world().await;
    let (id, _) = subject(&world).await;
    let phone = linked(&world, &id).await;
    assert_eq!(subject_row(&world, &id).await.0.devices, [phone.id()]);
    let facts = itself(&world, &phone).await.unwrap();
    assert_eq!(facts.device.links, [Link::Subject(id.clone())]);
    let (asset, name) = &facts.assets[0];
    assert_eq!(
        (&asset.provider, &asset.organization, name),
        (&None, &None, &None)
    );
    // Again is the same.
    let nonce = link_nonce(&world, LinkTo::Subject(id.clone()))
        .await
        .unwrap();
    let typed = type_in(&world, &phone, &nonce).await.unwrap();
    assert_eq!(typed.asset, asset.id);
    assert_eq!(subject_row(&world, &id).await.0.devices, [phone.id()]);
    assert_eq!(itself(&world, &phone).await.unwrap().device.links.len(), 1);
}

#[tokio::test]
async fn a_subject_has_four_phones_at_most() {
    let world = world().await;
    let (id, _) = subject(&world).await;
    let late = enrolled(&world).await;
    let shown_before = link_nonce(&world, LinkTo::Subject(id.clone()))
        .await
        .unwrap();
    for _ in 0..4 {
        linked(&world, &id).await;
    }
    let refused = link_nonce(&world, LinkTo::Subject(id.clone())).await;
    assert!(matches!(refused, Err(Denied::Conflict(_))));
    let refused = type_in(&world, &late, &shown_before).await;
    assert!(matches!(refused, Err(Denied::Conflict(_))));
    assert!(itself(&world, &late).await.unwrap().device.links.is_empty());
}

const SESSION: &str = "a-session-that-anybody-may-have";

/// Somebody logged in as this subject.
async fn log_in(world: &World, id: &SubjectId) {
    let (subject, _) = subject_row(world, id).await;
    let session = session(world, &subject, SESSION, 3600);
    insert(world, vec![Row::Session(session)]).await;
}

/// The nonce that whoever holds the session is shown.
async fn own_nonce(world: &World) -> Result<String, Denied> {
    let asked = Asked {
        callers: Callers::Session,
        presented: Presented::Present(Shown::Bearer(Secret::new(SESSION.into()))),
        sender: Sender::Machine,
        call: Ok(Call::Approval(ApprovalCall::LinkNonce)),
    };
    let mut context = world.context(SANDBOX);
    context.dialect = "standard";
    match denied(world.engine.handle(&context, asked).await)? {
        Outcome::Approval(ApprovalOutcome::Nonce(facts, _)) => Ok(facts.nonce),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_session_links_the_first_phone_and_no_other() {
    let world = world().await;
    let (id, _) = subject(&world).await;
    log_in(&world, &id).await;
    let (own, thiefs) = (enrolled(&world).await, enrolled(&world).await);
    let shown_before = own_nonce(&world).await.unwrap();
    let nonce = own_nonce(&world).await.unwrap();
    let typed = type_in(&world, &own, &nonce).await.unwrap();
    assert_eq!(typed.purpose, "subject");
    let refused = own_nonce(&world).await;
    assert!(
        matches!(refused, Err(Denied::Conflict(why)) if why.contains("operator")),
        "{refused:?}"
    );
    let refused = type_in(&world, &thiefs, &shown_before).await;
    assert!(matches!(refused, Err(Denied::Conflict(_))), "{refused:?}");
    assert_eq!(subject_row(&world, &id).await.0.devices, [own.id()]);
    let device = itself(&world, &thiefs).await.unwrap().device;
    assert!(device.links.is_empty() && device.assets.is_empty());
    // The phone that is linked is linked: that changes nothing.
    type_in(&world, &own, &shown_before).await.unwrap();
    let nonce = link_nonce(&world, LinkTo::Subject(id.clone())).await;
    type_in(&world, &thiefs, &nonce.unwrap()).await.unwrap();
    assert_eq!(subject_row(&world, &id).await.0.devices.len(), 2);
}

#[tokio::test]
async fn an_erased_subject_has_no_phone_and_its_export_named_it_before() {
    let world = world().await;
    let (id, _) = subject(&world).await;
    let phone = linked(&world, &id).await;
    let waiting = link_nonce(&world, LinkTo::Subject(id.clone()))
        .await
        .unwrap();
    let export = AdminCall::Subjects(SubjectCall::Export(env(SANDBOX), id.clone()));
    let Outcome::Subject(SubjectOutcome::Export(export)) = world.admin(export).await.unwrap()
    else {
        panic!("no export")
    };
    assert_eq!(export.devices[0].device().unwrap().id, phone.id());
    let (_, version) = subject_row(&world, &id).await;
    let erase = AdminCall::Remove {
        target: Target::Subject(env(SANDBOX), id.clone()),
        if_version: Some(version),
    };
    world.admin(erase).await.unwrap();
    assert!(subject_row(&world, &id).await.0.devices.is_empty());
    assert!(
        itself(&world, &phone)
            .await
            .unwrap()
            .device
            .links
            .is_empty()
    );
    let refused = type_in(&world, &phone, &waiting).await;
    assert_eq!(refused.unwrap_err(), Denied::NotFound { noun: "nonce" });
    let refused = link_nonce(&world, LinkTo::Subject(id)).await;
    assert!(matches!(refused, Err(Denied::Conflict(_))));
}

#[tokio::test]
async fn an_approver_has_one_phone_and_the_last_one_counts() {
    let world = world().await;
    let to = || LinkTo::Approver(acme(), ada());
    let nobody = link_nonce(&world, to()).await;
    assert_eq!(nobody.unwrap_err(), Denied::NotFound { noun: "approver" });
    add_ada(&world).await.unwrap();
    assert!(matches!(add_ada(&world).await, Err(Denied::Conflict(_))));
    let (first, second) = (enrolled(&world).await, enrolled(&world).await);
    let link = Link::Approver(acme(), ada());
    for phone in [&first, &second] {
        let nonce = link_nonce(&world, to()).await.unwrap();
        assert_eq!(
            type_in(&world, phone, &nonce).await.unwrap().purpose,
            "approver"
        );
        assert_eq!(
            device_row(&world, phone).await.unwrap().0.links,
            std::slice::from_ref(&link)
        );
    }
    assert!(device_row(&world, &first).await.unwrap().0.links.is_empty());
    let list = admin(&world, ApprovalAdmin::Approvers(env(SANDBOX), acme())).await;
    let list = approvers(list.unwrap()).unwrap();
    assert_eq!(list.approver(&ada()).unwrap().device, Some(second.id()));
    let waiting = link_nonce(&world, to()).await.unwrap();
    let gone = ApprovalAdmin::RemoveApprover(env(SANDBOX), acme(), ada());
    let list = approvers(admin(&world, gone).await.unwrap()).unwrap();
    assert!(list.approvers.is_empty());
    assert!(
        device_row(&world, &second)
            .await
            .unwrap()
            .0
            .links
            .is_empty()
    );
    // Whoever has the same name later was not shown this nonce.
    world.pass(1).await;
    add_ada(&world).await.unwrap();
    let refused = type_in(&world, &first, &waiting).await;
    assert_eq!(refused.unwrap_err(), Denied::NotFound { noun: "nonce" });
}
