//! The only makers of [`Authenticated`]: a file per way of showing a credential.

mod access_token;
mod api_key;
mod assertion;
mod bearer;
mod browser;
mod client_headers;
mod client_secret;
mod device;
mod operator;
mod platform;
mod refused;
mod self_signed;
mod session;
mod session_token;
mod subject_basic;

use crate::{
    Engine,
    bounds::SECRET_BYTES_MAX,
    call::{CallContext, Callers, Presented, Sender, Shown},
    compiled::Compiled,
    decision::Fact,
    denied::{Denied, Malformed, Reason, Refusal},
    digest::Digest,
    id::OrganizationId,
    model::{
        State,
        client::Client,
        credential::{Credential, Lapsed, RateLimit},
        operator::Operator,
        scopes::Scopes,
        subject::Subject,
    },
    row::Stored,
    secret::Secret,
    time::Timestamp,
};
use std::{net::IpAddr, sync::Arc};

/// Proof that someone was authenticated. Its field is private to this module: skipping a check does not compile.
#[derive(Debug, Clone)]
pub struct Authenticated<T>(T);

impl<T> Authenticated<T> {
    /// Who.
    pub fn who(&self) -> &T {
        &self.0
    }
}

/// Who a settled caller is, as the route demanded.
pub(crate) enum Settled {
    /// Not looked at: the route is for anyone.
    Anyone,
    Client(Authenticated<ClientCaller>),
    Operator(Authenticated<OperatorCaller>),
    Session(Authenticated<SessionCaller>),
    AccessToken(Authenticated<TokenCaller>),
    Device(Authenticated<DeviceCaller>),
    NewDevice(Authenticated<NewDeviceKey>),
}

/// A client that authenticated with its own credential.
#[derive(Debug, Clone)]
pub struct ClientCaller {
    pub(crate) client: Client,
    pub(crate) organization_number: u64,
    /// What it may be given: its own scopes that its credential has too.
    pub(crate) scopes: Scopes,
    /// What it showed.
    pub(crate) credential: Credential,
    /// Tokens must not seem older than this.
    pub(crate) tokens_not_before: Timestamp,
}

/// A subject that showed its session.
#[derive(Debug, Clone)]
pub struct SessionCaller {
    pub(crate) subject: Subject,
    pub(crate) organization: OrganizationId,
    pub(crate) expires_at: Timestamp,
    pub(crate) shown: ShownSession,
}

/// The two kinds of sessions. What is for one refuses the other: it would be answered as over, and go on.
#[derive(Debug, Clone)]
pub(crate) enum ShownSession {
    /// One that we keep, by its look-up key.
    Kept(Digest),
    /// One that is a token.
    Token(SessionToken),
}

impl ShownSession {
    pub fn kept(&self) -> Result<Digest, Denied> {
        match self {
            Self::Kept(digest) => Ok(*digest),
            Self::Token(_) => Err(Denied::InvalidToken(Reason::Kind)),
        }
    }

    pub fn token(&self) -> Result<&SessionToken, Denied> {
        match self {
            Self::Token(token) => Ok(token),
            Self::Kept(_) => Err(Denied::InvalidToken(Reason::Kind)),
        }
    }
}

/// What a session that is a token carries.
#[derive(Debug, Clone)]
pub(crate) struct SessionToken {
    /// Its `jti`.
    pub(crate) token_id: String,
    /// Whose names its `jti` is one of: the profile's issuer, or the deployment that signed it itself.
    pub(crate) issuer: String,
    /// Its compact form.
    pub(crate) text: Secret<String>,
}

/// Whoever showed an access token of ours.
#[derive(Debug, Clone)]
pub struct TokenCaller {
    pub(crate) fact: Arc<Fact>,
}

/// An operator that showed its token.
#[derive(Debug, Clone)]
pub struct OperatorCaller {
    pub(crate) operator: Operator,
}

/// So many failed attempts are looked at from one network before the answer is 429.
const FAILURES: RateLimit = RateLimit {
    per_minute: 600,
    burst: 1000,
};

impl Engine {
    /// Who asks. Settled before the call is opened, so that a stranger never gets a validation error. `imports`:
    /// a session that a client signed itself may bring a new subject along.
    pub(crate) async fn settle(
        &self,
        context: &CallContext,
        callers: Callers,
        presented: Presented,
        sender: Sender,
        imports: bool,
    ) -> Result<Settled, Refusal> {
        let settled = self
            .settle_as(context, callers, presented, sender, imports)
            .await;
        settled.map_err(|refused| self.refuse_caller(context, refused))
    }

