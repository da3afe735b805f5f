//! Sessions that a client signs itself.

use super::*;
use countersign_engine::{
    call::{AdminCall, Lifecycle, New, NewCredential, NewHolder},
    denied::{Denied, Reason},
    model::guard::{Accept, Guard},
};
use countersign_jose::{Algorithm, Signer, SigningKey};
use serde_json::json;

struct Signs {
    quiltt: Quiltt,
    secret: Kept,
}

/// A signing secret of this client.
async fn signing_secret(quiltt: &Quiltt, client: &ClientId) -> Kept {
    let new = NewCredential {
        environment: env(SANDBOX),
        holder: NewHolder::Client(client.clone()),
        kind: CredentialKind::SigningSecret,
        key: Some((Algorithm::Hs512, None)),
        lifecycle: Lifecycle::default(),
    };
    let (stored, secret) = quiltt.world.create(New::Credential(new)).await.unwrap();
    Kept {
        client: client.clone(),
        id: stored.credential().unwrap().id.clone(),
        secret: secret.unwrap(),
    }
}

fn guard(name: &str, accept: &[Accept]) -> Guard {
    Guard {
        name: name.into(),
        hosts: vec![],
        paths: vec![format!("/v1/{name}")],
        methods: vec![],
        accept: accept.to_vec(),
        profiles: vec![],
        audiences: vec![],
        scopes: scopes(""),
        origins: vec![],
        rate_limit: None,
        dialect: None,
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    }
}

impl Signs {
    async fn new() -> Self {
        let quiltt = Quiltt::new().await;
        let secret = signing_secret(&quiltt, &quiltt.client).await;
        let guards = vec![
            guard("graphql", &[Accept::Session, Accept::SubjectBasic]),
            guard("tokens", &[Accept::AccessToken]),
        ];
        quiltt.world.set_guards(SANDBOX, guards).await.unwrap();
        Self { quiltt, secret }
    }

