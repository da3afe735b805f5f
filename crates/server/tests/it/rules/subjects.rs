//! Subjects under an operator's eyes: names, normal forms, erasure, export, sessions.

use super::world::*;
use countersign_engine::{
    call::{
        AdminCall, Amend, Asked, Callers, Contact, Listing, New, NewOrganization, NewSubject,
        Presented, Shown, SubjectCall, SubjectChange, Target,
    },
    commit::{Change, Commit},
    denied::{Denied, Problem, ProblemKind, Reason, Refusal},
    id::{ClientId, OrganizationId, SubjectId},
    model::{
        State,
        audit::AuditEvent,
        client::{ClientKind, Platform, Spelling},
        scopes::Scopes,
        session::{Counted, Session, SessionWindow},
        subject::{Attributes, Subject},
    },
    opaque,
    outcome::{Outcome, SubjectExport, SubjectOutcome},
    ports::{Housekeeping, Store},
    row::{Key, Row, Stored},
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::Algorithm;
use std::{sync::Arc, time::Duration};

fn acme() -> OrganizationId {
    OrganizationId::parse("acme").unwrap()
}

fn new(email: Option<&str>, phone: Option<&str>) -> NewSubject {
    NewSubject {
        environment: env(SANDBOX),
        id: None,
        organization: acme(),
        platform: None,
        email: email.map(str::to_owned),
        phone: phone.map(str::to_owned),
        attributes: Attributes {
            name: Some("Jane Doe".into()),
            ..Attributes::default()
        },
        metadata: None,
    }
}

async fn made(world: &World, new: NewSubject) -> Result<Arc<Stored>, Denied> {
    match world.create(New::Subject(new)).await {
        Ok((stored, None)) => Ok(stored),
        Ok((_, Some(_))) => panic!("a subject has no secret"),
        Err(Refusal::Denied(denied)) => Err(denied),
        Err(fault) => panic!("{fault}"),
    }
}

fn of(stored: &Stored) -> &Subject {
    stored.subject().unwrap()
}

async fn shown(world: &World, id: &SubjectId) -> Result<Arc<Stored>, Denied> {
    let target = Target::Subject(env(SANDBOX), id.clone());
    match world.admin(AdminCall::Show(target)).await {
        Ok(Outcome::Row(view)) => Ok(view.stored),
        Ok(other) => panic!("{other:?}"),
        Err(Refusal::Denied(denied)) => Err(denied),
        Err(fault) => panic!("{fault}"),
    }
}

async fn amend(world: &World, stored: &Stored, change: SubjectChange) -> Result<(), Denied> {
    let change = Amend::Subject(env(SANDBOX), of(stored).id.clone(), change);
    denied(
        world
            .admin(AdminCall::Amend {
                change,
                if_version: Some(stored.version),
            })
            .await,
    )
}

async fn erase(world: &World, stored: &Stored) -> Result<(), Denied> {
    let target = Target::Subject(env(SANDBOX), of(stored).id.clone());
    denied(
        world
            .admin(AdminCall::Remove {
                target,
                if_version: Some(stored.version),
            })
            .await,
    )
}

fn denied(outcome: Result<Outcome, Refusal>) -> Result<(), Denied> {
    match outcome {
        Ok(_) => Ok(()),
        Err(Refusal::Denied(denied)) => Err(denied),
        Err(fault) => panic!("{fault}"),
    }
}

async fn find(world: &World, contact: Contact) -> Result<SubjectId, Denied> {
    let call = SubjectCall::Find {
        environment: env(SANDBOX),
        organization: acme(),
        platform: None,
        contact,
    };
    match world.admin(AdminCall::Subjects(call)).await {
        Ok(Outcome::Row(view)) => Ok(of(&view.stored).id.clone()),
        Ok(other) => panic!("{other:?}"),
        Err(Refusal::Denied(denied)) => Err(denied),
        Err(fault) => panic!("{fault}"),
    }
}

async fn platform(world: &World, owner: OrganizationId) -> ClientId {
    let mut new = countersign_engine::call::NewClient {
        environment: env(SANDBOX),
        id: None,
        organization: owner,
        display_name: "A partner".into(),
        kind: ClientKind::Platform,
        spelling: Spelling::Bitcanuck,
        scopes: Scopes::default(),
        resources: vec![],
        serves: vec![],
        platform: None,
        sign_in: None,
        number: None,
        maker_number: None,
    };
    new.platform = Some(Platform {
        code: String::new(),
        algorithm: Algorithm::Rs512,
        single_use: false,
        enrols: false,
        token_lifetime_max_s: 3600,
    });
    let (stored, _) = world.create(New::Client(new)).await.unwrap();
    stored.client().unwrap().id.clone()
}

const TAKEN: Denied = Denied::Conflict("a host, number, code or contact in it is taken");

#[tokio::test]
async fn a_contact_has_one_form_and_one_subject_of_each_platform_organization_and_environment() {
    let world = World::new().await;
    let other = NewOrganization {
        id: Some(OrganizationId::parse("globex").unwrap()),
        display_name: "Globex".into(),
        number: None,
    };
    world.create(New::Organization(other)).await.unwrap();
    let partner = platform(&world, acme()).await;
    let stored = made(
        &world,
        new(Some(" Jane@Example.COM "), Some("+1 (555) 123-4567")),
    )
    .await
    .unwrap();
    assert_eq!(of(&stored).email.as_deref(), Some("jane@example.com"));
    assert_eq!(of(&stored).phone.as_deref(), Some("+15551234567"));
    assert_eq!(of(&stored).id.as_str().len(), 36);

    let email = || new(Some("JANE@example.com"), None);
    let phone = || new(None, Some("+1-555-123-4567"));
    for (what, new, expected) in [
        ("the same address", email(), Err(TAKEN)),
        ("the same number", phone(), Err(TAKEN)),
        (
            "another environment",
            NewSubject {
                environment: env(PRODUCTION),
                ..email()
            },
            Ok(()),
        ),
        (
            "another organization",
            NewSubject {
                organization: OrganizationId::parse("globex").unwrap(),
                ..email()
            },
            Ok(()),
        ),
        (
            "a platform's",
            NewSubject {
                platform: Some(partner.clone()),
                ..email()
            },
            Ok(()),
        ),
        (
            "the same platform's again",
            NewSubject {
                platform: Some(partner.clone()),
                ..email()
            },
            Err(TAKEN),
        ),
        ("nobody's", new(None, None), Ok(())),
        ("nobody's again", new(None, None), Ok(())),
    ] {
        assert_eq!(made(&world, new).await.map(|_| ()), expected, "{what}");
    }
    let id = of(&stored).id.clone();
    let contact = |text: &str| Contact::Email(text.into());
    assert_eq!(
        find(&world, contact("Jane@Example.com")).await,
        Ok(id.clone())
    );
    assert_eq!(
        find(&world, Contact::Phone("+1.555.123.4567".into())).await,
        Ok(id)
    );
    assert_eq!(
        find(&world, contact("nobody@example.com")).await,
        Err(Denied::NotFound { noun: "subject" })
    );
    assert!(matches!(
        find(&world, contact("jane")).await,
        Err(Denied::Invalid(_))
    ));
}

#[tokio::test]
async fn what_a_subject_cannot_be_is_refused_by_its_member() {
    let world = World::new().await;
    let client = world
        .client(SANDBOX, ClientKind::Backend, Spelling::Countersign)
        .await;
    let uuid = "e6dd0bda-7384-4d88-866b-2e5aa1b2c693";
    let with = |change: fn(&mut NewSubject)| {
        let mut subject = new(None, None);
        change(&mut subject);
        subject
    };
    for (field, new) in [
        ("email", with(|s| s.email = Some("jane@localhost".into()))),
        ("phone", with(|s| s.phone = Some("555-1234".into()))),
        ("id", with(|s| s.id = Some("jane".into()))),
        (
            "date_of_birth",
            with(|s| s.attributes.date_of_birth = Some("1985-02-30".into())),
        ),
        (
            "platform",
            NewSubject {
                platform: Some(client.clone()),
                ..new(None, None)
            },
        ),
        (
            "platform",
            NewSubject {
                platform: Some(ClientId::parse("nowhere").unwrap()),
                ..new(None, None)
            },
        ),
    ] {
        match made(&world, new).await {
            Err(Denied::Invalid(problems)) => {
                let fields: Vec<_> = problems.iter().map(|one| one.field.as_str()).collect();
                assert_eq!(fields, [field]);
            }
            other => panic!("{field}: {other:?}"),
        }
    }
    let mut nowhere = new(None, None);
    nowhere.organization = OrganizationId::parse("nowhere").unwrap();
    assert_eq!(
        made(&world, nowhere).await.map(|_| ()),
        Err(Denied::NotFound {
            noun: "organization"
        })
    );
    let own = |text: &str| NewSubject {
        id: Some(text.into()),
        ..new(None, None)
    };
    let stored = made(&world, own(&uuid.to_uppercase())).await.unwrap();
    assert_eq!(of(&stored).id.as_str(), uuid);
    let again = made(&world, own(uuid)).await.map(|_| ());
    assert_eq!(
        again,
        Err(Denied::Conflict("there is one with this name already"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_creations_at_once_with_one_address_one_succeeds() {
    let world = Arc::new(World::new().await);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..50 {
        let world = world.clone();
        tasks.spawn(async move {
            let email = if n % 2 == 0 {
                "jane@example.com"
            } else {
                "JANE@example.com"
            };
            made(&world, new(Some(email), None)).await.map(|_| ())
        });
    }
    let outcomes = tasks.join_all().await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok());
    assert_eq!(won.count(), 1);
    let lost = outcomes.into_iter().filter_map(Result::err);
    lost.for_each(|denied| assert_eq!(denied, TAKEN));
    let listing = Listing::Subjects(env(SANDBOX), acme());
    let Ok(Outcome::Rows(page)) = world
        .admin(AdminCall::List {
            listing,
            after: None,
            limit: 200,
        })
        .await
    else {
        panic!()
    };
    assert_eq!(page.rows.len(), 1);
}

#[tokio::test]
async fn an_address_moves_with_its_subject_and_leaves_the_old_one_free() {
    let world = World::new().await;
    let jane = made(&world, new(Some("jane@example.com"), Some("+15551234567")))
        .await
        .unwrap();
    let john = made(&world, new(Some("john@example.com"), None))
        .await
        .unwrap();
    let email = |text: &str| SubjectChange {
        email: Some(Some(text.into())),
        ..SubjectChange::default()
    };
    assert_eq!(
        amend(&world, &john, email("Jane@Example.com")).await,
        Err(Denied::Conflict("a name, host or contact in it is taken"))
    );
    amend(&world, &jane, email("Jane.Doe@example.com"))
        .await
        .unwrap();
    // The phone stayed, and the address is free.
    amend(&world, &john, email("jane@example.com"))
        .await
        .unwrap();
    assert_eq!(
        find(&world, Contact::Email("jane@example.com".into())).await,
        Ok(of(&john).id.clone())
    );
    assert_eq!(
        find(&world, Contact::Phone("+15551234567".into())).await,
        Ok(of(&jane).id.clone())
    );
    assert_eq!(
        amend(&world, &jane, email("x@example.com")).await,
        Err(Denied::PreconditionFailed)
    );
    let jane = shown(&world, &of(&jane).id).await.unwrap();
    let none = SubjectChange {
        email: Some(None),
        phone: Some(None),
        ..SubjectChange::default()
    };
    world.pass(5).await;
    amend(&world, &jane, none).await.unwrap();
    let jane = shown(&world, &of(&jane).id).await.unwrap();
    assert_eq!((&of(&jane).email, &of(&jane).phone), (&None, &None));
    assert_eq!(of(&jane).updated_at, world.now());
    made(
        &world,
        new(Some("jane.doe@example.com"), Some("+15551234567")),
    )
    .await
    .unwrap();
    let Err(Denied::Invalid(problems)) = amend(&world, &jane, email("jane")).await else {
        panic!()
    };
    let expected = ProblemKind::Expected("an e-mail address, name@example.com");
    assert_eq!(problems, [Problem::new("email", expected)]);
}

/// Write rows as some other call would.
pub(super) async fn insert(world: &World, rows: Vec<Row>) {
    let audit = AuditEvent {
        at: world.now(),
        environment: env(SANDBOX),
        organization: Some(acme()),
        actor: "-".into(),
        action: "test".into(),
        target: "-".into(),
        outcome: "ok".into(),
        request_id: world.context(SANDBOX).request_id,
        peer: None,
        count: 1,
    };
    let commit = Commit {
        at: world.now(),
        changes: rows.into_iter().map(Change::Insert).collect(),
        audit,
    };
    world.store.commit(commit).await.unwrap();
}

pub(super) fn session(world: &World, subject: &Subject, text: &str, lives_s: u64) -> Session {
    Session {
        environment: env(SANDBOX),
        digest: opaque::lookup(&env(SANDBOX), text),
        subject: subject.id.clone(),
        organization: acme(),
        client: None,
        vouched_by: None,
        scopes: Scopes::default(),
        hint: text[..4].into(),
        created_at: world.now(),
        expires_at: world.now().plus(Duration::from_secs(lives_s)),
    }
}

fn window(world: &World, subject: &Subject, ids: &[&str]) -> Row {
    let counted = |id: &&str| Counted {
        token_id: (*id).into(),
        credential: None,
        issued_at: world.now(),
        expires_at: world.now().plus(Duration::from_secs(3600)),
    };
    let mut window = SessionWindow::new(env(SANDBOX), subject.id.clone());
    window.sessions = ids.iter().map(counted).collect();
    Row::SessionWindow(window)
}

/// Whether whoever shows this session is let in: the refusal of the call behind the door shows that it is.
async fn accepted(world: &World, text: &str) -> Result<(), Reason> {
    let asked = Asked {
        callers: Callers::Session,
        presented: Presented::Present(Shown::Bearer(Secret::new(text.to_owned()))),
        sender: countersign_engine::call::Sender::Machine,
        call: Err(Denied::UnsupportedGrantType),
    };
    let mut context = world.context(SANDBOX);
    context.dialect = "bitcanuck";
    match world.engine.handle(&context, asked).await {
        Err(Refusal::Denied(Denied::UnsupportedGrantType)) => Ok(()),
        Err(Refusal::Denied(Denied::InvalidToken(reason))) => Err(reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_erased_subject_leaves_nothing_of_the_person_and_is_refused_everywhere_at_once() {
    let world = World::new().await;
    let jane = made(&world, new(Some("jane@example.com"), Some("+15551234567")))
        .await
        .unwrap();
    let id = of(&jane).id.clone();
    let hers = session(
        &world,
        of(&jane),
        "her-session-and-nobody-elses",
        14 * 86_400,
    );
    insert(&world, vec![Row::Session(hers)]).await;
    assert_eq!(
        accepted(&world, "her-session-and-nobody-elses").await,
        Ok(())
    );

    let change = SubjectChange {
        state: Some(State::Disabled),
        ..SubjectChange::default()
    };
    amend(&world, &jane, change.clone()).await.unwrap();
    let disabled = Err(Reason::Disabled);
    assert_eq!(
        accepted(&world, "her-session-and-nobody-elses").await,
        disabled
    );
    assert_eq!(erase(&world, &jane).await, Err(Denied::PreconditionFailed));
    let jane = shown(&world, &id).await.unwrap();
    erase(&world, &jane).await.unwrap();
    assert_eq!(
        accepted(&world, "her-session-and-nobody-elses").await,
        disabled
    );

    let left = shown(&world, &id).await.unwrap();
    let expected = Subject {
        email: None,
        phone: None,
        attributes: Attributes::default(),
        closing_at: Some(world.now()),
        ..of(&jane).clone()
    };
    assert_eq!(of(&left), &expected);
    let gone = Denied::Conflict("the subject is being erased");
    assert_eq!(erase(&world, &left).await, Err(gone.clone()));
    let active = SubjectChange {
        state: Some(State::Active),
        ..SubjectChange::default()
    };
    assert_eq!(amend(&world, &left, active).await, Err(gone));
    let again = NewSubject {
        id: Some(id.to_string()),
        ..new(None, None)
    };
    assert!(matches!(
        made(&world, again.clone()).await,
        Err(Denied::Conflict(_))
    ));
    // Address and number are free again.
    made(&world, new(Some("jane@example.com"), Some("+15551234567")))
        .await
        .unwrap();

    // Everything that could hang on it has ended by then.
    world.pass(30 * 86_400 + 1).await;
    let sweep = Housekeeping::SweepExpired {
        now: world.now(),
        limit: 100,
    };
    world.store.keep(sweep).await.unwrap();
    world.pass(3).await;
    assert_eq!(
        shown(&world, &id).await.map(|_| ()),
        Err(Denied::NotFound { noun: "subject" })
    );
    let key = Key::Session(
        env(SANDBOX),
        opaque::lookup(&env(SANDBOX), "her-session-and-nobody-elses"),
    );
    assert_eq!(world.store.load(&[key]).await.unwrap(), [None]);
    made(&world, again).await.unwrap();
}

async fn sessions(world: &World, id: &SubjectId) -> Vec<String> {
    let call = SubjectCall::Sessions {
        environment: env(SANDBOX),
        subject: id.clone(),
        after: None,
        limit: 50,
    };
    match world.admin(AdminCall::Subjects(call)).await {
        Ok(Outcome::Subject(SubjectOutcome::Sessions {
            kept,
            counted,
            next: None,
        })) => {
            let kept = kept.iter().map(|stored| stored.session().unwrap().name());
            let counted = counted.into_iter().map(|one| one.token_id);
            counted.chain(kept).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn sessions_are_listed_while_they_live_and_end_by_name_or_all_at_once() {
    let world = World::new().await;
    let jane = made(&world, new(None, None)).await.unwrap();
    let john = made(&world, new(None, None)).await.unwrap();
    let id = of(&jane).id.clone();
    let first = session(&world, of(&jane), "first-session", 3600);
    let second = session(&world, of(&jane), "second-session", 3600);
    let short = session(&world, of(&jane), "short-session", 10);
    let his = session(&world, of(&john), "his-session", 3600);
    let names = [first.name(), second.name()];
    let foreign = his.name();
    let rows = [first, second, short, his].map(Row::Session);
    let mut rows = rows.to_vec();
    rows.push(window(&world, of(&jane), &["jti-1", "jti-2"]));
    insert(&world, rows).await;
    world.pass(11).await;
    let mut listed = sessions(&world, &id).await;
    listed.sort();
    let mut expected = vec!["jti-1".to_owned(), "jti-2".into()];
    expected.extend(names.clone());
    expected.sort();
    assert_eq!(listed, expected);

    let end = |session: &str| {
        world.admin(AdminCall::Subjects(SubjectCall::EndSession {
            environment: env(SANDBOX),
            subject: id.clone(),
            session: session.into(),
        }))
    };
    for name in [names[0].as_str(), "jti-2"] {
        assert!(matches!(end(name).await, Ok(Outcome::Done)), "{name}");
        let again = end(name).await.unwrap_err();
        let gone = Refusal::Denied(Denied::NotFound { noun: "session" });
        assert_eq!(again, gone, "{name}");
    }
    assert!(end(&foreign).await.is_err(), "another subject's session");
    assert_eq!(accepted(&world, "his-session").await, Ok(()));
    assert_eq!(
        accepted(&world, "first-session").await,
        Err(Reason::Unknown)
    );
    assert_eq!(accepted(&world, "second-session").await, Ok(()));
    assert_eq!(sessions(&world, &id).await, ["jti-1", &names[1]]);

    let target = Target::Subject(env(SANDBOX), id.clone());
    world.admin(AdminCall::EndTokens(target)).await.unwrap();
    assert_eq!(
        accepted(&world, "second-session").await,
        Err(Reason::Revoked)
    );
    let key = Key::SessionWindow(env(SANDBOX), id.clone());
    assert_eq!(world.store.load(&[key]).await.unwrap(), [None]);
    let raised = shown(&world, &id).await.unwrap().not_before;
    // A session of this very second is over, too.
    assert_eq!(raised, Timestamp::from_seconds(world.now().seconds() + 1));
}

async fn export(world: &World, id: &SubjectId) -> SubjectExport {
    let call = SubjectCall::Export(env(SANDBOX), id.clone());
    match world.admin(AdminCall::Subjects(call)).await {
        Ok(Outcome::Subject(SubjectOutcome::Export(export))) => *export,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_export_gathers_what_is_known_of_one_subject_and_of_no_other() {
    let world = World::new().await;
    let jane = made(&world, new(Some("jane@example.com"), None))
        .await
        .unwrap();
    let john = made(&world, new(Some("john@example.com"), None))
        .await
        .unwrap();
    let id = of(&jane).id.clone();
    let hers = session(&world, of(&jane), "her-session", 3600);
    let his = session(&world, of(&john), "his-session", 3600);
    let name = hers.name();
    let rows = vec![
        Row::Session(hers),
        Row::Session(his),
        window(&world, of(&jane), &["jti-1"]),
        window(&world, of(&john), &["jti-2"]),
    ];
    insert(&world, rows).await;
    let change = SubjectChange {
        name: Some(Some("Jane Roe".into())),
        ..SubjectChange::default()
    };
    amend(&world, &jane, change).await.unwrap();
    let export = export(&world, &id).await;
    assert_eq!(
        of(&export.stored).attributes.name.as_deref(),
        Some("Jane Roe")
    );
    let kept: Vec<_> = export
        .kept
        .iter()
        .map(|row| row.session().unwrap().name())
        .collect();
    assert_eq!(kept, [name]);
    let counted: Vec<_> = export
        .counted
        .iter()
        .map(|one| one.token_id.as_str())
        .collect();
    assert_eq!(counted, ["jti-1"]);
    let actions: Vec<_> = export
        .audit
        .iter()
        .map(|row| row.audit().unwrap().action.as_str())
        .collect();
    assert_eq!(actions, ["subject.change", "subject.create"]);
    assert!(!export.is_cut);
    let (noted, _) = world.engine.take_observations(world.now());
    let noted: Vec<_> = noted
        .iter()
        .map(|line| (line.action.as_str(), line.target.clone()))
        .collect();
    assert_eq!(noted, [("subject.export", format!("subject:{id}"))]);
}
