//! What answers carry: rows as an operator sees them. Never sealed material, never a digest.

pub use super::leaving_rows::{Delivery, Webhook};

use super::approval_rows::{GuardApprovers, Provider};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Declares an answer: strings, numbers and lists, in the order in which they are written.
macro_rules! rows {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $member:ident: $kind:ty,)* })+) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct $name {
            $($(#[$doc])* pub $member: $kind,)*
        }
    )+};
}
pub(super) use rows;

rows! {
    /// An environment.
    Environment {
        /// Its name.
        id: String,
        /// What people call it.
        display_name: String,
        /// `sandbox` or `production`.
        mode: String,
        /// Its issuer identifier.
        issuer: String,
        /// Host names that lead here.
        hosts: Vec<String>,
        /// The dialects whose paths are served.
        dialects: Vec<String>,
        /// What its credentials begin with.
        brand: String,
        /// Origins whose browsers may call the dialects that are for browsers.
        allowed_origins: Vec<String>,
        /// Where its pages are, for links in mails.
        public_url: Option<String>,
        /// Where its phones answer.
        phone_url: Option<String>,
        /// The organization of service providers that register themselves.
        provider_registrations: Option<String>,
        /// How its tokens are spelled; the first is what a standard request gets.
        token_profiles: Vec<TokenProfile>,
        /// Tokens issued before are refused.
        #[schemars(extend("format" = "date-time"))]
        tokens_not_before: Option<String>,
        /// When it was made.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// Counts its changes; its `ETag`.
        version: u64,
    }

    /// How one kind of token is spelled.
    TokenProfile {
        /// What routes call it.
        name: String,
        /// What `iss` prints.
        issuer: String,
        /// The set whose current key signs.
        key_set: String,
        /// The algorithm.
        algorithm: String,
        /// What the token endpoint says of it.
        token_type: String,
        /// Seconds from issue to expiry.
        lifetime_s: u32,
    }

    /// An organization: a customer that owns clients.
    Organization {
        /// Its name.
        id: String,
        /// What people call it.
        display_name: String,
        /// `active` or `disabled`.
        state: String,
        /// Its number, for dialects that print numbers.
        number: u64,
        /// Tokens issued before are refused.
        #[schemars(extend("format" = "date-time"))]
        tokens_not_before: Option<String>,
        /// When it was made.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// Counts its changes; its `ETag`.
        version: u64,
    }

    /// An operator: a person or script that runs the installation.
    Operator {
        /// Its name.
        id: String,
        /// What people call it.
        display_name: String,
        /// `viewer`, `editor` or `owner`.
        role: String,
        /// `active` or `disabled`.
        state: String,
        /// Its number, for dialects that print who made a client.
        number: u64,
        /// When it was made.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// Counts its changes; its `ETag`. Absent where the caller asks who it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u64>,
    }

    /// A client: a registered application.
    Client {
        /// Where it lives.
        environment: String,
        /// Its identifier.
        id: String,
        /// Who owns it.
        organization: String,
        /// What people call it.
        display_name: String,
        /// `frontend`, `backend`, `service_provider` or `platform`.
        kind: String,
        /// How its identifier and secrets are spelled.
        spelling: String,
        /// `active` or `disabled`.
        state: String,
        /// What its credentials may be given at most.
        scopes: Vec<String>,
        /// The resources its tokens may be meant for.
        resources: Vec<String>,
        /// The resources that it serves itself.
        serves: Vec<String>,
        /// How it vouches for its users; of platforms only.
        platform: Option<Platform>,
        /// How people sign in at it by themselves; none: not at all.
        sign_in: Option<SignIn>,
        /// What it does as a service provider; of service providers only.
        provider: Option<Provider>,
        /// Its number, for dialects that print numbers.
        number: u64,
        /// Its maker's number.
        maker_number: u64,
        /// Tokens issued before are refused.
        #[schemars(extend("format" = "date-time"))]
        tokens_not_before: Option<String>,
        /// When it was made.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// Counts its changes; its `ETag`.
        version: u64,
    }

    /// How a platform vouches for its users.
    Platform {
        /// What its partners put into the path.
        code: String,
        /// The one algorithm of its assertions.
        algorithm: String,
        /// Whether an assertion without `jti` is good once only, too.
        single_use: bool,
        /// Whether a user it vouches for is made when unknown.
        enrols: bool,
        /// The longest life of its assertions, in seconds.
        token_lifetime_max_s: u32,
    }

    /// How people sign in by themselves, with a passcode by e-mail.
    SignIn {
        /// Whether an unknown address becomes a new subject.
        sign_ups: bool,
    }

    /// A credential, without its secret.
    Credential {
        /// Where it is accepted; absent for an operator's token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<String>,
        /// Its public name.
        id: String,
        /// What kind it is.
        kind: String,
        /// The client whose it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<String>,
        /// The organization that owns that client.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<String>,
        /// The operator whose token it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operator: Option<String>,
        /// Enough of its text to recognise it by.
        hint: String,
        /// What it is for.
        comment: String,
        /// What it may do.
        scopes: Vec<String>,
        /// Refused before.
        #[schemars(extend("format" = "date-time"))]
        not_before: Option<String>,
        /// Refused from here on.
        #[schemars(extend("format" = "date-time"))]
        expires_at: Option<String>,
        /// Refused since, for good.
        #[schemars(extend("format" = "date-time"))]
        revoked_at: Option<String>,
        /// Accepted only from these networks; empty: from anywhere.
        allowed_networks: Vec<String>,
        /// For registration tokens: browser origins from which it is accepted; empty: those of the guard.
        origins: Vec<String>,
        /// What its owner notes of it.
        metadata: Option<Map<String, Value>>,
        /// The version of the API that its caller expects.
        api_version: Option<String>,
        /// How often it may be used.
        rate_limit: Option<RateLimit>,
        /// The credential that it takes over from.
        replaces: Option<String>,
        /// The credential that takes over from it.
        replaced_by: Option<String>,
        /// For keys: the one algorithm that it is used with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        algorithm: Option<String>,
        /// For public keys: the key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jwk: Option<Value>,
        /// When it was last used, to the minute.
        #[schemars(extend("format" = "date-time"))]
        last_used_at: Option<String>,
        /// When it was made.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// Counts its changes; its `ETag`.
        version: u64,
    }

    /// How often something may be used.
    RateLimit {
        /// Uses per minute in the long run.
        per_minute: u32,
        /// Uses that may come at once.
        burst: u32,
    }

    /// The guards of an environment, in the order in which they are read.
    Guards {
        /// Where they stand.
        environment: String,
        /// The guards.
        guards: Vec<Guard>,
        /// Counts their changes; their `ETag`.
        version: u64,
    }

    /// One rule: which requests need which credential and scopes.
    Guard {
        /// Its name within the environment.
        name: String,
        /// Host names it is for; empty: all of the environment.
        hosts: Vec<String>,
        /// Path patterns.
        paths: Vec<String>,
        /// Methods it is for; empty: all.
        methods: Vec<String>,
        /// What may be shown, any of these.
        accept: Vec<String>,
        /// The token profiles that count; empty: all.
        profiles: Vec<String>,
        /// One of these must be in a token's audience; empty: the issuer.
        audiences: Vec<String>,
        /// What the caller must be allowed, all of these.
        scopes: Vec<String>,
        /// Browser origins that may call.
        origins: Vec<String>,
        /// How often each caller may pass.
        rate_limit: Option<RateLimit>,
        /// The dialect whose error envelope its denials use.
        dialect: Option<String>,
        /// Whether a secret credential may come from a browser all the same.
        secrets_from_browsers: bool,
        /// Whether passing requests carry a signed `Countersign-Assertion`.
        assertion: bool,
        /// `required`: people approve each request before it passes.
        approval: Option<String>,
        /// Who may approve.
        approvers: Option<GuardApprovers>,
        /// What becomes of the body: `none` or `checked_by_api`.
        body: Option<String>,
        /// What people are shown.
        sentence: Option<String>,
    }

    /// A set of signing keys.
    KeySet {
        /// Where they sign.
        environment: String,
        /// What token profiles call the set.
        name: String,
        /// The algorithm of new keys.
        algorithm: String,
        /// Bits of new RSA keys.
        rsa_bits: u32,
        /// The next key, the current one, and retired ones until they end.
        keys: Vec<SigningKey>,
        /// Counts its changes; its `ETag`.
        version: u64,
    }

    /// The public side of a signing key.
    SigningKey {
        /// Its name, as `kid` prints it.
        kid: String,
        /// `next`, `current` or `retired`.
        state: String,
        /// The algorithm.
        algorithm: String,
        /// Its RFC 7638 thumbprint; none for symmetric keys, which are never published.
        thumbprint: Option<String>,
        /// Its public half; none for symmetric keys.
        jwk: Option<Value>,
        /// When it was made.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// For a retired key: its signatures are accepted until then.
        #[schemars(extend("format" = "date-time"))]
        ends_at: Option<String>,
    }

    /// A subject: an end user of an organization.
    Subject {
        /// Where it lives.
        environment: String,
        /// Its identifier, a UUID.
        id: String,
        /// Whose end user it is.
        organization: String,
        /// The platform that vouches for it.
        platform: Option<String>,
        /// Its e-mail address, in lower case.
        email: Option<String>,
        /// Its phone number, in E.164.
        phone: Option<String>,
        /// The whole name.
        name: Option<String>,
        /// The name in parts.
        names: Option<PersonNames>,
        /// YYYY-MM-DD.
        date_of_birth: Option<String>,
        /// Where the person lives.
        address: Option<PersonAddress>,
        /// What the organization notes of it.
        metadata: Option<Map<String, Value>>,
        /// Whether it can log in with a password.
        has_password: bool,
        /// The devices on which it approves.
        devices: Vec<String>,
        /// `active` or `disabled`.
        state: String,
        /// Being erased since: refused everywhere, and nothing of the person is left in it.
        #[schemars(extend("format" = "date-time"))]
        closing_at: Option<String>,
        /// Sessions and tokens issued before are refused.
        #[schemars(extend("format" = "date-time"))]
        tokens_not_before: Option<String>,
        /// When it was made.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// When it last changed.
        #[schemars(extend("format" = "date-time"))]
        updated_at: String,
        /// Counts its changes; its `ETag`.
        version: u64,
    }

    /// A name in parts.
    PersonNames {
        /// Given name.
        first: Option<String>,
        /// Family name.
        last: Option<String>,
    }

    /// A postal address.
    PersonAddress {
        /// Street and number.
        line1: Option<String>,
        /// What does not fit there.
        line2: Option<String>,
        /// Town.
        city: Option<String>,
        /// State or province.
        state: Option<String>,
        /// Postal code.
        postal_code: Option<String>,
        /// ISO 3166-1 alpha-3.
        country_code: Option<String>,
    }

    /// A session of a subject, without its text.
    Session {
        /// Its public name, by which it can be ended.
        id: String,
        /// `opaque`, which is kept, or `jwt`, which is only counted.
        kind: String,
        /// Enough of its text to recognise it by; of those that are kept.
        hint: Option<String>,
        /// The platform that vouched for the subject.
        client: Option<String>,
        /// The API key that asked for it.
        credential: Option<String>,
        /// What it may do.
        scopes: Vec<String>,
        /// When it was made.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// Refused from here on.
        #[schemars(extend("format" = "date-time"))]
        expires_at: String,
    }

    /// All that is known of a subject, for the person. Nothing in it opens anything.
    SubjectExport {
        /// When it was gathered.
        #[schemars(extend("format" = "date-time"))]
        exported_at: String,
        /// The subject.
        subject: Subject,
        /// Its sessions that live.
        sessions: Vec<Session>,
        /// The devices on which it approves.
        devices: Vec<SubjectDevice>,
        /// The lines of the audit log that it did, or that were done to it, newest first.
        audit: Vec<AuditEvent>,
        /// Whether there was too much for one document, so that some sessions or the oldest audit lines are left out.
        is_cut: bool,
    }

    /// A device on which a subject approves.
    SubjectDevice {
        /// Its identifier: the RFC 7638 thumbprint of its key.
        id: String,
        /// What its owner calls it.
        name: String,
        /// When it enrolled.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
    }

    /// A link for a password that is on its way.
    PasswordLink {
        /// To which address: its first letter and its domain.
        sent_to: String,
        /// Refused from here on.
        #[schemars(extend("format" = "date-time"))]
        expires_at: String,
    }

    /// A line of the audit log.
    AuditEvent {
        /// When.
        #[schemars(extend("format" = "date-time"))]
        at: String,
        /// Where; `*` for the installation.
        environment: String,
        /// Whose, where it belongs to a customer.
        organization: Option<String>,
        /// Who: `operator:alice`, `client:client_…`, `-` for a stranger.
        actor: String,
        /// What, as `noun.verb`.
        action: String,
        /// To which thing.
        target: String,
        /// `ok`, or the private reason of a refusal.
        outcome: String,
        /// The request.
        request_id: String,
        /// From where.
        peer: Option<String>,
        /// How many times within the minute.
        count: u32,
    }

    /// What a token is.
    Inspection {
        /// Whether a guard would accept it now. When not, nothing more is said.
        active: bool,
        /// What it may do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scopes: Option<Vec<String>>,
        /// The client it was issued to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<String>,
        /// Who it speaks for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        /// Whom it is meant for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        audience: Option<Vec<String>>,
        /// Who issued it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issuer: Option<String>,
        /// Its unique name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_id: Option<String>,
        /// What its profile calls it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_type: Option<String>,
        /// When it was issued.
        #[schemars(extend("format" = "date-time"))]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issued_at: Option<String>,
        /// When it ends.
        #[schemars(extend("format" = "date-time"))]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<String>,
    }
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; absent after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Something just made, with its secret where it has one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Made<T> {
    /// The row.
    #[serde(flatten)]
    pub row: T,
    /// Its secret, told this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}
