//! Why a request is not answered with what it asked for. Two kinds, by whose fault it is.

use crate::{id::ApprovalId, model::scopes::Scopes, time::Timestamp};

/// The caller's fault, or ours. A fault never turns into a refusal that blames the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller's fault.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The caller's fault. What the caller is told is each dialect's table over these; reasons are for the audit log only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nothing was shown where something is needed.
    #[error("no credential was shown")]
    NoCredential,
    /// What was shown has not the form of a credential, or is shown twice, or there are two.
    #[error("the credential is malformed: {0:?}")]
    MalformedCredential(Malformed),
    /// A client's own credential (secret, assertion) is not valid: `invalid_client`.
    #[error("the client is not authenticated: {0:?}")]
    InvalidClient(Reason),
    /// A token, API key or registration token is not valid: `invalid_token`.
    #[error("the token is not valid: {0:?}")]
    InvalidToken(Reason),
    /// Valid, but not enough (RFC 6750 section 3.1, `insufficient_scope`).
    #[error("scopes are lacking: {needed}")]
    InsufficientScope {
        /// What is needed.
        needed: Scopes,
    },
    /// Valid, but not for this.
    #[error("not allowed: {0:?}")]
    Forbidden(Reason),
    /// Members of the request are wrong; the first is named first.
    #[error("the request is not valid")]
    Invalid(Vec<Problem>),
    /// RFC 6749 section 5.2.
    #[error("the grant type is not supported")]
    UnsupportedGrantType,
    /// RFC 6749 section 5.2: this client may not use this grant.
    #[error("the client may not use this grant")]
    UnauthorizedClient,
    /// RFC 6749 section 5.2.
    #[error("the scope is not valid, or more than the client may have")]
    InvalidScope,
    /// RFC 8707 section 2.
    #[error("the resource is unknown, or not for this client")]
    InvalidTarget,
    /// There is no such thing, or it is another's.
    #[error("there is no such {noun}")]
    NotFound {
        /// What was looked for: `client`, `route`.
        noun: &'static str,
    },
    /// It exists already, or its state does not allow this.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// `If-Match` names another version (RFC 9110 section 15.5.13).
    #[error("the row has changed since it was read")]
    PreconditionFailed,
    /// A change without `If-Match` (RFC 6585 section 3).
    #[error("a change needs If-Match")]
    PreconditionRequired,
    /// A repeated creation whose secret is not told again.
    #[error("the secret of this creation was already shown")]
    SecretAlreadyShown,
    /// The same idempotency key with another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// Too often.
    #[error("too many requests; try again in {retry_after_s} s")]
    TooManyRequests {
        /// Whole seconds until it is worth trying again, at least 1.
        retry_after_s: u32,
    },
    /// A host that no environment lists.
    #[error("no environment lists this host")]
    UnknownHost,
    /// The path exists, the method does not.
    #[error("the method is not allowed here")]
    MethodNotAllowed {
        /// What is: for `Allow`.
        allow: &'static str,
    },
    /// The body has another media type than the route takes, or a content coding (RFC 9110 section 15.5.16).
    #[error("the media type is not supported")]
    UnsupportedMediaType {
        /// What is taken.
        expected: &'static str,
    },
    /// The body is larger than the route takes.
    #[error("the body is larger than {limit_bytes} bytes")]
    BodyTooLarge {
        /// The route's limit.
        limit_bytes: usize,
    },
    /// A secret credential came from a browser: it has leaked.
    #[error("a secret credential came from a browser")]
    SecretFromBrowser,
    /// The request needs people's countersignature, and has none that is good for it.
    #[error("a countersignature is needed: {0:?}")]
    Unapproved(Box<Unapproved>),
    /// The PIN is not the device's. With no try left the device is locked.
    #[error("the PIN is wrong; {tries_left} tries are left")]
    WrongPin {
        /// How many more are looked at.
        tries_left: u8,
    },
}

/// Why a request that needs a countersignature does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unapproved {
    /// People are being asked: for a request that names no approval, or one that still waits.
    Waiting {
        /// Which approval: the request passes with it once it is given.
        approval: ApprovalId,
        /// Where its state can be asked for.
        poll: String,
        /// What the person's device shows too, to be compared.
        otp: String,
        /// Until when people can answer.
        expires_at: Timestamp,
    },
    /// Somebody said no.
    Rejected,
    /// Nobody answered in time, or the approval is past its end.
    Expired,
    /// It let a request pass before.
    Used,
    /// It is for another request, caller or body, or there is none.
    Mismatch,
    /// There is nobody who could approve.
    NoApprover,
    /// So many requests wait for the same people already.
    TooManyWaiting,
}

