//! The operator's calls: idempotency, versions, whole-object rules, roles, the audit log.

use super::world::*;
use countersign_engine::{
    call::{
        AdminCall, Amend, ClientChange, EnvironmentChange, IdempotencyKey, Lifecycle, Listing, New,
        NewCredential, NewEnvironment, NewHolder, NewOperator, NewOrganization, OperatorChange,
        Target,
    },
    denied::{Denied, Problem, ProblemKind, Reason, Refusal},
    digest::Digest,
    id::OperatorId,
    model::{
        State,
        credential::CredentialKind,
        environment::Mode,
        guard::{Accept, Guard},
        operator::Role,
    },
    outcome::Outcome,
    secret::Secret,
};

fn idempotency(key: &str, body: &str) -> Option<IdempotencyKey> {
    let request = Digest::of("test", &[body.as_bytes()]);
    Some(IdempotencyKey {
        key: Secret::new(key.into()),
        request,
    })
}

#[tokio::test]
async fn a_repeated_creation_is_answered_again_and_not_done_again() {
    let world = World::new().await;
    let client = world.backend().await;
    let key = |holder: &countersign_engine::id::ClientId| {
        New::Credential(NewCredential {
            environment: env(SANDBOX),
            holder: NewHolder::Client(holder.clone()),
            kind: CredentialKind::ApiKey,
            key: None,
            lifecycle: Lifecycle::default(),
        })
    };
    let operator = New::Operator(NewOperator {
        id: OperatorId::parse("alice").unwrap(),
        display_name: None,
        role: Role::Viewer,
    });
    for (name, new) in [("credential", key(&client)), ("operator", operator)] {
        let create = |idempotency| {
            world.admin(AdminCall::Create {
                new: new.clone(),
                idempotency,
            })
        };
        let Outcome::Created { view, secret } = create(idempotency(name, "body")).await.unwrap()
        else {
            panic!()
        };
        let secret = secret.unwrap();
        let Outcome::Created {
            view: again,
            secret: told,
        } = create(idempotency(name, "body")).await.unwrap()
        else {
            panic!()
        };
        assert_eq!(view.stored.row, again.stored.row, "{name}");
        assert_eq!(told.unwrap().expose(), secret.expose(), "{name}");
        let other = create(idempotency(name, "another body")).await.unwrap_err();
        assert_eq!(
            other,
            Refusal::Denied(Denied::IdempotencyMismatch),
            "{name}"
        );
        world.pass(600).await;
        let late = create(idempotency(name, "body")).await.unwrap_err();
        assert_eq!(late, Refusal::Denied(Denied::SecretAlreadyShown), "{name}");
    }
}

#[tokio::test]
async fn fifty_creations_with_one_key_make_one_thing() {
    let world = std::sync::Arc::new(World::new().await);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let world = world.clone();
        tasks.spawn(async move {
            let new = New::Organization(NewOrganization {
                id: None,
                display_name: "One".into(),
                number: None,
            });
            match world
                .admin(AdminCall::Create {
                    new,
                    idempotency: idempotency("one", "body"),
                })
                .await
                .unwrap()
            {
                Outcome::Created { view, .. } => view.stored.organization().unwrap().id.clone(),
                other => panic!("{other:?}"),
            }
        });
    }
    let made: std::collections::HashSet<_> = tasks.join_all().await.into_iter().collect();
    assert_eq!(made.len(), 1);
}

#[tokio::test]
async fn a_change_needs_the_version_that_was_read() {
    let world = World::new().await;
    let client = world.backend().await;
    let change = || {
        Amend::Client(
            env(SANDBOX),
            client.clone(),
            ClientChange {
                display_name: Some("Renamed".into()),
                ..ClientChange::default()
            },
        )
    };
    let amend = |if_version| {
        world.admin(AdminCall::Amend {
            change: change(),
            if_version,
        })
    };
    assert_eq!(
        amend(None).await.unwrap_err(),
        Refusal::Denied(Denied::PreconditionRequired)
    );
    assert_eq!(
        amend(Some(2)).await.unwrap_err(),
        Refusal::Denied(Denied::PreconditionFailed)
    );
    let Outcome::Row(view) = amend(Some(1)).await.unwrap() else {
        panic!()
    };
    assert_eq!(
        (
            view.stored.version,
            view.stored.client().unwrap().display_name.as_str()
        ),
        (2, "Renamed")
    );
    assert_eq!(
        amend(Some(1)).await.unwrap_err(),
        Refusal::Denied(Denied::PreconditionFailed)
    );
}