    /// Note who is not let in. One network that guesses on and on is told to wait instead.
    pub(crate) fn refuse_caller(&self, context: &CallContext, refused: Refused) -> Refusal {
        let Refused { refusal, whose } = refused;
        if let Refusal::Denied(denied) = &refusal {
            let mut event = self.event(context, "-", "caller.refuse", context.dialect);
            event.outcome = denied.word().into();
            if let Some(whose) = whose {
                whose.name_in(&mut event);
                event.target = whose.target().unwrap_or(event.target);
            }
            self.observations.note(event);
            if matches!(denied, Denied::InvalidClient(_) | Denied::InvalidToken(_)) {
                // Only wrong guesses are slowed: callers behind one address must not lock each other out.
                let failures = self.failures(context.peer);
                if let Err(wait) = failures.take(FAILURES, context.now) {
                    return too_many(wait).into();
                }
            }
        }
        refusal
    }

    async fn settle_as(
        &self,
        context: &CallContext,
        callers: Callers,
        presented: Presented,
        sender: Sender,
        imports: bool,
    ) -> Result<Settled, Refused> {
        // First of all, and on every route: also where nothing is read, or something else is wrong.
        if let Sender::Browser { headers } = &sender {
            for text in headers {
                self.refuse_secret(context, text.expose()).await?;
            }
        }
        if callers == Callers::Anyone {
            return Ok(Settled::Anyone);
        }
        let shown = match presented {
            Presented::Absent => return Err(Denied::NoCredential.into()),
            Presented::Malformed(how) => return Err(Denied::MalformedCredential(how).into()),
            Presented::Present(shown) => shown,
        };
        if matches!(sender, Sender::Machine) {
            return self.verify(context, callers, shown, imports).await;
        }
        self.refuse_leaked(context, &shown).await?;
        let settled = self.verify(context, callers, shown, imports).await?;
        browser::decide_signer(settled)
    }

    /// Whoever shows this, if the route is for its kind.
    async fn verify(
        &self,
        context: &CallContext,
        callers: Callers,
        shown: Shown,
        imports: bool,
    ) -> Result<Settled, Refused> {
        match (callers, shown) {
            (Callers::Client, Shown::ClientSecret { client_id, secret }) => {
                check_length(secret.expose())?;
                self.verify_client_secret(context, &client_id, &secret)
                    .await
                    .map(Settled::Client)
            }
            (
                Callers::Client,
                Shown::ClientAssertion {
                    client_id,
                    assertion,
                },
            ) => self
                .verify_assertion(context, client_id.as_deref(), &assertion)
                .await
                .map(Settled::Client),
            (Callers::Operator(role), Shown::Bearer(token)) => {
                check_length(token.expose())?;
                self.verify_operator(context, role, &token)
                    .await
                    .map(Settled::Operator)
            }
            (Callers::ApiKey, Shown::Bearer(key)) => {
                check_length(key.expose())?;
                self.verify_api_key(context, &key)
                    .await
                    .map(Settled::Client)
            }
            (Callers::Session, Shown::Bearer(session)) => self
                .verify_session(context, &session, imports)
                .await
                .map(Settled::Session),
            (Callers::AccessToken, Shown::Bearer(token)) => self
                .verify_token_bearer(context, &token)
                .await
                .map(Settled::AccessToken),
            (Callers::Device, Shown::DeviceSignature(signature)) => self
                .verify_device(context, &signature)
                .await
                .map(Settled::Device),
            (Callers::NewDevice, Shown::DeviceSignature(signature)) => self
                .verify_new_device(context, &signature)
                .map(Settled::NewDevice),
            (Callers::Client, Shown::Bearer(_)) => Err(Denied::InvalidClient(Reason::Kind).into()),
            (Callers::Client, Shown::DeviceSignature(_)) => {
                Err(Denied::InvalidClient(Reason::Kind).into())
            }
            (
                Callers::Operator(_)
                | Callers::ApiKey
                | Callers::Session
                | Callers::AccessToken
                | Callers::Device
                | Callers::NewDevice,
                _,
            ) => Err(Denied::InvalidToken(Reason::Kind).into()),
            (Callers::Anyone, _) => Ok(Settled::Anyone),
        }
    }

    /// The environment where a call arrived, made ready.
    pub(crate) async fn arrived(&self, context: &CallContext) -> Result<Arc<Compiled>, Refusal> {
        self.compiled(&context.environment, context.now)
            .await?
            .ok_or_else(|| Denied::UnknownHost.into())
    }

