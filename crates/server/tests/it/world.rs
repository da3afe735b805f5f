//! A server with customers: two environments, clients with every kind of credential, operators of every role.

use crate::{
    ask::{Ask, form},
    harness::{self, Answer, Server},
};
use countersign::{
    config::{Address, GatewayListener, Profile},
    system::SystemClock,
};
use countersign_dialects::{Listener, registry};
use countersign_engine::ports::Clock;
use countersign_jose::{Algorithm, RsaBits, Signer, SigningKey};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

pub const PROFILES: [Profile; 4] = [
    Profile::Nginx,
    Profile::ForwardAuth,
    Profile::Haproxy,
    Profile::Envoy,
];
pub const SANDBOX: &str = "sandbox.example";
pub const PRODUCTION: &str = "production.example";
/// Where the sandbox's phones answer, and nothing else does.
pub const PHONES: &str = "phone.sandbox.example";

/// The doors of a running server, and its first operator's token.
#[derive(Clone, Debug)]
pub struct Doors {
    pub public: SocketAddr,
    pub admin: SocketAddr,
    /// In the order of [`PROFILES`], or of the configuration.
    pub gateways: Vec<SocketAddr>,
    pub owner: String,
}

/// A credential with its secret.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: String,
    pub secret: String,
}

impl Doors {
    pub async fn admin(&self, ask: Ask) -> Answer {
        Box::pin(ask.bearer(&self.owner).send(self.admin)).await
    }

    pub async fn show(&self, path: &str) -> Value {
        let answer = self.admin(Ask::get(path)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        body(&answer)
    }

    pub async fn make(&self, path: &str, new: Value) -> Value {
        let answer = self.admin(Ask::post(path).json(&new)).await;
        assert_eq!(answer.status, 201, "{path} {new}: {answer:?}");
        body(&answer)
    }

    /// Change what is there, whatever its version is now.
    pub async fn change(&self, method: &str, path: &str, change: Value) -> Value {
        let shown = self.admin(Ask::get(path)).await;
        let tag = shown
            .header("etag")
            .unwrap_or_else(|| panic!("{path}: {shown:?}"));
        let ask = Ask::new(method, path).header("If-Match", tag).json(&change);
        let answer = self.admin(ask).await;
        assert_eq!(answer.status, 200, "{path} {change}: {answer:?}");
        body(&answer)
    }

    pub async fn remove(&self, path: &str) {
        let shown = self.admin(Ask::get(path)).await;
        let tag = shown
            .header("etag")
            .unwrap_or_else(|| panic!("{path}: {shown:?}"));
        let answer = self
            .admin(Ask::new("DELETE", path).header("If-Match", tag))
            .await;
        assert_eq!(answer.status, 204, "{path}: {answer:?}");
    }

    /// POST without a body.
    pub async fn act(&self, path: &str) -> Answer {
        let answer = self.admin(Ask::post(path)).await;
        assert!(matches!(answer.status, 200 | 204), "{path}: {answer:?}");
        answer
    }

    /// An environment with every dialect of the world, and no key to wait for.
    pub async fn environment(&self, id: &str, mode: &str, host: &str) {
        let dialects: Vec<&str> = registry()
            .iter()
            .filter(|dialect| dialect.listener == Listener::Public)
            .map(|dialect| dialect.name)
            .collect();
        let new = json!({
            "id": id, "mode": mode, "issuer": format!("https://{host}"),
            "hosts": [host, format!("phone.{host}")], "phone_url": format!("https://phone.{host}"),
            "dialects": dialects,
        });
        self.make("/admin/v1/environments", new).await;
    }

    /// A backend of `acme` that may read and write.
    pub async fn client(&self, environment: &str) -> String {
        self.client_of(environment, "acme", "countersign").await
    }

    pub async fn client_of(&self, environment: &str, organization: &str, spelling: &str) -> String {
        let path = format!("/admin/v1/environments/{environment}/clients");
        let new = json!({
            "organization": organization, "display_name": "Meters", "kind": "backend",
            "spelling": spelling, "scopes": ["read", "write"],
        });
        text(&self.make(&path, new).await, "id")
    }

    pub async fn credential(&self, environment: &str, client: &str, new: Value) -> Made {
        let path = format!("/admin/v1/environments/{environment}/clients/{client}/credentials");
        let made = self.make(&path, new).await;
        Made {
            id: text(&made, "id"),
            secret: made["secret"].as_str().unwrap_or_default().into(),
        }
    }

    pub async fn secret(&self, environment: &str, client: &str) -> String {
        self.credential(environment, client, json!({ "kind": "client_secret" }))
            .await
            .secret
    }

    /// A token from one of the token endpoints.
    pub async fn token(&self, host: &str, path: &str, client: &str, secret: &str) -> String {
        let ask = Ask::post(path).at(host).form(&[
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_secret", secret),
        ]);
        let answer = Box::pin(ask.send(self.public)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        text(&body(&answer), "access_token")
    }

    /// An operator of this role, and the token of its.
    pub async fn operator(&self, id: &str, role: &str) -> String {
        let new = json!({ "id": id, "role": role });
        text(&self.make("/admin/v1/operators", new).await, "secret")
    }

    /// Another token of an operator: its public name, and the token.
    pub async fn operator_token(&self, operator: &str, new: Value) -> Made {
        let path = format!("/admin/v1/operators/{operator}/tokens");
        let made = self.make(&path, new).await;
        Made {
            id: text(&made, "id"),
            secret: text(&made, "secret"),
        }
    }

    pub async fn guards(&self, environment: &str, guards: Value) {
        let path = format!("/admin/v1/environments/{environment}/guards");
        self.change("PUT", &path, json!({ "guards": guards })).await;
    }

    /// Every audit line, the newest first. Observations come within a second, so this is for changes.
    pub async fn audit(&self) -> Vec<Value> {
        let (mut lines, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self
                .show(&format!("/admin/v1/audit?limit=200{cursor}"))
                .await;
            lines.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return lines,
            }
        }
    }
}

/// A started server with two environments and a customer.
pub struct World {
    pub server: Server,
    pub doors: Doors,
}

impl World {
    pub async fn start() -> Self {
        Box::pin(Self::started()).await
    }

