//! Letters, to a mail server that nobody here wrote and into a folder.

use super::{commit_of, items, until};
use crate::{ask::Ask, harness::Server, interop::program::Talking, world::Doors};
use countersign_engine::{
    commit::{Change, Commit},
    id::{EnvironmentId, OrganizationId, SubjectId},
    model::{
        State,
        environment::Mode,
        name::{Name, NameSpace},
        subject::{Attributes, Subject},
    },
    row::{Key, Row},
};
use serde_json::{Value, json};

const JOHN: &str = "john@email.com";
const DEAD: &str = "/admin/v1/environments/sandbox/dead-letters";
const DELIVERIES: &str = "/admin/v1/environments/sandbox/deliveries";

/// A server at which John can ask for a new password.
async fn server(change: impl FnOnce(&mut countersign::config::Mail)) -> (Server, Doors) {
    let server = Server::start_with(|config| {
        config.mail.from = Some("Acme <no-reply@acme.example>".into());
        change(&mut config.mail);
    })
    .await;
    let doors = Doors {
        public: server.public(),
        admin: server.admin(),
        gateways: vec![],
        owner: server.operator_token(),
    };
    let dialects = Some(&["standard", "bitcanuck"][..]);
    server
        .environment_with(
            "sandbox",
            Mode::Sandbox,
            &["sandbox.example"],
            &[],
            dialects,
        )
        .await;
    super::organization(&doors).await;
    let place = EnvironmentId::parse("sandbox").unwrap();
    let state = &server.running.state;
    let now = state.clock.now();
    let key = Key::Environment(place.clone());
    let stored = state.store.load(&[key]).await.unwrap().remove(0).unwrap();
    let mut environment = stored.environment().unwrap().clone();
    environment.public_url = Some("https://portal.acme.example".into());
    let id = SubjectId::parse(super::SUBJECTS[0]).unwrap();
    let john = Subject {
        environment: place.clone(),
        id: id.clone(),
        organization: OrganizationId::parse("acme").unwrap(),
        platform: None,
        email: Some(JOHN.into()),
        phone: None,
        attributes: Attributes::default(),
        metadata: None,
        state: State::Active,
        closing_at: None,
        password: None,
        devices: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    let name = Name {
        environment: place,
        space: NameSpace::Login,
        name: JOHN.into(),
        target: id.to_string(),
    };
    let changes = vec![
        Change::Replace {
            row: Row::Environment(environment),
            if_version: stored.version,
        },
        Change::Insert(Row::Subject(john)),
        Change::Insert(Row::Name(name)),
    ];
    let commit = Commit {
        changes,
        ..commit_of(vec![], now)
    };
    state.store.commit(commit).await.unwrap();
    (server, doors)
}

async fn ask_for_a_new_password(doors: &Doors, email: &str) {
    let asked = Ask::post("/api/v1/password-reset").at("sandbox.example");
    let answer = asked
        .json(&json!({ "email": email }))
        .send(doors.public)
        .await;
    assert!((200..300).contains(&answer.status), "{answer:?}");
}

/// Put off once, as busy servers do, and then taken: the letter arrives by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "the mail server tells by a pipe")]
async fn a_letter_reaches_a_real_mail_server_that_was_busy_at_first() {
    let mut mails = Talking::python("mail_server", &["1"]);
    let port = mails.line()["port"].clone();
    let url = format!("smtp+insecure://127.0.0.1:{port}");
    let (server, doors) = server(|mail| {
        mail.server = Some(serde_json::from_value(Value::from(url)).unwrap());
    })
    .await;
    ask_for_a_new_password(&doors, JOHN).await;
    ask_for_a_new_password(&doors, "nobody@email.com").await;
    let mail = tokio::task::spawn_blocking(move || (mails.line(), mails))
        .await
        .unwrap()
        .0;
    assert_eq!(mail["from"], "no-reply@acme.example");
    assert_eq!(mail["to"], json!([JOHN]));
    let headers = &mail["headers"];
    assert_eq!(headers["from"], "Acme <no-reply@acme.example>");
    assert_eq!(headers["to"], JOHN);
    assert_eq!(headers["subject"], "Choose a new password");
    assert_eq!(headers["auto-submitted"], "auto-generated");
    let id = headers["message-id"].as_str().unwrap();
    assert!(
        id.starts_with("<dlv_") && id.ends_with("@acme.example>"),
        "{id}"
    );
    let text = mail["text"].as_str().unwrap();
    assert!(
        text.contains("https://portal.acme.example/password-reset#token="),
        "{text}"
    );
    until(async || items(&doors, DELIVERIES).await.is_empty().then_some(())).await;
    assert!(items(&doors, DEAD).await.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_can_be_written_into_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mails");
    let (server, doors) = server(|mail| mail.folder = Some(path.clone())).await;
    ask_for_a_new_password(&doors, JOHN).await;
    let file = until(async || {
        let mut files = std::fs::read_dir(&path)
            .unwrap()
            .map(|file| file.unwrap().path());
        files.find(|file| file.extension().is_some_and(|end| end == "eml"))
    })
    .await;
    let mail = std::fs::read_to_string(file).unwrap();
    assert!(mail.contains("To: john@email.com\r\n"), "{mail}");
    // Whoever opens the file can follow the link as it stands.
    let link = "\r\n    https://portal.acme.example/password-reset#token=";
    let (_, secret) = mail.split_once(link).unwrap_or_else(|| panic!("{mail}"));
    let (secret, _) = secret.split_once("\r\n").unwrap();
    assert!(
        secret.len() == 32 && secret.bytes().all(|b| b.is_ascii_alphanumeric()),
        "{mail}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_way_a_link_is_dropped_and_counted_and_no_dead_letter() {
    let (server, doors) = server(|mail| mail.from = None).await;
    ask_for_a_new_password(&doors, JOHN).await;
    let dropped = r#"countersign_outbox_attempts_total{by="mail",outcome="dropped"} 1"#;
    until(async || {
        let numbers = Ask::get("/metrics").send(doors.admin).await.body;
        numbers.contains(dropped).then_some(())
    })
    .await;
    until(async || items(&doors, DELIVERIES).await.is_empty().then_some(())).await;
    assert!(items(&doors, DEAD).await.is_empty());
    server.stop().await;
}
