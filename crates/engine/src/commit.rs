//! The unit of work is a value: what changes, all or nothing, with the audit event that tells of it.

use crate::{
    denied::Fault,
    digest::Digest,
    id::EnvironmentId,
    model::audit::AuditEvent,
    row::{Key, Row},
    time::Timestamp,
};

/// Counts the changes of one row; the admin API's `ETag`. A new row has version 1.
pub type Version = u64;

/// Changes that happen together or not at all.
#[derive(Debug, Clone)]
pub struct Commit {
    /// When: the call's one reading of the clock.
    pub at: Timestamp,
    /// What changes, in order.
    pub changes: Vec<Change>,
    /// What the audit log says of it, written in the same transaction.
    pub audit: AuditEvent,
}

impl Commit {
    /// Whether the audit event is written with the changes. What a stranger may repeat at will is told by an
    /// observation instead, which is folded: its commit only counts guesses, or makes tickets and their letters, and a
    /// store refuses one that does more.
    pub fn is_audited(&self) -> bool {
        self.audit.count > 0
    }
}

/// One statement. It must touch exactly one row, or the whole commit is a [`CommitError::Conflict`].
#[derive(Debug, Clone)]
pub enum Change {
    /// A new row, at version 1. Refused when its key, or a projection that must be unique, is taken.
    Insert(Row),
    /// The row's new content, if it still has the version that was read.
    Replace {
        /// The new content; its key names the row.
        row: Row,
        /// The version that was read.
        if_version: Version,
    },
    /// The row goes, if it still has the version that was read.
    Remove {
        /// Which row.
        key: Key,
        /// The version that was read.
        if_version: Version,
    },
    /// Use something up that may be used once. Refused when it was used before.
    Spend(OneTime),
    /// Refuse tokens of this row that were issued before `not_before`. Never lowers it.
    Raise {
        /// An environment, organization or client.
        key: Key,
        /// In whole seconds, rounded up.
        not_before: Timestamp,
    },
    /// Nothing changes, but the commit stands only if the row still has this version.
    Require {
        /// Which row.
        key: Key,
        /// The version that was read.
        if_version: Version,
    },
}

impl Change {
    /// The row that this change is about, or nothing for what no cache holds.
    pub fn key(&self) -> Key {
        match self {
            Self::Insert(row) | Self::Replace { row, .. } => row.key(),
            Self::Remove { key, .. } | Self::Raise { key, .. } | Self::Require { key, .. } => {
                key.clone()
            }
            Self::Spend(one) => Key::Spent(one.environment.clone(), one.digest),
        }
    }
}

/// Something that may be used once, such as the `jti` of an assertion (RFC 7523 section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTime {
    /// Where it may be used.
    pub environment: EnvironmentId,
    /// What it is, with who may spend it.
    pub digest: Digest,
    /// After this it is refused anyway, and the row may go.
    pub expires_at: Timestamp,
}

/// Why a commit did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Change number `change`, counted from 0, did not touch exactly one row. Nothing was written.
    #[error("change {change} of the commit did not apply")]
    Conflict {
        /// Which change.
        change: usize,
    },
    /// The store failed; the caller must not assume either way unless the fault says so.
    #[error(transparent)]
    Fault(#[from] Fault),
}
