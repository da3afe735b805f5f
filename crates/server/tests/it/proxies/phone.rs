//! A phone that is written from the device protocol's page alone, without any of the product's own code for phones.

use super::{
    child::eventually,
    wire::{Answer, Ask},
};
use ::countersign::system::SystemEntropy;
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use countersign_engine::ports::Entropy;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};
use std::net::SocketAddr;

pub const PIN: &str = "736152";

/// An enrolled phone.
pub struct Phone {
    at: SocketAddr,
    host: &'static str,
    key: EcdsaKeyPair,
    /// The RFC 7638 thumbprint of its key.
    id: String,
}

impl Phone {
    /// Enrol at the host of phones.
    pub fn enrol(at: SocketAddr, host: &'static str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let jwk = jwk(&key);
        let id = BASE64URL_NOPAD.encode(&sha256(jwk.to_string().as_bytes()));
        let phone = Self { at, host, key, id };
        let body = json!({ "key": jwk, "name": "A test's phone", "pin": PIN, "pin_again": PIN });
        let answer = phone.call("POST", "/phone/v1/devices", Some(&body));
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.json()["id"], phone.id.as_str(), "{answer:?}");
        phone
    }

    /// The server is now elsewhere.
    pub const fn move_to(&mut self, at: SocketAddr) {
        self.at = at;
    }

    /// What the server knows of it.
    pub fn device(&self) -> Value {
        let answer = self.call("GET", "/phone/v1/device", None);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Type in what somebody shows; again where the server has to make key pairs first and says so.
    pub fn type_in(&self, nonce: &str) -> Value {
        let body = json!({ "nonce": nonce });
        let answer = eventually("key pairs", || {
            let answer = self.call("POST", "/phone/v1/identifications", Some(&body));
            (answer.status != 503).then_some(answer)
        });
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// What waits for an answer.
    pub fn waiting(&self) -> Vec<Value> {
        let answer = self.call("GET", "/phone/v1/requests", None);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["requests"].as_array().unwrap().clone()
    }

    /// The one request that waits; it is approved after its text was compared with what is expected.
    pub fn approves(&self, text: &str) {
        let waiting = self.waiting();
        let [request] = waiting.as_slice() else {
            panic!("one request: {waiting:?}");
        };
        let record = request["record"].as_str().unwrap();
        let shown: Value = serde_json::from_str(record).unwrap();
        assert_eq!(shown["text"], text, "{shown}");
        let answer = self.approve(request, PIN).send(self.at);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["state"], "approved", "{answer:?}");
    }

    /// The approval of a request, with what is typed as the PIN: to be sent once.
    pub fn approve(&self, request: &Value, pin: &str) -> Ask {
        let record = request["record"].as_str().unwrap();
        let shown: Value = serde_json::from_str(record).unwrap();
        let text = |member: &str| shown[member].as_str().unwrap().to_owned();
        let statement = format!(
            r#"{{"v":1,"approval":"{}","decision":"approve","record":"{}","device":"{}","audience":"{}","at":"{}Z"}}"#,
            text("approval"),
            BASE64URL_NOPAD.encode(&sha256(record.as_bytes())),
            self.id,
            text("issuer"),
            self.now().split('.').next().unwrap(),
        );
        let signature = self.sign(statement.as_bytes());
        let body = json!({
            "decision": "approve", "pin": pin, "statement": statement,
            "signature": BASE64URL_NOPAD.encode(&signature),
        });
        let path = format!("/phone/v1/requests/{}/answer", text("approval"));
        self.signed("POST", &path, Some(&body))
    }

    /// The server's clock, RFC 3339.
    fn now(&self) -> String {
        let answer = Ask::get("/phone/v1/about", self.host).send(self.at);
        answer.json()["now"].as_str().unwrap().to_owned()
    }

    fn call(&self, method: &str, target: &str, body: Option<&Value>) -> Answer {
        self.signed(method, target, body).send(self.at)
    }

    /// A signed call (RFC 9421), in the one form that is documented.
    fn signed(&self, method: &str, target: &str, body: Option<&Value>) -> Ask {
        let ask = Ask::new(method, target, self.host);
        let ask = body.map_or(ask.clone(), |body| ask.json(body));
        let digest = format!("sha-256=:{}:", BASE64.encode(&sha256(ask.body.as_bytes())));
        let now: jiff::Timestamp = self.now().parse().unwrap();
        let mut nonce = [0; 16];
        SystemEntropy.fill(&mut nonce).unwrap();
        let parameters = format!(
            r#"("@method" "@authority" "@request-target" "content-digest");created={};nonce="{}";keyid="{}";alg="ecdsa-p256-sha256""#,
            now.as_second(),
            BASE64URL_NOPAD.encode(&nonce),
            self.id,
        );
        let base = format!(
            "\"@method\": {method}\n\"@authority\": {}\n\"@request-target\": {target}\n\
             \"content-digest\": {digest}\n\"@signature-params\": {parameters}",
            self.host,
        );
        let signature = BASE64.encode(&self.sign(base.as_bytes()));
        ask.header("Content-Digest", &digest)
            .header("Signature-Input", &format!("countersign={parameters}"))
            .header("Signature", &format!("countersign=:{signature}:"))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        #[expect(clippy::disallowed_methods, reason = "the phone's own entropy")]
        let random = SystemRandom::new();
        self.key.sign(&random, message).unwrap().as_ref().to_vec()
    }
}

/// The public key, its members in the order of RFC 7638.
fn jwk(key: &EcdsaKeyPair) -> Value {
    let point = key.public_key().as_ref();
    let coordinate = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    json!({ "crv": "P-256", "kty": "EC", "x": coordinate(&point[1..33]), "y": coordinate(&point[33..]) })
}

pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}
