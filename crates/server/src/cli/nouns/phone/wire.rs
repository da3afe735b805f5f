//! The device protocol, as a phone speaks it.

use super::{DeviceKey, text};
use crate::{
    cli::{api, connect, failure::Failure},
    system::SystemClock,
};
use countersign_engine::{ports::Clock as _, record::Record, secret::Secret, time::Timestamp};
use reqwest::{
    Certificate, Method, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use url::Url;

/// Bytes of an answer: three requests at their longest.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Between two questions for news that the server does not hold: as the page does.
const UNHELD: Duration = Duration::from_secs(3);

/// A phone: its key, and where it is enrolled.
pub struct Phone {
    url: Url,
    key: DeviceKey,
    http: reqwest::Client,
    clock: SystemClock,
    /// What the server's clock is ahead of this machine's.
    ahead_micros: AtomicI64,
}

/// Why a call did not do what it should.
#[derive(Debug)]
pub enum Refused {
    /// The server said no.
    Problem {
        /// The status.
        status: StatusCode,
        /// The last part of the problem's type: `wrong-pin`.
        kind: String,
        /// The same for people.
        failure: Failure,
    },
    /// There was no answer, or none that could be read.
    Failed(Failure),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Problem { failure, .. } | Refused::Failed(failure) => failure,
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Refused {
    /// Whether the same might work later: nobody answered, or somebody could not.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Problem { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Failed(failure) => failure.exit == crate::cli::failure::Exit::Unreachable,
        }
    }
}

/// An answer.
#[derive(Debug, Clone, Copy)]
pub enum Decision<'a> {
    /// With the PIN.
    Approve(&'a Secret<String>),
    /// No.
    Reject,
}

/// A request to this phone, whose record could be read.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Which.
    pub id: String,
    /// `pending`, or what came of it.
    pub state: String,
    /// What is signed, byte for byte.
    pub record_text: String,
    /// What it says.
    pub record: Record,
    /// No answer counts from here on.
    pub expires_at: Timestamp,
    whole: Value,
}

/// What waits.
#[derive(Debug, Clone)]
pub struct News {
    /// For the next call.
    pub version: u64,
    /// Oldest first.
    pub requests: Vec<Waiting>,
}

impl Waiting {
    fn read(whole: &Value) -> Result<Self, Failure> {
        let record_text = text(whole, "record")?;
        let id = text(whole, "id")?;
        // What cannot be shown whole must not be signed.
        let record = Record::read(record_text)
            .filter(|record| record.approval.as_str() == id)
            .ok_or_else(|| {
                Failure::refused("the request's record cannot be read, so it must not be approved")
            })?;
        let expires_at = Timestamp::from_rfc3339(text(whole, "expires_at")?)
            .ok_or_else(|| Failure::unreachable("the request's end is not a time"))?;
        Ok(Self {
            id: id.to_owned(),
            state: text(whole, "state")?.to_owned(),
            record_text: record_text.to_owned(),
            record,
            expires_at,
            whole: whole.clone(),
        })
    }

    /// For machines: as the server tells it, with the record opened.
    pub fn json(&self) -> Value {
        let mut whole = self.whole.clone();
        if let (Some(members), Ok(record)) = (
            whole.as_object_mut(),
            serde_json::from_str(&self.record_text),
        ) {
            members.insert("record".into(), record);
        }
        whole
    }
}

impl Phone {
    /// A phone with this key at `url`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Failure`] when TLS cannot be set up.
    pub fn new(url: Url, key: DeviceKey, authorities: Vec<Certificate>) -> Result<Self, Failure> {
        Ok(Self {
            url,
            key,
            http: api::http_client(&authorities)?,
            clock: SystemClock::start(),
            ahead_micros: AtomicI64::new(0),
        })
    }

    /// Where phones answer.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Its key.
    pub const fn key(&self) -> &DeviceKey {
        &self.key
    }

    /// The server's time, as well as it is known here.
    pub fn now(&self) -> Timestamp {
        let ahead = self.ahead_micros.load(Ordering::Relaxed);
        Timestamp::from_micros(self.clock.now().micros().saturating_add(ahead))
    }

