//! The server whose decisions and tokens are measured, asked like a proxy asks.

use crate::{
    load::ask_once,
    server::{Server, expect, text},
};
use anyhow::Result;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::path::Path;

/// The name under which the environment is reached; nothing resolves it.
const HOST: &str = "api.bench.example";

/// A running server with one environment, one client and one guard.
pub struct Countersign {
    /// It ends with this value.
    pub server: Server,
    /// A client's identifier and secret, as `Authorization` carries them.
    basic: String,
    /// An API key of the same client.
    api_key: String,
}

impl Countersign {
    /// Start `program` on one core and set it up.
    ///
    /// # Errors
    /// When it does not start, or refuses anything.
    pub async fn start(core: u32, program: &Path) -> Result<Self> {
        let server = Server::start(core, program).await?;
        let (basic, api_key) = set_up(&server).await?;
        Ok(Self {
            server,
            basic,
            api_key,
        })
    }

    /// A decision about a caller with an API key, asked as nginx's `auth_request` asks.
    pub fn decision_with_key(&self) -> String {
        decision(&self.api_key)
    }

    /// A decision about a caller with an access token.
    ///
    /// # Errors
    /// When no token is issued.
    pub async fn decision_with_token(&self) -> Result<String> {
        let answer = ask_once(self.server.public, &self.token()).await?;
        let body: Value = expect(200, &answer, "a token")?;
        Ok(decision(text(&body, "access_token")?))
    }

    /// A token by the client credentials grant (RFC 6749 section 4.4).
    pub fn token(&self) -> String {
        token(HOST, &self.basic)
    }
}

/// The same of any client, by its Basic pair.
pub fn token(host: &str, basic: &str) -> String {
    const BODY: &str = "grant_type=client_credentials";
    format!(
        "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {basic}\r\n\
         Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
}

fn decision(bearer: &str) -> String {
    format!(
        "GET /decision HTTP/1.1\r\nHost: countersign\r\nX-Original-Method: GET\r\n\
         X-Original-Host: {HOST}\r\nX-Original-URI: /v1/sites/42/streams?from=2026-01-01\r\n\
         X-Original-Peer: 192.0.2.7\r\nX-Original-Request-Id: 0f1e2d3c4b5a69788796a5b4c3d2e1f0\r\n\
         Authorization: Bearer {bearer}\r\nUser-Agent: integrator/1.4\r\nAccept: application/json\r\n\r\n"
    )
}

/// An environment, a client with two credentials, a guard. The Basic pair and the API key.
async fn set_up(server: &Server) -> Result<(String, String)> {
    let environment = json!({
        "id": "bench",
        "mode": "sandbox",
        "issuer": format!("http://{HOST}"),
        "hosts": [HOST],
        "dialects": ["standard"],
    });
    server.create("/environments", &environment).await?;
    let organization = json!({ "id": "acme", "display_name": "Acme" });
    server.create("/organizations", &organization).await?;
    let clients = "/environments/bench/clients";
    let client = json!({
        "organization": "acme",
        "display_name": "Acme's importer",
        "kind": "backend",
        "scopes": ["sites:read", "streams:read", "streams:write"],
    });
    let client = server.create(clients, &client).await?;
    let client = text(&client, "id")?;
    let credentials = format!("{clients}/{client}/credentials");
    let secret = json!({ "kind": "client_secret" });
    let secret = server.create(&credentials, &secret).await?;
    let pair = format!("{client}:{}", text(&secret, "secret")?);
    let key = json!({ "kind": "api_key" });
    let key = server.create(&credentials, &key).await?;
    // One guard for everything that is asked about.
    let guards = json!({ "guards": [{
        "name": "api",
        "hosts": [HOST],
        "paths": ["/v1/*"],
        "accept": ["api_key", "access_token"],
        "scopes": ["streams:read"],
    }] });
    server.guards("bench", &guards).await?;
    Ok((
        BASE64.encode(pair.as_bytes()),
        text(&key, "secret")?.to_owned(),
    ))
}
