//! The clients that a demo has: one for each way to call, and what each of them shows.

use super::{
    facts::{Ayyeka, Bitcanuck, Clients, Quiltt, Standard, Ubiqu, Ultra},
    guards::{READ, REMOTE, WRITE},
    operator::Operator,
    people::{self, PLATFORM},
    setup::{change_at, create},
};
use anyhow::{Context as _, bail};
use countersign_engine::{
    call::{
        AdminCall, Amend, Lifecycle, Listing, New, NewClient, NewCredential, NewHolder, Target,
    },
    id::{ClientId, EnvironmentId, OrganizationId},
    model::{
        client::{ClientKind, Platform, SignIn, Spelling},
        credential::{Credential, CredentialKind},
        profile::TokenProfile,
        scopes::Scopes,
    },
    row::Stored,
    secret::Secret,
};
use countersign_jose::Algorithm;
use std::{sync::Arc, time::Duration};

/// The numbers in the token that Ayyeka's document prints: user, API client.
const USER_NUMBER: u64 = 6237;
const CLIENT_NUMBER: u64 = 708;

/// How long the secrets of the last demo in this folder still work. Short, because a client has room for 100
/// of them and a demo may be started often.
const OVERLAP: Duration = Duration::from_secs(60 * 60);

/// A client that the demo has, and the one kind of credential that it shows.
struct Wanted {
    display_name: &'static str,
    kind: ClientKind,
    spelling: Spelling,
    scopes: &'static [&'static str],
    shows: CredentialKind,
    numbers: Option<(u64, u64)>,
    /// Whether it vouches for users of its own.
    is_platform: bool,
    /// Whether people sign in at it by themselves.
    signs_in: bool,
}

/// A server with a secret, in our own spelling.
const BACKEND: Wanted = Wanted {
    display_name: "",
    kind: ClientKind::Backend,
    spelling: Spelling::Countersign,
    scopes: &[READ],
    shows: CredentialKind::ClientSecret,
    numbers: None,
    is_platform: false,
    signs_in: false,
};

const AYYEKA: Wanted = Wanted {
    display_name: "Data platform (Ayyeka's way)",
    spelling: Spelling::Ayyeka,
    scopes: &[],
    numbers: Some((CLIENT_NUMBER, USER_NUMBER)),
    ..BACKEND
};

const STANDARD: Wanted = Wanted {
    display_name: "Back end (OAuth 2.0)",
    scopes: &[READ, WRITE],
    ..BACKEND
};

const API_KEY: Wanted = Wanted {
    display_name: "Script (API key)",
    shows: CredentialKind::ApiKey,
    ..BACKEND
};

const QUILTT: Wanted = Wanted {
    display_name: "Integrator (Quiltt's way)",
    spelling: Spelling::Quiltt,
    scopes: &[REMOTE],
    shows: CredentialKind::ApiKey,
    signs_in: true,
    ..BACKEND
};

const BITCANUCK: Wanted = Wanted {
    display_name: "Partner (BitCanuck's way)",
    kind: ClientKind::Platform,
    spelling: Spelling::Bitcanuck,
    scopes: &[],
    shows: CredentialKind::PublicKey,
    is_platform: true,
    ..BACKEND
};

const ULTRA_FRONT_END: Wanted = Wanted {
    display_name: "Front end (Ultra's way)",
    kind: ClientKind::Frontend,
    shows: CredentialKind::RegistrationToken,
    ..BACKEND
};

const ULTRA_BACK_END: Wanted = Wanted {
    display_name: "Back end (Ultra's way)",
    ..BACKEND
};

/// The service provider, as its people know it.
pub const PROVIDER: &str = "Example Bank";

const EXAMPLE_BANK: Wanted = Wanted {
    display_name: PROVIDER,
    kind: ClientKind::ServiceProvider,
    spelling: Spelling::Ubiqu,
    scopes: &[],
    shows: CredentialKind::ApiKey,
    ..BACKEND
};

/// How the partner vouches for its users: as its document says where it says anything.
fn platform() -> Platform {
    Platform {
        code: PLATFORM.into(),
        algorithm: Algorithm::Rs512,
        single_use: false,
        enrols: true,
        token_lifetime_max_s: 60 * 60,
    }
}

/// Where clients are made.
pub struct Setting<'a> {
    /// Who makes them.
    pub operator: &'a Operator,
    /// Where.
    pub environment: &'a EnvironmentId,
    /// Whose they are.
    pub organization: &'a OrganizationId,
}

