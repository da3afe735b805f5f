//! What waits for a person who is erased.

use super::{
    links::{jane, made, send},
    *,
};
use countersign_engine::{
    call::{NewSubject, NewSubscription, Target, WebhookCall},
    model::webhook::{Content, Delivery, Destination},
    ports::{Attempted, Housekeeping, Query},
};

async fn subscribe(world: &World) -> Arc<countersign_engine::row::Stored> {
    let call = WebhookCall::Create {
        environment: env(CANUCK),
        organization: acme(),
        new: NewSubscription {
            name: "Hooks".into(),
            target_url: "https://hooks.example.com/".into(),
            event_types: vec!["profile".into()],
            disabled: false,
        },
        idempotency: None,
    };
    match world.admin(AdminCall::Webhooks(call)).await.unwrap() {
        Outcome::Created { view, .. } => view.stored,
        other => panic!("{other:?}"),
    }
}

/// What waits, and what was given up, oldest first.
async fn outbox(world: &World, dead: bool) -> Vec<(u64, Delivery)> {
    let environment = env(CANUCK);
    let query = Query::Deliveries { environment, dead };
    let page = world.store.list(&query, None, 100).await.unwrap();
    let row = |stored: &Arc<countersign_engine::row::Stored>| {
        (stored.version, stored.delivery().unwrap().clone())
    };
    page.rows.iter().map(row).collect()
}

async fn give_up(world: &World, (if_version, delivery): (u64, Delivery)) {
    let attempted = Attempted {
        key: Key::Delivery(env(CANUCK), delivery.id.clone()),
        if_version,
        next: Some(Box::new(Delivery {
            due_at: None,
            ..delivery
        })),
    };
    let work = Housekeeping::Delivered(vec![attempted]);
    world.store.keep(work).await.unwrap();
}

async fn erase(world: &World, id: &SubjectId) {
    let target = Target::Subject(env(CANUCK), id.clone());
    let Ok(Outcome::Row(view)) = world.admin(AdminCall::Show(target.clone())).await else {
        panic!("not shown")
    };
    let if_version = Some(view.stored.version);
    let call = AdminCall::Remove { target, if_version };
    world.admin(call).await.unwrap();
}

#[tokio::test]
async fn what_waits_for_a_person_goes_with_it_and_only_its_deletion_is_told() {
    let world = world().await;
    subscribe(&world).await;
    let noted = serde_json::json!({"plan": "gold"});
    let noted = NewSubject {
        metadata: noted.as_object().cloned(),
        ..jane(&acme())
    };
    let id = made(&world, noted).await;
    let other = made(
        &world,
        NewSubject {
            email: Some("ada@email.com".into()),
            ..jane(&acme())
        },
    )
    .await;
    send(&world, &id).await.unwrap();
    send(&world, &id).await.unwrap();
    send(&world, &other).await.unwrap();
    let of_jane = |of: &[(u64, Delivery)]| -> Vec<String> {
        let of = of.iter().filter(|(_, one)| one.order == id.as_str());
        of.map(|(_, one)| one.destination.text()).collect()
    };
    let waiting = outbox(&world, false).await;
    assert_eq!(of_jane(&waiting).len(), 3, "an event and two mails");
    // Of both kinds one was given up, and could be replayed.
    for destination in ["webhook", "mail"] {
        let is_one = |(_, one): &&(u64, Delivery)| {
            one.order == id.as_str() && one.destination.text().starts_with(destination)
        };
        give_up(&world, waiting.iter().find(is_one).unwrap().clone()).await;
    }
    assert_eq!(of_jane(&outbox(&world, true).await).len(), 2);

    erase(&world, &id).await;
    assert!(outbox(&world, true).await.is_empty());
    let waiting = outbox(&world, false).await;
    let others = waiting
        .iter()
        .filter(|(_, one)| one.order == other.as_str());
    assert_eq!(others.count(), 2, "another's event and mail stay");
    let left: Vec<_> = waiting
        .iter()
        .filter(|(_, one)| one.order == id.as_str())
        .collect();
    let [(_, told)] = left[..] else {
        panic!("{left:?}")
    };
    assert!(matches!(told.destination, Destination::Webhook(_)));
    let Content::Event(event) = &told.content else {
        panic!("{told:?}")
    };
    assert_eq!(event.kind, "profile.deleted");
    assert!(event.record.is_empty());
    let subject = event.subject.as_ref().unwrap();
    assert_eq!((&subject.id, &subject.metadata), (&id, &None));
}

#[tokio::test]
async fn what_died_of_a_subscription_goes_with_it() {
    let world = world().await;
    let subscription = subscribe(&world).await;
    let id = made(&world, jane(&acme())).await;
    send(&world, &id).await.unwrap();
    for row in outbox(&world, false).await {
        give_up(&world, row).await;
    }
    assert_eq!(outbox(&world, true).await.len(), 2);
    let call = WebhookCall::Remove {
        environment: env(CANUCK),
        subscription: subscription.subscription().unwrap().id.clone(),
        if_version: Some(subscription.version),
    };
    world.admin(AdminCall::Webhooks(call)).await.unwrap();
    let left = outbox(&world, true).await;
    let left: Vec<_> = left.iter().map(|(_, one)| &one.destination).collect();
    assert_eq!(left, [&Destination::Mail]);
}
