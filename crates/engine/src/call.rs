//! Everything the server can be asked. A dialect decodes a request into one of these.

mod approvals;
mod realm;
mod subjects;
mod webhooks;

pub use approvals::{
    Answer, ApprovalAdmin, ApprovalCall, DeviceCall, DeviceSignature, LinkTo, NewApprover,
    NewOperation, NewProvider, ProviderCall,
};
pub use realm::{RealmAsk, RealmCall};
pub use subjects::{Contact, NewSubject, SubjectCall, SubjectChange};
pub use webhooks::{NewSubscription, SubscriptionCall, SubscriptionChange, WebhookCall};

use crate::{
    commit::Version,
    digest::Digest,
    id::{ClientId, CredentialId, EnvironmentId, OperatorId, OrganizationId, RequestId, SubjectId},
    login::LoginCall,
    model::{
        State,
        client::{ClientKind, Platform, SignIn, Spelling},
        credential::{CredentialKind, RateLimit},
        environment::Mode,
        guard::Guard,
        operator::Role,
        scopes::Scopes,
    },
    ports::Cursor,
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::{Algorithm, Jwk};
use ipnet::IpNet;
use serde_json::{Map, Value};
use std::{net::IpAddr, time::Duration};

/// What is known of a request before it is read. One clock reading and one id: nobody below asks again.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// Where it arrived; the installation on the admin listener.
    pub environment: EnvironmentId,
    /// When it arrived.
    pub now: Timestamp,
    /// Its id, in logs, audit and error bodies.
    pub request_id: RequestId,
    /// From where, if that is an address.
    pub peer: Option<IpAddr>,
    /// The dialect whose route it took.
    pub dialect: &'static str,
}

/// Who may call a route. Every route declares one; there is no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Callers {
    /// Anyone; what is shown is not looked at.
    Anyone,
    /// A client that authenticates with its own credential (RFC 6749 section 2.3).
    Client,
    /// An operator with at least this role.
    Operator(Role),
    /// A server with an API key as Bearer.
    ApiKey,
    /// A subject with its session as Bearer.
    Session,
    /// Whoever holds an access token of ours, as Bearer (RFC 6750 section 2.1).
    AccessToken,
    /// A device that enrolled, by its signature over the request (RFC 9421).
    Device,
    /// A device that enrols: it signs with the key that it brings along.
    NewDevice,
}

/// What the caller showed, still unbelieved. Finding it has three answers.
#[derive(Debug, Clone)]
pub enum Presented {
    /// Nothing.
    Absent,
    /// Something that cannot be a credential, or too many of them.
    Malformed(Malformed),
    /// One credential.
    Present(Shown),
}

pub use crate::denied::Malformed;

/// One credential, as it was carried.
#[derive(Debug, Clone)]
pub enum Shown {
    /// Identifier and secret, in `Authorization: Basic` or in the form (RFC 6749 section 2.3.1).
    ClientSecret {
        /// The identifier as carried: not yet known to be one.
        client_id: String,
        /// The secret.
        secret: Secret<String>,
    },
    /// A signed assertion (RFC 7523 section 2.2).
    ClientAssertion {
        /// The `client_id` parameter, which may be left out.
        client_id: Option<String>,
        /// The compact JWS.
        assertion: Secret<String>,
    },
    /// A bearer (RFC 6750 section 2.1).
    Bearer(Secret<String>),
    /// A device's signature over the request.
    DeviceSignature(Box<DeviceSignature>),
}

/// What sent a request, as `Origin` or `Sec-Fetch-Site` tells.
#[derive(Debug)]
pub enum Sender {
    /// No browser.
    Machine,
    /// A browser: a secret credential that it holds has leaked.
    Browser {
        /// What its headers carry where credentials stand, whether the route reads it or not.
        headers: Vec<Secret<String>>,
    },
}

/// A request as a dialect understood it.
#[derive(Debug)]
pub struct Asked {
    /// What the route declares.
    pub callers: Callers,
    /// What the caller showed: settled first, so that a stranger never gets a validation error.
    pub presented: Presented,
    /// What sent it.
    pub sender: Sender,
    /// What is asked, or why that cannot be told.
    pub call: Result<Call, crate::denied::Denied>,
}

impl Asked {
    /// Whether it stands on a route. What does not brings nothing along, whoever asks.
    pub(crate) fn is_at_a_route(&self) -> bool {
        !matches!(
            self.call,
            Err(crate::denied::Denied::NotFound { noun: "route" })
        )
    }
}