impl Unapproved {
    /// The word in problem bodies and audit.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "approval_required",
            Self::Rejected => "approval_rejected",
            Self::Expired => "approval_expired",
            Self::Used => "approval_used",
            Self::Mismatch => "approval_mismatch",
            Self::NoApprover => "no_approver",
            Self::TooManyWaiting => "too_many_approvals",
        }
    }
}

/// What is wrong with what was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// The scheme, its separator, its alphabet or its encoding.
    Form,
    /// The same carrier twice.
    Repeated,
    /// Two credentials in one request.
    Two,
    /// Longer than any of ours.
    TooLong,
    /// In a place where secrets must not be, such as the query.
    Place,
    /// One of ours where the guard does not accept its kind.
    Unaccepted,
    /// A request that a gateway must not send on: an ambiguous path, a managed header, a missing fact.
    Request,
}

/// Why, for the audit log. The caller never learns which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Nothing we know has this digest, identifier or key.
    Unknown,
    /// Its tag or checksum is wrong: never made by us.
    Forged,
    /// The signature, algorithm or header is wrong.
    Signature,
    /// It is meant for someone else (issuer, audience, client id).
    Mismatch,
    /// A claim lacks or has the wrong type.
    Claims,
    /// Its time has not come.
    NotYet,
    /// Its time is over.
    Expired,
    /// It was revoked, or its owner's tokens were ended.
    Revoked,
    /// Its client, organization or operator is disabled or gone.
    Disabled,
    /// Used before.
    Spent,
    /// Not from this network.
    Network,
    /// Not from this origin.
    Origin,
    /// Not this kind of credential or client here.
    Kind,
    /// No guard matches the request.
    Unguarded,
    /// The role is not enough.
    Role,
    /// Too many wrong PINs.
    Locked,
    /// There are as many as there may be.
    Full,
}

impl Reason {
    /// The word in the audit log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Forged => "forged",
            Self::Signature => "signature",
            Self::Mismatch => "mismatch",
            Self::Claims => "claims",
            Self::NotYet => "not_yet",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Spent => "spent",
            Self::Network => "network",
            Self::Origin => "origin",
            Self::Kind => "kind",
            Self::Unguarded => "unguarded",
            Self::Role => "role",
            Self::Locked => "locked",
            Self::Full => "full",
        }
    }
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which member, as the wire names it: `grant_type`, `guards[2].paths[0]`.
    pub field: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

impl Problem {
    /// A problem of `field`.
    pub fn new(field: impl Into<String>, kind: ProblemKind) -> Self {
        Self {
            field: field.into(),
            kind,
        }
    }
}

/// What is wrong with a member of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// It lacks.
    Missing,
    /// It stands twice.
    Repeated,
    /// It is not what is expected, in the words of the expectation: "a URL without fragment".
    Expected(&'static str),
    /// More than is taken.
    TooLong {
        /// What is taken at most.
        max: usize,
    },
    /// There is no such member.
    UnknownMember,
    /// It names something that is not there.
    NoSuch,
    /// It would take away what a guard still names.
    StillNamed {
        /// The guard.
        guard: String,
        /// What it names: `the dialect ayyeka`.
        what: String,
    },
}

impl Denied {
    /// One wrong member.
    pub fn invalid(field: impl Into<String>, kind: ProblemKind) -> Self {
        Self::Invalid(vec![Problem::new(field, kind)])
    }

    /// The private word for the audit log.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            // Not the credential: the request around it has no single reading.
            Self::MalformedCredential(Malformed::Request) => "ambiguous_request",
            Self::MalformedCredential(_) => "malformed_credential",
            Self::InvalidClient(reason) | Self::InvalidToken(reason) | Self::Forbidden(reason) => {
                reason.word()
            }
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::Invalid(_) => "invalid",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::NotFound { .. } => "not_found",
            Self::Conflict(_) => "conflict",
            Self::PreconditionFailed => "precondition_failed",
            Self::PreconditionRequired => "precondition_required",
            Self::SecretAlreadyShown => "secret_already_shown",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::UnknownHost => "unknown_host",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::UnsupportedMediaType { .. } => "unsupported_media_type",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::SecretFromBrowser => "secret_from_browser",
            Self::Unapproved(why) => why.word(),
            Self::WrongPin { .. } => "wrong_pin",
        }
    }
}

/// Our fault. The detail is for the log; the caller learns only whether it is worth trying again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// We cannot know now: the store is away, a queue is full, a deadline passed. 503.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Something that must not happen did. 500.
    #[error("internal: {0}")]
    Internal(String),
}

impl Fault {
    /// We cannot know now.
    pub fn unavailable(detail: impl std::fmt::Display) -> Self {
        Self::Unavailable(detail.to_string())
    }

    /// Something that must not happen did.
    pub fn internal(detail: impl std::fmt::Display) -> Self {
        Self::Internal(detail.to_string())
    }
}