    /// Enrol.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn enrol(&self, name: &str, pin: &Secret<String>) -> Result<Value, Refused> {
        let body = json!({
            "key": self.key.public(), "name": name, "pin": pin.expose(), "pin_again": pin.expose(),
        });
        self.call(Method::POST, &["devices"], None, Some(body))
            .await
    }

    /// What is known of this phone.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn device(&self) -> Result<Value, Refused> {
        self.call(Method::GET, &["device"], None, None).await
    }

    /// Type in a nonce.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn type_in(&self, nonce: &str) -> Result<Value, Refused> {
        let body = json!({ "nonce": nonce });
        self.call(Method::POST, &["identifications"], None, Some(body))
            .await
    }

    /// What waits; with what was seen, the answer comes when there are news.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn waiting(&self, seen: Option<u64>) -> Result<News, Refused> {
        let answer = self.call(Method::GET, &["requests"], seen, None).await?;
        let version = answer.get("version").and_then(Value::as_u64);
        let version = version.ok_or_else(|| {
            Failure::unreachable("the answer has no version: no phones answer there")
        })?;
        let requests = answer.get("requests").and_then(Value::as_array);
        let read: Result<Vec<Waiting>, Failure> =
            requests.into_iter().flatten().map(Waiting::read).collect();
        Ok(News {
            version,
            requests: read?,
        })
    }

    /// The same for whoever asks again and again: an answer without news that comes early was not held, by a server that
    /// drains or holds enough others, or by a proxy. Ask no faster than this lets.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn news(&self, seen: Option<u64>) -> Result<News, Refused> {
        let asked = self.clock.monotonic();
        let news = self.waiting(seen).await?;
        let took = self.clock.monotonic().saturating_sub(asked);
        if seen == Some(news.version) && took < UNHELD {
            tokio::time::sleep(UNHELD).await;
        }
        Ok(news)
    }

    /// One request.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn request(&self, id: &str) -> Result<Waiting, Refused> {
        let answer = self
            .call(Method::GET, &["requests", id], None, None)
            .await?;
        Ok(Waiting::read(&answer)?)
    }

    /// Answer a request.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn answer(
        &self,
        waiting: &Waiting,
        decision: Decision<'_>,
    ) -> Result<Waiting, Refused> {
        let (word, pin) = match decision {
            Decision::Approve(pin) => ("approve", Some(pin)),
            Decision::Reject => ("reject", None),
        };
        let (statement, signature) = self.key.sign_answer(
            &waiting.id,
            word,
            &waiting.record_text,
            &waiting.record.issuer,
            self.now(),
        )?;
        let mut body = json!({
            "decision": word, "statement": statement, "signature": signature,
        });
        if let (Some(pin), Some(members)) = (pin, body.as_object_mut()) {
            members.insert("pin".into(), pin.expose().as_str().into());
        }
        let path = ["requests", &waiting.id, "answer"];
        let answer = self.call(Method::POST, &path, None, Some(body)).await?;
        Ok(Waiting::read(&answer)?)
    }

    /// A signed call. What was refused with 401 was not done: it is made once more by the server's clock.
    async fn call(
        &self,
        method: Method,
        path: &[&str],
        seen: Option<u64>,
        body: Option<Value>,
    ) -> Result<Value, Refused> {
        let mut url = self.at(path);
        if let Some(seen) = seen {
            url.query_pairs_mut().append_pair("seen", &seen.to_string());
        }
        let body = body.map(|body| body.to_string());
        let first = self.once(&method, &url, body.as_deref()).await;
        match first {
            Err(Refused::Problem { status, .. }) if status == StatusCode::UNAUTHORIZED => {
                self.set_clock().await?;
                self.once(&method, &url, body.as_deref()).await
            }
            other => other,
        }
    }

    async fn once(&self, method: &Method, url: &Url, body: Option<&str>) -> Result<Value, Refused> {
        let text = body.unwrap_or_default();
        let signed = self
            .key
            .sign_request(method.as_str(), url, text, self.now())?;
        let mut request = self
            .http
            .request(method.clone(), url.clone())
            .header("Content-Digest", signed.digest)
            .header("Signature-Input", signed.input)
            .header("Signature", signed.signature);
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body.to_owned());
        }
        self.read(request, method, url).await
    }

    /// Learn the server's time.
    async fn set_clock(&self) -> Result<(), Refused> {
        let url = self.at(&["about"]);
        let before = self.clock.now();
        let about = self
            .read(self.http.get(url.clone()), &Method::GET, &url)
            .await?;
        let after = self.clock.now();
        let told = Timestamp::from_rfc3339(text(&about, "now")?)
            .ok_or_else(|| Failure::unreachable("the server's clock shows no time"))?;
        let halfway = before.micros().midpoint(after.micros());
        let ahead = told.micros().saturating_sub(halfway);
        self.ahead_micros.store(ahead, Ordering::Relaxed);
        Ok(())
    }

    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(["phone", "v1"]).extend(path);
        }
        url
    }

    async fn read(
        &self,
        request: reqwest::RequestBuilder,
        method: &Method,
        url: &Url,
    ) -> Result<Value, Refused> {
        let place = format!("{method} {url}");
        let unreachable = |error| api::unreachable_at("--url", WHERE, error).at(&place);
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_BYTES_MAX {
                return Err(Failure::unreachable("the answer is too long")
                    .at(place)
                    .into());
            }
        }
        let body: Value = serde_json::from_slice(&bytes).map_err(|_| {
            Failure::unreachable(format!("the answer ({status}) is not JSON"))
                .at(&place)
                .advise(WHERE)
        })?;
        match status.is_success() {
            true => Ok(body),
            false => Err(refused(status, &body, place)),
        }
    }
}

const WHERE: &str = "see that --url is where phones answer: the environment's phone_url";

/// What the server says no with.
fn refused(status: StatusCode, body: &Value, place: String) -> Refused {
    let told = |name: &str| body.get(name).and_then(Value::as_str);
    let kind = told("type")
        .and_then(|kind| kind.strip_prefix("urn:countersign:problem:"))
        .unwrap_or_default()
        .to_owned();
    let detail = told("detail").unwrap_or("the server refused").to_owned();
    let what = super::shown::plain(&detail);
    let mut failure = match status.is_server_error() {
        true => Failure::unreachable(what),
        false => Failure::refused(what),
    }
    .at(place);
    let errors = body.get("errors").and_then(Value::as_array);
    for error in errors.into_iter().flatten() {
        let member = |name: &str| {
            let text = error.get(name).and_then(Value::as_str);
            super::shown::plain(text.unwrap_or_default())
        };
        let (field, detail) = (member("field"), member("detail"));
        let said = detail
            .strip_prefix(&format!("{field}: "))
            .map(str::to_owned);
        failure.problems.push((field, said.unwrap_or(detail)));
    }
    if status == StatusCode::UNAUTHORIZED {
        failure = failure
            .advise("the phone may have been removed, or never linked within an hour: enrol anew");
    }
    Refused::Problem {
        status,
        kind,
        failure,
    }
}

/// Where phones answer. In plain text only on this machine: the PIN would be read on the way.
///
/// # Errors
/// [`Failure`] that says what is wrong with it.
pub fn phone_url(address: &str) -> Result<Url, Failure> {
    connect::bare_url(address, "address", "write it as https://phone.example")
}
