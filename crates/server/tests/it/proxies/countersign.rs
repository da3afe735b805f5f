//! The real server, set up through its admin API, with a gateway listener for each profile.

use super::{
    child::{Child, eventually},
    wire::{Answer, Ask},
};
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, path::Path};
use tempfile::TempDir;

/// The hosts of the two environments.
pub const SANDBOX: &str = "api.sandbox.test";
pub const PRODUCTION: &str = "api.production.test";
/// A page whose script may call `/browser/`.
pub const PAGE: &str = "https://app.example";

/// Every profile, each with a listener of its own.
pub const PROFILES: [&str; 4] = ["nginx", "forward_auth", "haproxy", "envoy"];

/// A running server. It stops when it is dropped.
pub struct Countersign {
    pub child: Child,
    pub public: SocketAddr,
    admin: SocketAddr,
    gateways: Vec<SocketAddr>,
    operator: String,
    folder: TempDir,
    /// Environment variables that it is started with.
    settings: Vec<(String, String)>,
}

impl Countersign {
    pub fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), Vec::new())
    }

    /// In this folder, with these environment variables beside.
    pub fn start_in(folder: TempDir, settings: Vec<(String, String)>) -> Self {
        let file = folder.path().join("countersign.toml");
        let data = folder.path().join("data");
        fs::write(&file, configuration(data.to_str().unwrap())).unwrap();
        let (child, listening) = serve(folder.path(), &settings);
        let operator = eventually("the operator's file", || {
            let text = fs::read(data.join("operator.json")).ok()?;
            let file: Value = serde_json::from_slice(&text).ok()?;
            Some(file["token"].as_str()?.to_owned())
        });
        let mut started = Self {
            child,
            public: listening[0],
            admin: listening[1],
            gateways: listening[2..].to_vec(),
            operator,
            folder,
            settings,
        };
        started.wait_until_ready();
        started
    }

    /// `kill -9`, and start again with what that left. Its addresses are others.
    pub fn kill_and_start_again(&mut self) {
        self.child.kill();
        let (child, listening) = serve(self.folder.path(), &self.settings);
        self.child = child;
        self.public = listening[0];
        self.admin = listening[1];
        self.gateways = listening[2..].to_vec();
        self.wait_until_ready();
    }

    /// Where it keeps what it keeps.
    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn wait_until_ready(&mut self) {
        eventually("ready", || {
            self.child.must_run();
            let answer = Ask::get("/readyz", "localhost").send(self.admin);
            (answer.status == 200).then_some(())
        });
    }

    /// The gateway listener of a profile.
    pub fn gateway(&self, profile: &str) -> SocketAddr {
        let place = PROFILES.iter().position(|it| *it == profile).unwrap();
        self.gateways[place]
    }

    /// Make something through the admin API; what it refuses fails the test.
    pub fn make(&self, path: &str, body: &Value) -> Answer {
        let ask = Ask::new("POST", &format!("/admin/v1/{path}"), "localhost");
        self.admin_ask(ask.json(body))
    }

    /// Revoke a credential.
    pub fn revoke(&self, environment: &str, credential: &str) {
        let path = format!("/admin/v1/environments/{environment}/credentials/{credential}/revoke");
        self.admin_ask(Ask::new("POST", &path, "localhost"));
    }

    /// Ask the admin API as the first operator; what it refuses fails the test.
    pub fn admin_ask(&self, ask: Ask) -> Answer {
        let answer = ask.bearer(&self.operator).send(self.admin);
        assert!(answer.status < 300, "{answer:?}");
        answer
    }

    /// Where operators ask, and the first one's token: for scripts.
    pub fn operators(&self) -> (SocketAddr, &str) {
        (self.admin, &self.operator)
    }

    /// Set the guards, all of them.
    pub fn set_guards(&self, environment: &str, guards: &Value) {
        let path = format!("/admin/v1/environments/{environment}/guards");
        let answer = self.admin_ask(Ask::get(&path, "localhost"));
        let ask = Ask::new("PUT", &path, "localhost")
            .header("If-Match", answer.values("ETag")[0])
            .json(&json!({ "guards": guards }));
        self.admin_ask(ask);
    }

    /// A client credential, and its secret.
    pub fn credential(&self, environment: &str, client: &str, body: &Value) -> (String, String) {
        let path = format!("environments/{environment}/clients/{client}/credentials");
        let made = self.make(&path, body).json();
        let text = |name: &str| {
            made[name]
                .as_str()
                .unwrap_or_else(|| panic!("{made}"))
                .to_owned()
        };
        (text("id"), text("secret"))
    }

    /// An access token by the client credentials grant.
    pub fn token(&self, host: &str, client: &str, secret: &str) -> String {
        let form =
            format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
        let answer = Ask::new("POST", "/oauth2/token", host)
            .form(&form)
            .send(self.public);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }
}

/// A process on the folder, and where it listens.
fn serve(folder: &Path, settings: &[(String, String)]) -> (Child, Vec<SocketAddr>) {
    let program = env!("CARGO_BIN_EXE_countersign");
    let mut child = Child::start(program, folder, |command| {
        let settings = settings.iter().map(|(name, value)| (name, value));
        let file = folder.join("countersign.toml");
        command
            .arg("serve")
            .arg("--config")
            .arg(file)
            .envs(settings)
    });
    let listening = eventually("the listeners", || {
        child.must_run();
        listeners(&child.printed())
    });
    (child, listening)
}

