//! Approvers: the people of an organization who may countersign.

use crate::{
    id::{ApproverId, DeviceId, EnvironmentId, OrganizationId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// All approvers of an organization in one environment: read whole, so one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproverList {
    /// Where.
    pub environment: EnvironmentId,
    /// Whose.
    pub organization: OrganizationId,
    /// In the order in which they were added.
    pub approvers: Vec<Approver>,
}

/// A person who may countersign for an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// Its name within the organization.
    pub id: ApproverId,
    /// What people call it; receipts name it.
    pub display_name: String,
    /// The groups that it is in: guards name them.
    pub groups: Vec<String>,
    /// Its device, once it has typed in a nonce.
    pub device: Option<DeviceId>,
    /// When it was added.
    pub created_at: Timestamp,
}

impl ApproverList {
    /// An empty one.
    pub const fn new(environment: EnvironmentId, organization: OrganizationId) -> Self {
        Self {
            environment,
            organization,
            approvers: Vec::new(),
        }
    }

    /// The approver called `id`.
    pub fn approver(&self, id: &ApproverId) -> Option<&Approver> {
        self.approvers.iter().find(|known| known.id == *id)
    }

    /// Those of `group`.
    pub fn of_group<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Approver> {
        let is_in = move |known: &&Approver| known.groups.iter().any(|one| one == group);
        self.approvers.iter().filter(is_in)
    }
}