/// What is asked.
#[derive(Debug)]
pub enum Call {
    /// A token for the authenticated client (RFC 6749 section 4.4).
    ClientCredentials {
        /// The profile that spells it.
        profile: &'static str,
        /// The scopes asked for; none: all that the credential has.
        scopes: Option<Scopes>,
        /// The resources asked for (RFC 8707); empty: the issuer.
        resources: Vec<String>,
    },
    /// What a token is (RFC 7662).
    Introspect {
        /// The token, whatever it is.
        token: Secret<String>,
    },
    /// End a token (RFC 7009).
    Revoke {
        /// The token, whatever it is.
        token: Secret<String>,
    },
    /// The public keys (RFC 7517 section 5).
    PublicKeys,
    /// What the authorization server offers (RFC 8414).
    Metadata,
    /// About the webhook subscriptions of whoever shows an API key.
    Subscriptions(SubscriptionCall),
    /// Calls of people who log in.
    Login(LoginCall),
    /// What a realm is asked (Keycloak, Ultra).
    Realm(RealmCall),
    /// The operator's calls.
    Admin(AdminCall),
    /// Sessions that are tokens.
    Session(crate::sessions::SessionCall),
    /// A server looks after its users.
    Profile(crate::profiles::ProfileCall),
    /// A service provider asks people.
    Provider(ProviderCall),
    /// A person's device.
    Device(DeviceCall),
    /// Whoever waits for an approval.
    Approval(ApprovalCall),
}

/// What an operator can ask.
#[derive(Debug)]
pub enum AdminCall {
    /// Who am I?
    WhoAmI,
    /// A page of rows.
    List {
        /// Of what.
        listing: Listing,
        /// From after here.
        after: Option<Cursor>,
        /// At most so many.
        limit: u32,
    },
    /// One row.
    Show(Target),
    /// Make something.
    Create {
        /// What.
        new: New,
        /// For doing it once only.
        idempotency: Option<IdempotencyKey>,
    },
    /// Change something; the result must pass every rule that a creation must pass.
    Amend {
        /// What to change, and how.
        change: Amend,
        /// The version that the caller read.
        if_version: Option<Version>,
    },
    /// Take something away for good.
    Remove {
        /// What.
        target: Target,
        /// The version that the caller read.
        if_version: Option<Version>,
    },
    /// Revoke a credential for good.
    RevokeCredential(EnvironmentId, CredentialId),
    /// Make a successor to a credential; the old one ends after the overlap.
    RotateCredential {
        /// Where.
        environment: EnvironmentId,
        /// Which.
        credential: CredentialId,
        /// How long both work.
        overlap: Duration,
        /// For doing it once only.
        idempotency: Option<IdempotencyKey>,
    },
    /// Retire the current signing key of a set, promote the next one, make a new next one.
    RotateKeys {
        /// Where.
        environment: EnvironmentId,
        /// Which set.
        key_set: String,
        /// How long the retired key's signatures are still accepted; none: the longest life of its tokens,
        /// and as long as its set may be kept.
        overlap: Option<Duration>,
        /// Also when the next key was published so lately that some do not know it yet.
        force: bool,
    },
    /// Refuse every token issued until now to an environment, an organization or a client.
    EndTokens(Target),
    /// Revoke one token, whoever's it is.
    RevokeToken(EnvironmentId, Secret<String>),
    /// Webhook subscriptions, and what waits to leave.
    Webhooks(WebhookCall),
    /// What one token is, as any guard would see it.
    InspectToken(EnvironmentId, Secret<String>),
    /// About people.
    Subjects(SubjectCall),
    /// About approvals, and who gives them.
    Approvals(ApprovalAdmin),
}

/// What can be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// Environments.
    Environments,
    /// Organizations.
    Organizations,
    /// Operators.
    Operators,
    /// Clients of an environment, of one organization if named.
    Clients(EnvironmentId, Option<OrganizationId>),
    /// Credentials of an environment, of one client if named.
    Credentials(EnvironmentId, Option<ClientId>),
    /// Key sets of an environment.
    KeySets(EnvironmentId),
    /// Subjects of an organization in an environment.
    Subjects(EnvironmentId, OrganizationId),
    /// Audit lines, newest first.
    Audit {
        /// Of this environment.
        environment: Option<EnvironmentId>,
        /// Of this organization.
        organization: Option<OrganizationId>,
        /// Not older than this.
        since: Option<Timestamp>,
    },
}

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An environment.
    Environment(EnvironmentId),
    /// An organization.
    Organization(OrganizationId),
    /// An operator.
    Operator(OperatorId),
    /// A client.
    Client(EnvironmentId, ClientId),
    /// A credential, by its public name.
    Credential(EnvironmentId, CredentialId),
    /// An environment's guards.
    Guards(EnvironmentId),
    /// A set of signing keys.
    KeySet(EnvironmentId, String),
    /// A subject.
    Subject(EnvironmentId, SubjectId),
}

