//! What answers about approvals carry. Never a PIN, a private key, or what was to be decrypted.

use super::rows::rows;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

rows! {
    /// A person who may countersign for an organization.
    Approver {
        /// Its name within the organization.
        id: String,
        /// What people call it.
        display_name: String,
        /// Its groups.
        groups: Vec<String>,
        /// Its device; none: it has not typed in a nonce yet.
        device: Option<String>,
        /// When it was added.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
    }

    /// All approvers of an organization in an environment.
    Approvers {
        /// Where.
        environment: String,
        /// Whose.
        organization: String,
        /// In the order in which they were added.
        items: Vec<Approver>,
    }

    /// A nonce to show to a person.
    LinkNonce {
        /// Nine digits.
        nonce: String,
        /// The same in threes, as people read it.
        nonce_formatted: String,
        /// Refused from here on.
        #[schemars(extend("format" = "date-time"))]
        expires_at: String,
        /// Leads to the phone page with the nonce in it; none where there is no phone page.
        link: Option<String>,
    }

    /// A person's phone.
    Device {
        /// Where it approves.
        environment: String,
        /// Its name: the thumbprint of its key (RFC 7638).
        id: String,
        /// What its owner calls it.
        name: String,
        /// Locked since: too many wrong PINs.
        #[schemars(extend("format" = "date-time"))]
        locked_at: Option<String>,
        /// Wrong PINs since the last right one.
        wrong_pins: u8,
        /// Its assets, one for each service provider.
        assets: Vec<DeviceAsset>,
        /// For whom it approves.
        links: Vec<DeviceLink>,
        /// How many requests wait for its answer.
        waiting: u32,
        /// When it enrolled.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// When it last changed.
        #[schemars(extend("format" = "date-time"))]
        updated_at: String,
    }

    /// Keys of a device at one service provider.
    DeviceAsset {
        /// The asset.
        id: String,
        /// The service provider; none: the environment itself, for countersigned routes.
        provider: Option<String>,
        /// What people call it; where one device is shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_name: Option<String>,
        /// `active`, `locked` or `destroyed`; where one device is shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<String>,
    }

    /// For whom a device approves.
    DeviceLink {
        /// `subject` or `approver`.
        kind: String,
        /// The organization of an approver.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<String>,
        /// The subject or the approver.
        id: String,
    }

    /// A request to people's devices, and what came of it.
    Approval {
        /// Where.
        environment: String,
        /// Its identifier.
        id: String,
        /// Whose service provider or client asks.
        organization: Option<String>,
        /// `countersign`, `authenticate`, `sign` or `decrypt`.
        kind: String,
        /// `pending`, `approved`, `rejected`, `expired` or `failed`.
        state: String,
        /// Who asks: the client, or the service provider.
        client: Option<String>,
        /// For whom the caller of a countersigned route speaks.
        subject: Option<String>,
        /// The guard that asks.
        guard: Option<String>,
        /// The method that is bound.
        method: Option<String>,
        /// The host that is bound.
        host: Option<String>,
        /// The request target that is bound, with its query.
        target: Option<String>,
        /// The digest of the body that is bound.
        content_digest: Option<String>,
        /// The asset of an operation.
        asset: Option<String>,
        /// SHA-256 of what is signed, hexadecimal.
        fingerprint: Option<String>,
        /// What both sides show.
        code: String,
        /// Who may answer.
        seats: Vec<Seat>,
        /// How many must approve.
        needed: u8,
        /// The answers so far.
        votes: Vec<Vote>,
        /// When it let a request pass.
        #[schemars(extend("format" = "date-time"))]
        used_at: Option<String>,
        /// The gateway's name for that request.
        used_by: Option<String>,
        /// What people are shown, byte for byte as it is signed; where one approval is shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record: Option<String>,
        /// The receipt, once it is approved or rejected; where one approval is shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt: Option<String>,
        /// When it was made.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// When it last changed.
        #[schemars(extend("format" = "date-time"))]
        updated_at: String,
        /// No answer counts from here on.
        #[schemars(extend("format" = "date-time"))]
        expires_at: String,
        /// Counts its changes.
        version: u64,
    }

    /// Somebody who may answer.
    Seat {
        /// The approver; none: the subject, or an asset's owner.
        approver: Option<String>,
        /// What people call it.
        display_name: Option<String>,
        /// On this device.
        device: String,
        /// With this asset's key.
        asset: String,
    }

    /// Somebody's answer.
    Vote {
        /// On which device.
        device: String,
        /// `approve` or `reject`.
        decision: String,
        /// When.
        #[schemars(extend("format" = "date-time"))]
        at: String,
    }

    /// What a service provider told of itself.
    Provider {
        /// Where each change of its objects is told, with the whole object.
        callback_url: Option<String>,
        /// Where each change is told by its name only.
        notification_url: Option<String>,
        /// Its own page.
        url: Option<String>,
        /// Whether its callbacks are signed: it has a secret.
        has_callback_secret: bool,
        /// Registered by itself, and not yet confirmed: what it asks is refused.
        unconfirmed: bool,
        /// The asset whose device confirmed it.
        admin_asset: Option<String>,
    }

    /// A group of an organization's approvers.
    ApproverGroup {
        /// Whose group; none: the caller's organization.
        organization: Option<String>,
        /// Its name.
        group: String,
        /// How many of it must approve.
        needed: u8,
    }
}

/// Who may approve at a guard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum GuardApprovers {
    /// `subject`: the person for whom the caller speaks.
    Word(String),
    /// So many of a group.
    Group(ApproverGroup),
}

/// The keys that verify receipts, as `approval keys` writes them down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiptKeys {
    /// JWKs.
    pub keys: Vec<Value>,
}
