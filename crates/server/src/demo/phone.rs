//! The demo's own phone, for whoever has none at hand. It is a real one: it speaks the device protocol over HTTP, as
//! any does, and its file is the one of `countersign phone`.

use super::{facts, operator::Operator, setup::NewPlace};
use crate::cli::{
    failure::Failure,
    nouns::phone::{Decision, DeviceKey, Phone, PhoneFile, Refused, phone_url},
};
use anyhow::{Context as _, anyhow, bail};
use countersign_engine::{
    call::{AdminCall, ApprovalAdmin, LinkTo, NewApprover},
    id::{ApproverId, DeviceId, EnvironmentId, OrganizationId, SubjectId},
    outcome::{ApprovalOutcome, Outcome},
    secret::Secret,
};
use reqwest::StatusCode;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tracing::warn;
use zeroize::Zeroizing;

/// Its PIN, which is printed: what it protects is a demo.
pub const PIN: &str = "736152";
/// What it is called.
const NAME: &str = "The demo's phone";
/// The approver of the demo's customer who has it.
const APPROVER: &str = "ada";
/// What people call her.
const APPROVER_NAME: &str = "Ada";

/// Key pairs may take longer to make than one call waits for them.
const TRIES: u32 = 20;
/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(500);

/// Whose it is, and who asks it.
pub struct Owner<'a> {
    /// Who sets it up.
    pub operator: &'a Operator,
    /// Where.
    pub place: &'a NewPlace,
    /// The customer whose approver has it.
    pub organization: &'a OrganizationId,
    /// The approver's groups.
    pub groups: &'a [&'a str],
    /// The end user who has it.
    pub subject: SubjectId,
    /// The service provider that asks it, as people know it.
    pub provider: &'a str,
    /// The API key of that provider.
    pub api_key: &'a Secret<String>,
}

/// A phone that is enrolled, linked and identified.
pub struct DemoPhone {
    phone: Phone,
    /// Where `countersign phone` finds it.
    pub file: PathBuf,
    /// Its asset at the service provider.
    pub asset: String,
}

impl DemoPhone {
    /// The phone of `folder`: the one that an earlier demo enrolled, or a new one.
    ///
    /// # Errors
    /// What cannot be done, and why.
    pub async fn ready(owner: &Owner<'_>, folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join("phone.json");
        let (phone, device) = enrolled(owner, &file).await?;
        let asset = match asset_at(&device, owner.provider) {
            Some(known) => known,
            None => identified(owner, &phone).await?,
        };
        linked(owner, &phone, &device).await?;
        Ok(Self { phone, file, asset })
    }

    /// Approve everything that comes, until this is dropped or the phone is.
    pub async fn approve_everything(self) {
        let pin = Secret::new(PIN.to_owned());
        let mut seen = None;
        loop {
            match self.approve_news(seen, &pin).await {
                Ok(version) => seen = Some(version),
                Err(refused) if refused.may_pass() => {
                    // What could not be answered is looked at again.
                    seen = None;
                    tokio::time::sleep(AGAIN).await;
                }
                Err(refused) => {
                    let why = failed(refused.into());
                    warn!(%why, "the demo's phone approves nothing more");
                    return;
                }
            }
        }
    }

    /// Wait for news, and approve what waits: the version of it.
    async fn approve_news(&self, seen: Option<u64>, pin: &Secret<String>) -> Result<u64, Refused> {
        let news = self.phone.news(seen).await?;
        for waiting in &news.requests {
            let answered = self.phone.answer(waiting, Decision::Approve(pin)).await;
            match answered {
                Ok(_) => {}
                // Answered elsewhere, or too late: of what can be tried out, this is some.
                Err(Refused::Problem {
                    status: StatusCode::CONFLICT | StatusCode::GONE,
                    ..
                }) => {}
                Err(refused) => return Err(refused),
            }
        }
        Ok(news.version)
    }
}

/// The phone, and what is known of it.
async fn enrolled(owner: &Owner<'_>, file: &Path) -> anyhow::Result<(Phone, Value)> {
    let url = format!("http://127.0.0.1:{}", owner.place.phone);
    let with = |key| Phone::new(phone_url(&url)?, key, Vec::new());
    if file.exists() {
        let known = PhoneFile::read(file).and_then(|known| known.phone(Vec::new()));
        let secret = known.and_then(|phone| phone.key().secret());
        let key = secret.and_then(|secret| DeviceKey::restore(secret.as_slice()));
        let phone = key.and_then(with).map_err(failed)?;
        match phone.device().await {
            Ok(device) => {
                keep(&phone, file)?;
                unlocked(owner, &phone, &device).await?;
                return Ok((phone, device));
            }
            // An operator removed it: another takes its place.
            Err(Refused::Problem { status, .. }) if status == StatusCode::UNAUTHORIZED => {}
            Err(refused) => return Err(failed(refused.into())),
        }
    }
    let phone = DeviceKey::generate().and_then(with).map_err(failed)?;
    let pin = Secret::new(PIN.to_owned());
    let device = phone.enrol(NAME, &pin).await;
    let device = device.map_err(|refused| failed(refused.into()))?;
    keep(&phone, file)?;
    Ok((phone, device))
}

