//! One decision per request: what a gateway asks, and what it is told.

use crate::{
    denied::Refusal,
    digest::Digest,
    id::{ClientId, CredentialId, EnvironmentId, OrganizationId, RequestId},
    limits::Bucket,
    model::{
        credential::{CredentialKind, RateLimit},
        guard::Guard,
        scopes::Scopes,
    },
    ports::Generation,
    time::Timestamp,
};
use ipnet::IpNet;
use std::{
    any::Any,
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock, atomic::AtomicI64},
};

/// A header of the judged request. Three answers, as everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Carrier<'a> {
    /// It is not there.
    #[default]
    Absent,
    /// It is there twice, or is not ASCII.
    Malformed,
    /// It is there once.
    Present(&'a str),
}

/// The request that a gateway asks about, as its profile carried it.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The host, lower case, without port.
    pub host: &'a str,
    /// The request target in origin form, as sent: path and query.
    pub target: &'a str,
    /// Who sent it, as the gateway says.
    pub peer: Option<IpAddr>,
    /// `Authorization`.
    pub authorization: Carrier<'a>,
    /// `X-Client-ID`.
    pub client_id: Carrier<'a>,
    /// `Origin`.
    pub origin: Carrier<'a>,
    /// Whether `Sec-Fetch-Site` is there: only browsers send it.
    pub from_browser: bool,
    /// `Access-Control-Request-Method`, in a preflight.
    pub preflight_method: Carrier<'a>,
    /// The headers with which a client authenticates this one request.
    pub client_headers: ClientHeaders<'a>,
    /// `Countersign-Approval`: the approval that the caller says it has.
    pub approval: Carrier<'a>,
    /// `Content-Digest` (RFC 9530).
    pub content_digest: Carrier<'a>,
    /// The gateway's own name for the request, where it has one: what it asks again about has the same.
    pub request_id: Option<&'a RequestId>,
}

/// A client's identifier and secret in headers of the request itself, and what it asks for (Ultra).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientHeaders<'a> {
    /// `client_id`.
    pub client_id: Carrier<'a>,
    /// `client_secret`.
    pub client_secret: Carrier<'a>,
    /// `grant_type`.
    pub grant_type: Carrier<'a>,
    /// `scope`.
    pub scope: Carrier<'a>,
}

/// The answer to a gateway.
#[derive(Debug)]
pub enum Decision {
    /// Let it pass.
    Allow(Allowed),
    /// Keep it out.
    Deny(DeniedAtGuard),
}

/// A request that may pass.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// Who the caller is, and everything about it that is the same for each of its requests.
    pub fact: Arc<Fact>,
    /// The guard that let it pass.
    pub guard: Arc<Guard>,
    /// The digest of the body that people countersigned: the API compares it with what it receives.
    pub content_digest: Option<String>,
}

/// A request that may not.
#[derive(Debug, Clone)]
pub struct DeniedAtGuard {
    /// Why.
    pub refusal: Refusal,
    /// The dialect whose envelope says so; none: the standard one.
    pub dialect: Option<String>,
    /// The origins of the guard, for the CORS headers of the denial.
    pub allowed_origin: bool,
    /// Whether a GraphQL endpoint was asked: a path that ends in `/graphql`.
    pub graphql: bool,
}

/// Who a caller turned out to be: made once, used until something it was made from moves.
pub struct Fact {
    /// Who.
    pub principal: Principal,
    /// The gateway's ready-made answer; the engine does not look inside.
    pub rendered: OnceLock<Box<dyn Any + Send + Sync>>,
    pub(crate) made_at: Timestamp,
    pub(crate) generations: Vec<Generation>,
    /// Not accepted from here on: the end of the token or credential, or of the key that signed it.
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) credential: Option<CredentialFact>,
    pub(crate) token: Option<TokenFact>,
    /// Names the principal to limits.
    pub(crate) key: Digest,
    pub(crate) assertion: Mutex<Option<(Timestamp, Arc<str>)>>,
}

/// What a decision still has to ask of a credential at every use.
pub(crate) struct CredentialFact {
    pub id: CredentialId,
    pub allowed_networks: Vec<IpNet>,
    /// Browser origins from which a registration token is accepted; empty: the guard's.
    pub origins: Vec<String>,
    pub rate: Option<Rate>,
    pub used_minute: AtomicI64,
}

/// How often a credential may be used, and who counts.
pub(crate) enum Rate {
    /// All its users together.
    Whole(RateLimit, Arc<Bucket>),
    /// Each network for itself: everyone's browser shows the same registration token, and nobody may use it up
    /// for the others.
    EachNetwork(RateLimit),
}

/// What a guard may ask of a token.
pub(crate) struct TokenFact {
    pub profile: String,
    pub issuer: String,
    /// `None`: the profile prints no audience of its own.
    pub audience: Option<Vec<String>>,
    pub token_id: Option<String>,
    pub token_type: String,
    pub issued_at: Timestamp,
    /// What the token calls its subject, where that is not how we call it.
    pub subject: Option<String>,
}

impl Fact {
    /// A principal with nothing more to be asked of it.
    pub(crate) fn of(principal: Principal, made_at: Timestamp) -> Self {
        let key = Digest::of(
            "countersign/principal",
            &[
                principal.environment.as_str().as_bytes(),
                principal
                    .client
                    .as_ref()
                    .map_or(&[], |client| client.as_str().as_bytes()),
                principal.subject.as_deref().unwrap_or_default().as_bytes(),
            ],
        );
        Self {
            ends_at: principal.expires_at,
            principal,
            rendered: OnceLock::new(),
            made_at,
            generations: Vec::new(),
            credential: None,
            token: None,
            key,
            assertion: Mutex::new(None),
        }
    }
}

impl std::fmt::Debug for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fact")
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// Who a caller turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Where.
    pub environment: EnvironmentId,
    /// Whose customer, if anyone's.
    pub organization: Option<OrganizationId>,
    /// Which application, if any.
    pub client: Option<ClientId>,
    /// Who it speaks for: `client:…` or, later, a subject; none for anonymous.
    pub subject: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
    /// What it showed.
    pub shown: ShownKind,
    /// When what it showed ends.
    pub expires_at: Option<Timestamp>,
}

/// What kind of thing a principal showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShownKind {
    /// Nothing, where nothing is needed.
    Anonymous,
    /// A browser's preflight: the API answers it.
    Preflight,
    /// A token that we minted.
    AccessToken,
    /// A session of a subject.
    Session,
    /// A subject's identifier with an API key.
    SubjectBasic,
    /// A client's identifier and secret, in headers of the request itself.
    ClientHeaders,
    /// A credential.
    Credential(CredentialKind),
}

impl ShownKind {
    /// The word of `Countersign-Credential`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Preflight => "preflight",
            Self::AccessToken => "access_token",
            Self::Session => "session",
            Self::SubjectBasic => "subject_basic",
            Self::ClientHeaders => CredentialKind::ClientSecret.name(),
            Self::Credential(kind) => kind.name(),
        }
    }
}
