use super::*;
use crate::{
    id::{RequestId, SubjectId, SubscriptionId},
    model::{State, environment::Mode, subject::Attributes},
    sealed::Sealed,
    testing::{CountingEntropy, at_once, engine_over},
};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn sandbox() -> EnvironmentId {
    EnvironmentId::parse("sandbox").unwrap()
}

fn acme() -> OrganizationId {
    OrganizationId::parse("acme").unwrap()
}

fn environment() -> Row {
    Row::Environment(Environment {
        id: sandbox(),
        display_name: "Sandbox".into(),
        mode: Mode::Sandbox,
        issuer: "https://auth.example.com".into(),
        hosts: vec![],
        dialects: vec![],
        brand: "cs".into(),
        profiles: vec![],
        allowed_origins: vec![],
        public_url: None,
        phone_url: None,
        provider_registrations: None,
        data_key: Sealed(vec![1]),
        tag_keys: vec![],
        created_at: NOW,
    })
}

fn subscription(id: &str, event_types: &[&str]) -> Subscription {
    Subscription {
        environment: sandbox(),
        id: SubscriptionId::parse(id).unwrap(),
        organization: acme(),
        name: id.into(),
        target_url: "https://hooks.example.com/".into(),
        event_types: event_types.iter().map(|&kind| kind.into()).collect(),
        disabled: false,
        secret: Sealed(vec![]),
        previous_secret: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn subject() -> Subject {
    Subject {
        environment: sandbox(),
        id: SubjectId::parse("52909e05-e1cb-4e45-b273-2b7b5d1f9bff").unwrap(),
        organization: acme(),
        platform: None,
        email: Some("john@email.com".into()),
        phone: None,
        attributes: Attributes::default(),
        metadata: None,
        state: State::Active,
        closing_at: None,
        password: Some(crate::model::subject::PasswordHash(
            "$argon2id$secret".into(),
        )),
        devices: Vec::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn context(now: Timestamp) -> CallContext {
    CallContext {
        environment: EnvironmentId::installation(),
        now,
        request_id: RequestId::parse("req-1").unwrap(),
        peer: None,
        dialect: "standard",
    }
}

fn announced(engine: &Engine, kind: &str, subject: Option<&Subject>) -> Vec<Delivery> {
    let (context, record) = (context(NOW), Map::new());
    let (place, whose) = (sandbox(), acme());
    let telling = engine.announce(&context, &place, &whose, kind, subject, record);
    at_once(telling)
        .unwrap()
        .into_iter()
        .map(inserted)
        .collect()
}

fn inserted(change: Change) -> Delivery {
    match change {
        Change::Insert(Row::Delivery(delivery)) => *delivery,
        other => panic!("not a new delivery: {other:?}"),
    }
}

#[test]
fn names_of_deliveries_sort_by_time_and_then_by_the_order_in_which_they_were_given() {
    let (outbox, entropy) = (Outbox::default(), CountingEntropy::default());
    let earlier = NOW.minus(std::time::Duration::from_secs(60));
    let later = NOW.plus(std::time::Duration::from_secs(60));
    // The third call arrived before the others and waited for them.
    let names: Vec<_> = [NOW, NOW, earlier, NOW, later, later, NOW]
        .map(|now| outbox.name(now, &entropy).unwrap())
        .into();
    assert!(
        names.is_sorted_by(|a, b| a.as_str() < b.as_str()),
        "{names:?}"
    );
    let fresh = Outbox::default().name(earlier, &entropy).unwrap();
    assert!(fresh < names[0], "an earlier time sorts earlier: {fresh}");
}

#[test]
fn names_of_one_moment_differ_between_nodes() {
    let entropy = CountingEntropy::default();
    let [one, other] = [(); 2].map(|()| Outbox::default().name(NOW, &entropy).unwrap());
    assert_ne!(one, other);
}

#[test]
fn an_event_is_written_once_for_each_subscription_that_wants_it() {
    let mut disabled = subscription("wh_disabled", &["profile"]);
    disabled.disabled = true;
    let mut another = subscription("wh_another", &["profile"]);
    another.organization = OrganizationId::parse("other").unwrap();
    let subscriptions = [
        subscription("wh_all", &["profile"]),
        subscription("wh_exact", &["connection", "profile.created"]),
        subscription("wh_else", &["profile.deleted", "prof"]),
        disabled,
        another,
    ];
    let mut rows: Vec<_> = subscriptions.map(Row::Subscription).into();
    rows.push(environment());
    let engine = engine_over(rows);
    let subject = subject();
    let deliveries = announced(&engine, "profile.created", Some(&subject));
    let destinations: Vec<_> = deliveries
        .iter()
        .map(|one| one.destination.text())
        .collect();
    assert_eq!(destinations, ["webhook:wh_all", "webhook:wh_exact"]);
    assert_eq!(deliveries[0].content, deliveries[1].content, "one event");
    assert!(deliveries[0].id < deliveries[1].id);
    let Content::Event(event) = &deliveries[0].content else {
        panic!("{deliveries:?}");
    };
    assert_eq!((event.kind.as_str(), event.at), ("profile.created", NOW));
    assert_eq!(event.subject.as_ref().unwrap().id, subject.id);
    assert_eq!(deliveries[0].order, subject.id.as_str());
    assert_eq!(deliveries[0].due_at, Some(NOW));
    let text = serde_json::to_string(&deliveries).unwrap();
    assert!(!text.contains("argon2id"), "{text}");
}

#[test]
fn an_event_that_nobody_wants_writes_nothing_and_events_about_nobody_stand_alone() {
    let rows = vec![
        environment(),
        Row::Subscription(subscription("wh_all", &["balance"])),
    ];
    let engine = engine_over(rows);
    assert_eq!(announced(&engine, "profile.created", None), []);
    let [one, other] = [(); 2].map(|()| announced(&engine, "balance.created", None).remove(0));
    assert_ne!(one.order, other.order, "neither waits for the other");
}

#[test]
fn a_letter_is_sealed_for_its_own_delivery_and_no_other() {
    let engine = engine_over(vec![environment()]);
    let compiled = at_once(engine.compiled(&sandbox(), NOW)).unwrap().unwrap();
    let letter = |code: &str| {
        let text = LetterText::Passcode {
            code: code.into(),
            minutes: 10,
            client: "Acme".into(),
        };
        let change = engine.letter(&context(NOW), &compiled, "john@email.com", text, "s1");
        inserted(change.unwrap())
    };
    let (one, other) = (letter("123456"), letter("654321"));
    assert!(one.id < other.id);
    assert_eq!(
        (one.destination.text().as_str(), one.order.as_str()),
        ("mail", "s1")
    );
    let text = serde_json::to_string(&one).unwrap();
    assert!(!text.contains("123456") && !text.contains("john"), "{text}");
    let opened = at_once(engine.open_letter(&one, NOW)).unwrap();
    assert_eq!(opened.to, "john@email.com");
    assert!(matches!(opened.text, LetterText::Passcode { code, .. } if code == "123456"));
    let swapped = Delivery {
        content: other.content,
        ..one
    };
    assert!(at_once(engine.open_letter(&swapped, NOW)).is_err());
}

#[test]
fn a_rotated_secret_signs_beside_the_new_one_until_its_time_is_over() {
    let engine = engine_over(vec![environment()]);
    let compiled = at_once(engine.compiled(&sandbox(), NOW)).unwrap().unwrap();
    let place = compiled.place().unwrap();
    let seal = |text: &str| {
        engine
            .ports
            .keystore
            .seal(&place, "wh_1", text.as_bytes())
            .unwrap()
    };
    let mut one = subscription("wh_1", &["profile"]);
    one.secret = seal("whsec_new");
    let until = NOW.plus(std::time::Duration::from_secs(1));
    one.previous_secret = Some((seal("whsec_old"), until));
    let secrets = |now| {
        let secrets = at_once(engine.webhook_secrets(&one, now)).unwrap();
        let texts = secrets.iter().map(|secret| secret.expose().clone());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(secrets(NOW), ["whsec_new", "whsec_old"]);
    assert_eq!(secrets(until), ["whsec_new"]);
}
