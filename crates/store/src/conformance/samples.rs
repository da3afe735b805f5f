//! Rows to write: every noun, with what makes it interesting to a store.

use countersign_engine::{
    commit::{Change, Commit, OneTime},
    digest::Digest,
    id::{ClientId, CredentialId, EnvironmentId, OperatorId, OrganizationId, RequestId},
    model::{
        State,
        audit::AuditEvent,
        client::{Client, ClientKind, Spelling},
        credential::{Credential, CredentialKind, Holder, Material},
        environment::{Environment, Mode},
        guard::GuardList,
        idempotency::Idempotency,
        name::{Name, NameSpace},
        operator::{Operator, Role},
        organization::Organization,
        profile::TokenProfile,
        revocation::Revocation,
        signing::KeySet,
    },
    row::{Key, Row},
    sealed::Sealed,
    time::Timestamp,
};

/// The time at which samples happen.
pub const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// So many seconds after [`NOW`].
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(NOW.micros() + seconds * 1_000_000)
}

/// An environment's identifier.
pub fn environment_id(name: &str) -> EnvironmentId {
    EnvironmentId::from_stored(name).unwrap()
}

/// The environment most samples are in.
pub fn sandbox() -> EnvironmentId {
    environment_id("sandbox")
}

/// An organization's identifier.
pub fn organization_id(name: &str) -> OrganizationId {
    OrganizationId::parse(name).unwrap()
}

