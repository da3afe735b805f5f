//! Every kind of credential has the one lifecycle, wherever it is shown.

use super::world::*;
use countersign_engine::{
    call::{AdminCall, Amend, ClientChange, Lifecycle, OrganizationChange, Target},
    decision::{Carrier, Judged},
    denied::{Denied, Reason, Refusal},
    id::{CredentialId, OrganizationId},
    model::{
        State,
        client::{ClientKind, Spelling},
        credential::{CredentialKind, RateLimit},
    },
    outcome::Outcome,
};
use std::time::Duration;

/// The kinds that a client shows as they are, and what asking with each says.
const KINDS: [CredentialKind; 3] = [
    CredentialKind::ClientSecret,
    CredentialKind::ApiKey,
    CredentialKind::RegistrationToken,
];

async fn show(world: &World, kept: &Kept, kind: CredentialKind) -> Result<(), Denied> {
    let bearer = format!("Bearer {}", kept.secret.expose());
    let client = kept.client.to_string();
    let authorization = Carrier::Present(bearer.as_str());
    match kind {
        CredentialKind::ClientSecret => match world.token(SANDBOX, kept, "standard").await {
            Ok(_) => Ok(()),
            Err(Refusal::Denied(denied)) => Err(denied),
            Err(fault) => panic!("{fault}"),
        },
        CredentialKind::ApiKey => {
            world
                .judge(
                    SANDBOX,
                    &Judged {
                        authorization,
                        ..request("/keys/1")
                    },
                )
                .await
        }
        CredentialKind::RegistrationToken => {
            let client_id = Carrier::Present(client.as_str());
            world
                .judge(
                    SANDBOX,
                    &Judged {
                        authorization,
                        client_id,
                        ..request("/register/1")
                    },
                )
                .await
        }
        _ => panic!("not shown as it is"),
    }
}

fn refused(kind: CredentialKind, reason: Reason) -> Result<(), Denied> {
    match kind {
        CredentialKind::ClientSecret => Err(Denied::InvalidClient(reason)),
        _ => Err(Denied::InvalidToken(reason)),
    }
}

async fn expect(world: &World, kept: &Kept, kind: CredentialKind, answer: Result<(), Denied>) {
    assert_eq!(show(world, kept, kind).await, answer, "{kind:?}");
}

async fn world() -> World {
    let world = World::new().await;
    world.guards(SANDBOX).await;
    world
}