fn configuration(data: &str) -> String {
    let gateways: String = PROFILES
        .iter()
        .map(|profile| {
            format!(
                "[[listener.gateway]]\naddresses = \"127.0.0.1:0\"\nprofile = \"{profile}\"\n\n"
            )
        })
        .collect();
    format!(
        "[data]\ndir = \"{data}\"\n\n[log]\nformat = \"json\"\n\n\
         [listener.public]\naddresses = \"127.0.0.1:0\"\n\n\
         [listener.admin]\naddresses = \"127.0.0.1:0\"\n\n{gateways}"
    )
}

/// Where the log says it listens: public, admin, then the gateways in the order of the configuration.
fn listeners(log: &str) -> Option<Vec<SocketAddr>> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let addresses: Vec<SocketAddr> = lines
        .map(|line| match line.get("fields") {
            Some(fields) => fields.clone(),
            None => line,
        })
        .filter(|line| line["message"] == "listening")
        .filter_map(|line| line["addresses"].as_str()?.parse().ok())
        .collect();
    (addresses.len() == 2 + PROFILES.len()).then_some(addresses)
}

/// What callers show in the stories.
pub struct Cast {
    pub client: String,
    /// An access token with the scope `read`.
    pub token: String,
    /// API keys of the same client: one with `read`, and one for each way to be refused.
    pub key: String,
    pub weak_key: String,
    pub revoked_key: String,
    pub expired_key: String,
    pub distant_key: String,
    pub local_key: String,
    /// A key of the production environment.
    pub production_key: String,
    /// The secret of the same client, for headers of its own.
    pub secret: String,
    /// A browser's, with its client's id beside it.
    pub registration: String,
}

/// Two environments with the same guards, and a client in each.
pub fn set_up(countersign: &Countersign) -> Cast {
    let organization = json!({ "id": "acme", "display_name": "Acme" });
    countersign.make("organizations", &organization);
    for (id, mode, host) in [
        ("sandbox", "sandbox", SANDBOX),
        ("production", "production", PRODUCTION),
    ] {
        let body = json!({
            "id": id, "mode": mode, "issuer": format!("https://{host}"), "hosts": [host],
            "dialects": ["standard", "ayyeka", "ultra"],
        });
        countersign.make("environments", &body);
        countersign.set_guards(id, &guards());
    }
    let client = |environment: &str, name: &str, kind: &str| {
        let body = json!({
            "id": name, "organization": "acme", "display_name": name, "kind": kind, "scopes": ["read", "see"],
        });
        countersign.make(&format!("environments/{environment}/clients"), &body);
    };
    client("sandbox", "meter", "backend");
    client("sandbox", "page", "frontend");
    client("production", "meter", "backend");
    let key = |more: Value| {
        let mut body = json!({ "kind": "api_key" });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        countersign.credential("sandbox", "meter", &body)
    };
    let (_, secret) =
        countersign.credential("sandbox", "meter", &json!({ "kind": "client_secret" }));
    let (revoked, revoked_key) = key(json!({}));
    countersign.revoke("sandbox", &revoked);
    let production = countersign.credential("production", "meter", &json!({ "kind": "api_key" }));
    let registration = json!({ "kind": "registration_token" });
    Cast {
        client: "meter".to_owned(),
        token: countersign.token(SANDBOX, "meter", &secret),
        key: key(json!({ "scopes": ["read"] })).1,
        weak_key: key(json!({ "scopes": ["see"] })).1,
        revoked_key,
        expired_key: key(json!({ "expires_at": "2001-01-01T00:00:00Z" })).1,
        distant_key: key(json!({ "allowed_networks": ["10.0.0.0/8"] })).1,
        local_key: key(json!({ "allowed_networks": ["127.0.0.0/8"] })).1,
        production_key: production.1,
        secret,
        registration: countersign.credential("sandbox", "page", &registration).1,
    }
}

fn guards() -> Value {
    json!([
        {
            "name": "graphql", "paths": ["/graphql"], "accept": ["client_headers", "registration_token"],
            "origins": [PAGE], "dialect": "ultra",
        },
        { "name": "open", "paths": ["/open"], "methods": ["GET"], "accept": ["anonymous"] },
        { "name": "signed", "paths": ["/signed"], "accept": ["api_key"], "assertion": true },
        { "name": "rare", "paths": ["/rare"], "accept": ["api_key"], "rate_limit": { "per_minute": 1, "burst": 1 } },
        { "name": "browser", "paths": ["/browser/*"], "accept": ["registration_token", "api_key"], "origins": [PAGE] },
        { "name": "ayyeka", "paths": ["/v2.0/*"], "accept": ["access_token", "api_key"], "scopes": ["read"], "dialect": "ayyeka" },
        { "name": "standard", "paths": ["/api/*"], "accept": ["access_token", "api_key"], "scopes": ["read"] },
    ])
}
