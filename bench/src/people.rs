//! People who have a password, and a client beside them: what a stranger would like to find out.

use crate::{
    load::ask_once,
    server::{Server, expect, text},
};
use anyhow::{Context, Result, ensure};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::{collections::HashMap, fs, path::Path, time::Duration};

/// The name under which their environment is reached; nothing resolves it.
pub const HOST: &str = "people.bench.example";
/// The code of a partner's platform.
pub const PLATFORM: &str = "partner1";

const ENVIRONMENT: &str = "/environments/people";
const PASSWORD: &str = "correct horse battery staple";

/// Their environment.
pub struct People {
    /// Addresses that log in.
    pub known: Vec<String>,
    /// A client that may ask for tokens.
    pub client: String,
    /// The same with its secret, as Basic carries them.
    pub basic: String,
}

impl People {
    /// So many, on a server that has none.
    ///
    /// # Errors
    /// When something is refused, or no mail comes.
    pub async fn set_up(server: &Server, count: usize) -> Result<Self> {
        let environment = json!({
            "id": "people", "mode": "sandbox", "issuer": format!("http://{HOST}"), "hosts": [HOST],
            "dialects": ["standard", "bitcanuck"], "public_url": format!("https://{HOST}"),
        });
        server.create("/environments", &environment).await?;
        let organization = json!({ "id": "bank", "display_name": "Bank" });
        server.create("/organizations", &organization).await?;
        let (client, basic) = clients(server).await?;
        let known: Vec<String> = (0..count).map(known).collect();
        for email in &known {
            let path = format!("{ENVIRONMENT}/organizations/bank/subjects");
            let made = server.create(&path, &json!({ "email": email })).await?;
            let link = format!(
                "{ENVIRONMENT}/subjects/{}/password-link",
                text(&made, "id")?
            );
            server.act(&link).await?;
        }
        let links = links(&server.mails, count).await?;
        for (number, email) in known.iter().enumerate() {
            let token = links.get(email).context("a mail without a link")?;
            let body = json!({ "token": token, "newPassword": PASSWORD });
            let ask = post_json("/api/v1/password-reset/confirm", &from(number), &body);
            let answer = ask_once(server.public, &ask).await?;
            ensure!(answer.status < 300, "no password: {answer:?}");
        }
        Ok(Self {
            known,
            client,
            basic,
        })
    }
}

fn known(number: usize) -> String {
    format!("known{number:05}@{HOST}")
}

/// As long as a known one, and nobody's.
pub fn nobody(number: usize) -> String {
    format!("other{number:05}@{HOST}")
}

/// A request with a body.
pub fn post(path: &str, form: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{headers}Content-Type: {form}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The same with JSON.
pub fn post_json(path: &str, headers: &str, body: &Value) -> String {
    post(path, "application/json", headers, &body.to_string())
}

/// The header by which a proxy that is believed says where a request comes from.
pub fn from(network: usize) -> String {
    let [.., a, b, c] = network.to_be_bytes();
    format!("X-Forwarded-For: 10.{a}.{b}.{c}\r\n")
}

/// A guess at a password.
pub fn guess(email: &str, headers: &str) -> String {
    let body = json!({ "email": email, "password": "not the password of anybody" });
    post_json("/api/v1/authenticate", headers, &body)
}

/// The client that asks for tokens, its Basic pair; and a platform beside it.
async fn clients(server: &Server) -> Result<(String, String)> {
    let path = format!("{ENVIRONMENT}/clients");
    let client = json!({ "organization": "bank", "display_name": "Back end", "kind": "backend" });
    let client = server.create(&path, &client).await?;
    let client = text(&client, "id")?.to_owned();
    let secret = json!({ "kind": "client_secret" });
    let secret = server
        .create(&format!("{path}/{client}/credentials"), &secret)
        .await?;
    let pair = format!("{client}:{}", text(&secret, "secret")?);
    let platform = json!({
        "id": "platform", "organization": "bank", "display_name": "Partner", "kind": "platform",
        "spelling": "bitcanuck",
        "platform": { "code": PLATFORM, "algorithm": "RS512", "enrols": true },
    });
    server.create(&path, &platform).await?;
    let key = json!({ "kind": "public_key" });
    server
        .create(&format!("{path}/platform/credentials"), &key)
        .await?;
    Ok((client, BASE64.encode(pair.as_bytes())))
}

/// What each address's mail carries, once there are `count` of them.
async fn links(mails: &Path, count: usize) -> Result<HashMap<String, String>> {
    for _ in 0..600 {
        let names = fs::read_dir(mails)?.collect::<Result<Vec<_>, _>>()?;
        let whole = names.iter().map(fs::DirEntry::path);
        let whole: Vec<_> = whole
            .filter(|path| path.extension().is_some_and(|it| it == "eml"))
            .collect();
        if whole.len() >= count {
            let read = |path| link(&fs::read_to_string(path)?);
            return whole.iter().map(read).collect();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("fewer than {count} mails came within a minute")
}

/// To whom a mail goes, and the secret of its link.
fn link(mail: &str) -> Result<(String, String)> {
    let to = mail.lines().find_map(|line| line.strip_prefix("To: "));
    let to = to.context("a mail to nobody")?.trim_matches(['<', '>']);
    let (_, rest) = mail
        .split_once("#token=")
        .context("a mail without a link")?;
    let secret = rest.chars().take_while(char::is_ascii_alphanumeric);
    Ok((to.to_owned(), secret.collect()))
}

/// A token endpoint's answer, to begin with: the first makes the environment's key pair.
///
/// # Errors
/// When there is none.
pub async fn first_token(server: &Server, request: &str) -> Result<()> {
    let answer = ask_once(server.public, request).await?;
    expect(200, &answer, "a token").map(drop)
}
