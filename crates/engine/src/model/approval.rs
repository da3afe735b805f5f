//! Approvals: requests to people's devices, what they answered, and what came of it.

use super::held_key::Oaep;
use crate::{
    bounds::APPROVAL_KEPT_FOR,
    digest::Digest,
    id::{
        ApprovalId, ApproverId, AssetId, ClientId, DeviceId, EnvironmentId, OrganizationId,
        RequestId,
    },
    octets::Octets,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A request to one or more devices. One row: its votes are read and decided together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Where.
    pub environment: EnvironmentId,
    /// Its identifier: 32 lower-case hexadecimal digits.
    pub id: ApprovalId,
    /// Whose service provider or client asks; none: a caller of no organization.
    pub organization: Option<OrganizationId>,
    /// What is asked.
    pub asked: Asked,
    /// 32 hexadecimal digits that service providers are told (Ubiqu). With us it opens nothing.
    pub token: String,
    /// What both sides show, to be compared: 32 hexadecimal digits.
    pub otp: String,
    /// What is shown and what it is bound to, as JSON, byte for byte as devices sign its digest
    /// (docs/receipts.md).
    pub record: String,
    /// Who may answer.
    pub seats: Vec<Seat>,
    /// How many must approve.
    pub needed: u8,
    /// The answers so far.
    pub votes: Vec<Vote>,
    /// What came of it so far. Past [`Approval::expires_at`] a pending one is expired, whatever stands here.
    pub state: ApprovalState,
    /// The asset's signature, or what was decrypted for the service provider.
    pub signature: Option<Octets>,
    /// The request that it let pass, once.
    pub used: Option<Used>,
    /// The receipt, once it is approved or rejected: a compact JWS.
    pub receipt: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// No answer counts from here on, and no request passes by it.
    pub expires_at: Timestamp,
}

/// What is asked of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// A service provider asks one asset for an operation of its key.
    Operation(Operation),
    /// A guard asks for a countersignature of a request.
    Countersignature(Bound),
}

/// An operation of an asset's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Who asks.
    pub provider: ClientId,
    /// Which operation.
    pub kind: OperationKind,
    /// The asset.
    pub asset: AssetId,
    /// Which of its pairs is used.
    pub pair: OperationKind,
    /// SHA-256 of what the provider wants signed; of random bytes where it gave none.
    pub fingerprint: Digest,
    /// Where the document stands that is to be signed.
    pub resource_uri: Option<String>,
    /// Whether the device should be woken.
    pub notify: bool,
    /// What is to be decrypted.
    pub cipher: Option<Cipher>,
}

/// The operations, which are also the names of an asset's pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Proves that the person is there.
    Authenticate,
    /// Signs a document.
    Sign,
    /// Decrypts, for the provider's eyes.
    Decrypt,
}

/// What is to be decrypted, and the key under which the result is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cipher {
    /// RSA-OAEP of the plain text under the asset's key.
    pub data: Octets,
    /// RSA-OAEP of the DER of an AES-CBC key: the answer is encrypted under that.
    pub key: Octets,
    /// The form of both.
    pub form: Oaep,
}

/// The request that an approval lets pass: this one and no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The guard that asks.
    pub guard: String,
    /// The caller's client, if it has one.
    pub client: Option<ClientId>,
    /// For whom the caller speaks.
    pub subject: String,
    /// The method.
    pub method: String,
    /// The host, lower case, without port.
    pub host: String,
    /// The whole request target with its query, as sent.
    pub target: String,
    /// The caller's `Content-Digest`, where the API checks the body; none: no body.
    pub content_digest: Option<String>,
}

impl Bound {
    /// The unique name under which a request waits ([`super::name::NameSpace::Countersigned`]). Whoever removes it with
    /// its approval looks whether it still leads there: another approval of the same request may have taken it over.
    pub fn name(&self, environment: &EnvironmentId) -> String {
        let client = self.client.as_ref().map_or("", ClientId::as_str);
        let digest = self.content_digest.as_deref().unwrap_or_default();
        let parts = [
            environment.as_str(),
            &self.guard,
            client,
            &self.subject,
            &self.method,
            &self.host,
            &self.target,
            digest,
        ];
        let digest = Digest::of("countersign/bound", &parts.map(str::as_bytes));
        data_encoding::HEXLOWER.encode(digest.as_bytes())
    }
}

/// Somebody who may answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The approver; none: the subject of the request, or an asset's owner.
    pub approver: Option<ApproverId>,
    /// What people call the approver; receipts say it.
    pub display_name: Option<String>,
    /// On this device.
    pub device: DeviceId,
    /// With this asset's key.
    pub asset: AssetId,
}

/// Somebody's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// On which device.
    pub device: DeviceId,
    /// Whether it approves.
    pub approves: bool,
    /// When.
    pub at: Timestamp,
    /// What the device signed, byte for byte.
    pub statement: String,
    /// The device's ES256 signature over it: r and s, 64 bytes.
    pub device_signature: Octets,
    /// The asset's signature, of an approval.
    pub asset_signature: Option<Octets>,
}

/// What came of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Not everybody has answered yet.
    Pending,
    /// As many as needed approve.
    Approved,
    /// Somebody rejects.
    Rejected,
    /// Not in time.
    Expired,
    /// Approved, but the operation could not be done: nothing could be decrypted.
    Failed,
}

/// What used an approval up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// When.
    pub at: Timestamp,
    /// The gateway's own name for the request that passed.
    pub request_id: RequestId,
}

impl Approval {
    /// What came of it by `now`, whether a worker has noted that or not.
    pub fn state_at(&self, now: Timestamp) -> ApprovalState {
        match self.state {
            ApprovalState::Pending if now >= self.expires_at => ApprovalState::Expired,
            known => known,
        }
    }

    /// The operation that a service provider asks for.
    pub const fn operation(&self) -> Option<&Operation> {
        match &self.asked {
            Asked::Operation(operation) => Some(operation),
            Asked::Countersignature(_) => None,
        }
    }

    /// The request that is to be countersigned.
    pub const fn bound(&self) -> Option<&Bound> {
        match &self.asked {
            Asked::Countersignature(bound) => Some(bound),
            Asked::Operation(_) => None,
        }
    }

    /// The seat of this device.
    pub fn seat(&self, device: &DeviceId) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.device == *device)
    }

    /// The answer that this device gave.
    pub fn vote(&self, device: &DeviceId) -> Option<&Vote> {
        self.votes.iter().find(|vote| vote.device == *device)
    }

    /// How many approve so far.
    pub fn approvals(&self) -> u8 {
        let approving = self.votes.iter().filter(|vote| vote.approves).count();
        u8::try_from(approving).unwrap_or(u8::MAX)
    }

    /// When a worker has to note that nobody answered in time.
    pub fn lapses_at(&self) -> Timestamp {
        match self.state {
            ApprovalState::Pending => self.expires_at,
            _ => Timestamp::FAR,
        }
    }

    /// When it may go.
    pub fn sweep_at(&self) -> Timestamp {
        match self.state {
            ApprovalState::Pending => Timestamp::FAR,
            _ => self.updated_at.plus(APPROVAL_KEPT_FOR),
        }
    }
}

impl ApprovalState {
    /// The word in polls, metrics and audit.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    /// Every state, for metrics.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Approved,
        Self::Rejected,
        Self::Expired,
        Self::Failed,
    ];
}

impl OperationKind {
    /// The word on the wire and in audit.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::Sign => "sign",
            Self::Decrypt => "decrypt",
        }
    }
}
