//! Everything the server can answer. A dialect encodes one of these.

mod approvals;
mod subjects;

pub use approvals::{ApprovalOutcome, DeviceFacts, DeviceOutcome, News, ProviderOutcome, TypedIn};
pub use subjects::{SubjectExport, SubjectOutcome};

use crate::{
    id::ClientId,
    login::LoginOutcome,
    model::{operator::Operator, scopes::Scopes},
    ports::Cursor,
    row::{Key, Stored},
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::JwkSet;
use std::sync::Arc;

/// What came of a call.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A token was made.
    Token(Issued),
    /// What a token is; `None`: not active for this caller, and nothing more is said (RFC 7662 section 2.2).
    Introspection(Option<Introspection>),
    /// The token is no longer accepted, or never was.
    Revoked,
    /// The public keys.
    PublicKeys(JwkSet),
    /// What the authorization server offers.
    Metadata(Metadata),
    /// What came of a call of somebody who logs in.
    Login(LoginOutcome),
    /// Who an access token speaks for.
    UserInfo(UserInfo),
    /// Who the operator is.
    WhoAmI(Operator),
    /// A page of rows.
    Rows(Listed),
    /// One row.
    Row(View),
    /// Something was made, or had been by an earlier request with the same idempotency key.
    Created {
        /// The row.
        view: View,
        /// Its secret, told once.
        secret: Option<Secret<String>>,
    },
    /// Something is gone, or ended.
    Done,
    /// What came of a call about sessions.
    Session(crate::sessions::SessionAnswer),
    /// What came of a call about profiles.
    Profile(crate::profiles::ProfileAnswer),
    /// Something about people.
    Subject(SubjectOutcome),
    /// What came of a service provider's call.
    Provider(ProviderOutcome),
    /// What came of a device's call.
    Device(DeviceOutcome),
    /// What came of a call about an approval.
    Approval(ApprovalOutcome),
}

impl Outcome {
    /// Whether there are news, of outcomes that can be waited for. A stream tells of each change of that row.
    pub const fn news(&self) -> Option<&News> {
        match self {
            Self::Device(outcome) => outcome.news(),
            Self::Approval(outcome) => outcome.news(),
            _ => None,
        }
    }

    /// The row whose change would be news, where there are none: a route that waits asks again when it rings.
    pub const fn waits_for(&self) -> Option<&Key> {
        match self.news() {
            Some(News {
                is_there: false,
                of,
            }) => Some(of),
            _ => None,
        }
    }
}

/// A row as an operator sees it: with what housekeeping knows of it.
#[derive(Debug, Clone)]
pub struct View {
    /// The row.
    pub stored: Arc<Stored>,
    /// For a credential: when it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A page of rows.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The rows.
    pub rows: Vec<View>,
    /// Where to go on; none when this was the last page.
    pub next: Option<Cursor>,
}

/// A token just made.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Its compact form.
    pub token: Secret<String>,
    /// What the profile calls it.
    pub token_type: String,
    /// Seconds until it ends.
    pub expires_in_s: u32,
    /// What it may do.
    pub scopes: Scopes,
    /// Whether that differs from what was asked, so that the answer must say it (RFC 6749 section 5.1).
    pub scopes_differ: bool,
}

/// What an active token is (RFC 7662 section 2.2).
#[derive(Debug, Clone)]
pub struct Introspection {
    /// What it may do.
    pub scopes: Scopes,
    /// The client it was issued to.
    pub client_id: Option<ClientId>,
    /// Who it speaks for.
    pub subject: Option<String>,
    /// Whom it is meant for.
    pub audience: Vec<String>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// Its unique name.
    pub token_id: Option<String>,
    /// What the profile calls it.
    pub token_type: String,
    /// When it was issued.
    pub issued_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Who an access token speaks for (OpenID Connect Core 1.0 section 5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// What the token's `sub` prints.
    pub subject: String,
    /// Its name.
    pub username: String,
}

/// What the authorization server offers (RFC 8414 section 2), from which the documents are made.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// The issuer identifier.
    pub issuer: String,
    /// The algorithms of its published keys, for tokens of the standard profile.
    pub algorithms: Vec<countersign_jose::Algorithm>,
    /// The scopes of its guards.
    pub scopes: Scopes,
}
