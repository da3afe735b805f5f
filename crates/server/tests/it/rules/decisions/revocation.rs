//! Tokens that are ended before their time, one by one and all at once.

use super::{PROFILES, scene};
use crate::rules::world::*;
use countersign_engine::{
    call::{AdminCall, Call, Target},
    denied::{Denied, Reason},
    outcome::Outcome,
    secret::Secret,
};
use countersign_jose::base64url_decode;

#[tokio::test]
async fn a_revoked_token_is_refused_by_the_very_next_decision_and_stays_so() {
    let scene = scene().await;
    for profile in PROFILES {
        let token = scene.token(profile).await;
        let other = {
            scene.world.pass(1).await;
            scene.token(profile).await
        };
        assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", &token).await, Ok(()));
        let kept = if profile == "ayyeka" {
            &scene.ayyeka
        } else {
            &scene.secret
        };
        let revoke = || Call::Revoke {
            token: Secret::new(token.clone()),
        };
        let stranger = if profile == "ayyeka" {
            &scene.secret
        } else {
            &scene.ayyeka
        };
        // RFC 7009 section 2.1: another's token is answered alike and not ended.
        assert!(matches!(
            scene.world.as_client(SANDBOX, stranger, revoke()).await,
            Ok(Outcome::Revoked)
        ));
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &token).await,
            Ok(()),
            "{profile}"
        );
        for _ in 0..2 {
            assert!(matches!(
                scene.world.as_client(SANDBOX, kept, revoke()).await,
                Ok(Outcome::Revoked)
            ));
            let revoked = Err(Denied::InvalidToken(Reason::Revoked));
            assert_eq!(
                scene.world.ask(SANDBOX, "/tokens/1", &token).await,
                revoked,
                "{profile}"
            );
        }
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &other).await,
            Ok(()),
            "{profile}: only the one"
        );
    }
}

#[tokio::test]
async fn ending_all_tokens_ends_those_of_this_second_and_none_that_come_after() {
    let scene = scene().await;
    let targets = [
        Target::Client(env(SANDBOX), scene.secret.client.clone()),
        Target::Organization(countersign_engine::id::OrganizationId::parse("acme").unwrap()),
        Target::Environment(env(SANDBOX)),
    ];
    for target in targets {
        let before = scene.token("standard").await;
        assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", &before).await, Ok(()));
        scene.world.pass(1).await;
        let same_second = scene.token("standard").await;
        scene
            .world
            .admin(AdminCall::EndTokens(target.clone()))
            .await
            .unwrap();
        for token in [before, same_second] {
            // The clock stands on a whole second, so a token of this very second is not older than the mark.
            let answer = scene.world.ask(SANDBOX, "/tokens/1", &token).await;
            let issued: serde_json::Value = serde_json::from_slice(
                &base64url_decode(token.split('.').nth(1).unwrap()).unwrap(),
            )
            .unwrap();
            let older = issued["iat"].as_i64().unwrap() < scene.world.now().seconds();
            let expected = if older {
                Err(Denied::InvalidToken(Reason::Revoked))
            } else {
                Ok(())
            };
            assert_eq!(answer, expected, "{target:?}");
        }
        scene.world.pass(1).await;
        let after = scene.token("standard").await;
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &after).await,
            Ok(()),
            "{target:?}"
        );
    }
}
