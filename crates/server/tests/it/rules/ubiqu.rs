//! Ubiqu, from the bytes of a site's request to the bytes of its answer, with a phone that answers, on a clock that
//! stands still.

mod callbacks;
mod flows;
mod registration;
mod transcripts;

use super::{wire, world::*};
use crate::pocket::Phone;
use countersign_engine::{
    call::{AdminCall, Amend, EnvironmentChange, Target},
    model::{
        client::{ClientKind, Spelling},
        credential::CredentialKind,
    },
    outcome::Outcome,
    ports::Clock,
};
use http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;

pub const V1: &str = "application/vnd.free.v1+json";
/// What a site wants signed, and its SHA-256.
pub const DATA: &str = "Log in at Example Bank, 2026-11-27, session 7";

/// A world with two service providers and their API keys.
pub struct Ubiqu {
    pub world: World,
    pub bank: Kept,
    pub shop: Kept,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Said {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The object, of an answer that has one.
    pub fn result(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["result"].take()
    }

    /// Status and code, of a refusal.
    pub fn refusal(&self) -> (u16, String) {
        let code = self.json()["errors"][0]["code"].as_str().map(str::to_owned);
        (self.status, code.unwrap_or_else(|| panic!("{self:?}")))
    }
}

pub fn member(value: &Value, name: &str) -> String {
    let text = value[name].as_str();
    text.unwrap_or_else(|| panic!("no {name} in {value}"))
        .to_owned()
}

pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
        .as_ref()
        .to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

impl Ubiqu {
    pub async fn new() -> Self {
        let world = World::new().await;
        let target = Target::Environment(env(SANDBOX));
        let Outcome::Row(view) = world.admin(AdminCall::Show(target)).await.unwrap() else {
            panic!("no environment");
        };
        let hosts = ["auth", "api", "phone"].map(|name| format!("{name}.sandbox.example.com"));
        let change = EnvironmentChange {
            hosts: Some(hosts.to_vec()),
            dialects: Some(vec!["standard".into(), "ubiqu".into()]),
            phone_url: Some(Some("https://phone.sandbox.example.com".into())),
            ..EnvironmentChange::default()
        };
        let amend = AdminCall::Amend {
            change: Amend::Environment(env(SANDBOX), change),
            if_version: Some(view.stored.version),
        };
        world.admin(amend).await.unwrap();
        let [bank, shop] = [provider(&world).await, provider(&world).await];
        Self { world, bank, shop }
    }

    /// Say a request as the tutorial prints it, with these headers besides.
    pub async fn say(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Said {
        let headers = headers.iter();
        let headers: String = headers
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        let text = format!("{line} HTTP/1.1\nContent-Type: application/json\n{headers}\n{body}");
        let response = wire::ask(&self.world, SANDBOX, &text).await;
        Said {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: String::from_utf8(response.body().to_vec()).unwrap(),
        }
    }

    /// A request of the tutorial's.
    pub async fn ask(&self, who: &Kept, line: &str, body: &str) -> Said {
        let key = who.secret.expose();
        self.say(line, &[("Accept", "*/*"), ("X-Api-Key", key)], body)
            .await
    }

    /// A request of v1's.
    pub async fn v1(&self, who: &Kept, line: &str, body: &str) -> Said {
        let key = who.secret.expose();
        self.say(line, &[("Accept", V1), ("X-Api-Key", key)], body)
            .await
    }

    /// A phone that has enrolled.
    pub async fn phone(&self) -> Phone {
        let clock = self.world.clock();
        let context = move || context_at(&env(SANDBOX), clock.now());
        Phone::enrol(Arc::clone(&self.world.engine), context).await
    }

    /// The asset of whoever has this phone at this service provider.
    pub async fn identified(&self, who: &Kept, phone: &Phone) -> String {
        let made = self
            .ask(who, "POST /api/identification", "{}")
            .await
            .result();
        phone.type_in(&member(&made, "nonce")).await.unwrap();
        let line = format!("GET /api/identification?uuid={}", member(&made, "uuid"));
        let read = self.ask(who, &line, "").await.result();
        assert_eq!(read["status_text"], "consumed");
        member(&read, "asset_uuid")
    }

    /// Ask for an operation, and what the answer is called.
    pub async fn asked(&self, who: &Kept, noun: &str, asset: &str) -> String {
        let line = format!("POST /api/{noun}");
        let body = json!({ "asset_uuid": asset, "fingerprint": hex(&sha256(DATA.as_bytes())) });
        member(
            &self.ask(who, &line, &body.to_string()).await.result(),
            "uuid",
        )
    }

    pub async fn read(&self, who: &Kept, noun: &str, uuid: &str) -> Value {
        let line = format!("GET /api/{noun}?uuid={uuid}");
        self.ask(who, &line, "").await.result()
    }
}

async fn provider(world: &World) -> Kept {
    let client = world
        .client(SANDBOX, ClientKind::ServiceProvider, Spelling::Ubiqu)
        .await;
    let key = world
        .credential(SANDBOX, &client, CredentialKind::ApiKey)
        .await;
    assert_eq!(key.secret.expose().len(), 32);
    key
}