/// An idempotency key and the request it came with.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    /// The key as the caller chose it, 1 to 255 bytes. Secret: it can open a remembered answer.
    pub key: Secret<String>,
    /// Of the method, the path and the body.
    pub request: Digest,
}

/// Something to make. Texts are as the caller wrote them; the engine checks every member.
#[derive(Debug, Clone)]
pub enum New {
    /// An environment with its key sets, which a worker or the first caller fills.
    Environment(NewEnvironment),
    /// An organization.
    Organization(NewOrganization),
    /// An operator with its first token.
    Operator(NewOperator),
    /// A client.
    Client(NewClient),
    /// A credential of a client, or another token of an operator.
    Credential(NewCredential),
    /// A subject.
    Subject(NewSubject),
}

/// An environment to make.
#[derive(Debug, Clone)]
pub struct NewEnvironment {
    /// Its name.
    pub id: EnvironmentId,
    /// What people call it; the name unless given.
    pub display_name: Option<String>,
    /// Sandbox or production.
    pub mode: Mode,
    /// Its issuer identifier.
    pub issuer: String,
    /// Its hosts.
    pub hosts: Vec<String>,
    /// Its dialects; `standard` unless given.
    pub dialects: Option<Vec<String>>,
    /// What its credentials begin with; `cs` unless given.
    pub brand: Option<String>,
    /// Origins whose browsers may call.
    pub allowed_origins: Vec<String>,
    /// Where its pages are, for links in mails.
    pub public_url: Option<String>,
    /// Where its phones answer.
    pub phone_url: Option<String>,
    /// The organization of service providers that register themselves.
    pub provider_registrations: Option<OrganizationId>,
}

/// An organization to make.
#[derive(Debug, Clone, Default)]
pub struct NewOrganization {
    /// Its name; made up unless given.
    pub id: Option<OrganizationId>,
    /// What people call it.
    pub display_name: String,
    /// Its number; made up unless brought along from elsewhere.
    pub number: Option<u64>,
}

/// An operator to make.
#[derive(Debug, Clone)]
pub struct NewOperator {
    /// Its name.
    pub id: OperatorId,
    /// What people call it; the name unless given.
    pub display_name: Option<String>,
    /// What it may do.
    pub role: Role,
}

/// A client to make.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// Where.
    pub environment: EnvironmentId,
    /// Its identifier; made up in its spelling unless brought along from elsewhere.
    pub id: Option<ClientId>,
    /// Who owns it.
    pub organization: OrganizationId,
    /// What people call it.
    pub display_name: String,
    /// What kind of application it is.
    pub kind: ClientKind,
    /// How its identifier and secrets are spelled.
    pub spelling: Spelling,
    /// What its credentials may be given at most.
    pub scopes: Scopes,
    /// The resources its tokens may be meant for.
    pub resources: Vec<String>,
    /// The resources that it serves itself.
    pub serves: Vec<String>,
    /// How it vouches for its users; for platforms, and only for them. An empty code is made up.
    pub platform: Option<Platform>,
    /// How people sign in at it by themselves.
    pub sign_in: Option<SignIn>,
    /// Its number; made up unless brought along.
    pub number: Option<u64>,
    /// Its maker's number; the operator's unless brought along.
    pub maker_number: Option<u64>,
}

/// A credential to make.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// Where; the installation for an operator's token.
    pub environment: EnvironmentId,
    /// Whose.
    pub holder: NewHolder,
    /// What kind.
    pub kind: CredentialKind,
    /// For a public key: the key and its algorithm; for RSA without the key, a pair is made. For a signing
    /// secret: the algorithm alone. None is the algorithm of the platform whose credential it is.
    pub key: Option<(Algorithm, Option<Jwk>)>,
    /// The properties that every kind has.
    pub lifecycle: Lifecycle,
}

