//! What requests carry. The engine checks what these types cannot: that a host is one, that an issuer is a URL.

use super::{
    approval_bodies::{ApproversBody, Required},
    members::{Clearable, Member, Members, Problems, body, object},
    place::Place,
};
use countersign_engine::{
    id::{ClientId, EnvironmentId, OperatorId, OrganizationId},
    model::{
        State,
        client::{ClientKind, Spelling},
        credential::CredentialKind,
        environment::Mode,
        guard::{Accept, BoundBody},
        operator::Role,
        scopes::Scopes,
    },
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::{Algorithm, Jwk};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Map, Value};

body! {
    /// An environment to make. Its signing keys are made within ten seconds, or when they are first needed.
    EnvironmentToMake {
        /// Its name, in every key and for good.
        id: EnvironmentId,
        /// What people call it; its name unless given.
        display_name: Option<String>,
        /// Sandbox or production.
        mode: Mode,
        /// Its issuer identifier: an http or https URL without query or fragment.
        issuer: String,
        /// Host names that lead here, lower case, with a port where only that port is meant.
        hosts: Vec<String>,
        /// The dialects whose paths are served; `standard` unless given.
        dialects: Option<Vec<String>>,
        /// What its credentials begin with; `cs` unless given.
        brand: Option<String>,
        /// Origins whose browsers may call the dialects that are for browsers.
        allowed_origins: Option<Vec<String>>,
        /// Where its pages are, for links in mails: `https` and a host, or `http` on loopback.
        public_url: Option<String>,
        /// Where its phones answer, on a host of its own among its hosts: `https` and a host, or `http` on loopback.
        phone_url: Option<String>,
        /// The organization of service providers that register themselves; none may unless given.
        provider_registrations: Option<OrganizationId>,
    }

    /// What to change of an environment. What is left out stays.
    EnvironmentToChange {
        /// What people call it.
        display_name: Option<String>,
        /// Its hosts, all of them.
        hosts: Option<Vec<String>>,
        /// Its dialects, all of them.
        dialects: Option<Vec<String>>,
        /// Its origins, all of them.
        allowed_origins: Option<Vec<String>>,
        /// Where its pages are, for links in mails.
        public_url: Option<Clearable<String>>,
        /// Where its phones answer.
        phone_url: Option<Clearable<String>>,
        /// The organization of service providers that register themselves.
        provider_registrations: Option<Clearable<OrganizationId>>,
    }

    /// An organization to make.
    OrganizationToMake {
        /// Its name; made up unless given.
        id: Option<OrganizationId>,
        /// What people call it.
        display_name: String,
        /// Its number, where it is brought along from elsewhere.
        number: Option<u64>,
    }

    /// What to change of an organization. What is left out stays.
    OrganizationToChange {
        /// What people call it.
        display_name: Option<String>,
        /// Disabled: nothing of it is accepted anywhere.
        state: Option<State>,
    }

    /// An operator to make, with its first token.
    OperatorToMake {
        /// Its name, in the audit log and for good.
        id: OperatorId,
        /// What people call it; its name unless given.
        display_name: Option<String>,
        /// What it may do.
        role: Role,
    }

    /// What to change of an operator. What is left out stays.
    OperatorToChange {
        /// What people call it.
        display_name: Option<String>,
        /// What it may do.
        role: Option<Role>,
        /// Disabled: its tokens are refused, and kept.
        state: Option<State>,
    }

    /// Another token of an operator.
    OperatorTokenToMake {
        /// What it is for.
        comment: Option<String>,
        /// Refused before.
        not_before: Option<Clearable<Timestamp>>,
        /// Refused from here on.
        expires_at: Option<Clearable<Timestamp>>,
        /// Accepted only from these networks; empty: from anywhere.
        allowed_networks: Option<Vec<IpNet>>,
    }

    /// A client to make.
    ClientToMake {
        /// Its identifier; made up in its spelling unless brought along from elsewhere.
        id: Option<ClientId>,
        /// The organization that owns it.
        organization: OrganizationId,
        /// What people call it.
        display_name: String,
        /// What kind of application it is.
        kind: ClientKind,
        /// How its identifier and secrets are spelled; `countersign` unless given.
        spelling: Option<Spelling>,
        /// What its credentials may be given at most.
        scopes: Option<Scopes>,
        /// The resources its tokens may be meant for (RFC 8707); empty: the issuer alone.
        resources: Option<Vec<String>>,
        /// The resources that it serves itself: it may introspect tokens that are meant for them.
        serves: Option<Vec<String>>,
        /// How it vouches for its users; for platforms, and only for them.
        platform: Option<PlatformBody>,
        /// How people sign in at it by themselves, with a passcode by e-mail; not at all unless given.
        sign_in: Option<SignInBody>,
        /// Its number, where it is brought along from elsewhere.
        number: Option<u64>,
        /// Its maker's number, where it is brought along; the operator's unless given.
        maker_number: Option<u64>,
    }

    /// What to change of a client. What is left out stays.
    ClientToChange {
        /// What people call it.
        display_name: Option<String>,
        /// Disabled: its credentials and tokens are refused, and kept.
        state: Option<State>,
        /// What its credentials may be given at most, all of it.
        scopes: Option<Scopes>,
        /// The resources its tokens may be meant for, all of them.
        resources: Option<Vec<String>>,
        /// The resources that it serves itself, all of them.
        serves: Option<Vec<String>>,
        /// How it vouches for its users: the members that change.
        platform: Option<PlatformBody>,
        /// How people sign in at it by themselves; `null`: not at all.
        sign_in: Option<Clearable<SignInBody>>,
    }

    /// How a platform vouches for its users with signed assertions.
    PlatformBody {
        /// What its partners put into the path, 4 to 32 characters of `a-z 0-9 -`, for good; made up unless given.
        code: Option<String>,
        /// The one algorithm of its assertions: RS512 unless given, RS384, RS256, HS512, HS384 or HS256.
        algorithm: Option<Algorithm>,
        /// Whether an assertion without `jti` is good once only, too; no unless given.
        single_use: Option<bool>,
        /// Whether a user it vouches for is made when unknown; no unless given.
        enrols: Option<bool>,
        /// The longest life of its assertions in seconds; an hour unless given, and at most.
        token_lifetime_max_s: Option<u32>,
    }

    /// How people sign in by themselves. It tells callers whether an address is known, by design of that API.
    SignInBody {
        /// Whether an unknown address becomes a new subject.
        sign_ups: bool,
    }

    /// A credential to make for a client.
    CredentialToMake {
        /// What kind it is.
        kind: CredentialKind,
        /// For `public_key` and `signing_secret`: the one algorithm that it is used with; a platform's own unless given.
        algorithm: Option<Algorithm>,
        /// For `public_key`: the public half as a JWK. Without it, and for RSA, a pair of 2048 bits is made: the answer
        /// tells its private half once, as `secret`, in PEM (`BEGIN RSA PRIVATE KEY`, PKCS#1).
        jwk: Option<Jwk>,
        /// What it is for.
        comment: Option<String>,
        /// What it may do; all that its client may unless given.
        scopes: Option<Scopes>,
        /// Refused before.
        not_before: Option<Clearable<Timestamp>>,
        /// Refused from here on.
        expires_at: Option<Clearable<Timestamp>>,
        /// Accepted only from these networks; empty: from anywhere.
        allowed_networks: Option<Vec<IpNet>>,
        /// How often it may be used.
        rate_limit: Option<Clearable<RateLimitBody>>,
        /// For `registration_token`: browser origins from which it is accepted; empty: those of the guard.
        origins: Option<Vec<String>>,
        /// What its owner notes of it, all of it: at most 50 members, 8 KiB.
        metadata: Option<Clearable<Map<String, Value>>>,
        /// The version of the API that its caller expects unless a request says otherwise, YYYY-MM-DD.
        api_version: Option<Clearable<String>>,
    }

    /// What to change of a credential. What is left out stays; `null` clears a bound.
    CredentialToChange {
        /// What it is for.
        comment: Option<String>,
        /// What it may do.
        scopes: Option<Scopes>,
        /// Refused before.
        not_before: Option<Clearable<Timestamp>>,
        /// Refused from here on.
        expires_at: Option<Clearable<Timestamp>>,
        /// Accepted only from these networks; empty: from anywhere.
        allowed_networks: Option<Vec<IpNet>>,
        /// How often it may be used.
        rate_limit: Option<Clearable<RateLimitBody>>,
        /// For `registration_token`: browser origins from which it is accepted; empty: those of the guard.
        origins: Option<Vec<String>>,
        /// What its owner notes of it, all of it: at most 50 members, 8 KiB.
        metadata: Option<Clearable<Map<String, Value>>>,
        /// The version of the API that its caller expects unless a request says otherwise, YYYY-MM-DD.
        api_version: Option<Clearable<String>>,
    }

    /// How often something may be used.
    RateLimitBody {
        /// Uses per minute in the long run, at least 1.
        per_minute: u32,
        /// Uses that may come at once, at least 1.
        burst: u32,
    }

    /// How a credential is rotated.
    CredentialRotation {
        /// How long the old one still works beside the new one, in seconds.
        overlap_s: u64,
    }

    /// How a key set is rotated.
    KeyRotation {
        /// How long signatures of the retired key are still accepted, in seconds. Unless given: the longest life
        /// of the tokens that it signed, and the five minutes for which the key set may be kept.
        overlap_s: Option<u64>,
        /// Also when the next key was published less than six minutes ago, so that some keep a key set without
        /// it and would refuse its tokens; else that is 409. As after a leak.
        force: Option<bool>,
    }

    /// The guards of an environment, all of them, in the order in which they are read.
    GuardsToSet {
        /// The guards.
        guards: Vec<GuardBody>,
    }

    /// One rule: which requests need which credential and scopes.
    GuardBody {
        /// Its name within the environment.
        name: String,
        /// Host names it is for, lower case, without port; empty: every host that is judged here, which at a gateway
        /// listener that names this environment is every host that its proxy asks about, listed or not.
        hosts: Option<Vec<String>>,
        /// Path patterns: `/v2.0/site` exactly, `/v2.0/*` everything at and below, `{name}` one whole segment.
        paths: Vec<String>,
        /// Methods it is for, upper case; empty: all.
        methods: Option<Vec<String>>,
        /// What may be shown, any of these.
        accept: Vec<Accept>,
        /// For access tokens: the token profiles that count; empty: all.
        profiles: Option<Vec<String>>,
        /// For access tokens with an audience: one of these must be in it; empty: the issuer.
        audiences: Option<Vec<String>>,
        /// What the caller must be allowed, all of these.
        scopes: Option<Scopes>,
        /// Browser origins that may call; empty: no browser preflight passes.
        origins: Option<Vec<String>>,
        /// How often each caller may pass.
        rate_limit: Option<Clearable<RateLimitBody>>,
        /// The dialect whose error envelope its denials use; the standard one unless given.
        dialect: Option<Clearable<String>>,
        /// Whether a secret credential may come from a browser all the same. It has leaked: think twice.
        secrets_from_browsers: Option<bool>,
        /// Whether passing requests carry a signed `Countersign-Assertion`.
        assertion: Option<bool>,
        /// `required`: each request needs people's approval before it passes, once.
        approval: Option<Clearable<Required>>,
        /// With `approval`: who may approve; `subject`, the person for whom the caller speaks, unless given.
        approvers: Option<Clearable<ApproversBody>>,
        /// With `approval`, and needed then: `none`, so that the proxy drops any body, or `checked_by_api`, which compares it
        /// with the digest that was bound.
        body: Option<Clearable<BoundBody>>,
        /// With `approval`, and needed then: what people are shown, with `{method}`, `{host}`, `{path}`, `{target}`,
        /// `{client}`, `{subject}`, `{organization}` or `{query.NAME}` in it.
        sentence: Option<Clearable<String>>,
    }

    /// A webhook subscription to make.
    WebhookToMake {
        /// The organization whose events it hears.
        organization: OrganizationId,
        /// What people call it.
        name: String,
        /// Where events are sent: an https URL without user, password or fragment.
        target_url: String,
        /// Types of events, whole or the first words of several: `profile.created`, `profile`.
        event_types: Vec<String>,
        /// Whether nothing is delivered.
        disabled: Option<bool>,
    }

    /// What to change of a webhook subscription. What is left out stays.
    WebhookToChange {
        /// What people call it.
        name: Option<String>,
        /// Where events are sent.
        target_url: Option<String>,
        /// Types of events, all of them.
        event_types: Option<Vec<String>>,
        /// Whether nothing is delivered.
        disabled: Option<bool>,
    }

    /// How a webhook subscription's secret is rotated.
    WebhookRotation {
        /// How long deliveries are signed with the old one too, in seconds.
        overlap_s: u64,
    }

    /// A token to look at or to revoke.
    TokenBody {
        /// The token, whatever it is.
        token: Secret<String>,
    }
}

impl Member for Jwk {
    const EXPECTED: &'static str = "a public JWK (RFC 7517) without private members";

    fn read(value: &Value, at: &Place<'_>, problems: &mut Problems) -> Option<Self> {
        let read = value.is_object().then(|| Self::deserialize(value).ok());
        let read = read.flatten();
        if read.is_none() {
            problems.expected::<Self>(at);
        }
        read
    }

    fn schema() -> Value {
        serde_json::json!({
            "type": "object",
            "required": ["kty"],
            "properties": { "kty": { "enum": ["RSA", "EC", "OKP"] } },
        })
    }
}