    /// A session of its own, with these claims changed; `null` takes one away.
    fn sign(&self, changed: Value) -> String {
        self.sign_with(self.secret.secret.expose(), r#"{"alg":"HS512"}"#, changed)
    }

    fn sign_with(&self, secret: &str, header: &str, changed: Value) -> String {
        let now = self.quiltt.world.now().seconds();
        let mut claims = json!({
            "nbf": now, "iat": now, "jti": "one", "iss": "auth.quiltt.io", "aud": "api.quiltt.io",
            "exp": now + 3600, "ver": 2, "did": self.quiltt.key.id.as_str(), "uid": UUID,
        });
        for (name, value) in changed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        let key = SigningKey::from_secret(Algorithm::Hs512, secret.as_bytes()).unwrap();
        Signer::new(key, header)
            .sign(claims.to_string().as_bytes())
            .unwrap()
    }

    async fn decide(&self, session: &str) -> Result<(), Denied> {
        self.quiltt.world.ask(SANDBOX, "/v1/graphql", session).await
    }
}

#[tokio::test]
async fn a_decision_writes_nothing_and_a_check_imports_the_profile() {
    let signs = Signs::new().await;
    let session = signs.sign(json!({}));
    let unknown = Err(Denied::InvalidToken(Reason::Unknown));
    assert_eq!(signs.decide(&session).await, unknown);
    assert!(signs.quiltt.stored(UUID).await.is_none());
    let shown = signs.quiltt.with("GET /v1/users/session", &session).await;
    assert_eq!(
        (shown.status, shown.member("userId")),
        (200, PROFILE.into()),
        "{shown:?}"
    );
    assert!(signs.quiltt.stored(UUID).await.is_some());
    assert_eq!(signs.decide(&session).await, Ok(()));
    // A bearer at every use: never spent.
    assert_eq!(signs.decide(&session).await, Ok(()));
    assert_eq!(
        signs
            .quiltt
            .with("GET /v1/users/session", &session)
            .await
            .status,
        200
    );
    // It counts for nothing, and is revoked by its name, however it is signed again.
    assert_eq!(
        signs
            .quiltt
            .with("DELETE /v1/users/session", &session)
            .await
            .status,
        204
    );
    let again = signs.sign(json!({ "exp": signs.quiltt.world.now().seconds() + 60 }));
    for revoked in [session, again] {
        let refused = Err(Denied::InvalidToken(Reason::Revoked));
        assert_eq!(signs.decide(&revoked).await, refused);
    }
    assert_eq!(
        signs.decide(&signs.sign(json!({ "jti": "two" }))).await,
        Ok(())
    );
}

#[tokio::test]
async fn the_secret_itself_may_be_named_and_its_revocation_ends_what_it_signed() {
    let signs = Signs::new().await;
    signs.quiltt.session(UUID).await;
    let id = signs.secret.id.as_str();
    for changed in [
        json!({ "did": id }),
        json!({ "did": id, "iss": id }),
        json!({ "uid": PROFILE }),
    ] {
        let session = signs.sign(changed.clone());
        assert_eq!(signs.decide(&session).await, Ok(()), "{changed}");
    }
    let typed = signs.sign_with(
        signs.secret.secret.expose(),
        r#"{"alg":"HS512","typ":"JWT"}"#,
        json!({}),
    );
    assert_eq!(
        signs.decide(&typed).await,
        Ok(()),
        "as libraries print the header"
    );
    let revoke = AdminCall::RevokeCredential(env(SANDBOX), signs.secret.id.clone());
    signs.quiltt.world.admin(revoke).await.unwrap();
    assert!(signs.decide(&typed).await.is_err());
    assert!(
        signs
            .decide(&signs.sign(json!({ "did": id })))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn what_is_no_such_session_is_refused_each_for_its_reason() {
    let signs = Signs::new().await;
    signs.quiltt.session(UUID).await;
    let now = signs.quiltt.world.now().seconds();
    for (changed, reason) in [
        (json!({ "exp": now + 86_401 }), Reason::Claims),
        (json!({ "exp": now }), Reason::Expired),
        (json!({ "exp": null }), Reason::Claims),
        (json!({ "iat": null }), Reason::Claims),
        (json!({ "iat": now + 60 }), Reason::NotYet),
        (json!({ "nbf": now + 60 }), Reason::NotYet),
        (json!({ "jti": null }), Reason::Claims),
        (json!({ "jti": "" }), Reason::Claims),
        (json!({ "jti": 7 }), Reason::Claims),
        (json!({ "uid": null }), Reason::Claims),
        (json!({ "uid": "somebody" }), Reason::Claims),
        // Never given out: a global id is not imported.
        (
            json!({ "uid": "p_12VnSaRRxyP12Sl9rLZg8n1" }),
            Reason::Disabled,
        ),
        (json!({ "aud": "api.other.example" }), Reason::Mismatch),
        (json!({ "aud": null }), Reason::Mismatch),
        (json!({ "iss": "evil.example" }), Reason::Mismatch),
        (json!({ "eid": "env_1nowhere" }), Reason::Mismatch),
        (json!({ "did": "api_1nowhere" }), Reason::Signature),
        (json!({ "did": null }), Reason::Signature),
    ] {
        let refused = Err(Denied::InvalidToken(reason));
        assert_eq!(
            signs.decide(&signs.sign(changed.clone())).await,
            refused,
            "{changed}"
        );
    }
    let secret = signs.secret.secret.expose();
    let other = signs.sign_with(&"x".repeat(86), r#"{"alg":"HS512"}"#, json!({}));
    let refused = Err(Denied::InvalidToken(Reason::Signature));
    assert_eq!(signs.decide(&other).await, refused, "another secret");
    let odd = signs.sign_with(secret, r#"{"alg":"HS512","typ":"at+jwt"}"#, json!({}));
    assert!(signs.decide(&odd).await.is_err(), "a token of another type");
    assert_eq!(
        signs.decide(&signs.sign(json!({}))).await,
        Ok(()),
        "and a good one"
    );
}

#[tokio::test]
async fn whom_a_platform_vouches_for_comes_by_that_platform_only() {
    let signs = Signs::new().await;
    let quiltt = &signs.quiltt;
    let minted = quiltt.session(UUID).await;
    let partner = ClientId::parse("6fa459ea-ee8a-4ca4-894e-db77e160355e").unwrap();
    quiltt
        .amend(UUID, |subject| subject.platform = Some(partner))
        .await;
    let refused = Err(Denied::InvalidToken(Reason::Mismatch));
    for session in [minted, signs.sign(json!({}))] {
        assert_eq!(signs.decide(&session).await, refused);
        assert_eq!(
            quiltt.with("GET /v1/users/session", &session).await.status,
            401
        );
    }
    let pair = format!("{UUID}:{}", quiltt.key.secret.expose());
    let basic = format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()));
    let judged = countersign_engine::decision::Judged {
        authorization: countersign_engine::decision::Carrier::Present(&basic),
        ..request("/v1/graphql")
    };
    assert_eq!(quiltt.world.judge(SANDBOX, &judged).await, refused);
    let body = format!(r#"{{"userId":"{UUID}"}}"#);
    assert_eq!(
        quiltt.ask("POST /v1/users/sessions", &body).await.status,
        404
    );
    for line in ["GET", "PATCH", "DELETE"] {
        let body = if line == "PATCH" {
            r#"{"name":"Eve"}"#
        } else {
            ""
        };
        let said = quiltt
            .ask(&format!("{line} /v1/profiles/{UUID}"), body)
            .await;
        assert_eq!(said.status, 404, "{line}: {said:?}");
    }
    let listed = quiltt.ask("GET /v1/profiles", "").await;
    assert!(
        listed.status == 200 && !listed.body.contains(UUID),
        "{listed:?}"
    );
}

#[tokio::test]
async fn only_clients_of_quiltts_spelling_sign_sessions_themselves() {
    let signs = Signs::new().await;
    let quiltt = &signs.quiltt;
    quiltt.session(UUID).await;
    for spelling in [Spelling::Quiltt, Spelling::Countersign] {
        let client = quiltt
            .world
            .client(SANDBOX, ClientKind::Backend, spelling)
            .await;
        let own = signing_secret(quiltt, &client).await;
        let claims = json!({ "did": own.id.as_str() });
        let session = signs.sign_with(own.secret.expose(), r#"{"alg":"HS512"}"#, claims);
        let expected = match spelling {
            Spelling::Quiltt => Ok(()),
            _ => Err(Denied::InvalidToken(Reason::Kind)),
        };
        assert_eq!(signs.decide(&session).await, expected, "{spelling:?}");
    }
}

#[tokio::test]
async fn on_the_other_half_of_the_api_nobody_is_imported() {
    let mut signs = Signs::new().await;
    let session = signs.sign(json!({}));
    signs.quiltt.host = "api.quiltt.example.com";
    let said = signs.quiltt.with("GET /v1/users/session", &session).await;
    assert_eq!(said.status, 401, "{said:?}");
    assert!(signs.quiltt.stored(UUID).await.is_none());
    signs.quiltt.host = "auth.quiltt.example.com";
    let said = signs.quiltt.with("GET /v1/users/session", &session).await;
    assert_eq!(said.status, 200, "{said:?}");
    assert!(signs.quiltt.stored(UUID).await.is_some());
}

#[tokio::test]
async fn strangers_tokens_are_looked_up_where_sessions_are_taken_and_so_often_only() {
    let signs = Signs::new().await;
    signs.quiltt.session(UUID).await;
    let good = signs.sign(json!({}));
    let forged = signs.sign_with(&"x".repeat(86), r#"{"alg":"HS512"}"#, json!({}));
    for token in [&good, &forged] {
        let at_tokens = signs.quiltt.world.ask(SANDBOX, "/v1/tokens", token).await;
        assert!(
            matches!(at_tokens, Err(Denied::InvalidToken(_))),
            "{at_tokens:?}"
        );
    }
    let mut refused = 0;
    for _ in 0..1001 {
        if let Err(Denied::TooManyRequests { .. }) = signs.decide(&forged).await {
            refused += 1;
        }
    }
    assert_eq!(refused, 1, "a thousand at once from one network");
    let waits = signs.decide(&good).await;
    assert!(
        matches!(waits, Err(Denied::TooManyRequests { .. })),
        "{waits:?}"
    );
    signs.quiltt.world.pass(60).await;
    assert_eq!(signs.decide(&good).await, Ok(()));
}
