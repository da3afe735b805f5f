//! Devices: the phones of people who approve.

use super::ticket::KeptCode;
use crate::{
    bounds::{PIN_TRIES, UNUSED_DEVICE_FOR},
    id::{
        ApprovalId, ApproverId, AssetId, ClientId, DeviceId, EnvironmentId, OrganizationId,
        SubjectId,
    },
    time::Timestamp,
};
use countersign_jose::Jwk;
use serde::{Deserialize, Serialize};

/// A person's phone in one environment. One row holds all that has to change together: the PIN's tries, what
/// the phone belongs to, and what waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Where it approves.
    pub environment: EnvironmentId,
    /// The RFC 7638 thumbprint of its key.
    pub id: DeviceId,
    /// Its P-256 key. The private half never leaves the phone.
    pub public_key: Jwk,
    /// What its owner calls it.
    pub name: String,
    /// What is kept of its PIN.
    pub pin: KeptCode,
    /// Wrong PINs since the last right one. One is counted before it is compared, so that no crash makes one free.
    pub wrong_pins: u8,
    /// Locked since: too many wrong PINs. Its assets are locked with it.
    pub locked_at: Option<Timestamp>,
    /// Its assets, one for each service provider.
    pub assets: Vec<DeviceAsset>,
    /// For whom it approves.
    pub links: Vec<Link>,
    /// What waits for its answer, oldest first; what is past its end counts no more.
    pub waiting: Vec<Waiting>,
    /// When it enrolled.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The asset of a device at one service provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAsset {
    /// The service provider; none: the environment itself, for countersigned routes.
    pub provider: Option<ClientId>,
    /// The asset.
    pub asset: AssetId,
}

/// For whom a device approves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// An end user: its own requests.
    Subject(SubjectId),
    /// An approver of an organization: requests that name one of its groups.
    Approver(OrganizationId, ApproverId),
}

/// An approval that waits for a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Which.
    pub approval: ApprovalId,
    /// The service provider that asks; none: a guard.
    #[serde(default)]
    pub provider: Option<ClientId>,
    /// Until when.
    pub expires_at: Timestamp,
}

impl Device {
    /// The asset that it has at `provider`.
    pub fn asset_at(&self, provider: Option<&ClientId>) -> Option<&AssetId> {
        let has = |known: &&DeviceAsset| known.provider.as_ref() == provider;
        self.assets.iter().find(has).map(|known| &known.asset)
    }

    /// Whether too many wrong PINs were tried, marked or not: then no PIN is compared.
    pub const fn is_locked(&self) -> bool {
        self.locked_at.is_some() || self.wrong_pins >= PIN_TRIES
    }

    /// Tries of its PIN that are left.
    pub const fn tries_left(&self) -> u8 {
        match self.locked_at {
            Some(_) => 0,
            None => PIN_TRIES.saturating_sub(self.wrong_pins),
        }
    }

    /// What waits for its answer at `now`.
    pub fn waiting_at(&self, now: Timestamp) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter().filter(move |one| now < one.expires_at)
    }

    /// When it may go: a device that was never used for anything goes by itself, since anyone can enrol one.
    pub fn sweep_at(&self) -> Timestamp {
        match self.assets.is_empty() && self.links.is_empty() {
            true => self.updated_at.plus(UNUSED_DEVICE_FOR),
            false => Timestamp::FAR,
        }
    }
}
