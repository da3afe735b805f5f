//! A service provider's site.

use super::{API, Stage};
use crate::{
    keystore::openssl,
    proxies::{
        phone::{PIN, Phone, sha256},
        wire::Ask,
    },
};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

/// A site that asks, in the words of Ubiqu's tutorial.
pub struct Site<'a> {
    stage: &'a Stage,
    pub key: String,
}

impl<'a> Site<'a> {
    pub fn new(stage: &'a Stage, id: &str) -> Self {
        let client = json!({
            "id": id, "organization": "acme", "display_name": id, "kind": "service_provider", "spelling": "ubiqu",
        });
        let path = "environments/sandbox/clients";
        let made = stage.countersign.make(path, &client).json();
        let id = made["id"].as_str().unwrap();
        let new = json!({ "kind": "api_key" });
        let key = stage.countersign.credential("sandbox", id, &new).1;
        Self { stage, key }
    }

    fn send(&self, ask: Ask) -> Value {
        let ask = ask.header("X-Api-Key", &self.key).header("Accept", "*/*");
        let answer = ask.send(self.stage.countersign.public);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["result"].clone()
    }

    fn get(&self, what: &str, uuid: &str) -> Value {
        self.send(Ask::get(&format!("/api/{what}?uuid={uuid}"), API))
    }

    fn ask(&self, what: &str, body: &Value) -> Value {
        self.send(Ask::new("POST", &format!("/api/{what}"), API).json(body))
    }

    /// The asset of whoever types in what this site shows.
    pub fn identify(&self, phone: &Phone) -> String {
        let asked = self.ask("identification", &json!({}));
        phone.type_in(asked["nonce"].as_str().unwrap());
        let told = self.get("identification", asked["uuid"].as_str().unwrap());
        told["asset_uuid"].as_str().unwrap().to_owned()
    }

    /// What is approved on the phone is signed so that OpenSSL verifies it with the asset's public key.
    pub fn authenticate(&self, phone: &Phone, asset: &str) {
        let data = b"log in at noon";
        let body = json!({ "asset_uuid": asset, "fingerprint": HEXLOWER.encode(&sha256(data)) });
        let asked = self.ask("authenticate", &body);
        let [waiting] = &phone.waiting()[..] else {
            panic!("one request waits");
        };
        let approved = phone.approve(waiting, PIN);
        let approved = approved.send(self.stage.countersign.public);
        assert_eq!(approved.status, 200, "{approved:?}");
        let signed = self.get("authenticate", asked["uuid"].as_str().unwrap());
        assert_eq!(signed["verified"], true, "{signed}");
        let signature = HEXLOWER.decode(signed["signature"].as_str().unwrap().as_bytes());
        let signature = signature.unwrap();
        let shown = self.get("asset", asset);
        let pem = shown["public_key_authenticate"].as_str().unwrap();
        assert!(openssl::verifies(pem, data, &signature), "{signed}");
        assert!(!openssl::verifies(pem, b"log in at one", &signature));
    }
}