impl Setting<'_> {
    /// Every client, each with a secret that works now.
    ///
    /// # Errors
    /// What cannot be made.
    pub async fn clients(&self) -> anyhow::Result<Clients> {
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
            quiltt: self.quiltt(&known).await?,
            bitcanuck: self.bitcanuck(&known).await?,
            ultra: self.ultra(&known).await?,
            ubiqu: self.ubiqu(&known).await?,
        })
    }

    async fn quiltt(&self, known: &[Arc<Stored>]) -> anyhow::Result<Quiltt> {
        let (client, api_key_secret) = self.credential(&QUILTT, known).await?;
        Ok(Quiltt {
            api_key_secret,
            profile_id: people::profile(self).await?,
            client_id: client.to_string(),
        })
    }

    async fn bitcanuck(&self, known: &[Arc<Stored>]) -> anyhow::Result<Bitcanuck> {
        let (_, platform_private_key_pem) = self.credential(&BITCANUCK, known).await?;
        Ok(Bitcanuck {
            email: people::EMAIL.into(),
            password: people::user(self).await?,
            platform: PLATFORM.into(),
            platform_private_key_pem,
        })
    }

    async fn ultra(&self, known: &[Arc<Stored>]) -> anyhow::Result<Ultra> {
        let (front_end, registration_token) = self.credential(&ULTRA_FRONT_END, known).await?;
        let (back_end, secret) = self.credential(&ULTRA_BACK_END, known).await?;
        Ok(Ultra {
            realm: self.realm().await?,
            registration_token,
            client_id: front_end.to_string(),
            backend_client_id: back_end.to_string(),
            backend_client_secret: secret,
            scope: READ.into(),
        })
    }

    async fn ubiqu(&self, known: &[Arc<Stored>]) -> anyhow::Result<Ubiqu> {
        let (_, api_key) = self.credential(&EXAMPLE_BANK, known).await?;
        Ok(Ubiqu {
            api_key,
            asset_uuid: None,
        })
    }

    /// The realm that the environment's tokens name, as the path of its endpoints does.
    async fn realm(&self) -> anyhow::Result<String> {
        let target = Target::Environment(self.environment.clone());
        let stored = self.operator.find(target).await?;
        let stored = stored.context("the environment's row")?;
        let environment = stored.environment().context("an environment's row")?;
        let profile = environment.profile(TokenProfile::ULTRA);
        let realm = profile.and_then(TokenProfile::realm);
        Ok(realm.context("a token profile with a realm")?.to_owned())
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
            let secret = self.first(wanted, &id).await?;
            return Ok((id, secret));
        };
        let client = stored.client().context("a client's row")?;
        let listing = Listing::Credentials(self.environment.clone(), Some(client.id.clone()));
        let credentials = self.operator.list(listing).await?;
        let now = self.operator.now();
        let current = credentials.iter().filter(|stored| {
            let credential = stored.credential();
            credential.is_some_and(|it| {
                it.kind == wanted.shows && it.replaced_by.is_none() && it.lives(now).is_ok()
            })
        });
        let current: Vec<&Arc<Stored>> = current.collect();
        let secret = match current.first().and_then(|stored| stored.credential()) {
            None => self.first(wanted, &client.id).await?,
            Some(it) if it.kind == CredentialKind::PublicKey => {
                self.end_keys(&current).await?;
                self.first(wanted, &client.id).await?
            }
            Some(it) => self.rotated(it).await?,
        };
        Ok((client.id.clone(), secret))
    }

    async fn rotated(&self, current: &Credential) -> anyhow::Result<Secret<String>> {
        let rotate = AdminCall::RotateCredential {
            environment: self.environment.clone(),
            credential: current.id.clone(),
            overlap: OVERLAP,
            idempotency: None,
        };
        shown(self.operator.make(rotate).await?)
    }

    /// Key pairs are followed, not rotated: the last one works for a while, and none before it, because a token
    /// without `kid` is tried with two keys at most.
    async fn end_keys(&self, current: &[&Arc<Stored>]) -> anyhow::Result<()> {
        for stored in current {
            let credential = stored.credential().context("a credential's row")?;
            let place = (self.environment.clone(), credential.id.clone());
            let call = match credential.expires_at {
                Some(_) => AdminCall::RevokeCredential(place.0, place.1),
                None => {
                    let ends = Lifecycle {
                        expires_at: Some(Some(self.operator.now().plus(OVERLAP))),
                        ..Lifecycle::default()
                    };
                    change_at(Amend::Credential(place.0, place.1, ends), stored)
                }
            };
            self.operator.ask(call).await?;
        }
        Ok(())
    }

    async fn client(&self, wanted: &Wanted) -> anyhow::Result<ClientId> {
        let new = NewClient {
            environment: self.environment.clone(),
            id: None,
            organization: self.organization.clone(),
            display_name: wanted.display_name.into(),
            kind: wanted.kind,
            spelling: wanted.spelling,
            scopes: Scopes::collect(wanted.scopes.iter().copied())?,
            resources: Vec::new(),
            serves: Vec::new(),
            platform: wanted.is_platform.then(platform),
            sign_in: wanted.signs_in.then_some(SignIn { sign_ups: true }),
            number: wanted.numbers.map(|(client, _)| client),
            maker_number: wanted.numbers.map(|(_, maker)| maker),
        };
        let (stored, _) = self.operator.make(create(New::Client(new))).await?;
        let client = stored.client().context("a client's row")?;
        Ok(client.id.clone())
    }

    async fn first(&self, wanted: &Wanted, client: &ClientId) -> anyhow::Result<Secret<String>> {
        let new = NewCredential {
            environment: self.environment.clone(),
            holder: NewHolder::Client(client.clone()),
            kind: wanted.shows,
            key: None,
            lifecycle: Lifecycle {
                comment: Some("for the printed commands".into()),
                ..Lifecycle::default()
            },
        };
        shown(self.operator.make(create(New::Credential(new))).await?)
    }
}

fn shown(made: (Arc<Stored>, Option<Secret<String>>)) -> anyhow::Result<Secret<String>> {
    match made {
        (_, Some(secret)) => Ok(secret),
        (_, None) => bail!("a credential was made without telling its secret"),
    }
}