pub(super) async fn change(world: &World, id: &CredentialId, change: Lifecycle) {
    let (_, version) = world.stored_credential(SANDBOX, id).await;
    let change = Amend::Credential(env(SANDBOX), id.clone(), change);
    world
        .admin(AdminCall::Amend {
            change,
            if_version: Some(version),
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_credential_is_refused_before_it_begins_and_from_its_end_on() {
    let world = world().await;
    let client = world.backend().await;
    for kind in KINDS {
        let start = world.now();
        let lifecycle = Lifecycle {
            not_before: Some(Some(start.plus(Duration::from_secs(10)))),
            expires_at: Some(Some(start.plus(Duration::from_secs(20)))),
            ..Lifecycle::default()
        };
        let kept = world
            .credential_with(SANDBOX, &client, kind, lifecycle)
            .await;
        expect(&world, &kept, kind, refused(kind, Reason::NotYet)).await;
        world.pass(9).await;
        expect(&world, &kept, kind, refused(kind, Reason::NotYet)).await;
        world.pass(1).await;
        expect(&world, &kept, kind, Ok(())).await;
        world.pass(9).await;
        expect(&world, &kept, kind, Ok(())).await;
        world.pass(1).await;
        expect(&world, &kept, kind, refused(kind, Reason::Expired)).await;
    }
}

#[tokio::test]
async fn a_revoked_credential_is_refused_by_the_very_next_request() {
    let world = world().await;
    let client = world.backend().await;
    for kind in KINDS {
        let kept = world.credential(SANDBOX, &client, kind).await;
        expect(&world, &kept, kind, Ok(())).await;
        world
            .admin(AdminCall::RevokeCredential(env(SANDBOX), kept.id.clone()))
            .await
            .unwrap();
        expect(&world, &kept, kind, refused(kind, Reason::Revoked)).await;
    }
}

#[tokio::test]
async fn a_credential_works_from_its_networks_only() {
    let world = world().await;
    let client = world.backend().await;
    for kind in KINDS {
        let kept = world.credential(SANDBOX, &client, kind).await;
        let networks = |text: &str| Lifecycle {
            allowed_networks: Some(vec![text.parse().unwrap()]),
            ..Lifecycle::default()
        };
        change(&world, &kept.id, networks("192.0.2.0/24")).await;
        expect(&world, &kept, kind, Ok(())).await;
        change(&world, &kept.id, networks("198.51.100.0/24")).await;
        expect(&world, &kept, kind, refused(kind, Reason::Network)).await;
    }
}

#[tokio::test]
async fn a_credential_is_limited_by_its_own_rate() {
    let world = world().await;
    let client = world.backend().await;
    for kind in KINDS {
        let limit = RateLimit {
            per_minute: 60,
            burst: 4,
        };
        let lifecycle = Lifecycle {
            rate_limit: Some(Some(limit)),
            ..Lifecycle::default()
        };
        let kept = world
            .credential_with(SANDBOX, &client, kind, lifecycle)
            .await;
        let mut answers = Vec::new();
        for _ in 0..12 {
            answers.push(show(&world, &kept, kind).await);
        }
        let refusal = Err(Denied::TooManyRequests { retry_after_s: 1 });
        assert_eq!(answers.first(), Some(&Ok(())), "{kind:?}");
        assert_eq!(answers.last(), Some(&refusal), "{kind:?}");
        world.pass(60).await;
        expect(&world, &kept, kind, Ok(())).await;
    }
}

#[tokio::test]
async fn a_rotated_credential_has_two_working_secrets_then_one() {
    let world = world().await;
    let client = world.backend().await;
    for kind in KINDS {
        let old = world.credential(SANDBOX, &client, kind).await;
        let call = AdminCall::RotateCredential {
            environment: env(SANDBOX),
            credential: old.id.clone(),
            overlap: Duration::from_secs(60),
            idempotency: None,
        };
        let Outcome::Created { view, secret } = world.admin(call).await.unwrap() else {
            panic!()
        };
        let id = view.stored.credential().unwrap().id.clone();
        let new = Kept {
            client: client.clone(),
            id,
            secret: secret.unwrap(),
        };
        assert_eq!(show(&world, &old, kind).await, Ok(()), "{kind:?}");
        assert_eq!(show(&world, &new, kind).await, Ok(()), "{kind:?}");
        world.pass(60).await;
        assert_eq!(
            show(&world, &old, kind).await,
            refused(kind, Reason::Expired),
            "{kind:?}"
        );
        assert_eq!(show(&world, &new, kind).await, Ok(()), "{kind:?}");
    }
}

#[tokio::test]
async fn disabling_an_owner_disables_every_kind_at_once_and_enabling_it_brings_them_back() {
    let world = world().await;
    let client = world.backend().await;
    let acme = OrganizationId::parse("acme").unwrap();
    for kind in KINDS {
        let kept = world.credential(SANDBOX, &client, kind).await;
        for state in [State::Disabled, State::Active] {
            let target = Target::Client(env(SANDBOX), client.clone());
            let change = Amend::Client(
                env(SANDBOX),
                client.clone(),
                ClientChange {
                    state: Some(state),
                    ..ClientChange::default()
                },
            );
            amend(&world, target, change).await;
            let expected = if state == State::Active {
                Ok(())
            } else {
                refused(kind, Reason::Disabled)
            };
            assert_eq!(
                show(&world, &kept, kind).await,
                expected,
                "client, {kind:?}"
            );
        }
        for state in [State::Disabled, State::Active] {
            let change = OrganizationChange {
                state: Some(state),
                ..OrganizationChange::default()
            };
            let change = Amend::Organization(acme.clone(), change);
            amend(&world, Target::Organization(acme.clone()), change).await;
            let expected = if state == State::Active {
                Ok(())
            } else {
                refused(kind, Reason::Disabled)
            };
            assert_eq!(
                show(&world, &kept, kind).await,
                expected,
                "organization, {kind:?}"
            );
        }
    }
}

pub(super) async fn amend(world: &World, target: Target, change: Amend) {
    let Outcome::Row(view) = world.admin(AdminCall::Show(target)).await.unwrap() else {
        panic!()
    };
    let if_version = Some(view.stored.version);
    world
        .admin(AdminCall::Amend { change, if_version })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_removed_client_takes_its_credentials_and_its_number_with_it() {
    let world = world().await;
    let client = world.backend().await;
    let kept = world
        .credential(SANDBOX, &client, CredentialKind::ApiKey)
        .await;
    assert_eq!(show(&world, &kept, CredentialKind::ApiKey).await, Ok(()));
    let target = Target::Client(env(SANDBOX), client);
    world
        .admin(AdminCall::Remove {
            target,
            if_version: Some(1),
        })
        .await
        .unwrap();
    assert_eq!(
        show(&world, &kept, CredentialKind::ApiKey).await,
        refused(CredentialKind::ApiKey, Reason::Disabled)
    );
}

#[tokio::test]
async fn no_kind_is_accepted_in_the_place_of_another() {
    let world = world().await;
    let client = world.backend().await;
    for kind in KINDS {
        let kept = world.credential(SANDBOX, &client, kind).await;
        for place in KINDS.into_iter().filter(|place| *place != kind) {
            assert_eq!(
                show(&world, &kept, place).await,
                refused(place, Reason::Kind),
                "{kind:?} shown as {place:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_credential_of_one_environment_is_unknown_in_the_other() {
    let world = world().await;
    world.guards(PRODUCTION).await;
    let client = world.backend().await;
    let kept = world
        .credential(SANDBOX, &client, CredentialKind::ApiKey)
        .await;
    assert_eq!(
        world.ask(SANDBOX, "/keys/1", kept.secret.expose()).await,
        Ok(())
    );
    // Its tag is of the other environment's key: refused without a look at the store.
    let answer = world.ask(PRODUCTION, "/keys/1", kept.secret.expose()).await;
    assert_eq!(answer, Err(Denied::InvalidToken(Reason::Forged)));
    let ayyeka = world
        .client(SANDBOX, ClientKind::Backend, Spelling::Ayyeka)
        .await;
    let foreign = world
        .credential(SANDBOX, &ayyeka, CredentialKind::ClientSecret)
        .await;
    let refusal = world
        .token(PRODUCTION, &foreign, "ayyeka")
        .await
        .unwrap_err();
    assert_eq!(
        refusal,
        Refusal::Denied(Denied::InvalidClient(Reason::Unknown))
    );
}
