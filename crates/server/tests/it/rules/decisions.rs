//! What a gateway is told: guards, carriers, tokens.

mod carriers;
mod guards;
mod introspection;
mod revocation;
mod tokens;

use super::world::*;
use countersign_engine::model::{
    client::{ClientKind, Spelling},
    credential::CredentialKind,
};

struct Scene {
    world: World,
    key: Kept,
    secret: Kept,
    ayyeka: Kept,
}

async fn scene() -> Scene {
    let world = World::new().await;
    world.guards(SANDBOX).await;
    let client = world.backend().await;
    let key = world
        .credential(SANDBOX, &client, CredentialKind::ApiKey)
        .await;
    let secret = world
        .credential(SANDBOX, &client, CredentialKind::ClientSecret)
        .await;
    let ayyeka = world
        .client(SANDBOX, ClientKind::Backend, Spelling::Ayyeka)
        .await;
    let ayyeka = world
        .credential(SANDBOX, &ayyeka, CredentialKind::ClientSecret)
        .await;
    Scene {
        world,
        key,
        secret,
        ayyeka,
    }
}

impl Scene {
    async fn token(&self, profile: &'static str) -> String {
        let kept = if profile == "ayyeka" {
            &self.ayyeka
        } else {
            &self.secret
        };
        self.world
            .token(SANDBOX, kept, profile)
            .await
            .unwrap()
            .token
            .expose()
            .clone()
    }
}

const PROFILES: [&str; 3] = ["standard", "ayyeka", "ultra"];
