//! For whom a phone approves.

use super::*;
use countersign_engine::{
    call::{NewApprover, NewSubject, SubjectCall},
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
