//! Makers of platform tokens that nobody here wrote (`jose`, `jsonwebtoken`, PyJWT, OpenSSL), before BitCanuck's
//! endpoint: what they sign as they should gets a session, and every token of an attacker one and the same refusal.

use super::program;
use crate::{proxies::countersign::Countersign, world::now_s};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// A server with platforms, and what their partners and an attacker know.
struct Stage {
    countersign: Countersign,
    folder: TempDir,
}

/// A platform: its code, and what it signs with.
struct Platform {
    code: String,
    key: Value,
    /// Its public key as the admin API shows it.
    jwk: String,
}

impl Stage {
    fn new() -> Self {
        let countersign = Countersign::start();
        let issuer = format!("http://{}", countersign.public);
        let organization = json!({ "id": "acme", "display_name": "Acme" });
        countersign.make("organizations", &organization);
        let environment = json!({
            "id": "sandbox", "mode": "sandbox", "issuer": issuer, "hosts": ["127.0.0.1"],
            "dialects": ["bitcanuck"],
        });
        countersign.make("environments", &environment);
        Self {
            countersign,
            folder: TempDir::new().unwrap(),
        }
    }

    /// A platform whose tokens have this algorithm; its key is told once.
    fn platform(&self, id: &str, algorithm: &str) -> Platform {
        let client = json!({
            "id": id, "organization": "acme", "display_name": id, "kind": "platform", "spelling": "bitcanuck",
            "platform": { "algorithm": algorithm, "enrols": true },
        });
        let made = self
            .countersign
            .make("environments/sandbox/clients", &client)
            .json();
        let code = made["platform"]["code"].as_str().unwrap().to_owned();
        let (kind, form) = if algorithm.starts_with("HS") {
            ("signing_secret", "text")
        } else {
            ("public_key", "pem")
        };
        let path = format!("environments/sandbox/clients/{id}/credentials");
        let made = self
            .countersign
            .make(&path, &json!({ "kind": kind }))
            .json();
        let key = json!({ form: made["secret"] });
        let jwk = made["jwk"].to_string();
        Platform { code, key, jwk }
    }

    /// What the endpoint answers to each of `cases`, made by the maker with this name.
    fn judged(&self, cases: &[Case], make: impl FnOnce(&Path) -> Value) -> Vec<(String, Value)> {
        let facts: Vec<Value> = cases
            .iter()
            .map(|case| {
                json!({
                    "name": case.name, "algorithm": case.algorithm, "key": case.key, "claims": case.claims,
                    "url": format!("http://{}/api/v1/authenticate-jwt/{}", self.countersign.public, case.code),
                })
            })
            .collect();
        let path: PathBuf = self.folder.path().join("cases.json");
        fs::write(&path, Value::from(facts).to_string()).unwrap();
        let Value::Array(summary) = make(&path) else {
            panic!("a summary is a list");
        };
        let told = |one: Value| (one["name"].as_str().unwrap().to_owned(), one);
        summary.into_iter().map(told).collect()
    }
}

/// A token to be made, and what it must get.
struct Case {
    name: &'static str,
    code: String,
    algorithm: &'static str,
    key: Value,
    claims: Value,
    status: u16,
}

/// Every case, with users and token identifiers of this maker's own.
fn cases(stage: &Stage, maker: &str) -> Vec<Case> {
    let named = |name: &str| format!("{maker}-{name}");
    let rs512 = stage.platform(&named("rs512"), "RS512");
    let rs256 = stage.platform(&named("rs256"), "RS256");
    let hs256 = stage.platform(&named("hs256"), "HS256");
    let hs512 = stage.platform(&named("hs512"), "HS512");
    let now = now_s();
    let email = format!("guest@{maker}.example");
    let word = |expire: i64| json!({ "email": email, "expire": expire });
    let soon = now + 120;
    let once = json!({ "email": email, "expire": soon, "jti": named("once") });
    let case = |name, platform: &Platform, algorithm, key: &Value, claims: Value, status| Case {
        name,
        code: platform.code.clone(),
        algorithm,
        key: key.clone(),
        claims,
        status,
    };
    let mut all = vec![
        case("RS512", &rs512, "RS512", &rs512.key, word(soon), 200),
        case("RS256", &rs256, "RS256", &rs256.key, word(soon), 200),
        case("HS256", &hs256, "HS256", &hs256.key, word(soon), 200),
        case("HS512", &hs512, "HS512", &hs512.key, word(soon), 200),
        case("first use", &rs512, "RS512", &rs512.key, once.clone(), 200),
        case("second use", &rs512, "RS512", &rs512.key, once, 401),
        case("unsigned", &rs512, "none", &Value::Null, word(soon), 401),
        case("over", &rs512, "RS512", &rs512.key, word(now - 120), 401),
        case("long", &rs512, "RS512", &rs512.key, word(now + 7200), 401),
        case("stranger", &rs512, "RS512", &rs256.key, word(soon), 401),
        case("weaker", &rs512, "RS256", &rs512.key, word(soon), 401),
        case("other HMAC", &hs512, "HS256", &hs512.key, word(soon), 401),
    ];
    // The public key is no secret: whoever has it must not be able to sign with it (RFC 8725 section 2.1).
    for (name, platform, key) in [
        ("PEM", &rs512, json!({ "text": public(&rs512, "PEM") })),
        (
            "PEM, RS256",
            &rs256,
            json!({ "text": public(&rs256, "PEM") }),
        ),
        ("DER", &rs512, json!({ "base64": public(&rs512, "DER") })),
        ("JWK", &rs512, json!({ "text": rs512.jwk })),
    ] {
        all.push(case(name, platform, "HS256", &key, word(soon), 401));
    }
    all
}

/// A platform's public key as everybody may know it: PEM as text, DER in base64.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own harness starts programs"
)]
fn public(platform: &Platform, form: &str) -> String {
    let mut child = Command::new("openssl")
        .args(["pkey", "-pubout", "-outform", form])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pem = platform.key["pem"].as_str().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(pem.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    match form {
        "PEM" => String::from_utf8(output.stdout).unwrap(),
        _ => BASE64.encode(&output.stdout),
    }
}

fn judge(maker: &str, make: impl FnOnce(&Path) -> Value) {
    let stage = Stage::new();
    let cases = cases(&stage, maker);
    let judged = stage.judged(&cases, make);
    assert_eq!(judged.len(), cases.len());
    let refused =
        json!({ "error": { "statusCode": 401, "name": "LoginFailed", "message": "login failed" } });
    for (case, (name, answer)) in cases.iter().zip(&judged) {
        let what = format!("{maker}, {name}: {answer}");
        assert_eq!(case.name, name);
        assert_eq!(answer["status"], case.status, "{what}");
        if case.status == 200 {
            assert_eq!(answer["body"]["data"]["ttl"], 1_209_600, "{what}");
        } else {
            assert_eq!(answer["body"], refused, "{what}");
        }
    }
}

#[test]
fn jose_makes_platform_tokens() {
    judge("jose", |facts| program::node("platform_jose", facts));
}

#[test]
fn jsonwebtoken_makes_platform_tokens() {
    judge("jsonwebtoken", |facts| {
        program::node("platform_jsonwebtoken", facts)
    });
}

#[test]
fn pyjwt_makes_platform_tokens() {
    judge("pyjwt", |facts| program::python("platform_pyjwt", facts));
}

#[test]
fn openssl_makes_platform_tokens() {
    judge("openssl", |facts| {
        program::python("platform_openssl", facts)
    });
}
