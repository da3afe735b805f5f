//! BitCanuck's ways to log in: the printed requests byte for byte, and everyone who is not let in.

mod erasure;
mod links;
mod passwords;
mod platforms;

use super::{
    wire::{ask, ask_from, print},
    world::*,
};
use countersign_engine::{
    call::{AdminCall, New, NewClient, NewCredential, NewEnvironment, NewHolder},
    commit::{Change, Commit},
    id::{ClientId, OrganizationId, SubjectId},
    model::{
        State,
        audit::AuditEvent,
        client::{ClientKind, Platform, Spelling},
        credential::CredentialKind,
        environment::Mode,
        guard::{Accept, Guard},
        name::{Name, NameSpace},
        subject::{Attributes, Subject},
    },
    outcome::Outcome,
    ports::{PasswordHasher, Store},
    row::{Key, Row},
    secret::Secret,
};
use countersign_jose::{Algorithm, SigningKey};
use serde_json::Value;
use std::sync::Arc;

const CANUCK: &str = "canuck";
const JOHN: &str = "6f1e0c9a-3b52-4d8e-9a47-0c1d2e3f4a5b";
const EMAIL: &str = "john@email.com";
const PASSWORD: &str = "a horse with no name";

fn acme() -> OrganizationId {
    OrganizationId::parse("acme").unwrap()
}

fn john() -> SubjectId {
    SubjectId::parse(JOHN).unwrap()
}

async fn commit(world: &World, changes: Vec<Change>) {
    let commit = Commit {
        at: world.now(),
        changes,
        audit: AuditEvent {
            at: world.now(),
            environment: env(CANUCK),
            organization: None,
            actor: "test".into(),
            action: "test".into(),
            target: "-".into(),
            outcome: "ok".into(),
            request_id: world.context(CANUCK).request_id,
            peer: None,
            count: 1,
        },
    };
    world.store.commit(commit).await.unwrap();
}

/// The world with an environment of its own that speaks BitCanuck, and John, who has a password.
async fn world() -> World {
    let world = World::new().await;
    let environment = NewEnvironment {
        id: env(CANUCK),
        display_name: None,
        mode: Mode::Production,
        issuer: "https://auth.canuck.example".into(),
        hosts: vec!["api.canuck.example".into()],
        dialects: Some(vec!["standard".into(), "bitcanuck".into()]),
        brand: Some("bc".into()),
        allowed_origins: vec![],
        public_url: Some("https://www.canuck.example".into()),
        phone_url: None,
        provider_registrations: None,
    };
    world.create(New::Environment(environment)).await.unwrap();
    let entropy = Arc::new(CountingEntropy::default());
    let hasher = countersign::passwords::Argon2Hasher::new(entropy, 1).unwrap();
    let password = hasher.hash(&Secret::new(PASSWORD.into())).await.unwrap();
    let subject = Subject {
        environment: env(CANUCK),
        id: john(),
        organization: acme(),
        platform: None,
        email: Some(EMAIL.into()),
        phone: None,
        attributes: Attributes::default(),
        metadata: None,
        state: State::Active,
        closing_at: None,
        password: Some(password),
        devices: Vec::new(),
        created_at: world.now(),
        updated_at: world.now(),
    };
    let name = |space, name| {
        Change::Insert(Row::Name(Name {
            environment: env(CANUCK),
            space,
            name,
            target: JOHN.into(),
        }))
    };
    let known_as = Subject::name_of(&acme(), None, EMAIL);
    let changes = vec![
        Change::Insert(Row::Subject(subject)),
        name(NameSpace::SubjectEmail, known_as),
        name(NameSpace::Login, EMAIL.into()),
    ];
    commit(&world, changes).await;
    world
}

fn login(email: &str, password: &str) -> String {
    let body = serde_json::json!({ "email": email, "password": password });
    format!("POST /api/v1/authenticate\nContent-Type: application/json\n\n{body}")
}

/// The bearer of a login that is let in.
async fn let_in(world: &World, request: &str) -> String {
    let answer = ask(world, CANUCK, request).await;
    assert_eq!(answer.status(), 200, "{}", print(&answer));
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    body["data"]["id"].as_str().unwrap().to_owned()
}

/// Status and name of a refusal.
async fn refused(world: &World, request: &str) -> (u16, String) {
    let answer = ask(world, CANUCK, request).await;
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let name = body["error"]["name"].as_str().unwrap_or("-").to_owned();
    (answer.status().as_u16(), name)
}

fn login_failed() -> (u16, String) {
    (401, "LoginFailed".into())
}

async fn whoami(world: &World, bearer: &str) -> u16 {
    let request = format!("GET /api/v1/users/{JOHN}\nAuthorization: Bearer {bearer}\n\n");
    ask(world, CANUCK, &request).await.status().as_u16()
}
