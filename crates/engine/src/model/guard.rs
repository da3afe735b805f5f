//! Guards: which requests need which credential and scopes.

use super::{credential::RateLimit, scopes::Scopes};
use crate::id::{EnvironmentId, OrganizationId};
use serde::{Deserialize, Serialize};

/// The guards of one environment, read top-down; the first that matches decides, and no match is denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardList {
    /// Where they stand.
    pub environment: EnvironmentId,
    /// In the order they are read.
    pub guards: Vec<Guard>,
}

/// What a request may show at a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accept {
    /// Nothing needs to be shown, and nothing is read.
    Anonymous,
    /// An access token as Bearer (RFC 6750 section 2.1).
    AccessToken,
    /// An API key as Bearer.
    ApiKey,
    /// A registration token as Bearer, with `X-Client-ID`.
    RegistrationToken,
    /// A subject's session as Bearer.
    Session,
    /// A subject's identifier and an API key as Basic (Quiltt).
    SubjectBasic,
    /// Client identifier and secret in headers of the call itself: `client_id`, `client_secret`, `grant_type`,
    /// `scope` (Ultra).
    ClientHeaders,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Its name within the environment.
    pub name: String,
    /// Host names it is for, lower case, without port; empty: every host that is judged here. A gateway listener
    /// that names its environment judges every host that its proxy asks about, listed by the environment or not.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Path patterns: `/v2.0/site` exactly; `/v2.0/*` everything at and below `/v2.0`; `{name}` one whole segment.
    pub paths: Vec<String>,
    /// Methods it is for, upper case; empty: all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// What may be shown, any of these.
    pub accept: Vec<Accept>,
    /// For access tokens: the token profiles that count; empty: all.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// For access tokens with an audience: one of these must be in it; empty: the issuer itself.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// What the caller must be allowed, all of these.
    #[serde(default)]
    pub scopes: Scopes,
    /// Browser origins that may call, exact; empty: no browser preflight passes.
    #[serde(default)]
    pub origins: Vec<String>,
    /// How often each caller may pass.
    #[serde(default)]
    pub rate_limit: Option<RateLimit>,
    /// The dialect whose error envelope its denials use; none: the standard one.
    #[serde(default)]
    pub dialect: Option<String>,
    /// Whether a secret credential may come from a browser all the same. It has leaked: think twice.
    #[serde(default)]
    pub secrets_from_browsers: bool,
    /// Whether passing requests carry a signed `Countersign-Assertion`.
    #[serde(default)]
    pub assertion: bool,
    /// What people have to countersign before a request passes; none: nothing.
    #[serde(default)]
    pub approval: Option<ApprovalRule>,
}

/// That each request needs people's countersignature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRule {
    /// Who may give it.
    pub approvers: Approvers,
    /// What becomes of the request's body, which no proxy can judge for us.
    pub body: BoundBody,
    /// What people are shown: a text with fields in braces, of what is bound only. `{method}`, `{host}`, `{path}`,
    /// `{target}`, `{client}`, `{subject}`, `{organization}`, `{query.NAME}`.
    pub sentence: String,
}

/// Who may countersign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approvers {
    /// The end user for whom the caller speaks, on any of its devices.
    Subject,
    /// So many of the approvers of a group.
    Group {
        /// Whose group; none: the caller's organization.
        organization: Option<OrganizationId>,
        /// Its name.
        group: String,
        /// How many must approve, at least 1.
        needed: u8,
    },
}

/// What becomes of the body of a countersigned request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundBody {
    /// There is none: the proxy drops any.
    None,
    /// The API compares it with the `Content-Digest` that was bound (RFC 9530), which we hand it.
    CheckedByApi,
}
