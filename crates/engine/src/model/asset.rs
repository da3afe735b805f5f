//! Assets: the key pairs in our keystore that one device can use for one service provider.

use super::held_key::HeldKey;
use crate::{
    bounds::DESTROYED_ASSET_FOR,
    id::{AssetId, ClientId, DeviceId, EnvironmentId, OrganizationId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Three key pairs of one device at one service provider. Only an approved request of the asset uses one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Where it lives.
    pub environment: EnvironmentId,
    /// Its identifier: 32 lower-case hexadecimal digits.
    pub id: AssetId,
    /// The service provider; none: the environment itself, for countersigned routes.
    pub provider: Option<ClientId>,
    /// Whose service provider that is.
    pub organization: Option<OrganizationId>,
    /// The device that approves.
    pub device: DeviceId,
    /// Signs documents, and countersignatures.
    pub sign: HeldKey,
    /// Decrypts.
    pub decrypt: HeldKey,
    /// Signs for authentications.
    pub authenticate: HeldKey,
    /// Whether it can be used.
    pub state: AssetState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Whether an asset can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetState {
    /// It can.
    Active,
    /// Not before an operator unlocks its device: too many wrong PINs.
    Locked,
    /// Never again: its device was removed, and its private keys with it.
    Destroyed,
}

impl Asset {
    /// What its private halves are sealed under.
    pub fn bound_to(id: &AssetId) -> String {
        format!("asset {id}")
    }

    /// When it may go: a destroyed one is shown for a while.
    pub fn sweep_at(&self) -> Timestamp {
        match self.state {
            AssetState::Destroyed => self.updated_at.plus(DESTROYED_ASSET_FOR),
            AssetState::Active | AssetState::Locked => Timestamp::FAR,
        }
    }
}
