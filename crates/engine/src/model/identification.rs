//! Identifications: a nonce that somebody shows, and whoever types it into a device.

use crate::{
    bounds::IDENTIFICATION_KEPT_FOR,
    id::{
        ApproverId, AssetId, ClientId, DeviceId, EnvironmentId, IdentificationId, OrganizationId,
        SubjectId,
    },
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A nonce that was shown, and what came of it. The nonce leads here by a [`super::name::Name`] while it is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identification {
    /// Where it is good.
    pub environment: EnvironmentId,
    /// Its identifier: 32 lower-case hexadecimal digits.
    pub id: IdentificationId,
    /// What typing it in does.
    pub purpose: IdentificationPurpose,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Nine digits.
    pub nonce: String,
    /// What came of it so far. Past [`Identification::expires_at`] it is expired, whatever stands here.
    pub state: IdentificationState,
    /// The device that typed it in.
    pub device: Option<DeviceId>,
    /// The asset that it led to.
    pub asset: Option<AssetId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Refused from here on.
    pub expires_at: Timestamp,
}

/// What typing a nonce in does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentificationPurpose {
    /// A service provider learns which asset of its the device has, made now if there is none.
    Provider(ClientId),
    /// A service provider that registered itself becomes active.
    Registration(ClientId),
    /// The device approves for an end user: an operator showed it.
    Subject(SubjectId),
    /// The same of an end user's first device: a session showed it.
    FirstDevice(SubjectId),
    /// The device approves for an approver of the organization.
    Approver(ApproverId),
}

/// What came of an identification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentificationState {
    /// Nobody has typed it in yet.
    Created,
    /// Somebody did.
    Consumed,
    /// Nobody did in time.
    Expired,
}

impl Identification {
    /// What came of it by `now`, whether a worker has noted that or not.
    pub fn state_at(&self, now: Timestamp) -> IdentificationState {
        match self.state {
            IdentificationState::Created if now >= self.expires_at => IdentificationState::Expired,
            known => known,
        }
    }

    /// When a worker has to note that nobody typed it in.
    pub fn lapses_at(&self) -> Timestamp {
        match self.state {
            IdentificationState::Created => self.expires_at,
            IdentificationState::Consumed | IdentificationState::Expired => Timestamp::FAR,
        }
    }

    /// When it may go.
    pub fn sweep_at(&self) -> Timestamp {
        match self.state {
            IdentificationState::Created => Timestamp::FAR,
            IdentificationState::Consumed | IdentificationState::Expired => {
                self.updated_at.plus(IDENTIFICATION_KEPT_FOR)
            }
        }
    }
}
