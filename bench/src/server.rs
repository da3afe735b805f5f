//! A server on an empty folder, and its operator, who sets it up through the admin API.

use crate::{
    load::{Answer, ask_once},
    process::Process,
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// A running server.
pub struct Server {
    /// It ends with this value.
    pub process: Process,
    /// Where decisions are asked for.
    pub gateway: SocketAddr,
    /// Where clients and people ask.
    pub public: SocketAddr,
    /// Where its mails are written.
    pub mails: PathBuf,
    admin: SocketAddr,
    token: String,
    _folder: TempDir,
}

impl Server {
    /// Start `program` on one core. It believes what loopback says of where requests come from.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(core: u32, program: &Path) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let [public, admin, gateway] = free_addresses()?;
        let data = folder.path().join("data");
        let mails = folder.path().join("mails");
        std::fs::create_dir(&mails).context("cannot make a folder for mails")?;
        let variables = [
            ("DATA__DIR", data.display().to_string()),
            ("LOG__LEVEL", "error".to_owned()),
            ("LISTENER__PUBLIC__ADDRESSES", public.to_string()),
            ("LISTENER__ADMIN__ADDRESSES", admin.to_string()),
            ("LISTENER__GATEWAY__0__ADDRESSES", gateway.to_string()),
            ("LISTENER__GATEWAY__0__PROFILE", "nginx".to_owned()),
            ("SERVER__TRUSTED_PROXIES", "127.0.0.0/8".to_owned()),
            ("MAIL__FOLDER", mails.display().to_string()),
            ("MAIL__FROM", "no-reply@bench.example".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (format!("COUNTERSIGN__{name}"), value));
        let mut process = Process::start(core, program, &["serve"], &variables)?;
        let token = operator_token(&mut process, &data.join("operator.json")).await?;
        Ok(Self {
            process,
            gateway,
            public,
            mails,
            admin,
            token,
            _folder: folder,
        })
    }

    /// Make something; what it is then.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn create(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.ask("POST", path, "", Some(body)).await?;
        expect(201, &answer, path)
    }

    /// Add to a list; the list is then as it is answered.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn add(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.ask("POST", path, "", Some(body)).await?;
        expect(200, &answer, path)
    }

    /// Put these guards in the place of those that are there.
    ///
    /// # Errors
    /// When they are refused.
    pub async fn guards(&self, environment: &str, guards: &Value) -> Result<()> {
        let path = format!("/environments/{environment}/guards");
        let before = self.ask("GET", &path, "", None).await?;
        let tag = before.header("etag").context("the guards have no ETag")?;
        let headers = format!("If-Match: {tag}\r\n");
        let answer = self.ask("PUT", &path, &headers, Some(guards)).await?;
        expect(200, &answer, &path)?;
        Ok(())
    }

    /// Do something that has no answer.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn act(&self, path: &str) -> Result<()> {
        let answer = self.post(path).await?;
        ensure!(
            (200..300).contains(&answer.status),
            "{path}: {} {}",
            answer.status,
            answer.body
        );
        Ok(())
    }

    /// POST without a body; whatever is answered.
    ///
    /// # Errors
    /// When nothing is.
    pub async fn post(&self, path: &str) -> Result<Answer> {
        self.ask("POST", path, "", None).await
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

/// The answer's JSON, if it has this status.
///
/// # Errors
/// When it has another, or no JSON.
pub fn expect(status: u16, answer: &Answer, what: &str) -> Result<Value> {
    ensure!(
        answer.status == status,
        "{what}: {} instead of {status}: {}",
        answer.status,
        answer.body
    );
    serde_json::from_str(&answer.body).with_context(|| format!("{what}: the answer is not JSON"))
}

/// A member that is text.
///
/// # Errors
/// When there is none.
pub fn text<'a>(json: &'a Value, member: &str) -> Result<&'a str> {
    let value = json.get(member).and_then(Value::as_str);
    value.with_context(|| format!("the answer has no {member}"))
}
