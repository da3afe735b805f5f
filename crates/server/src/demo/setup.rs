//! What a demo begins with: two environments, an organization, and a client for each system. In a kept
//! folder all that is there already; then only secrets are new, because they cannot be shown again.

use super::{
    facts::{Ayyeka, Clients, Standard},
    guards::{READ, WRITE, guards},
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
use std::{sync::Arc, time::Duration};

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
    let port = place.public;
    let hosts = vec![format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let found = operator.find(Target::Environment(place.id.clone())).await?;
    let Some(stored) = found else {
        let issuer = format!("http://127.0.0.1:{port}");
        let new = NewEnvironment {
            id: place.id.clone(),
            display_name: None,
            mode: place.mode,
            issuer: issuer.clone(),
            hosts,
            dialects: Some(public_dialects()),
            brand: None,
            allowed_origins: Vec::new(),
            public_url: None,
        };
        operator.make(create(New::Environment(new))).await?;
        set_guards(operator, &place.id).await?;
        return Ok((issuer, false));
    };
    let known = stored.environment().context("an environment's row")?;
    if known.hosts != hosts {
        let change = EnvironmentChange {
            hosts: Some(hosts),
            ..EnvironmentChange::default()
        };
        let amend = Amend::Environment(place.id.clone(), change);
        operator.ask(change_at(amend, &stored)).await?;
    }
    Ok((known.issuer.clone(), true))
}

async fn set_guards(operator: &Operator, environment: &EnvironmentId) -> anyhow::Result<()> {
    let stored = operator.find(Target::Guards(environment.clone())).await?;
    let stored = stored.context("a new environment has an empty list of guards")?;
    let amend = Amend::Guards(environment.clone(), guards()?);
    operator.ask(change_at(amend, &stored)).await?;
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
