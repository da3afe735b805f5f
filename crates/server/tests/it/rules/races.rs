//! A load that was under way when its row changed must not bring the old row back.

use super::world::*;
use countersign_engine::{
    call::AdminCall,
    decision::{Carrier, Judged},
    denied::{Denied, Reason},
    model::credential::CredentialKind,
};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_wins_over_every_decision_that_begins_after_it_however_many_load_meanwhile() {
    let world = Arc::new(World::new().await);
    world.guards(SANDBOX).await;
    let client = world.backend().await;
    for _ in 0..200 {
        let kept = world
            .credential(SANDBOX, &client, CredentialKind::ApiKey)
            .await;
        let mut askers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (world, kept) = (world.clone(), kept.clone());
            askers.spawn(async move {
                let bearer = format!("Bearer {}", kept.secret.expose());
                let judged = Judged {
                    authorization: Carrier::Present(&bearer),
                    ..request("/keys/1")
                };
                for _ in 0..20 {
                    // Either answer is right while the revocation is under way; it only has to load.
                    world.engine.decide(&world.context(SANDBOX), &judged).await;
                }
            });
        }
        world
            .admin(AdminCall::RevokeCredential(env(SANDBOX), kept.id.clone()))
            .await
            .unwrap();
        let revoked = Err(Denied::InvalidToken(Reason::Revoked));
        assert_eq!(
            world.ask(SANDBOX, "/keys/1", kept.secret.expose()).await,
            revoked
        );
        askers.join_all().await;
        assert_eq!(
            world.ask(SANDBOX, "/keys/1", kept.secret.expose()).await,
            revoked
        );
    }
}
