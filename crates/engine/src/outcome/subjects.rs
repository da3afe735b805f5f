//! What an operator is told of people.

use crate::{model::session::Counted, ports::Cursor, row::Stored, time::Timestamp};
use std::sync::Arc;

/// What came of a [`crate::call::SubjectCall`].
#[derive(Debug, Clone)]
pub enum SubjectOutcome {
    /// The sessions that live.
    Sessions {
        /// Those that we keep, a page of them.
        kept: Vec<Arc<Stored>>,
        /// Those that we only count; on the first page.
        counted: Vec<Counted>,
        /// Where to go on; none when this was the last page.
        next: Option<Cursor>,
    },
    /// All that is known of a subject.
    Export(Box<SubjectExport>),
    /// A link for a password is on its way.
    PasswordLink {
        /// To which address, most of its local part masked.
        sent_to: String,
        /// Refused from here on.
        expires_at: Timestamp,
    },
}

/// All that is known of a subject. It is for the person: nothing in it opens anything.
#[derive(Debug, Clone)]
pub struct SubjectExport {
    /// When it was gathered.
    pub at: Timestamp,
    /// The subject.
    pub stored: Arc<Stored>,
    /// Its sessions that we keep.
    pub kept: Vec<Arc<Stored>>,
    /// Its sessions that we count.
    pub counted: Vec<Counted>,
    /// The devices on which it approves.
    pub devices: Vec<Arc<Stored>>,
    /// The lines of the audit log that it did, or that were done to it, newest first.
    pub audit: Vec<Arc<Stored>>,
    /// Whether there was too much for one document: the oldest audit lines, or some sessions, are left out.
    pub is_cut: bool,
}
