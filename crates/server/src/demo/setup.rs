//! What a demo begins with: two environments, an organization, and a client for each system. In a kept
//! folder all that is there already; then only secrets are new, because they cannot be shown again.

use super::{
    facts::{Ayyeka, Clients, Standard},
    guards::{READ, WRITE, guards, with_new},
    operator::Operator,
};
use anyhow::{Context as _, bail};
use countersign_dialects::{Listener, registry};
use countersign_engine::{
    call::{
        AdminCall, Amend, EnvironmentChange, Lifecycle, Listing, New, NewClient, NewCredential,
        NewEnvironment, NewHolder, NewOrganization, Target,
    },
    id::{ClientId, EnvironmentId, OrganizationId},
    model::{
        client::{ClientKind, Spelling},
        credential::CredentialKind,
        environment::Mode,
        scopes::Scopes,
    },
    row::Stored,
    secret::Secret,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// The numbers in the token that Ayyeka's document prints: account, user, API client.
const ACCOUNT_NUMBER: u64 = 2091;
const USER_NUMBER: u64 = 6237;
const CLIENT_NUMBER: u64 = 708;

/// How long the secrets of the last demo in this folder still work. Short, because a client has room for 100
/// of them and a demo may be started often.
const OVERLAP: Duration = Duration::from_secs(60 * 60);

/// An environment of the demo.
pub struct NewPlace {
    /// `sandbox` or `production`.
    pub id: EnvironmentId,
    /// Which of the two it is.
    pub mode: Mode,
    /// The port of its public address.
    pub public: u16,
    /// The origins of its pages, whose browsers may call.
    pub pages: Vec<String>,
}

/// What is set up, and whether it was there before.
pub struct SetUp {
    /// The clients, with secrets that work now.
    pub clients: Clients,
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
    let (issuer, was_there) = environment(operator, place)
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
async fn environment(operator: &Operator, place: &NewPlace) -> anyhow::Result<(String, bool)> {
    let found = operator.find(Target::Environment(place.id.clone())).await?;
    let made = match found {
        None => make_environment(operator, place).await?,
        Some(stored) => (amend_environment(operator, place, &stored).await?, true),
    };
    set_guards(operator, place).await?;
    Ok(made)
}

async fn make_environment(operator: &Operator, place: &NewPlace) -> anyhow::Result<(String, bool)> {
    let issuer = format!("http://127.0.0.1:{}", place.public);
    let new = NewEnvironment {
        id: place.id.clone(),
        display_name: None,
        mode: place.mode,
        issuer: issuer.clone(),
        hosts: hosts(place.public),
        dialects: Some(public_dialects()),
        brand: None,
        allowed_origins: place.pages.clone(),
        public_url: Some(issuer.clone()),
    };
    operator.make(create(New::Environment(new))).await?;
    Ok((issuer, false))
}

/// Names that every browser and curl take for this machine (RFC 6761 section 6.3), each with the port.
fn hosts(port: u16) -> Vec<String> {
    ["127.0.0.1", "localhost", "auth.localhost", "api.localhost"]
        .map(|name| format!("{name}:{port}"))
        .to_vec()
}

/// What moves with the ports, and what an earlier demo did not know. Its issuer.
async fn amend_environment(
    operator: &Operator,
    place: &NewPlace,
    stored: &Stored,
) -> anyhow::Result<String> {
    let known = stored.environment().context("an environment's row")?;
    let mut dialects = known.dialects.clone();
    dialects.extend(public_dialects());
    let mut seen = BTreeSet::new();
    dialects.retain(|name| seen.insert(name.clone()));
    let hosts = hosts(place.public);
    let public_url = Some(format!("http://127.0.0.1:{}", place.public));
    let change = EnvironmentChange {
        hosts: (known.hosts != hosts).then_some(hosts),
        dialects: (known.dialects != dialects).then_some(dialects),
        allowed_origins: (known.allowed_origins != place.pages).then(|| place.pages.clone()),
        public_url: (known.public_url != public_url).then_some(public_url),
        display_name: None,
    };
    let changes = change.hosts.is_some()
        || change.dialects.is_some()
        || change.allowed_origins.is_some()
        || change.public_url.is_some();
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

fn create(new: New) -> AdminCall {
    AdminCall::Create {
        new,
        idempotency: None,
    }
}

fn change_at(change: Amend, read: &Stored) -> AdminCall {
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

/// A client that the demo has, and the one kind of credential that it shows.
struct Wanted {
    display_name: &'static str,
    spelling: Spelling,
    scopes: &'static [&'static str],
    kind: CredentialKind,
    numbers: Option<(u64, u64)>,
}

const AYYEKA: Wanted = Wanted {
    display_name: "Data platform (Ayyeka's way)",
    spelling: Spelling::Ayyeka,
    scopes: &[],
    kind: CredentialKind::ClientSecret,
    numbers: Some((CLIENT_NUMBER, USER_NUMBER)),
};

const STANDARD: Wanted = Wanted {
    display_name: "Back end (OAuth 2.0)",
    spelling: Spelling::Countersign,
    scopes: &[READ, WRITE],
    kind: CredentialKind::ClientSecret,
    numbers: None,
};

const API_KEY: Wanted = Wanted {
    display_name: "Script (API key)",
    spelling: Spelling::Countersign,
    scopes: &[READ],
    kind: CredentialKind::ApiKey,
    numbers: None,
};

/// Where clients are made.
struct Setting<'a> {
    operator: &'a Operator,
    environment: &'a EnvironmentId,
    organization: &'a OrganizationId,
}

impl Setting<'_> {
    async fn clients(&self) -> anyhow::Result<Clients> {
        let owner = Some(self.organization.clone());
        let listing = Listing::Clients(self.environment.clone(), owner);
        let known = self.operator.list(listing).await?;
        let (key, secret) = self.credential(&AYYEKA, &known).await?;
        let (client_id, client_secret) = self.credential(&STANDARD, &known).await?;
        let (_, api_key) = self.credential(&API_KEY, &known).await?;
        Ok(Clients {
            ayyeka: Ayyeka {
                key: key.to_string(),
                secret,
            },
            standard: Standard {
                client_id: client_id.to_string(),
                client_secret,
            },
            api_key,
        })
    }

    /// A credential whose secret can still be shown: of the client that is there, or of a new one.
    async fn credential(
        &self,
        wanted: &Wanted,
        known: &[Arc<Stored>],
    ) -> anyhow::Result<(ClientId, Secret<String>)> {
        let is_wanted = |stored: &&Arc<Stored>| {
            stored
                .client()
                .is_some_and(|client| client.display_name == wanted.display_name)
        };
        let Some(stored) = known.iter().find(is_wanted) else {
            let id = self.client(wanted).await?;
            return self.first(wanted, id).await;
        };
        let client = stored.client().context("a client's row")?;
        let listing = Listing::Credentials(self.environment.clone(), Some(client.id.clone()));
        let credentials = self.operator.list(listing).await?;
        let now = self.operator.now();
        let current = credentials
            .iter()
            .filter_map(|stored| stored.credential())
            .find(|it| it.kind == wanted.kind && it.replaced_by.is_none() && it.lives(now).is_ok());
        let Some(current) = current else {
            return self.first(wanted, client.id.clone()).await;
        };
        let rotate = AdminCall::RotateCredential {
            environment: self.environment.clone(),
            credential: current.id.clone(),
            overlap: OVERLAP,
            idempotency: None,
        };
        let secret = shown(self.operator.make(rotate).await?)?;
        Ok((client.id.clone(), secret))
    }

    async fn client(&self, wanted: &Wanted) -> anyhow::Result<ClientId> {
        let new = NewClient {
            environment: self.environment.clone(),
            id: None,
            organization: self.organization.clone(),
            display_name: wanted.display_name.into(),
            kind: ClientKind::Backend,
            spelling: wanted.spelling,
            scopes: Scopes::collect(wanted.scopes.iter().copied())?,
            resources: Vec::new(),
            serves: Vec::new(),
            platform: None,
            sign_in: None,
            number: wanted.numbers.map(|(client, _)| client),
            maker_number: wanted.numbers.map(|(_, maker)| maker),
        };
        let (stored, _) = self.operator.make(create(New::Client(new))).await?;
        let client = stored.client().context("a client's row")?;
        Ok(client.id.clone())
    }

    async fn first(
        &self,
        wanted: &Wanted,
        client: ClientId,
    ) -> anyhow::Result<(ClientId, Secret<String>)> {
        let new = NewCredential {
            environment: self.environment.clone(),
            holder: NewHolder::Client(client.clone()),
            kind: wanted.kind,
            key: None,
            lifecycle: Lifecycle {
                comment: Some("for the printed commands".into()),
                ..Lifecycle::default()
            },
        };
        let secret = shown(self.operator.make(create(New::Credential(new))).await?)?;
        Ok((client, secret))
    }
}

fn shown(made: (Arc<Stored>, Option<Secret<String>>)) -> anyhow::Result<Secret<String>> {
    match made {
        (_, Some(secret)) => Ok(secret),
        (_, None) => bail!("a credential was made without telling its secret"),
    }
}
