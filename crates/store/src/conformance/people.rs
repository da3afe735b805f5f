//! Rows to write of people, and of what leaves for the world.

use super::samples::{
    NOW, at, client_id, credential_id, digest, environment_id, organization_id, sandbox,
};
use countersign_engine::{
    id::{DeliveryId, EventId, SubjectId, SubscriptionId},
    model::{
        State,
        environment::Mode,
        scopes::Scopes,
        session::{Counted, Session, SessionWindow},
        subject::{Attributes, Names, Subject},
        ticket::{Attempts, KeptCode, Purpose, Ticket},
        webhook::{Content, Delivery, Destination, EnvironmentFacts, Event, Subscription},
    },
    row::Row,
    sealed::Sealed,
    time::Timestamp,
};

/// A subject's identifier.
pub fn subject_id(name: &str) -> SubjectId {
    SubjectId::parse(name).unwrap()
}

/// A subscription's identifier.
pub fn subscription_id(name: &str) -> SubscriptionId {
    SubscriptionId::parse(name).unwrap()
}

/// A subject of an organization.
pub fn subject(environment: &str, organization: &str, name: &str) -> Row {
    let metadata = serde_json::json!({"tier": null, "note": "\u{2603} '; --"});
    Row::Subject(Subject {
        environment: environment_id(environment),
        id: subject_id(name),
        organization: organization_id(organization),
        platform: Some(client_id("client_p")),
        email: Some("john@email.com".into()),
        phone: None,
        attributes: Attributes {
            names: Some(Names {
                first: Some("Jöhn".into()),
                last: None,
            }),
            ..Attributes::default()
        },
        metadata: metadata.as_object().cloned(),
        state: State::Disabled,
        closing_at: None,
        password: Some(countersign_engine::model::subject::PasswordHash(
            "$argon2id$".into(),
        )),
        devices: Vec::new(),
        created_at: NOW,
        updated_at: at(1),
    })
}

/// A kept session of a subject, under the digest of `secret`, that ends at `ends`.
pub fn session(secret: &str, subject: &str, ends: Timestamp) -> Row {
    Row::Session(Session {
        environment: sandbox(),
        digest: digest(secret),
        subject: subject_id(subject),
        organization: organization_id("org_a"),
        client: None,
        vouched_by: None,
        scopes: Scopes::default(),
        hint: "cs_ses_test_Ab3d".into(),
        created_at: NOW,
        expires_at: ends,
    })
}

/// A subject's window with one session that ends at `ends`.
pub fn session_window(subject: &str, ends: Timestamp) -> Row {
    let mut window = SessionWindow::new(sandbox(), subject_id(subject));
    window.sessions.push(Counted {
        token_id: "jti".into(),
        credential: Some(credential_id("cred_1")),
        issued_at: NOW,
        expires_at: ends,
    });
    Row::SessionWindow(window)
}

/// A passcode that ends at `ends`.
pub fn ticket(word: &str, ends: Timestamp) -> Row {
    Row::Ticket(Ticket {
        environment: sandbox(),
        digest: digest(word),
        purpose: Purpose::Passcode,
        subject: subject_id("s1"),
        organization: organization_id("org_a"),
        client: Some(client_id("client_a")),
        code: Some(KeptCode {
            pepper: Sealed(vec![7; 60]),
            mac: digest("code"),
        }),
        sent_to: None,
        leads_to: None,
        tries_left: 5,
        tries_elsewhere: 0,
        created_at: NOW,
        expires_at: ends,
    })
}

/// Wrong guesses that are forgotten at `ends`.
pub fn attempts(word: &str, ends: Timestamp) -> Row {
    Row::Attempts(Attempts {
        environment: sandbox(),
        digest: digest(word),
        failures: 3,
        next_at: at(5),
        trusted_until: None,
        expires_at: ends,
    })
}

/// A webhook subscription of an organization.
pub fn subscription(environment: &str, organization: &str, name: &str) -> Row {
    Row::Subscription(Subscription {
        environment: environment_id(environment),
        id: subscription_id(name),
        organization: organization_id(organization),
        name: name.into(),
        target_url: "https://hooks.example/?a=b&c=%20".into(),
        event_types: vec!["profile".into(), "balance.created".into()],
        disabled: false,
        secret: Sealed(vec![1, 2]),
        previous_secret: Some((Sealed(vec![3]), at(60))),
        created_at: NOW,
        updated_at: NOW,
    })
}

/// A delivery of an event to `wh_<place>` (or by mail, where `place` is empty) in the lane `order`; due then, or given up.
pub fn delivery(id: &str, place: &str, order: &str, due_at: Option<Timestamp>) -> Delivery {
    let destination = match place {
        "" => Destination::Mail,
        place => Destination::Webhook(subscription_id(&format!("wh_{place}"))),
    };
    Delivery {
        environment: sandbox(),
        id: DeliveryId::parse(id).unwrap(),
        organization: Some(organization_id("org_a")),
        destination,
        order: order.into(),
        content: Content::Event(Event {
            id: EventId::parse("evt_1").unwrap(),
            at: NOW,
            kind: "profile.created".into(),
            environment: EnvironmentFacts {
                id: sandbox(),
                display_name: "Sandbox".into(),
                mode: Mode::Sandbox,
            },
            subject: None,
            record: serde_json::Map::new(),
        }),
        attempts: 0,
        due_at,
        last_error: None,
        created_at: NOW,
        expires_at: at(100),
    }
}

/// The same as a row.
pub fn delivery_row(id: &str, place: &str, order: &str, due_at: Option<Timestamp>) -> Row {
    Row::Delivery(Box::new(delivery(id, place, order, due_at)))
}

/// A row of each of these nouns.
pub fn every_noun() -> Vec<Row> {
    vec![
        subject("sandbox", "org_a", "s1"),
        session("ses", "s1", at(60)),
        session_window("s1", at(60)),
        ticket("ticket", at(60)),
        attempts("attempts", at(60)),
        subscription("sandbox", "org_a", "wh_1"),
        delivery_row("dlv_1", "1", "s1", Some(NOW)),
    ]
}
