//! What a demo begins with: two environments, an organization, and a client for each system. In a kept
//! folder all that is there already; then only secrets are new, because they cannot be shown again.

use super::{
    clients::Setting,
    facts::Clients,
    guards::{guards, with_new},
    operator::Operator,
};
use anyhow::Context as _;
use countersign_dialects::{Listener, registry};
use countersign_engine::{
    call::{AdminCall, Amend, EnvironmentChange, New, NewEnvironment, NewOrganization, Target},
    id::{EnvironmentId, OrganizationId},
    model::environment::Mode,
    row::Stored,
};
use std::collections::BTreeSet;

/// The account's number in the token that Ayyeka's document prints.
const ACCOUNT_NUMBER: u64 = 2091;

/// An environment of the demo.
pub struct NewPlace {
    /// `sandbox` or `production`.
    pub id: EnvironmentId,
    /// Which of the two it is.
    pub mode: Mode,
    /// The port of its public address.
    pub public: u16,
    /// The port of its phones.
    pub phone: u16,
    /// The origins of its pages, whose browsers may call.
    pub pages: Vec<String>,
}

/// What is set up, and whether it was there before.
pub struct SetUp {
    /// The clients, with secrets that work now.
    pub clients: Clients,
    /// Whose they are.
    pub organization: OrganizationId,
    /// The issuer of its standard tokens.
    pub issuer: String,
    /// Whether an earlier demo made it.
    pub was_there: bool,
}

/// Make `place` what the demo says it is.
///
/// # Errors
/// What cannot be made, and why.
pub async fn set_up(operator: &Operator, place: &NewPlace) -> anyhow::Result<SetUp> {
    let organization = organization(operator).await?;
    let (issuer, was_there) = environment(operator, place, &organization)
        .await
        .with_context(|| format!("cannot make the environment {}", place.id))?;
    let setting = Setting {
        operator,
        environment: &place.id,
        organization: &organization,
    };
    let clients = setting
        .clients()
        .await
        .with_context(|| format!("cannot make the clients of {}", place.id))?;
    Ok(SetUp {
        clients,
        organization,
        issuer,
        was_there,
    })
}

async fn organization(operator: &Operator) -> anyhow::Result<OrganizationId> {
    let id = OrganizationId::parse("demo-customer")?;
    if operator
        .find(Target::Organization(id.clone()))
        .await?
        .is_none()
    {
        let new = NewOrganization {
            id: Some(id.clone()),
            display_name: "Demo customer".into(),
            number: Some(ACCOUNT_NUMBER),
        };
        operator
            .make(create(New::Organization(new)))
            .await
            .context("cannot make the organization")?;
    }
    Ok(id)
}

/// The issuer of its tokens, and whether it was there.
async fn environment(
    operator: &Operator,
    place: &NewPlace,
    organization: &OrganizationId,
) -> anyhow::Result<(String, bool)> {
    let found = operator.find(Target::Environment(place.id.clone())).await?;
    let issuer = match &found {
        None => make_environment(operator, place, organization).await?,
        Some(stored) => amend_environment(operator, place, organization, stored).await?,
    };
    set_guards(operator, place).await?;
    Ok((issuer, found.is_some()))
}

async fn make_environment(
    operator: &Operator,
    place: &NewPlace,
    organization: &OrganizationId,
) -> anyhow::Result<String> {
    let issuer = format!("http://127.0.0.1:{}", place.public);
    let new = NewEnvironment {
        id: place.id.clone(),
        display_name: None,
        mode: place.mode,
        issuer: issuer.clone(),
        hosts: hosts(place),
        dialects: Some(public_dialects()),
        brand: None,
        allowed_origins: place.pages.clone(),
        public_url: Some(issuer.clone()),
        phone_url: Some(phone_url(place)),
        provider_registrations: registrations(place, organization),
    };
    operator.make(create(New::Environment(new))).await?;
    Ok(issuer)
}

/// Names that every browser and curl take for this machine (RFC 6761 section 6.3), each with the port; and where
/// phones answer.
fn hosts(place: &NewPlace) -> Vec<String> {
    let names = ["127.0.0.1", "localhost", "auth.localhost", "api.localhost"];
    let public = names.map(|name| format!("{name}:{}", place.public));
    let phones = format!("127.0.0.1:{}", place.phone);
    public.into_iter().chain([phones]).collect()
}

/// A secure context, to browsers: this machine's address is one (Secure Contexts section 3.1).
fn phone_url(place: &NewPlace) -> String {
    format!("http://127.0.0.1:{}", place.phone)
}

/// Whose service providers are that register themselves: in the sandbox they may.
fn registrations(place: &NewPlace, organization: &OrganizationId) -> Option<OrganizationId> {
    (place.mode == Mode::Sandbox).then(|| organization.clone())
}

/// What moves with the ports, and what an earlier demo did not know. Its issuer.
async fn amend_environment(
    operator: &Operator,
    place: &NewPlace,
    organization: &OrganizationId,
    stored: &Stored,
) -> anyhow::Result<String> {
    let known = stored.environment().context("an environment's row")?;
    let mut dialects = known.dialects.clone();
    dialects.extend(public_dialects());
    let mut seen = BTreeSet::new();
    dialects.retain(|name| seen.insert(name.clone()));
    let hosts = hosts(place);
    let public_url = Some(format!("http://127.0.0.1:{}", place.public));
    let phone_url = Some(phone_url(place));
    let registrations = registrations(place, organization);
    // Who has phones has said whether providers may register, too.
    let is_without_phones = known.phone_url.is_none() && registrations.is_some();
    let change = EnvironmentChange {
        hosts: (known.hosts != hosts).then_some(hosts),
        dialects: (known.dialects != dialects).then_some(dialects),
        allowed_origins: (known.allowed_origins != place.pages).then(|| place.pages.clone()),
        public_url: (known.public_url != public_url).then_some(public_url),
        phone_url: (known.phone_url != phone_url).then_some(phone_url),
        provider_registrations: is_without_phones.then_some(registrations),
        display_name: None,
    };
    let changes = change.hosts.is_some()
        || change.dialects.is_some()
        || change.allowed_origins.is_some()
        || change.public_url.is_some()
        || change.phone_url.is_some();
    if changes {
        let amend = Amend::Environment(place.id.clone(), change);
        operator.ask(change_at(amend, stored)).await?;
    }
    Ok(known.issuer.clone())
}

async fn set_guards(operator: &Operator, place: &NewPlace) -> anyhow::Result<()> {
    let stored = operator.find(Target::Guards(place.id.clone())).await?;
    let stored = stored.context("an environment has a list of guards")?;
    let kept = &stored.guards().context("a list of guards' row")?.guards;
    let wanted = with_new(kept, guards(&place.pages)?);
    if wanted != *kept {
        let amend = Amend::Guards(place.id.clone(), wanted);
        operator.ask(change_at(amend, &stored)).await?;
    }
    Ok(())
}

/// Make it.
pub fn create(new: New) -> AdminCall {
    AdminCall::Create {
        new,
        idempotency: None,
    }
}

/// Change what was read.
pub fn change_at(change: Amend, read: &Stored) -> AdminCall {
    AdminCall::Amend {
        change,
        if_version: Some(read.version),
    }
}

/// Every system built so far.
fn public_dialects() -> Vec<String> {
    let dialects = registry().iter();
    dialects
        .filter(|dialect| dialect.listener == Listener::Public)
        .map(|dialect| dialect.name.to_owned())
        .collect()
}