/// A client's identifier.
pub fn client_id(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

/// A credential's identifier.
pub fn credential_id(name: &str) -> CredentialId {
    CredentialId::parse(name).unwrap()
}

/// An operator's identifier.
pub fn operator_id(name: &str) -> OperatorId {
    OperatorId::parse(name).unwrap()
}

/// A digest made from a word.
pub fn digest(word: &str) -> Digest {
    Digest::of("sample", &[word.as_bytes()])
}

/// An environment.
pub fn environment(name: &str) -> Row {
    Row::Environment(Environment {
        id: environment_id(name),
        display_name: "The \"sandbox\" \u{2603} \u{0} of ünïcode".into(),
        mode: Mode::Sandbox,
        issuer: "https://sandbox.example".into(),
        hosts: vec!["sandbox.example".into(), "127.0.0.1:8081".into()],
        dialects: vec!["standard".into()],
        brand: "cs".into(),
        profiles: vec![
            TokenProfile::standard("https://sandbox.example"),
            TokenProfile::ayyeka(),
        ],
        allowed_origins: vec![],
        public_url: None,
        phone_url: None,
        provider_registrations: None,
        data_key: Sealed(vec![0, 1, 255]),
        tag_keys: vec![],
        created_at: NOW,
    })
}

/// An organization.
pub fn organization(name: &str) -> Row {
    Row::Organization(Organization {
        id: organization_id(name),
        display_name: name.into(),
        state: State::Active,
        number: u64::MAX,
        created_at: NOW,
    })
}

/// An operator.
pub fn operator(name: &str) -> Row {
    Row::Operator(Operator {
        id: operator_id(name),
        display_name: name.into(),
        role: Role::Owner,
        state: State::Active,
        number: 1,
        created_at: NOW,
    })
}

/// A client of an organization.
pub fn client(environment: &str, organization: &str, name: &str) -> Row {
    Row::Client(Client {
        environment: environment_id(environment),
        id: client_id(name),
        organization: organization_id(organization),
        display_name: name.into(),
        kind: ClientKind::Backend,
        spelling: Spelling::Countersign,
        state: State::Active,
        scopes: countersign_engine::model::scopes::Scopes::parse("read write").unwrap(),
        resources: vec![],
        serves: vec![],
        platform: None,
        sign_in: None,
        provider: None,
        number: 7,
        maker_number: 1,
        created_at: NOW,
    })
}

/// A client as a holder.
pub fn held_by_client(organization: &str, client: &str) -> Holder {
    Holder::Client(organization_id(organization), client_id(client))
}

/// An operator as a holder.
pub fn held_by_operator(name: &str) -> Holder {
    Holder::Operator(operator_id(name))
}

/// A credential under the digest of `secret`.
pub fn credential(environment: &str, secret: &str, id: &str, holder: Holder) -> Row {
    Row::Credential(Credential {
        environment: environment_id(environment),
        digest: digest(secret),
        id: credential_id(id),
        kind: CredentialKind::ClientSecret,
        holder,
        material: Material::DigestOnly,
        hint: "cs_sec_test_Ab3d".into(),
        comment: "'; DROP TABLE credential; --".into(),
        scopes: Default::default(),
        not_before: None,
        expires_at: Some(at(3600)),
        revoked_at: None,
        allowed_networks: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        origins: vec![],
        metadata: None,
        api_version: None,
        rate_limit: None,
        replaces: None,
        replaced_by: Some(credential_id("cred_next")),
        created_at: NOW,
    })
}

/// A host's name, in the installation.
pub fn name(text: &str, target: &str) -> Row {
    Row::Name(Name {
        environment: EnvironmentId::installation(),
        space: NameSpace::Host,
        name: text.into(),
        target: target.into(),
    })
}

/// A revocation that ends at `ends`.
pub fn revocation(token: &str, ends: Timestamp) -> Row {
    Row::Revocation(Revocation {
        environment: sandbox(),
        digest: digest(token),
        revoked_at: NOW,
        expires_at: ends,
    })
}

/// A remembered creation that ends at `ends`.
pub fn idempotency(word: &str, ends: Timestamp) -> Row {
    Row::Idempotency(Idempotency {
        environment: EnvironmentId::installation(),
        digest: digest(word),
        request: digest("request"),
        made: Key::Credential(EnvironmentId::installation(), digest("made")),
        secret: Some(Sealed(vec![9; 40])),
        data_key: None,
        secret_until: at(600),
        expires_at: ends,
    })
}

/// A set without keys.
pub fn key_set(environment: &str, name: &str) -> Row {
    Row::KeySet(KeySet {
        environment: environment_id(environment),
        name: name.into(),
        algorithm: countersign_engine::model::profile::TokenProfile::ayyeka().algorithm,
        rsa_bits: 3072,
        keys: vec![],
    })
}

/// An environment's guards.
pub fn guards(environment: &str) -> Row {
    Row::Guards(GuardList {
        environment: environment_id(environment),
        guards: vec![],
    })
}

/// A row of every noun that a commit may write.
pub fn every_noun() -> Vec<Row> {
    let mut rows = vec![
        environment("sandbox"),
        organization("org_a"),
        operator("alice"),
        name("sandbox.example:8443", "sandbox"),
        client("sandbox", "org_a", "client_a"),
        credential(
            "sandbox",
            "s1",
            "cred_1",
            held_by_client("org_a", "client_a"),
        ),
        credential("*", "s2", "cred_2", held_by_operator("alice")),
        guards("sandbox"),
        key_set("sandbox", "standard"),
        revocation("token", at(60)),
        idempotency("key", at(60)),
    ];
    rows.extend(super::people::every_noun());
    rows
}

/// Something to use up.
pub fn one_time(word: &str, ends: Timestamp) -> OneTime {
    OneTime {
        environment: sandbox(),
        digest: digest(word),
        expires_at: ends,
    }
}

/// An audit line.
pub fn event(action: &str, at: Timestamp) -> AuditEvent {
    AuditEvent {
        at,
        environment: sandbox(),
        organization: None,
        actor: "operator:alice".into(),
        action: action.into(),
        target: "client:client_a".into(),
        outcome: "ok".into(),
        request_id: RequestId::parse("req-1").unwrap(),
        peer: Some("2001:db8::1".parse().unwrap()),
        count: 1,
    }
}

/// A commit of these changes, now.
pub fn commit(changes: Vec<Change>) -> Commit {
    commit_at(NOW, changes)
}

/// A commit of these changes.
pub fn commit_at(at: Timestamp, changes: Vec<Change>) -> Commit {
    Commit {
        at,
        changes,
        audit: event("sample.commit", at),
    }
}
