//! Callbacks of service providers, heard by a real receiver.

use super::{
    DEAD, DELIVERIES, Receiver, Says, Server, commit_of, hmac, items, open_server, text, until,
};
use crate::{
    ask::Ask,
    world::{Doors, body},
};
use countersign_engine::{
    id::{ClientId, DeliveryId, EnvironmentId, IdentificationId, OrganizationId},
    model::{
        identification::IdentificationState,
        provider_object::{IdentificationFacts, ProviderObject},
        webhook::{Content, Delivery, Destination},
    },
    time::Timestamp,
};
use serde_json::{Value, json};

const CLIENTS: &str = "/admin/v1/environments/sandbox/clients";
const UUID: &str = "ce9b7947b4964751af345f58c3435d33";

/// A service provider.
async fn bank(doors: &Doors) -> String {
    let new = json!({
        "organization": "acme", "display_name": "Bank", "kind": "service_provider", "spelling": "ubiqu",
    });
    text(&doors.make(CLIENTS, new).await["id"]).to_owned()
}

/// Set where it hears of changes; the answer has the secret, the first time.
async fn listen(
    doors: &Doors,
    bank: &str,
    callback: Option<&str>,
    notification: Option<&str>,
) -> Value {
    let ask = Ask::new("PUT", &format!("{CLIENTS}/{bank}/callbacks"));
    let urls = json!({ "callback_url": callback, "notification_url": notification });
    let answer = doors.admin(ask.json(&urls)).await;
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    body(&answer)
}

/// Something changed, number `n`: a delivery to each of `to`.
async fn changed(server: &Server, n: u32, to: Vec<Destination>) {
    let state = &server.running.state;
    let now = state.clock.now();
    let object = ProviderObject::Identification(IdentificationFacts {
        id: IdentificationId::parse(UUID).unwrap(),
        nonce: "194197169".into(),
        state: IdentificationState::Expired,
        asset: None,
        link: None,
        created_at: now,
        updated_at: now,
    });
    let deliveries = to.into_iter().zip(0..).map(|(destination, at)| Delivery {
        environment: EnvironmentId::parse("sandbox").unwrap(),
        id: DeliveryId::parse(&format!("dlv_{n:08}_{at}")).unwrap(),
        organization: Some(OrganizationId::parse("acme").unwrap()),
        destination,
        order: UUID.into(),
        content: Content::Object(Box::new(object.clone())),
        attempts: 0,
        due_at: Some(now),
        last_error: None,
        created_at: now,
        expires_at: Timestamp::FAR,
    });
    let commit = commit_of(deliveries.collect(), now);
    state.store.commit(commit).await.unwrap();
}

fn callback(bank: &str) -> Destination {
    Destination::Callback(ClientId::parse(bank).unwrap())
}

fn notification(bank: &str) -> Destination {
    Destination::Notification(ClientId::parse(bank).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_objects_and_names_arrive_at_their_addresses_and_are_signed() {
    let (server, doors) = open_server().await;
    let (whole, named) = (
        Receiver::start(Says::Status(200)).await,
        Receiver::start(Says::Status(204)).await,
    );
    let bank = bank(&doors).await;
    let told = listen(&doors, &bank, Some(&whole.url()), Some(&named.url())).await;
    changed(&server, 0, vec![callback(&bank), notification(&bank)]).await;
    let heard = [whole.hear(1).await.remove(0), named.hear(1).await.remove(0)];
    let object = &heard[0].json()["callback"];
    assert_eq!(object["type"], "identification");
    assert_eq!(
        (&object["uuid"], &object["status_text"]),
        (&json!(UUID), &json!("expired"))
    );
    let name = json!({ "notification": { "type": "identification", "uuid": UUID } });
    assert_eq!(heard[1].json(), name);
    let secret = text(&told["secret"]).strip_prefix("whsec_").unwrap();
    let key = data_encoding::BASE64.decode(secret.as_bytes()).unwrap();
    for one in &heard {
        let id = one.header("webhook-id").as_bytes();
        let time = one.header("webhook-timestamp").as_bytes();
        let signature = hmac(&key, &[id, b".", time, b".", &one.body]);
        assert_eq!(one.header("webhook-signature"), format!("v1,{signature}"));
    }
    until(async || items(&doors, DELIVERIES).await.is_empty().then_some(())).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_is_tried_again_and_goes_to_the_address_of_then() {
    let (server, doors) = open_server().await;
    let (old, new) = (
        Receiver::start(Says::Status(500)).await,
        Receiver::start(Says::Status(200)).await,
    );
    let bank = bank(&doors).await;
    listen(&doors, &bank, Some(&old.url()), None).await;
    changed(&server, 0, vec![callback(&bank)]).await;
    let first = old.hear(1).await.remove(0);
    listen(&doors, &bank, Some(&new.url()), None).await;
    let second = new.hear(1).await.remove(0);
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    until(async || items(&doors, DELIVERIES).await.is_empty().then_some(())).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_gone_makes_a_dead_letter_and_one_without_address_nothing() {
    let (server, doors) = open_server().await;
    let gone = Receiver::start(Says::Status(410)).await;
    let [bank, shop] = [bank(&doors).await, bank(&doors).await];
    listen(&doors, &bank, Some(&gone.url()), None).await;
    changed(&server, 0, vec![callback(&shop), callback(&bank)]).await;
    let dead = until(async || items(&doors, DEAD).await.pop()).await;
    assert_eq!(text(&dead["destination"]), format!("callback:{bank}"));
    assert_eq!(text(&dead["last_error"]), "the receiver answered 410");
    until(async || {
        let waiting = items(&doors, DELIVERIES).await;
        let is_left = waiting
            .iter()
            .any(|one| one["destination"] == format!("callback:{shop}"));
        (!is_left).then_some(())
    })
    .await;
    assert_eq!(items(&doors, DEAD).await.len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_never_enter_the_operators_network() {
    let (server, doors) = super::server(&[]).await;
    let trap = Receiver::start(Says::Status(200)).await;
    let bank = bank(&doors).await;
    listen(
        &doors,
        &bank,
        Some(&format!("https://localhost:{}/", trap.port())),
        None,
    )
    .await;
    changed(&server, 0, vec![callback(&bank)]).await;
    let why = until(async || {
        let waiting = items(&doors, DELIVERIES).await;
        waiting[0]["last_error"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(why, "the target is inside the operator's network");
    assert_eq!(trap.connections(), 0);
    server.stop().await;
}
