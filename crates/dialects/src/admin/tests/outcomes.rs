//! What each outcome looks like on the wire.

use crate::{Reply, Response, admin::encode::encode};
use countersign_engine::{
    call::CallContext,
    denied::{Denied, Fault, Problem, ProblemKind, Refusal},
    digest::Digest,
    id::{
        ClientId, CredentialId, EnvironmentId, KeyId, OperatorId, OrganizationId, RequestId,
        SubjectId,
    },
    model::{
        State,
        audit::AuditEvent,
        client::{Client, ClientKind, ServiceProvider, Spelling},
        credential::{Credential, CredentialKind, Holder, Material, RateLimit},
        environment::{Environment, Mode},
        guard::{Accept, ApprovalRule, Approvers, BoundBody, Guard, GuardList},
        operator::{Operator, Role},
        organization::Organization,
        profile::TokenProfile,
        scopes::Scopes,
        session::{Counted, Session},
        signing::{KeySet, KeyState, SigningKey},
        subject::{Attributes, Subject},
    },
    outcome::{Introspection, Listed, Outcome, SubjectExport, SubjectOutcome, View},
    ports::Cursor,
    row::{Row, Stored},
    sealed::Sealed,
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::{Algorithm, Jwk};
use std::{fmt::Write as _, sync::Arc};

const SEALED: &[u8] = b"sealed-material";
pub(super) const MADE: Timestamp = Timestamp::from_seconds(1_769_860_800);

pub(super) fn sandbox() -> EnvironmentId {
    EnvironmentId::parse("sandbox").unwrap()
}

pub(super) fn sealed() -> Sealed {
    Sealed(SEALED.to_vec())
}

fn digest() -> Digest {
    Digest::of("test", &[b"secret"])
}

fn environment() -> Row {
    let issuer = "https://sandbox.example";
    Row::Environment(Environment {
        id: sandbox(),
        display_name: "Sandbox".into(),
        mode: Mode::Sandbox,
        issuer: issuer.into(),
        hosts: vec!["sandbox.example".into()],
        dialects: vec!["standard".into(), "ayyeka".into()],
        brand: "cs".into(),
        profiles: vec![TokenProfile::standard(issuer), TokenProfile::ayyeka()],
        allowed_origins: vec!["https://app.example".into()],
        public_url: None,
        phone_url: None,
        provider_registrations: None,
        data_key: sealed(),
        tag_keys: vec![sealed()],
        created_at: MADE,
    })
}

fn organization() -> Row {
    Row::Organization(Organization {
        id: OrganizationId::parse("acme").unwrap(),
        display_name: "Acme".into(),
        state: State::Disabled,
        number: 42,
        created_at: MADE,
    })
}

fn operator() -> Operator {
    Operator {
        id: OperatorId::parse("alice").unwrap(),
        display_name: "Alice".into(),
        role: Role::Owner,
        state: State::Active,
        number: 1,
        created_at: MADE,
    }
}

fn client() -> Row {
    Row::Client(Client {
        environment: sandbox(),
        id: ClientId::parse("client_1").unwrap(),
        organization: OrganizationId::parse("acme").unwrap(),
        display_name: "Meters".into(),
        kind: ClientKind::ServiceProvider,
        spelling: Spelling::Countersign,
        state: State::Active,
        scopes: Scopes::parse("write read").unwrap(),
        resources: vec!["https://api.example/".into()],
        serves: vec![],
        platform: None,
        sign_in: None,
        provider: Some(ServiceProvider {
            callback_url: Some("https://bank.example/hook".into()),
            callback_secret: Some(sealed()),
            ..ServiceProvider::default()
        }),
        number: 7,
        maker_number: 1,
        created_at: MADE,
    })
}

fn credential(environment: EnvironmentId, holder: Holder, material: Material) -> Row {
    Row::Credential(Credential {
        environment,
        digest: digest(),
        id: CredentialId::parse("cred_1").unwrap(),
        kind: CredentialKind::ApiKey,
        holder,
        material,
        hint: "cs_key_test_Ab3d".into(),
        comment: "nightly".into(),
        scopes: Scopes::parse("read").unwrap(),
        not_before: None,
        expires_at: Some(MADE),
        revoked_at: None,
        allowed_networks: vec!["192.0.2.0/24".parse().unwrap()],
        origins: vec![],
        metadata: None,
        api_version: None,
        rate_limit: Some(RateLimit {
            per_minute: 60,
            burst: 10,
        }),
        replaces: None,
        replaced_by: Some(CredentialId::parse("cred_2").unwrap()),
        created_at: MADE,
    })
}

fn of_client(material: Material) -> Row {
    let organization = OrganizationId::parse("acme").unwrap();
    let client = ClientId::parse("client_1").unwrap();
    credential(sandbox(), Holder::Client(organization, client), material)
}

fn jwk() -> Jwk {
    Jwk {
        kty: "OKP".into(),
        crv: Some("Ed25519".into()),
        x: Some("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into()),
        ..Jwk::default()
    }
}

fn subject() -> Row {
    Row::Subject(Subject {
        environment: sandbox(),
        id: SubjectId::parse("e6dd0bda-7384-4d88-866b-2e5aa1b2c693").unwrap(),
        organization: OrganizationId::parse("acme").unwrap(),
        platform: None,
        email: Some("jane@example.com".into()),
        phone: Some("+15551234567".into()),
        attributes: Attributes {
            name: Some("Jane Doe".into()),
            names: None,
            date_of_birth: Some("1984-02-29".into()),
            address: None,
        },
        metadata: None,
        state: State::Active,
        closing_at: None,
        password: Some(countersign_engine::model::subject::PasswordHash(
            String::from_utf8(SEALED.to_vec()).unwrap(),
        )),
        devices: Vec::new(),
        created_at: MADE,
        updated_at: MADE,
    })
}

fn session() -> Arc<Stored> {
    let row = Row::Session(Session {
        environment: sandbox(),
        digest: digest(),
        subject: SubjectId::parse("e6dd0bda-7384-4d88-866b-2e5aa1b2c693").unwrap(),
        organization: OrganizationId::parse("acme").unwrap(),
        client: Some(ClientId::parse("client_1").unwrap()),
        vouched_by: None,
        scopes: Scopes::default(),
        hint: "cs_ses_test_Ab3d".into(),
        created_at: MADE,
        expires_at: MADE,
    });
    view(row).stored
}

fn counted() -> Counted {
    Counted {
        token_id: "52909e05-e1cb-4e45-b273-2b7b5d1f9bff".into(),
        credential: Some(CredentialId::parse("cred_1").unwrap()),
        issued_at: MADE,
        expires_at: MADE,
    }
}

fn guards() -> Row {
    Row::Guards(GuardList {
        environment: sandbox(),
        guards: vec![Guard {
            name: "sites".into(),
            hosts: vec![],
            paths: vec!["/v2.0/*".into()],
            methods: vec!["GET".into()],
            accept: vec![Accept::AccessToken, Accept::RegistrationToken],
            profiles: vec!["ayyeka".into()],
            audiences: vec![],
            scopes: Scopes::parse("read").unwrap(),
            origins: vec![],
            rate_limit: None,
            dialect: Some("ayyeka".into()),
            secrets_from_browsers: false,
            assertion: true,
            approval: Some(ApprovalRule {
                approvers: Approvers::Subject,
                body: BoundBody::CheckedByApi,
                sentence: "See {path}".into(),
            }),
        }],
    })
}

fn key_set() -> Row {
    let key = |state, public, ends_at| SigningKey {
        id: KeyId::parse("kid_1").unwrap(),
        algorithm: Algorithm::EdDsa,
        state,
        public,
        private: sealed(),
        created_at: MADE,
        ends_at,
    };
    Row::KeySet(KeySet {
        environment: sandbox(),
        name: "standard".into(),
        algorithm: Algorithm::EdDsa,
        rsa_bits: 2048,
        keys: vec![
            key(KeyState::Next, Some(jwk()), None),
            key(KeyState::Current, Some(jwk()), None),
            key(KeyState::Retired, None, Some(MADE)),
        ],
    })
}

fn audit() -> Row {
    Row::Audit(AuditEvent {
        at: MADE,
        environment: EnvironmentId::installation(),
        organization: None,
        actor: "operator:alice".into(),
        action: "environment.create".into(),
        target: "environment:sandbox".into(),
        outcome: "ok".into(),
        request_id: RequestId::parse("r1").unwrap(),
        peer: Some("192.0.2.7".parse().unwrap()),
        count: 1,
    })
}

pub(super) fn view(row: Row) -> View {
    let stored = Arc::new(Stored {
        version: 3,
        not_before: Timestamp::EPOCH,
        row,
    });
    View {
        stored,
        last_used_at: None,
    }
}

fn context() -> CallContext {
    CallContext {
        environment: EnvironmentId::installation(),
        now: MADE,
        request_id: RequestId::parse("r1").unwrap(),
        peer: None,
        dialect: "admin",
    }
}

pub(super) fn answer(result: Result<Outcome, Refusal>) -> Response {
    encode(&result, &Reply::Plain, &context())
}

pub(super) fn told(name: &str, response: &Response) -> String {
    let mut text = format!("# {name}\n{}\n", response.status());
    for (name, value) in response.headers() {
        writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
    }
    if !response.body().is_empty() {
        let body: &serde_json::value::RawValue = serde_json::from_slice(response.body()).unwrap();
        writeln!(text, "\n{body}").unwrap();
    }
    text
}

fn outcomes() -> Vec<(&'static str, Outcome)> {
    let operators = credential(
        EnvironmentId::installation(),
        Holder::Operator(OperatorId::parse("alice").unwrap()),
        Material::DigestOnly,
    );
    let raised = |row: Row| {
        let stored = Arc::new(Stored {
            version: 9,
            not_before: MADE,
            row,
        });
        View {
            stored,
            last_used_at: Some(MADE),
        }
    };
    let secret = || Some(Secret::new("cs_key_test_secret".to_owned()));
    let made = |row, secret| Outcome::Created {
        view: view(row),
        secret,
    };
    vec![
        ("who am I", Outcome::WhoAmI(operator())),
        ("an environment", Outcome::Row(view(environment()))),
        (
            "an organization whose tokens were ended",
            Outcome::Row(raised(organization())),
        ),
        ("an operator", Outcome::Row(view(Row::Operator(operator())))),
        ("a client", Outcome::Row(view(client()))),
        (
            "a credential in use",
            Outcome::Row(raised(of_client(Material::DigestOnly))),
        ),
        (
            "a public key",
            Outcome::Row(view(of_client(Material::PublicKey(
                Algorithm::EdDsa,
                jwk(),
            )))),
        ),
        (
            "a signing secret",
            Outcome::Row(view(of_client(Material::Shared(
                Algorithm::Hs256,
                sealed(),
            )))),
        ),
        ("guards", Outcome::Row(view(guards()))),
        ("a key set", Outcome::Row(view(key_set()))),
        (
            "a page with more after it",
            Outcome::Rows(Listed {
                rows: vec![view(audit()), view(audit())],
                next: Some(Cursor("17\u{1f}x".into())),
            }),
        ),
        (
            "the last page",
            Outcome::Rows(Listed {
                rows: vec![],
                next: None,
            }),
        ),
        ("an environment made", made(environment(), None)),
        (
            "a credential made",
            made(of_client(Material::DigestOnly), secret()),
        ),
        (
            "an operator made",
            made(Row::Operator(operator()), secret()),
        ),
        ("an operator's token made", made(operators, secret())),
        (
            "an active token",
            Outcome::Introspection(Some(Introspection {
                scopes: Scopes::parse("read").unwrap(),
                client_id: Some(ClientId::parse("client_1").unwrap()),
                subject: Some("client:client_1".into()),
                audience: vec!["https://api.example/".into()],
                issuer: Some("https://sandbox.example".into()),
                token_id: None,
                token_type: "Bearer".into(),
                issued_at: Some(MADE),
                expires_at: None,
            })),
        ),
        ("a token that is not active", Outcome::Introspection(None)),
        ("a subject", Outcome::Row(view(subject()))),
        ("a subject made", made(subject(), None)),
        (
            "the sessions of a subject",
            Outcome::Subject(SubjectOutcome::Sessions {
                kept: vec![session()],
                counted: vec![counted()],
                next: Some(Cursor("17".into())),
            }),
        ),
        (
            "all that is known of a subject",
            Outcome::Subject(SubjectOutcome::Export(Box::new(SubjectExport {
                at: MADE,
                stored: view(subject()).stored,
                kept: vec![session()],
                counted: vec![counted()],
                devices: Vec::new(),
                audit: vec![view(audit()).stored],
                is_cut: false,
            }))),
        ),
        (
            "a link for a password sent",
            Outcome::Subject(SubjectOutcome::PasswordLink {
                sent_to: "j***@example.com".into(),
                expires_at: MADE,
            }),
        ),
        ("something ended", Outcome::Done),
        ("a token revoked", Outcome::Revoked),
    ]
}

#[test]
fn each_outcome_has_its_answer() {
    let answers: Vec<String> = outcomes()
        .into_iter()
        .map(|(name, outcome)| told(name, &answer(Ok(outcome))))
        .collect();
    insta::assert_snapshot!(answers.join("\n"));
}

#[test]
fn what_is_kept_sealed_or_digested_is_in_no_answer() {
    let plain = String::from_utf8(SEALED.to_vec()).unwrap();
    let sealed = data_encoding::BASE64.encode(SEALED);
    let digest = serde_json::to_string(&digest()).unwrap();
    let digest = digest.trim_matches('"').to_owned();
    let mut secrets = 0;
    for (name, outcome) in outcomes() {
        let answer = answer(Ok(outcome));
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(
            !body.contains(&sealed) && !body.contains(&plain) && !body.contains(&digest),
            "{name}: {body}"
        );
        assert_eq!(answer.headers()["cache-control"], "no-store", "{name}");
        secrets += body.matches("\"secret\"").count();
    }
    assert_eq!(secrets, 3, "only what was just made tells its secret");
}

#[test]
fn refusals_are_problem_documents() {
    let invalid = Denied::Invalid(vec![
        Problem::new("display_name", ProblemKind::Missing),
        Problem::new(
            "guards[2].paths[0]",
            ProblemKind::Expected("a path such as `/v2.0/*`"),
        ),
    ]);
    let refusals: [(&str, Refusal); 5] = [
        ("members that are wrong", invalid.into()),
        (
            "a change that came too late",
            Denied::PreconditionFailed.into(),
        ),
        ("a change made blindly", Denied::PreconditionRequired.into()),
        ("a stranger", Denied::NoCredential.into()),
        (
            "a fault of ours",
            Fault::internal("the private detail").into(),
        ),
    ];
    let answers: Vec<String> = refusals
        .into_iter()
        .map(|(name, refusal)| told(name, &answer(Err(refusal))))
        .collect();
    let answers = answers.join("\n");
    assert!(!answers.contains("private detail"));
    insta::assert_snapshot!(answers);
}

#[test]
fn a_row_or_an_outcome_that_no_operator_sees_is_our_fault_and_shows_nothing() {
    let hidden = Row::LastUsed(sandbox(), CredentialId::parse("cred_1").unwrap(), MADE);
    for outcome in [
        Outcome::Row(view(hidden)),
        Outcome::PublicKeys(countersign_jose::JwkSet::default()),
    ] {
        let answer = answer(Ok(outcome));
        assert_eq!(answer.status(), 500);
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(body.contains("urn:countersign:problem:internal"), "{body}");
    }
}

#[test]
fn no_schema_has_two_meanings_and_every_route_is_described() {
    let routes = crate::admin::routes::ROUTES;
    let twice = crate::wire::openapi::ambiguous_schemas(routes);
    assert_eq!(twice, Vec::<String>::new());
    for route in routes {
        let named: std::collections::BTreeSet<&str> = route
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let described: std::collections::BTreeSet<&str> = route
            .doc
            .parameters
            .iter()
            .filter(|parameter| parameter.place == crate::wire::openapi::Place::Path)
            .map(|parameter| parameter.name)
            .collect();
        assert_eq!(named, described, "{}", route.name);
        assert_eq!(
            route.doc.body.is_some(),
            route.body_bytes_max > 0,
            "{}",
            route.name
        );
    }
}