#[tokio::test]
async fn a_viewer_looks_and_does_not_touch_and_the_last_owner_stays() {
    let world = World::new().await;
    let viewer = NewOperator {
        id: OperatorId::parse("alice").unwrap(),
        display_name: None,
        role: Role::Viewer,
    };
    let (_, token) = world.create(New::Operator(viewer)).await.unwrap();
    let token = token.unwrap();
    // The world asks as a route for owners would: the role is settled before the call is opened.
    let refusal = world.admin_as(&token, AdminCall::WhoAmI).await.unwrap_err();
    assert_eq!(refusal, Refusal::Denied(Denied::Forbidden(Reason::Role)));
    let root = OperatorId::parse("root").unwrap();
    let step_back = |change| AdminCall::Amend {
        change: Amend::Operator(root.clone(), change),
        if_version: Some(1),
    };
    for change in [
        OperatorChange {
            role: Some(Role::Editor),
            ..OperatorChange::default()
        },
        OperatorChange {
            state: Some(State::Disabled),
            ..OperatorChange::default()
        },
    ] {
        let refusal = world.admin(step_back(change)).await.unwrap_err();
        assert!(
            matches!(refusal, Refusal::Denied(Denied::Conflict(_))),
            "{refusal:?}"
        );
    }
    let unknown = world
        .admin_as(
            &Secret::new("cs_opr_live_nothing".into()),
            AdminCall::WhoAmI,
        )
        .await
        .unwrap_err();
    assert_eq!(
        unknown,
        Refusal::Denied(Denied::InvalidToken(Reason::Unknown))
    );
}

#[tokio::test]
async fn every_wrong_member_is_named() {
    let world = World::new().await;
    let new = New::Environment(NewEnvironment {
        id: env("third"),
        display_name: Some(" ".into()),
        mode: Mode::Sandbox,
        issuer: "https://example.com/?x".into(),
        hosts: vec!["Upper.example.com".into(), "ok.example.com".into()],
        dialects: Some(vec!["klingon".into()]),
        brand: Some("C".into()),
        allowed_origins: vec!["https://app.example.com/".into()],
        public_url: None,
        phone_url: None,
        provider_registrations: None,
    });
    let Refusal::Denied(Denied::Invalid(problems)) = world.create(new).await.unwrap_err() else {
        panic!()
    };
    let fields: Vec<_> = problems
        .iter()
        .map(|problem| problem.field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "display_name",
            "issuer",
            "hosts[0]",
            "allowed_origins[0]",
            "dialects",
            "brand"
        ]
    );
    let guard = Guard {
        name: "bad name".into(),
        hosts: vec!["host:80".into()],
        paths: vec!["/a/../b".into()],
        methods: vec!["get".into()],
        accept: vec![],
        profiles: vec!["nothing".into()],
        audiences: vec![],
        scopes: scopes(""),
        origins: vec!["*".into()],
        rate_limit: None,
        dialect: Some("nothing".into()),
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    };
    let Refusal::Denied(Denied::Invalid(problems)) =
        world.set_guards(SANDBOX, vec![guard]).await.unwrap_err()
    else {
        panic!()
    };
    let fields: Vec<_> = problems
        .iter()
        .map(|problem| problem.field.as_str())
        .collect();
    let expected = [
        "name",
        "paths[0]",
        "methods[0]",
        "hosts[0]",
        "origins[0]",
        "dialect",
        "profiles",
        "accept",
    ];
    assert_eq!(fields, expected.map(|field| format!("guards[0].{field}")));
}