    async fn started() -> Self {
        let server = Server::start_with(|config| {
            config.listener.gateway = PROFILES
                .map(|profile| GatewayListener {
                    addresses: vec![Address::loopback(0)],
                    profile,
                    ..GatewayListener::default()
                })
                .to_vec();
        })
        .await;
        let doors = Doors {
            public: server.public(),
            admin: server.admin(),
            gateways: server
                .running
                .addresses
                .gateway
                .iter()
                .map(|addresses| harness::tcp(&addresses[0]))
                .collect(),
            owner: server.operator_token(),
        };
        doors.environment("sandbox", "sandbox", SANDBOX).await;
        doors
            .environment("production", "production", PRODUCTION)
            .await;
        for organization in ["acme", "rival"] {
            let new = json!({ "id": organization, "display_name": organization });
            doors.make("/admin/v1/organizations", new).await;
        }
        Self { server, doors }
    }

    /// Still there, nothing panicked, and what was written is readable.
    pub async fn stop_sound(self) {
        let ready = Ask::get("/readyz").send(self.doors.public).await;
        assert_eq!(ready.status, 200, "{ready:?}");
        let numbers = Ask::get("/metrics").send(self.doors.admin).await.body;
        assert!(numbers.contains("countersign_panics_total 0"), "{numbers}");
        self.server.stop().await;
    }
}

pub fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

pub fn text(value: &Value, member: &str) -> String {
    value[member]
        .as_str()
        .unwrap_or_else(|| panic!("no {member} in {value}"))
        .to_owned()
}

pub fn now_s() -> i64 {
    SystemClock::start().now().seconds()
}

/// A time as the admin API writes it, `after_s` from now.
pub fn time(after_s: i64) -> String {
    jiff::Timestamp::from_second(now_s() + after_s)
        .unwrap()
        .to_string()
}

/// Something that no other test of this run has.
pub fn unique(what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let pid = std::process::id();
    format!("{what}{pid}x{number}")
}

/// Signs for a client as `private_key_jwt` does.
pub fn elliptic_key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256, RsaBits::B2048).unwrap()
}

pub fn jwk(key: &SigningKey) -> Value {
    serde_json::to_value(key.verifying_key().unwrap().to_jwk().unwrap()).unwrap()
}

/// An assertion of RFC 7523 that was never shown before.
pub fn assertion(key: SigningKey, client: &str, issuer: &str) -> String {
    let header = json!({ "alg": key.algorithm().name(), "typ": "client-authentication+jwt" });
    let claims = json!({
        "iss": client, "sub": client, "aud": issuer, "jti": unique("jti"),
        "iat": now_s(), "exp": now_s() + 60,
    });
    Signer::new(key, &header.to_string())
        .sign(claims.to_string().as_bytes())
        .unwrap()
}

pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The body of a request that an assertion authenticates.
pub fn assertion_form(assertion: &str, rest: &[(&str, &str)]) -> String {
    let mut pairs = rest.to_vec();
    pairs.push(("client_assertion_type", ASSERTION_TYPE));
    pairs.push(("client_assertion", assertion));
    form(&pairs)
}
