//! Organizations: the customer accounts that own clients.

use super::State;
use crate::{id::OrganizationId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// A customer account. It exists once in the installation and owns clients in any environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its name in keys and headers.
    pub id: OrganizationId,
    /// What people call it.
    pub display_name: String,
    /// Disabled: nothing of it is accepted anywhere.
    pub state: State,
    /// Its number, unique in the installation, for dialects that print numbers.
    pub number: u64,
    /// When it was made.
    pub created_at: Timestamp,
}