#[tokio::test]
async fn a_host_leads_to_one_environment_and_moves_only_whole() {
    let world = World::new().await;
    let lookup = |host: &'static str| {
        let (engine, now) = (world.engine.clone(), world.now());
        async move {
            engine
                .environment_of(host, now)
                .await
                .unwrap()
                .map(|id| id.to_string())
        }
    };
    assert_eq!(
        lookup("auth.sandbox.example.com").await.as_deref(),
        Some(SANDBOX)
    );
    assert_eq!(
        lookup("auth.sandbox.example.com:8443").await.as_deref(),
        Some(SANDBOX)
    );
    assert_eq!(lookup("nowhere.example.com").await, None);
    let hosts = |name: &str, hosts: &[&str]| {
        Amend::Environment(
            env(name),
            EnvironmentChange {
                hosts: Some(hosts.iter().map(|&host| host.into()).collect()),
                ..EnvironmentChange::default()
            },
        )
    };
    let taken = AdminCall::Amend {
        change: hosts(PRODUCTION, &["auth.sandbox.example.com"]),
        if_version: Some(1),
    };
    assert!(matches!(
        world.admin(taken).await.unwrap_err(),
        Refusal::Denied(Denied::Conflict(_))
    ));
    assert_eq!(
        lookup("auth.production.example.com").await.as_deref(),
        Some(PRODUCTION)
    );
    let moved = AdminCall::Amend {
        change: hosts(SANDBOX, &["new.example.com"]),
        if_version: Some(1),
    };
    world.admin(moved).await.unwrap();
    assert_eq!(lookup("auth.sandbox.example.com").await, None);
    assert_eq!(lookup("new.example.com").await.as_deref(), Some(SANDBOX));
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_and_no_secret_is() {
    let world = World::new().await;
    world.guards(SANDBOX).await;
    let client = world.backend().await;
    let kept = world
        .credential(SANDBOX, &client, CredentialKind::ApiKey)
        .await;
    world
        .admin(AdminCall::RevokeCredential(env(SANDBOX), kept.id.clone()))
        .await
        .unwrap();
    assert!(
        world
            .ask(SANDBOX, "/keys/1", kept.secret.expose())
            .await
            .is_err()
    );
    let (observed, dropped) = world.engine.take_observations(world.now());
    assert_eq!(dropped, 0);
    assert!(
        observed
            .iter()
            .any(|event| event.action == "decision.deny" && event.outcome == "revoked")
    );
    let whose = format!("{observed:?}");
    assert!(whose.contains(kept.id.as_str()), "{whose}");
    let listing = Listing::Audit {
        environment: Some(env(SANDBOX)),
        organization: None,
        since: None,
    };
    let call = AdminCall::List {
        listing,
        after: None,
        limit: 200,
    };
    let Outcome::Rows(listed) = world.admin(call).await.unwrap() else {
        panic!()
    };
    let events: Vec<_> = listed
        .rows
        .iter()
        .map(|view| view.stored.audit().unwrap())
        .collect();
    let actions: Vec<_> = events
        .iter()
        .rev()
        .map(|event| event.action.as_str())
        .collect();
    let expected = [
        "environment.create",
        "guards.change",
        "client.create",
        "credential.create",
        "credential.revoke",
    ];
    assert_eq!(actions, expected);
    assert!(
        events
            .iter()
            .all(|event| event.actor == "operator:root" && event.outcome == "ok")
    );
    let printed = format!("{events:?} {observed:?}");
    assert!(!printed.contains(kept.secret.expose().as_str()));
}

#[tokio::test]
async fn rows_are_shown_page_by_page_without_gap_or_repeat() {
    let world = World::new().await;
    for _ in 0..25 {
        world.backend().await;
    }
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let call = AdminCall::List {
            listing: Listing::Clients(env(SANDBOX), None),
            after,
            limit: 10,
        };
        let Outcome::Rows(page) = world.admin(call).await.unwrap() else {
            panic!()
        };
        seen.extend(
            page.rows
                .iter()
                .map(|view| view.stored.client().unwrap().id.clone()),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), sorted), (25, seen));
    let nowhere = AdminCall::Show(Target::Environment(env("nowhere")));
    let refusal = world.admin(nowhere).await.unwrap_err();
    assert_eq!(
        refusal,
        Refusal::Denied(Denied::NotFound {
            noun: "environment"
        })
    );
}

