//! A site that asks in both of Ubiqu's flavours, and checks signatures with `cryptography` and OpenSSL.

use super::program::Talking;
use crate::{
    harness::Server,
    pocket::Phone,
    world::{Doors, text},
};
use countersign_engine::{id::EnvironmentId, model::environment::Mode};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::task::block_in_place;

const PLACE: &str = "/admin/v1/environments/sandbox";

/// A server with one service provider, and its key.
async fn stage() -> (Server, String) {
    let server = Server::start().await;
    let doors = Doors {
        public: server.public(),
        admin: server.admin(),
        gateways: vec![],
        owner: server.operator_token(),
    };
    server
        .environment_with(
            "sandbox",
            Mode::Sandbox,
            &["127.0.0.1", "phone.example"],
            &[],
            Some(&["ubiqu"]),
        )
        .await;
    let phones = json!({ "phone_url": "https://phone.example" });
    doors.change("PATCH", PLACE, phones).await;
    let acme = json!({ "id": "acme", "display_name": "Acme" });
    doors.make("/admin/v1/organizations", acme).await;
    let bank = json!({
        "organization": "acme", "display_name": "Bank", "kind": "service_provider", "spelling": "ubiqu",
    });
    let bank = doors.make(&format!("{PLACE}/clients"), bank).await;
    let key = json!({ "kind": "api_key" });
    let made = doors.credential("sandbox", &text(&bank, "id"), key).await;
    (server, made.secret)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_approves_is_signed_as_cryptography_and_openssl_want_it() {
    let (server, api_key) = stage().await;
    let state = Arc::clone(&server.running.state);
    let engine = Arc::clone(&state.engine);
    let sandbox = EnvironmentId::parse("sandbox").unwrap();
    let context = move || state.context(sandbox.clone(), Some([127, 0, 0, 1].into()), "phone");
    let phone = Phone::enrol(engine, context).await;
    let file = server.folder.path().join("facts.json");
    let facts = json!({ "url": format!("http://{}", server.public()), "api_key": api_key });
    std::fs::write(&file, facts.to_string()).unwrap();
    let mut site = Talking::python("ubiqu", &[file.to_str().unwrap()]);
    let summary = loop {
        let said: Value = block_in_place(|| site.line());
        if let Some(nonce) = said["type_in"].as_str() {
            phone.type_in(nonce).await.unwrap();
        } else if let Some(uuid) = said["approve"].as_str() {
            let record: Value = serde_json::from_str(&phone.record(uuid).await).unwrap();
            assert_eq!(record["code"], said["otp"], "both show the same");
            phone.approve(uuid).await.unwrap();
        } else {
            break said;
        }
    };
    for flow in [
        "v1 authenticate",
        "v1 sign",
        "tutorial authenticate",
        "tutorial sign",
    ] {
        let wanted = json!({
            "state": [2, "accepted", true], "good": [true, true], "other": [false, false],
        });
        assert_eq!(summary[flow], wanted, "{flow}");
    }
    drop(site);
    server.stop().await;
}
