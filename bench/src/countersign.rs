//! The server that is measured: started on an empty folder, set up through its admin API, asked like a proxy asks.

use crate::{
    load::{Answer, ask_once},
    process::Process,
};
use anyhow::{Context, Result, ensure};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};
use tempfile::TempDir;

/// The name under which the environment is reached; nothing resolves it.
const HOST: &str = "api.bench.example";

/// A running server with one environment, one client and one guard.
pub struct Countersign {
    /// It ends with this value.
    pub process: Process,
    /// Where decisions are asked for.
    pub gateway: SocketAddr,
    /// Where tokens are.
    pub public: SocketAddr,
    /// A client's identifier and secret, as `Authorization` carries them.
    basic: String,
    /// An API key of the same client.
    api_key: String,
    _folder: TempDir,
}

impl Countersign {
    /// Start `program` on one core and set it up.
    ///
    /// # Errors
    /// When it does not start, or refuses anything.
    pub async fn start(core: u32, program: &Path) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let [public, admin, gateway] = free_addresses()?;
        let data = folder.path().join("data");
        let variables = [
            ("COUNTERSIGN__DATA__DIR", data.display().to_string()),
            ("COUNTERSIGN__LOG__LEVEL", "warn".to_owned()),
            (
                "COUNTERSIGN__LISTENER__PUBLIC__ADDRESSES",
                public.to_string(),
            ),
            ("COUNTERSIGN__LISTENER__ADMIN__ADDRESSES", admin.to_string()),
            (
                "COUNTERSIGN__LISTENER__GATEWAY__0__ADDRESSES",
                gateway.to_string(),
            ),
            (
                "COUNTERSIGN__LISTENER__GATEWAY__0__PROFILE",
                "nginx".to_owned(),
            ),
        ];
        let mut process = Process::start(core, program, &["serve"], &variables)?;
        let token = operator_token(&mut process, &data.join("operator.json")).await?;
        let operator = Operator { admin, token };
        let (basic, api_key) = operator.set_up().await?;
        Ok(Self {
            process,
            gateway,
            public,
            basic,
            api_key,
            _folder: folder,
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
        let answer = ask_once(self.public, &self.token()).await?;
        let body: Value = expect(200, &answer, "a token")?;
        Ok(decision(text(&body, "access_token")?))
    }

    /// A token by the client credentials grant (RFC 6749 section 4.4).
    pub fn token(&self) -> String {
        const BODY: &str = "grant_type=client_credentials";
        format!(
            "POST /oauth2/token HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Basic {}\r\n\
             Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{BODY}",
            self.basic,
            BODY.len()
        )
    }
}

fn decision(bearer: &str) -> String {
    format!(
        "GET /decision HTTP/1.1\r\nHost: countersign\r\nX-Original-Method: GET\r\n\
         X-Original-Host: {HOST}\r\nX-Original-URI: /v1/sites/42/streams?from=2026-01-01\r\n\
         X-Original-Peer: 192.0.2.7\r\nX-Original-Request-Id: 0f1e2d3c4b5a69788796a5b4c3d2e1f0\r\n\
         Authorization: Bearer {bearer}\r\nUser-Agent: integrator/1.4\r\nAccept: application/json\r\n\r\n"
    )
}

/// Addresses of loopback that were free a moment ago.
fn free_addresses<const N: usize>() -> Result<[SocketAddr; N]> {
    // All are held until each is known, so that no two are the same.
    let held: Result<Vec<TcpListener>, _> = (0..N)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect();
    let addresses: Result<Vec<SocketAddr>, _> = held?.iter().map(TcpListener::local_addr).collect();
    addresses?.try_into().ok().context("too few addresses")
}

/// The token that the first start leaves in the data folder.
async fn operator_token(process: &mut Process, file: &Path) -> Result<String> {
    for _ in 0..100 {
        process.check_alive().context("the server")?;
        if let Some(operator) = std::fs::read(file)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        {
            return Ok(text(&operator, "token")?.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the server wrote no {} within ten seconds", file.display())
}

/// Who may set up.
struct Operator {
    admin: SocketAddr,
    token: String,
}

impl Operator {
    /// An environment, a client with two credentials, a guard. The Basic pair and the API key.
    async fn set_up(&self) -> Result<(String, String)> {
        self.create(
            "/environments",
            &json!({
                "id": "bench",
                "mode": "sandbox",
                "issuer": format!("http://{HOST}"),
                "hosts": [HOST],
                "dialects": ["standard"],
            }),
        )
        .await?;
        self.create(
            "/organizations",
            &json!({ "id": "acme", "display_name": "Acme" }),
        )
        .await?;
        let clients = "/environments/bench/clients";
        let client = self
            .create(
                clients,
                &json!({
                    "organization": "acme",
                    "display_name": "Acme's importer",
                    "kind": "backend",
                    "scopes": ["sites:read", "streams:read", "streams:write"],
                }),
            )
            .await?;
        let client = text(&client, "id")?;
        let credentials = format!("{clients}/{client}/credentials");
        let secret = self
            .create(&credentials, &json!({ "kind": "client_secret" }))
            .await?;
        let pair = format!("{client}:{}", text(&secret, "secret")?);
        let key = self
            .create(&credentials, &json!({ "kind": "api_key" }))
            .await?;
        self.guard().await?;
        Ok((
            BASE64.encode(pair.as_bytes()),
            text(&key, "secret")?.to_owned(),
        ))
    }

    /// One guard for everything that is asked about.
    async fn guard(&self) -> Result<()> {
        let path = "/environments/bench/guards";
        let before = self.ask("GET", path, "", None).await?;
        let tag = before
            .header("etag")
            .context("the guards have no ETag")?
            .to_owned();
        let guards = json!({ "guards": [{
            "name": "api",
            "hosts": [HOST],
            "paths": ["/v1/*"],
            "accept": ["api_key", "access_token"],
            "scopes": ["streams:read"],
        }] });
        let answer = self
            .ask("PUT", path, &format!("If-Match: {tag}\r\n"), Some(&guards))
            .await?;
        expect(200, &answer, path)?;
        Ok(())
    }

    async fn create(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.ask("POST", path, "", Some(body)).await?;
        expect(201, &answer, path)
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let form = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/json\r\n"
        };
        let request = format!(
            "{method} /admin/v1{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{form}{headers}\
             Content-Length: {}\r\n\r\n{body}",
            self.admin,
            self.token,
            body.len()
        );
        ask_once(self.admin, &request).await
    }
}

/// The answer's JSON, if it has this status.
fn expect(status: u16, answer: &Answer, what: &str) -> Result<Value> {
    ensure!(
        answer.status == status,
        "{what}: {} instead of {status}: {}",
        answer.status,
        answer.body
    );
    serde_json::from_str(&answer.body).with_context(|| format!("{what}: the answer is not JSON"))
}

fn text<'a>(json: &'a Value, member: &str) -> Result<&'a str> {
    let value = json.get(member).and_then(Value::as_str);
    value.with_context(|| format!("the answer has no {member}"))
}
