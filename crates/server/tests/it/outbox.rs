//! What waits to leave, with real receivers on this machine: honest, hanging, resetting, redirecting, refusing.

mod callbacks;
mod mail;
mod receiver;
mod standard;

use crate::{
    ask::Ask,
    binary::Process,
    harness::Server,
    world::{Doors, body},
};
use countersign_engine::{
    commit::{Change, Commit},
    id::{
        DeliveryId, EnvironmentId, EventId, OrganizationId, RequestId, SubjectId, SubscriptionId,
    },
    model::{
        audit::AuditEvent,
        environment::Mode,
        webhook::{Content, Delivery, Destination, EnvironmentFacts, Event, SubjectFacts},
    },
    ports::{Clock, Store},
    row::Row,
    time::Timestamp,
};
use receiver::{Heard, Receiver, Says};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const WEBHOOKS: &str = "/admin/v1/environments/sandbox/webhooks";
const DELIVERIES: &str = "/admin/v1/environments/sandbox/deliveries";
const DEAD: &str = "/admin/v1/environments/sandbox/dead-letters";
const SUBJECTS: [&str; 2] = [
    "52909e05-e1cb-4e45-b273-2b7b5d1f9bff",
    "b1abea01-98c1-45e9-9e70-d73d3a35e33c",
];

/// A server that may call this machine.
async fn open_server() -> (Server, Doors) {
    server(&["127.0.0.0/8"]).await
}