    fn failures(&self, peer: Option<IpAddr>) -> Arc<crate::limits::Bucket> {
        let network = peer.map_or_else(Vec::new, network_of);
        self.rates.bucket(crate::digest::Digest::of(
            "countersign/failures",
            &[&network],
        ))
    }
}

/// Whom one peer is counted with: an IPv6 subscriber has at least a /64.
pub fn network_of(peer: IpAddr) -> Vec<u8> {
    match peer.to_canonical() {
        IpAddr::V4(peer) => peer.octets().to_vec(),
        IpAddr::V6(peer) => peer.octets().iter().copied().take(8).collect(),
    }
}

/// With whom an IPv6 peer's /64 is counted where one alone would be too few: a site has up to a /48 (RFC 6177 section 2),
/// and with it 65,536 of them. IPv4 has none: a network is one address.
pub(crate) fn site_of(peer: IpAddr) -> Option<[u8; 6]> {
    match peer.to_canonical() {
        IpAddr::V4(_) => None,
        IpAddr::V6(peer) => peer.octets().first_chunk().copied(),
    }
}

fn check_length(text: &str) -> Result<(), Denied> {
    if text.len() > SECRET_BYTES_MAX {
        Err(Denied::MalformedCredential(Malformed::TooLong))
    } else {
        Ok(())
    }
}

pub(crate) fn too_many(retry_after_s: u32) -> Denied {
    Denied::TooManyRequests { retry_after_s }
}

/// What holds for every kind of credential at every use: its lifecycle and where it comes from.
pub(crate) fn decide_credential(
    credential: &Credential,
    now: Timestamp,
    peer: Option<IpAddr>,
) -> Result<(), Reason> {
    credential.lives(now).map_err(|lapsed| match lapsed {
        Lapsed::NotYet => Reason::NotYet,
        Lapsed::Expired => Reason::Expired,
        Lapsed::Revoked => Reason::Revoked,
    })?;
    // A restricted credential from a caller whose address is unknown is refused: fail closed.
    let allowed = peer.map_or(credential.allowed_networks.is_empty(), |peer| {
        credential.allows_network(peer)
    });
    if allowed {
        Ok(())
    } else {
        Err(Reason::Network)
    }
}

/// A subject that may act, of an organization that may. `since` is when what was shown was made.
pub(crate) fn decide_subject<'a>(
    subject: Option<&'a Arc<Stored>>,
    organization: Option<&'a Arc<Stored>>,
    since: Timestamp,
) -> Result<&'a Subject, Reason> {
    let stored = subject.ok_or(Reason::Disabled)?;
    let subject = stored.subject().ok_or(Reason::Disabled)?;
    let owner = organization
        .and_then(|stored| stored.organization())
        .ok_or(Reason::Disabled)?;
    if !subject.may_act() || owner.state != State::Active || owner.id != subject.organization {
        return Err(Reason::Disabled);
    }
    // Another subject under the same identifier, or one whose sessions were all ended.
    if subject.created_at > since || stored.not_before > since {
        return Err(Reason::Revoked);
    }
    Ok(subject)
}

/// A client whose own state and whose organization's let it act, with the organization's number.
/// `since` is when what was shown was made: a client that was removed and made again under the same name is
/// another, and nothing of the earlier one is good for it.
pub(crate) fn decide_client<'a>(
    client: Option<&'a Arc<Stored>>,
    organization: Option<&'a Arc<Stored>>,
    since: Timestamp,
) -> Result<(&'a Client, &'a crate::model::organization::Organization), Reason> {
    let client = client
        .and_then(|stored| stored.client())
        .ok_or(Reason::Disabled)?;
    let organization = organization
        .and_then(|stored| stored.organization())
        .ok_or(Reason::Disabled)?;
    let active = client.state == State::Active && organization.state == State::Active;
    // A client's row names its organization: a token or credential of another cannot borrow it.
    let is_its_own = client.organization == organization.id && client.created_at <= since;
    (active && is_its_own)
        .then_some((client, organization))
        .ok_or(Reason::Disabled)
}

pub(crate) use device::{DeviceCaller, NewDeviceKey};
pub(crate) use refused::{Refused, Whose};

pub(crate) use platform::Vouched;
pub(crate) use subject_basic::basic_digest;

pub(crate) use access_token::{revocation_digest, signing_input, token_digest, token_id_digest};
pub use browser::in_authorization;
