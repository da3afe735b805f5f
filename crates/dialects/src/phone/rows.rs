//! What devices are told, as JSON.

use countersign_engine::{
    bounds::PIN_TRIES,
    model::{
        approval::Approval,
        asset::{Asset, AssetState},
        device::Link,
    },
    outcome::{DeviceFacts, TypedIn},
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::Serialize;

/// The version of the protocol.
const PROTOCOL: u8 = 1;

/// Whose phones answer here, and what time it is.
#[derive(Serialize, JsonSchema)]
pub struct About<'a> {
    protocol: u8,
    /// What people call the environment.
    environment: &'a str,
    /// The server's clock, RFC 3339.
    now: String,
}

impl<'a> About<'a> {
    pub(super) fn of(environment: &'a str, now: Timestamp) -> Self {
        Self {
            protocol: PROTOCOL,
            environment,
            now: now.rfc3339(),
        }
    }
}

/// A device.
#[derive(Serialize, JsonSchema)]
pub struct Device<'a> {
    /// The RFC 7638 thumbprint of its key.
    id: &'a str,
    /// What its owner calls it.
    name: &'a str,
    /// What people call the environment.
    environment: &'a str,
    /// Too many wrong PINs: an operator can unlock it.
    locked: bool,
    /// Wrong PINs that are still looked at.
    tries_left: u8,
    /// Its keys with us.
    assets: Vec<DeviceAsset<'a>>,
    /// For whom it approves.
    links: Vec<DeviceLink<'a>>,
}

/// A device's keys for one service provider.
#[derive(Serialize, JsonSchema)]
pub struct DeviceAsset<'a> {
    id: &'a str,
    /// What people call the service provider; null: countersigned routes.
    provider: Option<&'a str>,
    /// `active`, `locked` or `destroyed`.
    state: &'static str,
}

/// For whom a device approves.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeviceLink<'a> {
    /// An end user.
    Subject {
        /// Which.
        id: &'a str,
    },
    /// An approver of an organization.
    Approver {
        /// Whose.
        organization: &'a str,
        /// Which.
        id: &'a str,
    },
}

impl<'a> Device<'a> {
    pub(super) fn of(facts: &'a DeviceFacts) -> Self {
        let device = &facts.device;
        let locked = device.locked_at.is_some();
        Self {
            id: device.id.as_str(),
            name: &device.name,
            environment: &facts.environment,
            locked,
            tries_left: match locked {
                true => 0,
                false => PIN_TRIES.saturating_sub(device.wrong_pins),
            },
            assets: facts.assets.iter().map(asset).collect(),
            links: device.links.iter().map(link).collect(),
        }
    }
}

fn asset((asset, provider): &(Asset, Option<String>)) -> DeviceAsset<'_> {
    DeviceAsset {
        id: asset.id.as_str(),
        provider: provider.as_deref(),
        state: match asset.state {
            AssetState::Active => "active",
            AssetState::Locked => "locked",
            AssetState::Destroyed => "destroyed",
        },
    }
}

fn link(link: &Link) -> DeviceLink<'_> {
    match link {
        Link::Subject(id) => DeviceLink::Subject { id: id.as_str() },
        Link::Approver(organization, id) => DeviceLink::Approver {
            organization: organization.as_str(),
            id: id.as_str(),
        },
    }
}

/// What waits for a device's answer.
#[derive(Serialize, JsonSchema)]
pub struct Waiting<'a> {
    /// For the next call's `seen`.
    version: u64,
    /// Oldest first.
    requests: Vec<Request<'a>>,
}

/// Something that a device is asked.
#[derive(Serialize, JsonSchema)]
pub struct Request<'a> {
    id: &'a str,
    /// `pending`, `approved`, `rejected`, `expired` or `failed`.
    state: &'static str,
    /// JSON (docs/receipts.md): what is to be shown, and what the answer is over.
    record: &'a str,
    /// Until when an answer counts, RFC 3339.
    expires_at: String,
}

impl<'a> Waiting<'a> {
    pub(super) fn of(
        version: u64,
        requests: impl Iterator<Item = &'a Approval>,
        now: Timestamp,
    ) -> Self {
        Self {
            version,
            requests: requests.map(|one| Request::of(one, now)).collect(),
        }
    }
}

impl<'a> Request<'a> {
    pub(super) fn of(approval: &'a Approval, now: Timestamp) -> Self {
        Self {
            id: approval.id.as_str(),
            state: approval.state_at(now).word(),
            record: &approval.record,
            expires_at: approval.expires_at.rfc3339(),
        }
    }
}

/// What typing in a nonce did.
#[derive(Serialize, JsonSchema)]
pub struct Identified<'a> {
    /// What people call whoever showed it.
    shown_by: &'a str,
    /// `provider`, `registration`, `subject` or `approver`.
    purpose: &'a str,
    /// The asset that it led to.
    asset: &'a str,
}

impl<'a> Identified<'a> {
    pub(super) fn of(typed: &'a TypedIn) -> Self {
        Self {
            shown_by: &typed.shown_by,
            purpose: typed.purpose,
            asset: typed.asset.as_str(),
        }
    }
}