async fn server(networks: &[&str]) -> (Server, Doors) {
    let server = Server::start_with(|config| {
        config.webhooks.allow_networks = networks.iter().map(|net| net.parse().unwrap()).collect();
    })
    .await;
    let doors = Doors {
        public: server.public(),
        admin: server.admin(),
        gateways: vec![],
        owner: server.operator_token(),
    };
    server
        .environment("sandbox", Mode::Sandbox, &["sandbox.example"])
        .await;
    organization(&doors).await;
    (server, doors)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

async fn organization(doors: &Doors) {
    let acme = json!({"id": "acme", "display_name": "Acme"});
    doors.make("/admin/v1/organizations", acme).await;
}

/// Subscribe, and the answer: with the secret.
async fn subscribe(doors: &Doors, target: &str) -> Value {
    let new = json!({
        "organization": "acme", "name": "Hooks", "target_url": target, "event_types": ["profile"],
    });
    doors.make(WEBHOOKS, new).await
}

/// A commit that writes these deliveries, as a business call's would.
fn commit_of(deliveries: Vec<Delivery>, now: Timestamp) -> Commit {
    let rows = deliveries
        .into_iter()
        .map(|one| Row::Delivery(Box::new(one)));
    Commit {
        at: now,
        changes: rows.map(Change::Insert).collect(),
        audit: AuditEvent {
            at: now,
            environment: EnvironmentId::parse("sandbox").unwrap(),
            organization: None,
            actor: "test".into(),
            action: "test.write".into(),
            target: "outbox".into(),
            outcome: "ok".into(),
            request_id: RequestId::parse("test").unwrap(),
            peer: None,
            count: 1,
        },
    }
}

/// Event number `n` about a subject, to a subscription.
fn event(webhook: &Value, n: u32, subject: &str, now: Timestamp) -> Delivery {
    let environment = EnvironmentId::parse("sandbox").unwrap();
    let record = json!({ "number": n });
    let webhook = SubscriptionId::parse(text(&webhook["id"])).unwrap();
    Delivery {
        id: DeliveryId::parse(&format!("dlv_{n:08}{webhook}")).unwrap(),
        organization: Some(OrganizationId::parse("acme").unwrap()),
        destination: Destination::Webhook(webhook),
        order: subject.into(),
        content: Content::Event(Event {
            id: EventId::parse(&format!("evt_{n}")).unwrap(),
            at: now,
            kind: "profile.created".into(),
            environment: EnvironmentFacts {
                id: environment.clone(),
                display_name: "Sandbox".into(),
                mode: Mode::Sandbox,
            },
            subject: Some(SubjectFacts {
                id: SubjectId::parse(subject).unwrap(),
                metadata: None,
            }),
            record: record.as_object().cloned().unwrap(),
        }),
        environment,
        attempts: 0,
        due_at: Some(now),
        last_error: None,
        created_at: now,
        expires_at: Timestamp::FAR,
    }
}

async fn write(server: &Server, webhook: &Value, numbers: std::ops::Range<u32>) {
    let state = &server.running.state;
    let now = state.clock.now();
    let subject = |n: u32| SUBJECTS[n as usize % SUBJECTS.len()];
    let deliveries = numbers.map(|n| event(webhook, n, subject(n), now));
    let commit = commit_of(deliveries.collect(), now);
    state.store.commit(commit).await.unwrap();
}

/// Look again and again until it is as it must become: a test that never gets there is ended by its runner.
async fn until<T>(what: impl AsyncFn() -> Option<T>) -> T {
    loop {
        if let Some(found) = what().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn items(doors: &Doors, path: &str) -> Vec<Value> {
    doors.show(path).await["items"].as_array().unwrap().clone()
}

fn numbers(heard: &[Heard]) -> Vec<u64> {
    let number = |heard: &Heard| {
        heard.json()["events"][0]["record"]["number"]
            .as_u64()
            .unwrap()
    };
    heard.iter().map(number).collect()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> String {
    use aws_lc_rs::hmac;
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    data_encoding::BASE64.encode(hmac::sign(&key, &parts.concat()).as_ref())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_signed_in_the_order_of_their_subject() {
    let (server, doors) = open_server().await;
    let receiver = Receiver::start(Says::Status(204)).await;
    let webhook = subscribe(&doors, &receiver.url()).await;
    write(&server, &webhook, 0..20).await;
    let heard = receiver.hear(20).await;
    for subject in 0..2 {
        let of_one = numbers(&heard).into_iter().filter(|n| n % 2 == subject);
        assert!(of_one.is_sorted(), "{:?}", numbers(&heard));
    }
    let secret = text(&webhook["secret"]);
    let key = secret.strip_prefix("whsec_").unwrap();
    let key = data_encoding::BASE64.decode(key.as_bytes()).unwrap();
    for one in &heard {
        let time = one.header("quiltt-timestamp").as_bytes();
        let quiltt = hmac(secret.as_bytes(), &[b"1", time, &one.body]);
        assert_eq!(one.header("quiltt-signature"), quiltt);
        let id = one.header("webhook-id").as_bytes();
        let standard = hmac(&key, &[id, b".", time, b".", &one.body]);
        assert_eq!(one.header("webhook-signature"), format!("v1,{standard}"));
        assert_eq!(
            one.header("webhook-timestamp"),
            one.header("quiltt-timestamp")
        );
        assert_eq!(one.json()["events"][0]["id"], one.header("webhook-id"));
    }
    until(async || items(&doors, DELIVERIES).await.is_empty().then_some(())).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_misbehave_hold_up_nobody_and_lose_nothing() {
    let (server, doors) = open_server().await;
    let trap = Receiver::start(Says::Status(204)).await;
    let bad = [
        Says::Nothing,
        Says::Reset,
        Says::Redirect(trap.url()),
        Says::Status(500),
    ];
    let mut webhooks = Vec::new();
    let mut receivers = Vec::new();
    for says in bad {
        let receiver = Receiver::start(says).await;
        let webhook = subscribe(&doors, &receiver.url()).await;
        write(&server, &webhook, 0..50).await;
        receiver.hear(1).await;
        receivers.push(receiver);
        webhooks.push(webhook);
    }
    // One still hangs: it would hold everything up for 20 s, if it held up anything.
    let good = Receiver::start(Says::Status(200)).await;
    let webhook = subscribe(&doors, &good.url()).await;
    write(&server, &webhook, 0..50).await;
    assert_eq!(good.hear(50).await.len(), 50);
    // A page has room for what the others keep waiting, once what has arrived is gone.
    let arrived = format!("webhook:{}", text(&webhook["id"]));
    let waiting = until(async || {
        let waiting = items(&doors, &format!("{DELIVERIES}?limit=200")).await;
        let is_left = waiting.iter().any(|one| one["destination"] == *arrived);
        (!is_left).then_some(waiting)
    })
    .await;
    let of = |webhook: &Value| {
        let place = format!("webhook:{}", text(&webhook["id"]));
        waiting
            .iter()
            .filter(|one| one["destination"] == *place)
            .collect::<Vec<_>>()
    };
    for webhook in &webhooks {
        assert_eq!(of(webhook).len(), 50, "nothing of it is lost");
    }
    let why = |webhook| {
        let whys = of(webhook)
            .into_iter()
            .filter_map(|one| one["last_error"].as_str());
        whys.map(str::to_owned).next()
    };
    assert_eq!(
        why(&webhooks[2]).unwrap(),
        "the receiver answered 307, and redirects are not followed"
    );
    assert_eq!(why(&webhooks[3]).unwrap(), "the receiver answered 500");
    assert_eq!(trap.heard().len(), 0, "no redirect is followed");
    drop(receivers);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_inside_the_operators_network_is_not_reached() {
    let (server, doors) = server(&[]).await;
    let trap = Receiver::start(Says::Status(204)).await;
    let port = trap.port();
    let refused = doors
        .admin(Ask::post(WEBHOOKS).json(&json!({
            "organization": "acme", "name": "Hooks", "target_url": trap.url(), "event_types": ["profile"],
        })))
        .await;
    assert_eq!(
        refused.status, 400,
        "http is for machines that say so: {refused:?}"
    );
    // A name that leads here, and the address in a few spellings.
    let hosts = [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "127.1",
    ];
    for (n, host) in hosts.iter().enumerate() {
        let webhook = subscribe(&doors, &format!("https://{host}:{port}/")).await;
        let n = u32::try_from(n).unwrap();
        write(&server, &webhook, n..n + 1).await;
        let place = format!("webhook:{}", text(&webhook["id"]));
        let why = until(async || {
            let waiting = items(&doors, DELIVERIES).await;
            let one = waiting.iter().find(|one| one["destination"] == *place)?;
            one["last_error"].as_str().map(str::to_owned)
        })
        .await;
        assert_eq!(why, "the target is inside the operator's network", "{host}");
    }
    assert_eq!(trap.connections(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_gone_is_left_alone_until_an_operator_says_otherwise() {
    let (server, doors) = open_server().await;
    let gone = Receiver::start(Says::Status(410)).await;
    let webhook = subscribe(&doors, &gone.url()).await;
    write(&server, &webhook, 0..3).await;
    let dead = until(async || {
        let dead = items(&doors, DEAD).await;
        (dead.len() == 3).then_some(dead)
    })
    .await;
    let path = format!("{WEBHOOKS}/{}", text(&webhook["id"]));
    let now = doors.show(&path).await;
    assert_eq!(now["disabled"], true);
    let replay = |one: &Value| Ask::post(&format!("{DELIVERIES}/{}/replay", text(&one["id"])));
    assert_eq!(
        doors.admin(replay(&dead[0])).await.status,
        409,
        "it is still disabled"
    );
    // It has moved.
    let back = Receiver::start(Says::Status(200)).await;
    let change = json!({"disabled": false, "target_url": back.url()});
    let tag = format!("\"{}\"", now["version"]);
    let changed = doors
        .admin(
            Ask::new("PATCH", &path)
                .header("If-Match", &tag)
                .json(&change),
        )
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    for one in &dead[..2] {
        assert_eq!(doors.admin(replay(one)).await.status, 204);
    }
    assert_eq!(back.hear(2).await.len(), 2);
    let discard = format!("{DELIVERIES}/{}/discard", text(&dead[2]["id"]));
    assert_eq!(doors.admin(Ask::post(&discard)).await.status, 204);
    until(async || items(&doors, DEAD).await.is_empty().then_some(())).await;
    assert_eq!(doors.admin(Ask::post(&discard)).await.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_secret_signs_beside_the_new_one() {
    let (server, doors) = open_server().await;
    let receiver = Receiver::start(Says::Status(200)).await;
    let webhook = subscribe(&doors, &receiver.url()).await;
    let path = format!("{WEBHOOKS}/{}/rotate", text(&webhook["id"]));
    let rotate = Ask::post(&path).header("Idempotency-Key", "once");
    let rotated = doors
        .admin(rotate.clone().json(&json!({"overlap_s": 3600})))
        .await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    let again = doors.admin(rotate.json(&json!({"overlap_s": 3600}))).await;
    let rotated = body(&rotated);
    assert_eq!(
        body(&again)["secret"],
        rotated["secret"],
        "a repeat is the same rotation"
    );
    assert_ne!(rotated["secret"], webhook["secret"]);
    write(&server, &webhook, 0..1).await;
    let heard = receiver.hear(1).await.remove(0);
    let key = |webhook: &Value| {
        let text = text(&webhook["secret"])
            .strip_prefix("whsec_")
            .unwrap()
            .to_owned();
        data_encoding::BASE64.decode(text.as_bytes()).unwrap()
    };
    let id = heard.header("webhook-id").as_bytes();
    let time = heard.header("webhook-timestamp").as_bytes();
    let [new, old] = [&rotated, &webhook]
        .map(|webhook| hmac(&key(webhook), &[id, b".", time, b".", &heard.body]));
    assert_eq!(
        heard.header("webhook-signature"),
        format!("v1,{new} v1,{old}")
    );
    server.stop().await;
}

/// The receiver hangs while the process is killed, twice; then it answers, and everything has arrived, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_midst_of_deliveries_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(Says::Nothing).await;
    let process = Process::serve_with(
        &folder,
        "COUNTERSIGN__WEBHOOKS__ALLOW_NETWORKS",
        "127.0.0.0/8",
    );
    let doors = process.doors(&folder);
    let sandbox = json!({
        "id": "sandbox", "mode": "sandbox", "issuer": "https://sandbox.example", "hosts": ["sandbox.example"],
    });
    doors.make("/admin/v1/environments", sandbox).await;
    organization(&doors).await;
    let webhook = subscribe(&doors, &receiver.url()).await;
    drop(process.kill());
    write_to_disk(&folder, &webhook).await;
    for _ in 0..2 {
        let before = receiver.connections();
        let process = Process::serve_with(
            &folder,
            "COUNTERSIGN__WEBHOOKS__ALLOW_NETWORKS",
            "127.0.0.0/8",
        );
        process.doors(&folder);
        until(async || (receiver.connections() > before).then_some(())).await;
        drop(process.kill());
    }
    receiver.say(Says::Status(200));
    let before = receiver.heard().len();
    let process = Process::serve_with(
        &folder,
        "COUNTERSIGN__WEBHOOKS__ALLOW_NETWORKS",
        "127.0.0.0/8",
    );
    let doors = process.doors(&folder);
    until(async || items(&doors, DELIVERIES).await.is_empty().then_some(())).await;
    let heard = receiver.heard().split_off(before);
    let mut all = numbers(&heard);
    for subject in 0..2 {
        let of_one = all.iter().filter(|n| **n % 2 == subject);
        assert!(of_one.is_sorted(), "{all:?}");
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, (0..30).collect::<Vec<u64>>());
    assert!(items(&doors, DEAD).await.is_empty());
    drop(process.kill());
}

/// Thirty events, written while no server runs.
async fn write_to_disk(folder: &tempfile::TempDir, webhook: &Value) {
    let path = folder.path().join("countersign-data/countersign.db");
    let clock: Arc<dyn Clock> = Arc::new(countersign::system::SystemClock::start());
    let now = clock.now();
    let opened = countersign_store::open(&format!("sqlite:{}", path.display()), clock).unwrap();
    let subject = |n: u32| SUBJECTS[n as usize % SUBJECTS.len()];
    let deliveries = (0..30).map(|n| event(webhook, n, subject(n), now));
    opened
        .store
        .commit(commit_of(deliveries.collect(), now))
        .await
        .unwrap();
}
