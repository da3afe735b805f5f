//! Where a credential stands in a request, and who may show it there.

use super::scene;
use crate::rules::world::*;
use countersign_engine::{
    decision::{Carrier, Judged},
    denied::{Denied, Malformed, Reason},
    model::{
        client::{ClientKind, Spelling},
        credential::CredentialKind,
    },
};

#[tokio::test]
async fn carriers_are_read_to_the_letter() {
    let scene = scene().await;
    let token = scene.token("standard").await;
    let bearer = format!("Bearer {token}");
    let malformed = |how| Err(Denied::MalformedCredential(how));
    for (what, value, expected) in [
        ("as it should be", bearer.clone(), Ok(())),
        ("scheme in another case", format!("bEARER {token}"), Ok(())),
        (
            "two spaces",
            format!("Bearer  {token}"),
            malformed(Malformed::Form),
        ),
        (
            "a tab",
            format!("Bearer\t{token}"),
            malformed(Malformed::Form),
        ),
        (
            "a list",
            format!("Bearer {token}, Bearer {token}"),
            malformed(Malformed::Form),
        ),
        (
            "a space after it",
            format!("Bearer {token} "),
            malformed(Malformed::Form),
        ),
        (
            "nothing after the scheme",
            "Bearer ".into(),
            malformed(Malformed::Form),
        ),
        (
            "the scheme alone",
            "Bearer".into(),
            malformed(Malformed::Form),
        ),
        (
            "another scheme",
            "Basic abc".into(),
            Err(Denied::InvalidToken(Reason::Kind)),
        ),
        (
            "a megabyte of dots",
            format!("Bearer {}", ".".repeat(1 << 20)),
            malformed(Malformed::TooLong),
        ),
    ] {
        let judged = Judged {
            authorization: Carrier::Present(&value),
            ..request("/tokens/1")
        };
        assert_eq!(
            scene.world.judge(SANDBOX, &judged).await,
            expected,
            "{what}"
        );
    }
    let twice = Judged {
        authorization: Carrier::Malformed,
        ..request("/tokens/1")
    };
    assert_eq!(
        scene.world.judge(SANDBOX, &twice).await,
        malformed(Malformed::Repeated)
    );
    assert_eq!(
        scene.world.judge(SANDBOX, &request("/tokens/1")).await,
        Err(Denied::NoCredential)
    );
}

#[tokio::test]
async fn what_a_guard_does_not_accept_is_not_read_unless_it_is_ours() {
    let scene = scene().await;
    let token = scene.token("standard").await;
    let key = scene.key.secret.expose();
    let ask = |target: &'static str, bearer: &str| {
        let bearer = bearer.to_owned();
        let world = &scene.world;
        async move { world.ask(SANDBOX, target, &bearer).await }
    };
    let kind = Err(Denied::InvalidToken(Reason::Kind));
    assert_eq!(ask("/keys/1", key).await, Ok(()));
    assert_eq!(ask("/keys/1", &token).await, kind);
    assert_eq!(ask("/tokens/1", key).await, kind);
    assert_eq!(ask("/anonymous/1", &token).await, Ok(()));
    assert_eq!(
        ask("/anonymous/1", key).await,
        Err(Denied::MalformedCredential(Malformed::Unaccepted))
    );
    assert_eq!(
        scene.world.judge(SANDBOX, &request("/anonymous/1")).await,
        Ok(())
    );
    let lacking = Err(Denied::InsufficientScope {
        needed: scopes("admin"),
    });
    assert_eq!(ask("/admin/1", &token).await, lacking);
    assert_eq!(ask("/admin/1", key).await, lacking);
    assert_eq!(
        ask("/elsewhere", key).await,
        Err(Denied::Forbidden(Reason::Unguarded))
    );
}

#[tokio::test]
async fn a_secret_from_a_browser_is_refused_and_a_token_is_not() {
    let scene = scene().await;
    let key = format!("Bearer {}", scene.key.secret.expose());
    let token = format!("Bearer {}", scene.token("standard").await);
    let origin = Carrier::Present("https://app.example.com");
    for (authorization, target, expected) in [
        (&key, "/keys/1", Err(Denied::SecretFromBrowser)),
        (&token, "/tokens/1", Ok(())),
    ] {
        let authorization = Carrier::Present(authorization.as_str());
        let fetched = Judged {
            authorization,
            from_browser: true,
            ..request(target)
        };
        assert_eq!(
            scene.world.judge(SANDBOX, &fetched).await,
            expected,
            "{target}"
        );
        let posted = Judged {
            authorization,
            origin,
            ..request(target)
        };
        assert_eq!(
            scene.world.judge(SANDBOX, &posted).await,
            expected,
            "{target}"
        );
    }
}

#[tokio::test]
async fn a_registration_token_needs_its_client_id_and_an_allowed_origin() {
    let scene = scene().await;
    let client = scene
        .world
        .client(SANDBOX, ClientKind::Frontend, Spelling::Countersign)
        .await;
    let kept = scene
        .world
        .credential(SANDBOX, &client, CredentialKind::RegistrationToken)
        .await;
    let bearer = format!("Bearer {}", kept.secret.expose());
    let own = Carrier::Present(client.as_str());
    let good = Judged {
        authorization: Carrier::Present(&bearer),
        client_id: own,
        ..request("/register/1")
    };
    for (what, judged, expected) in [
        ("as it should be", good, Ok(())),
        (
            "from a browser",
            Judged {
                origin: Carrier::Present("https://app.example.com"),
                ..good
            },
            Ok(()),
        ),
        (
            "from elsewhere",
            Judged {
                origin: Carrier::Present("https://evil.example"),
                ..good
            },
            Err(Denied::Forbidden(Reason::Origin)),
        ),
        (
            "without client id",
            Judged {
                client_id: Carrier::Absent,
                ..good
            },
            Err(Denied::MalformedCredential(Malformed::Form)),
        ),
        (
            "with two",
            Judged {
                client_id: Carrier::Malformed,
                ..good
            },
            Err(Denied::MalformedCredential(Malformed::Form)),
        ),
        (
            "with another's",
            Judged {
                client_id: Carrier::Present("client_other"),
                ..good
            },
            Err(Denied::InvalidToken(Reason::Mismatch)),
        ),
        (
            "where it is not accepted",
            Judged {
                target: "/tokens/1",
                ..good
            },
            Err(Denied::InvalidToken(Reason::Kind)),
        ),
    ] {
        assert_eq!(
            scene.world.judge(SANDBOX, &judged).await,
            expected,
            "{what}"
        );
    }
}