#[tokio::test]
async fn a_dialect_was_taken_out_from_under_the_guard_that_names_it() {
    let world = World::new().await;
    let guard = |name: &str, dialect: Option<&str>, profiles: &[&str]| Guard {
        name: name.into(),
        hosts: vec![],
        paths: vec![format!("/{name}/*")],
        methods: vec![],
        accept: vec![Accept::AccessToken],
        profiles: profiles.iter().map(|&name| name.into()).collect(),
        audiences: vec![],
        scopes: scopes(""),
        origins: vec![],
        rate_limit: None,
        dialect: dialect.map(Into::into),
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    };
    let guards = [
        guard("sites", Some("ayyeka"), &["ayyeka"]),
        guard("others", None, &["standard"]),
    ];
    world.set_guards(SANDBOX, guards.to_vec()).await.unwrap();
    let without = || AdminCall::Amend {
        change: Amend::Environment(
            env(SANDBOX),
            EnvironmentChange {
                dialects: Some(vec!["standard".into()]),
                ..EnvironmentChange::default()
            },
        ),
        if_version: Some(1),
    };
    let still = |what: &str| {
        let (guard, what) = ("sites".into(), what.into());
        Problem::new("dialects", ProblemKind::StillNamed { guard, what })
    };
    assert_eq!(
        world.admin(without()).await.unwrap_err(),
        Refusal::Denied(Denied::Invalid(vec![
            still("the dialect ayyeka"),
            still("the token profile ayyeka"),
        ]))
    );
    let [_, others] = guards;
    world.set_guards(SANDBOX, vec![others]).await.unwrap();
    world.admin(without()).await.unwrap();
}

#[tokio::test]
async fn a_revoked_secret_that_is_shown_again_did_not_say_whose_it_was() {
    let world = World::new().await;
    world.guards(SANDBOX).await;
    let client = world.backend().await;
    let secret = world
        .credential(SANDBOX, &client, CredentialKind::ClientSecret)
        .await;
    let token = world.token(SANDBOX, &secret, "standard").await.unwrap();
    let token = token.token.expose().clone();
    let key = world
        .credential(SANDBOX, &client, CredentialKind::ApiKey)
        .await;
    for id in [&secret.id, &key.id] {
        let revoke = AdminCall::RevokeCredential(env(SANDBOX), id.clone());
        world.admin(revoke).await.unwrap();
    }
    let end = AdminCall::RevokeToken(env(SANDBOX), Secret::new(token.clone()));
    world.admin(end).await.unwrap();
    world.engine.take_observations(world.now());

    let key_text = key.secret.expose();
    assert!(world.ask(SANDBOX, "/keys/1", key_text).await.is_err());
    assert!(world.ask(SANDBOX, "/tokens/1", &token).await.is_err());
    assert!(world.token(SANDBOX, &secret, "standard").await.is_err());
    assert!(world.ask(SANDBOX, "/keys/1", "a-stranger").await.is_err());
    assert!(world.ask(SANDBOX, "/keys//1", key_text).await.is_err());
    let (observed, _) = world.engine.take_observations(world.now());
    let told: Vec<[String; 4]> = observed
        .into_iter()
        .map(|event| [event.actor, event.action, event.target, event.outcome])
        .collect();
    let hers = format!("client:{client}");
    for expected in [
        [
            &hers,
            "decision.deny",
            &format!("credential:{}", key.id),
            "revoked",
        ],
        [&hers, "decision.deny", "guard:tokens", "revoked"],
        [
            &hers,
            "caller.refuse",
            &format!("credential:{}", secret.id),
            "revoked",
        ],
        ["-", "decision.deny", "guard:keys", "unknown"],
        ["-", "decision.deny", "guard:-", "ambiguous_request"],
    ] {
        let expected = expected.map(str::to_owned);
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
}
