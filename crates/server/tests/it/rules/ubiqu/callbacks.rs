//! Each change of state is a delivery of the commit that makes it.

use super::*;
use countersign_engine::{
    model::webhook::{Content, Destination},
    ports::{Query, Store},
};

/// Let the bank hear of changes at both addresses.
async fn listen(ubiqu: &Ubiqu) {
    use countersign_engine::call::ApprovalAdmin;
    let call = AdminCall::Approvals(ApprovalAdmin::Callbacks {
        environment: env(SANDBOX),
        provider: ubiqu.bank.client.clone(),
        callback_url: Some("https://bank.example/callback".into()),
        notification_url: Some("https://bank.example/notification".into()),
        idempotency: None,
    });
    ubiqu.world.admin(call).await.unwrap();
}

/// What waits to leave, lane by lane and oldest first: where to, the type and the state.
async fn waiting(ubiqu: &Ubiqu) -> Vec<String> {
    use countersign_dialects::ubiqu::callbacks::{Told, announce};
    let query = Query::Deliveries {
        environment: env(SANDBOX),
        dead: false,
    };
    let page = ubiqu.world.store.list(&query, None, 200).await.unwrap();
    let mut deliveries: Vec<_> = page
        .rows
        .iter()
        .map(|row| row.delivery().unwrap())
        .collect();
    deliveries.sort_by(|a, b| a.id.cmp(&b.id));
    let told = deliveries.into_iter().map(|delivery| {
        let Content::Object(object) = &delivery.content else {
            panic!("{delivery:?}");
        };
        let (to, told) = match &delivery.destination {
            Destination::Callback(_) => ("callback", Told::Whole),
            Destination::Notification(_) => ("notification", Told::Named),
            other => panic!("{other:?}"),
        };
        let id = &delivery.id;
        let sent = announce(
            object,
            told,
            "https://bank.example",
            id,
            None,
            delivery.created_at,
        );
        let body: Value = serde_json::from_slice(&sent.unwrap().body).unwrap();
        let body = &body[to];
        let state = body["status_text"].as_str().unwrap_or("-");
        format!("{to} {} {state}", body["type"].as_str().unwrap())
    });
    told.collect()
}

#[tokio::test]
async fn every_change_of_state_is_told_at_both_addresses() {
    let ubiqu = Ubiqu::new().await;
    listen(&ubiqu).await;
    let phone = ubiqu.phone().await;
    let asset = ubiqu.identified(&ubiqu.bank, &phone).await;
    for _ in 0..2 {
        let uuid = ubiqu.asked(&ubiqu.bank, "authenticate", &asset).await;
        phone.approve(&uuid).await.unwrap();
        let uuid = ubiqu.asked(&ubiqu.bank, "sign", &asset).await;
        phone.reject(&uuid).await.unwrap();
    }
    let told = waiting(&ubiqu).await;
    let count = |what: &str| told.iter().filter(|one| one.as_str() == what).count();
    assert_eq!(count("callback identification consumed"), 1, "{told:#?}");
    assert_eq!(count("callback asset active"), 1, "{told:#?}");
    assert_eq!(count("callback authenticate accepted"), 2, "{told:#?}");
    assert_eq!(count("callback sign rejected"), 2, "{told:#?}");
    assert_eq!(count("notification authenticate -"), 2, "{told:#?}");
    assert_eq!(count("notification sign -"), 2, "{told:#?}");
    let whole = told
        .iter()
        .filter(|one| one.starts_with("callback "))
        .count();
    assert_eq!(told.len(), 2 * whole, "{told:#?}");
}

#[tokio::test]
async fn who_has_no_address_is_told_nothing() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let asset = ubiqu.identified(&ubiqu.bank, &phone).await;
    let uuid = ubiqu.asked(&ubiqu.bank, "authenticate", &asset).await;
    phone.approve(&uuid).await.unwrap();
    assert_eq!(waiting(&ubiqu).await, Vec::<String>::new());
}
