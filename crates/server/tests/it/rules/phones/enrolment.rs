//! How devices become known, and what they may repeat.

use super::*;
use countersign_engine::denied::Reason;

#[tokio::test]
async fn a_device_enrols_once_and_sees_itself() {
    let world = world().await;
    let phone = Phone::new();
    assert_eq!(
        itself(&world, &phone).await.unwrap_err(),
        Denied::InvalidToken(Reason::Unknown)
    );
    let facts = enrol(&world, &phone, PIN).await.unwrap();
    assert_eq!(facts.device.id, phone.id());
    assert_eq!(facts.environment, "sandbox");
    assert!(facts.assets.is_empty() && facts.device.links.is_empty());
    assert_eq!(itself(&world, &phone).await.unwrap().device, facts.device);
    let again = enrol(&world, &phone, PIN).await.unwrap_err();
    assert!(matches!(again, Denied::Conflict(_)));
}

#[tokio::test]
async fn what_a_thief_tries_first_is_no_pin() {
    let world = world().await;
    for pin in [
        "",
        "40231",
        "4023110231102",
        "40231a",
        "123456",
        "000000",
        "121212",
    ] {
        let refused = enrol(&world, &Phone::new(), pin).await.unwrap_err();
        let Denied::Invalid(problems) = refused else {
            panic!("{pin}: {refused:?}")
        };
        assert_eq!(problems[0].field, "pin", "{pin}");
    }
}

#[tokio::test]
async fn nothing_of_a_pin_is_kept_or_told() {
    let world = world().await;
    let phone = enrolled(&world).await;
    let (device, _) = device_row(&world, &phone).await.unwrap();
    let kept = serde_json::to_string(&device).unwrap();
    assert!(!kept.contains(PIN));
    for line in audit(&world).await {
        assert!(!format!("{line:?}").contains(PIN));
    }
}

#[tokio::test]
async fn no_device_enrols_where_there_is_no_phone_page() {
    let world = world().await;
    amend(
        &world,
        EnvironmentChange {
            phone_url: Some(None),
            ..EnvironmentChange::default()
        },
    )
    .await;
    let refused = enrol(&world, &Phone::new(), PIN).await;
    assert_eq!(refused.unwrap_err(), Denied::NotFound { noun: "route" });
}

#[tokio::test]
async fn one_network_enrols_only_so_many() {
    let world = world().await;
    for _ in 0..30 {
        enrolled(&world).await;
    }
    let refused = enrol(&world, &Phone::new(), PIN).await.unwrap_err();
    assert!(matches!(refused, Denied::TooManyRequests { .. }));
}

#[tokio::test]
async fn a_device_that_is_used_for_nothing_is_forgotten_and_may_enrol_again() {
    let world = world().await;
    let phone = enrolled(&world).await;
    world.pass(3600).await;
    let refused = itself(&world, &phone).await.unwrap_err();
    assert_eq!(refused, Denied::InvalidToken(Reason::Unknown));
    // Not swept yet.
    assert!(device_row(&world, &phone).await.is_some());
    enrol(&world, &phone, "918273").await.unwrap();
    itself(&world, &phone).await.unwrap();
}

#[tokio::test]
async fn a_signed_change_is_made_once_and_in_time() {
    let world = world().await;
    let (phone, bank) = (enrolled(&world).await, provider(&world).await);
    let signature = phone.sign(&world);
    let nonce = identify(&world, &bank.secret).await.unwrap().nonce;
    type_in_signed(&world, signature.clone(), &nonce)
        .await
        .unwrap();
    let nonce = identify(&world, &bank.secret).await.unwrap().nonce;
    let again = type_in_signed(&world, signature.clone(), &nonce).await;
    assert_eq!(again.unwrap_err(), Denied::InvalidToken(Reason::Spent));
    // Reading may be repeated, also with it, and while a call may be held.
    world.pass(61).await;
    let show = || DeviceCall::ShowSelf;
    signed(&world, Callers::Device, signature.clone(), show())
        .await
        .unwrap();
    let old = DeviceSignature {
        nonce: "AAAAAAAAAAAAAAAAAAAAAA".into(),
        ..signature.clone()
    };
    let late = type_in_signed(&world, old, &nonce).await;
    assert_eq!(late.unwrap_err(), Denied::InvalidToken(Reason::Expired));
    world.pass(60).await;
    let late = signed(&world, Callers::Device, signature, show()).await;
    assert_eq!(late.unwrap_err(), Denied::InvalidToken(Reason::Expired));
    let refused = audit(&world).await;
    let mut refused = refused.iter().filter(|line| line.action == "caller.refuse");
    let actor = format!("device:{}", phone.id());
    assert!(refused.all(|line| line.actor == actor));
}
