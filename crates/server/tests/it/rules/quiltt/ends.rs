//! What ends a session, and that the next decision knows.

use super::*;
use countersign_engine::{
    call::AdminCall,
    denied::{Denied, Reason},
    id::CredentialId,
    model::{
        State,
        guard::{Accept, Guard},
    },
};
use std::time::Duration;

async fn guarded() -> Quiltt {
    let quiltt = Quiltt::new().await;
    let guard = Guard {
        name: "graphql".into(),
        hosts: vec![],
        paths: vec!["/v1/graphql".into()],
        methods: vec![],
        accept: vec![Accept::Session, Accept::SubjectBasic],
        profiles: vec!["quiltt".into()],
        audiences: vec![],
        scopes: scopes("read"),
        origins: vec![],
        rate_limit: None,
        dialect: Some("quiltt".into()),
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    };
    quiltt.world.set_guards(SANDBOX, vec![guard]).await.unwrap();
    quiltt
}

impl Quiltt {
    async fn decide(&self, session: &str) -> Result<(), Denied> {
        self.world.ask(SANDBOX, "/v1/graphql", session).await
    }

    async fn revoke(&self, id: &CredentialId) {
        let call = AdminCall::RevokeCredential(env(SANDBOX), id.clone());
        self.world.admin(call).await.unwrap();
    }
}

const REVOKED: Result<(), Denied> = Err(Denied::InvalidToken(Reason::Revoked));
const DISABLED: Result<(), Denied> = Err(Denied::InvalidToken(Reason::Disabled));

#[tokio::test]
async fn a_revoked_session_is_refused_by_the_next_decision_and_everywhere() {
    let quiltt = guarded().await;
    let session = quiltt.session(UUID).await;
    let other = quiltt.session(UUID).await;
    assert_eq!(quiltt.decide(&session).await, Ok(()));
    assert_eq!(
        quiltt
            .with("DELETE /v1/users/session", &session)
            .await
            .status,
        204
    );
    assert_eq!(quiltt.decide(&session).await, REVOKED);
    for line in [
        "GET /v1/users/session",
        "DELETE /v1/users/session",
        "POST /v1/introspect/session_token",
    ] {
        assert_eq!(quiltt.with(line, &session).await.status, 401, "{line}");
        if !line.starts_with("DELETE") {
            assert_eq!(quiltt.with(line, &other).await.status, 200, "{line}");
        }
    }
    assert_eq!(
        quiltt.decide(&other).await,
        Ok(()),
        "the subject's other session"
    );
}

#[tokio::test]
async fn a_session_ends_with_its_subject() {
    let quiltt = guarded().await;
    let session = quiltt.session(UUID).await;
    assert_eq!(quiltt.decide(&session).await, Ok(()));
    quiltt
        .amend(UUID, |subject| subject.state = State::Disabled)
        .await;
    assert_eq!(quiltt.decide(&session).await, DISABLED);
    let issue = format!(r#"{{"userId":"{UUID}"}}"#);
    assert_eq!(
        quiltt.ask("POST /v1/users/sessions", &issue).await.status,
        403
    );
    quiltt
        .amend(UUID, |subject| subject.state = State::Active)
        .await;
    assert_eq!(quiltt.decide(&session).await, Ok(()));
    let deleted = quiltt
        .ask(&format!("DELETE /v1/profiles/{PROFILE}"), "")
        .await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    assert_eq!(quiltt.decide(&session).await, DISABLED);
    assert_eq!(
        quiltt.ask("POST /v1/users/sessions", &issue).await.status,
        409
    );
    assert_eq!(
        quiltt
            .ask(&format!("GET /v1/profiles/{UUID}"), "")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_session_ends_with_its_api_key_when_that_is_revoked_and_not_when_it_was_rotated() {
    let quiltt = guarded().await;
    let session = quiltt.session(UUID).await;
    let rotate = AdminCall::RotateCredential {
        environment: env(SANDBOX),
        credential: quiltt.key.id.clone(),
        overlap: Duration::from_secs(60),
        idempotency: None,
    };
    quiltt.world.admin(rotate).await.unwrap();
    quiltt.world.pass(120).await;
    let issue = format!(r#"{{"userId":"{UUID}"}}"#);
    assert_eq!(
        quiltt.ask("POST /v1/users/sessions", &issue).await.status,
        401
    );
    assert_eq!(
        quiltt.decide(&session).await,
        Ok(()),
        "a rotation logs nobody out"
    );
    quiltt.revoke(&quiltt.key.id).await;
    assert_eq!(quiltt.decide(&session).await, REVOKED);
}

#[tokio::test]
async fn a_session_ends_after_a_day() {
    let quiltt = guarded().await;
    let session = quiltt.session(UUID).await;
    quiltt.world.pass(24 * 3600 - 1).await;
    assert_eq!(quiltt.decide(&session).await, Ok(()));
    quiltt.world.pass(1).await;
    let expired = Err(Denied::InvalidToken(Reason::Expired));
    assert_eq!(quiltt.decide(&session).await, expired);
    assert_eq!(
        quiltt.with("GET /v1/users/session", &session).await.status,
        401
    );
}

#[tokio::test]
async fn a_session_is_none_at_another_dialects_endpoints() {
    let quiltt = Quiltt::new().await;
    let session = quiltt.session(UUID).await;
    let user = format!("GET /api/v1/users/{UUID}");
    for line in [user.as_str(), "POST /api/v1/logout"] {
        let request = format!("{line}\nAuthorization: Bearer {session}\n\n");
        let answer = crate::rules::wire::ask(&quiltt.world, SANDBOX, &request).await;
        assert_eq!(answer.status(), 401, "{line}");
    }
    let own = quiltt.with("GET /v1/users/session", &session).await;
    assert_eq!(own.status, 200, "and it goes on");
}