/// Whose credential to make.
#[derive(Debug, Clone)]
pub enum NewHolder {
    /// A client's.
    Client(ClientId),
    /// An operator's.
    Operator(OperatorId),
}

/// The properties that every credential has, as a caller may set them; `None` leaves them as they are,
/// and for a new credential at: no comment, the client's scopes, no bounds.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// What it is for.
    pub comment: Option<String>,
    /// What it may do.
    pub scopes: Option<Scopes>,
    /// Refused before; `Some(None)` clears it.
    pub not_before: Option<Option<Timestamp>>,
    /// Refused from here on; `Some(None)` clears it.
    pub expires_at: Option<Option<Timestamp>>,
    /// Accepted only from these networks.
    pub allowed_networks: Option<Vec<IpNet>>,
    /// Browser origins from which it is accepted; for registration tokens only.
    pub origins: Option<Vec<String>>,
    /// What its owner notes of it; `Some(None)` clears it.
    pub metadata: Option<Option<Map<String, Value>>>,
    /// The version of the API that its caller expects; `Some(None)` clears it.
    pub api_version: Option<Option<String>>,
    /// How often it may be used; `Some(None)` clears it. A new registration token has
    /// [`crate::bounds::REGISTRATION_TOKEN_RATE`] unless this says otherwise.
    pub rate_limit: Option<Option<RateLimit>>,
}

/// A change to a row: members that are `None` stay as they are.
#[derive(Debug, Clone)]
pub enum Amend {
    /// Of an environment.
    Environment(EnvironmentId, EnvironmentChange),
    /// Of an organization.
    Organization(OrganizationId, OrganizationChange),
    /// Of an operator.
    Operator(OperatorId, OperatorChange),
    /// Of a client.
    Client(EnvironmentId, ClientId, ClientChange),
    /// Of a credential.
    Credential(EnvironmentId, CredentialId, Lifecycle),
    /// An environment's guards, all of them.
    Guards(EnvironmentId, Vec<Guard>),
    /// Of a subject.
    Subject(EnvironmentId, SubjectId, SubjectChange),
}

/// A change to an environment.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentChange {
    /// What people call it.
    pub display_name: Option<String>,
    /// Its hosts, all of them.
    pub hosts: Option<Vec<String>>,
    /// Its dialects, all of them.
    pub dialects: Option<Vec<String>>,
    /// Its origins, all of them.
    pub allowed_origins: Option<Vec<String>>,
    /// Where its pages are; `Some(None)` clears it.
    pub public_url: Option<Option<String>>,
    /// Where its phones answer; `Some(None)` clears it.
    pub phone_url: Option<Option<String>>,
    /// The organization of service providers that register themselves; `Some(None)` ends that.
    pub provider_registrations: Option<Option<OrganizationId>>,
}

/// A change to an organization.
#[derive(Debug, Clone, Default)]
pub struct OrganizationChange {
    /// What people call it.
    pub display_name: Option<String>,
    /// Whether it may act.
    pub state: Option<State>,
}

/// A change to an operator.
#[derive(Debug, Clone, Default)]
pub struct OperatorChange {
    /// What people call it.
    pub display_name: Option<String>,
    /// What it may do.
    pub role: Option<Role>,
    /// Whether it may act.
    pub state: Option<State>,
}

/// A change to a client.
#[derive(Debug, Clone, Default)]
pub struct ClientChange {
    /// What people call it.
    pub display_name: Option<String>,
    /// Whether it may act.
    pub state: Option<State>,
    /// What its credentials may be given at most.
    pub scopes: Option<Scopes>,
    /// The resources its tokens may be meant for.
    pub resources: Option<Vec<String>>,
    /// The resources that it serves itself.
    pub serves: Option<Vec<String>>,
    /// How it vouches for its users.
    pub platform: Option<PlatformChange>,
    /// How people sign in at it by themselves; `Some(None)` ends it.
    pub sign_in: Option<Option<SignIn>>,
}

/// A change to how a platform vouches for its users.
#[derive(Debug, Clone, Default)]
pub struct PlatformChange {
    /// Its code; only the one that it has.
    pub code: Option<String>,
    /// The one algorithm of its tokens.
    pub algorithm: Option<Algorithm>,
    /// Whether a token without `jti` is good once only, too.
    pub single_use: Option<bool>,
    /// Whether a user it vouches for is made when unknown.
    pub enrols: Option<bool>,
    /// The longest life of its tokens, in seconds.
    pub token_lifetime_max_s: Option<u32>,
}
