//! A server with one environment, and clients that can show each kind of credential.

use super::door::Door;
use crate::proxies::{child::eventually, countersign::Countersign, wire::Ask};
use countersign_jose::{Algorithm, RsaBits, SigningKey};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// The organization's number, which Ayyeka's tokens print as their audience.
pub const ACCOUNT: u64 = 2091;

/// The server, the API behind it, and what scripts are told about both.
pub struct Stage {
    pub facts: Value,
    pub countersign: Countersign,
    _door: Door,
    folder: TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let countersign = Countersign::start();
        let door = Door::open(countersign.gateway("forward_auth"));
        let issuer = format!("http://{}", countersign.public);
        make_environment(&countersign, &issuer);
        let secret = |client: &str| {
            let body = json!({ "kind": "client_secret" });
            countersign.credential("sandbox", client, &body).1
        };
        let facts = json!({
            "issuer": issuer,
            "api": format!("http://{}", door.address),
            "backend": { "id": "backend", "secret": secret("backend") },
            // RFC 6749 section 2.3.1 changes most of these characters on their way into Basic.
            "encoded": { "id": "en-coded_client.1", "secret": secret_with_signs(&countersign, "en-coded_client.1") },
            "signer": { "id": "signer", "rs256": pem_of(&countersign, Algorithm::Rs256), "es256": pem_of(&countersign, Algorithm::Es256) },
            "ayyeka": { "id": AYYEKA_KEY, "secret": secret_with_signs(&countersign, AYYEKA_KEY) },
        });
        Self {
            facts,
            countersign,
            _door: door,
            folder: TempDir::new().unwrap(),
        }
    }

    /// The facts in a file, for a script.
    pub fn file(&self) -> PathBuf {
        let path = self.folder.path().join("facts.json");
        fs::write(&path, self.facts.to_string()).unwrap();
        path
    }

    /// Tell scripts which key signs Ayyeka's tokens, and what these print. The thumbprints of all keys, sorted.
    pub fn tell_the_key_of_ayyeka(&mut self) -> Vec<String> {
        let keys = eventually("a current and a next key in every set", || self.keys());
        let mut signing = keys
            .iter()
            .filter(|(set, state, _)| set == "ayyeka" && state == "current");
        let (_, _, thumbprint) = signing.next().unwrap();
        assert!(signing.next().is_none(), "one key signs: {keys:?}");
        self.facts["thumbprint"] = thumbprint.as_str().into();
        self.facts["account"] = ACCOUNT.to_string().into();
        let mut all: Vec<String> = keys
            .into_iter()
            .map(|(_, _, thumbprint)| thumbprint)
            .collect();
        all.sort_unstable();
        all
    }

    /// Set, state and thumbprint of each key, once all are made: that happens after the environment is.
    fn keys(&self) -> Option<Vec<(String, String, String)>> {
        let asked = Ask::get("/admin/v1/environments/sandbox/key-sets", "localhost");
        let sets = self.countersign.admin_ask(asked).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut all = Vec::new();
        // Keys of receipts are published apart.
        let sets = sets["items"].as_array().unwrap().iter();
        for set in sets.filter(|set| set["name"] != "receipts") {
            let keys = set["keys"].as_array().unwrap();
            if keys.len() < 2 {
                return None;
            }
            all.extend(keys.iter().map(|key| {
                let thumbprint = text(&key["thumbprint"]);
                (text(&set["name"]), text(&key["state"]), thumbprint)
            }));
        }
        Some(all)
    }
}

/// A key as the vendor spells it.
const AYYEKA_KEY: &str = "0F4E2D1C3B5A69788796A5B4C3D2E1F0";

fn make_environment(countersign: &Countersign, issuer: &str) {
    let organization = json!({ "id": "acme", "display_name": "Acme", "number": ACCOUNT });
    countersign.make("organizations", &organization);
    let environment = json!({
        "id": "sandbox", "mode": "sandbox", "issuer": issuer, "hosts": ["127.0.0.1"],
        "dialects": ["standard", "ayyeka"],
    });
    countersign.make("environments", &environment);
    let guards = json!([
        { "name": "standard", "paths": ["/api/*"], "accept": ["access_token"], "profiles": ["standard"], "scopes": ["read"] },
        { "name": "ayyeka", "paths": ["/v2.0/*"], "accept": ["access_token"], "profiles": ["ayyeka"], "dialect": "ayyeka" },
    ]);
    countersign.set_guards("sandbox", &guards);
    for (id, spelling) in [
        ("backend", "countersign"),
        ("signer", "countersign"),
        ("en-coded_client.1", "ayyeka"),
        (AYYEKA_KEY, "ayyeka"),
    ] {
        let client = json!({
            "id": id, "organization": "acme", "display_name": id, "kind": "backend", "spelling": spelling,
            "scopes": ["read", "write"], "resources": ["https://api.example/sites"],
        });
        countersign.make("environments/sandbox/clients", &client);
    }
}

/// A secret of base64 that holds all three signs that forms encode. Others are made and revoked until then.
fn secret_with_signs(countersign: &Countersign, client: &str) -> String {
    let body = json!({ "kind": "client_secret" });
    for _ in 0..200 {
        let (id, secret) = countersign.credential("sandbox", client, &body);
        if ['+', '/', '=']
            .into_iter()
            .all(|sign| secret.contains(sign))
        {
            return secret;
        }
        countersign.revoke("sandbox", &id);
    }
    panic!("200 secrets without `+` and `/`");
}

/// A key that signs for the client `signer`, in PEM, registered as its public half.
fn pem_of(countersign: &Countersign, algorithm: Algorithm) -> String {
    let key = SigningKey::generate(algorithm, RsaBits::B2048).unwrap();
    let jwk = key.verifying_key().unwrap().to_jwk().unwrap();
    let body = json!({ "kind": "public_key", "algorithm": algorithm.name(), "jwk": jwk });
    countersign.make("environments/sandbox/clients/signer/credentials", &body);
    let base64 = BASE64.encode(&key.to_secret_bytes().unwrap());
    let lines: Vec<&str> = (0..base64.len())
        .step_by(64)
        .map(|start| &base64[start..base64.len().min(start + 64)])
        .collect();
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    )
}