/// Write its file: its address may be another one than last time.
fn keep(phone: &Phone, file: &Path) -> anyhow::Result<()> {
    let known = PhoneFile::of(phone, NAME).map_err(failed)?;
    let text = Zeroizing::new(serde_json::to_vec_pretty(&known)?);
    facts::write_for_owner(file, &text)
}

/// People try wrong PINs.
async fn unlocked(owner: &Owner<'_>, phone: &Phone, device: &Value) -> anyhow::Result<()> {
    if device.get("locked") == Some(&Value::Bool(true)) {
        let environment = owner.place.id.clone();
        let id = DeviceId::parse(&phone.key().id)?;
        let unlock = ApprovalAdmin::UnlockDevice(environment, id);
        owner.operator.ask(AdminCall::Approvals(unlock)).await?;
    }
    Ok(())
}

/// Its asset at this service provider.
fn asset_at(device: &Value, provider: &str) -> Option<String> {
    let assets = device.get("assets")?.as_array()?;
    let text = |asset: &Value, name: &str| Some(asset.get(name)?.as_str()?.to_owned());
    let is_there = |asset: &&Value| text(asset, "provider").as_deref() == Some(provider);
    text(assets.iter().find(is_there)?, "id")
}

/// The provider shows a nonce, and the phone types it in.
async fn identified(owner: &Owner<'_>, phone: &Phone) -> anyhow::Result<String> {
    let url = format!("http://127.0.0.1:{}/api/identification", owner.place.public);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let asked = client
        .post(url)
        .header("X-Api-Key", owner.api_key.expose())
        .header("Content-Type", "application/json")
        .body("{}")
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .context("the service provider cannot ask for an identification")?;
    let told: Value = serde_json::from_slice(&asked.bytes().await?)?;
    let nonce = told.pointer("/result/nonce").and_then(Value::as_str);
    let typed = type_in(phone, nonce.context("an identification has a nonce")?).await?;
    let asset = typed.get("asset").and_then(Value::as_str);
    Ok(asset
        .context("an identification leads to an asset")?
        .to_owned())
}

/// It answers for the end user, and for an approver of the customer.
async fn linked(owner: &Owner<'_>, phone: &Phone, device: &Value) -> anyhow::Result<()> {
    let links = device.get("links").and_then(Value::as_array);
    let has = |kind: &str, id: &str| {
        let is = |link: &Value, name: &str, text: &str| link.get(name).is_some_and(|it| it == text);
        let mut links = links.into_iter().flatten();
        links.any(|link| is(link, "kind", kind) && is(link, "id", id))
    };
    let environment = &owner.place.id;
    if !has("subject", owner.subject.as_str()) {
        let to = LinkTo::Subject(owner.subject.clone());
        type_in(phone, &link_nonce(owner.operator, environment, to).await?).await?;
    }
    if !has("approver", APPROVER) {
        let approver = approver(owner).await?;
        let to = LinkTo::Approver(owner.organization.clone(), approver);
        type_in(phone, &link_nonce(owner.operator, environment, to).await?).await?;
    }
    Ok(())
}

/// The approver, made unless she is there.
async fn approver(owner: &Owner<'_>) -> anyhow::Result<ApproverId> {
    let id = ApproverId::parse(APPROVER)?;
    let place = (owner.place.id.clone(), owner.organization.clone());
    let list = ApprovalAdmin::Approvers(place.0.clone(), place.1.clone());
    let outcome = owner.operator.ask(AdminCall::Approvals(list)).await?;
    let Outcome::Approval(ApprovalOutcome::Approvers(list)) = outcome else {
        bail!("approvers were asked for, and something else was answered");
    };
    if list.approver(&id).is_none() {
        let add = ApprovalAdmin::AddApprover {
            environment: place.0,
            organization: place.1,
            new: NewApprover {
                id: id.clone(),
                display_name: Some(APPROVER_NAME.into()),
                groups: owner.groups.iter().map(|&group| group.to_owned()).collect(),
            },
        };
        owner.operator.ask(AdminCall::Approvals(add)).await?;
    }
    Ok(id)
}

async fn link_nonce(
    operator: &Operator,
    environment: &EnvironmentId,
    to: LinkTo,
) -> anyhow::Result<String> {
    let call = ApprovalAdmin::LinkNonce(environment.clone(), to);
    match operator.ask(AdminCall::Approvals(call)).await? {
        Outcome::Approval(ApprovalOutcome::Nonce(facts, _)) => Ok(facts.nonce),
        _ => bail!("a nonce was asked for, and something else was answered"),
    }
}

/// Type it in; again where the key pairs were not made in time.
async fn type_in(phone: &Phone, nonce: &str) -> anyhow::Result<Value> {
    let mut tries = 0;
    loop {
        tries += 1;
        match phone.type_in(nonce).await {
            Ok(typed) => return Ok(typed),
            Err(refused) if refused.may_pass() && tries < TRIES => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(refused) => return Err(failed(refused.into())),
        }
    }
}

/// What the command line would say, with where.
fn failed(failure: Failure) -> anyhow::Error {
    match failure.place {
        Some(place) => anyhow!("{} ({place})", failure.what),
        None => anyhow!(failure.what),
    }
}
