//! What can be asked about approvals: by service providers, by devices, by whoever waits, and by operators.

use super::IdempotencyKey;
use crate::{
    id::{
        ApprovalId, ApproverId, AssetId, ClientId, DeviceId, EnvironmentId, IdentificationId,
        OrganizationId, SubjectId,
    },
    model::approval::{Cipher, OperationKind},
    ports::Cursor,
    secret::Secret,
};
use countersign_jose::Jwk;

/// What a service provider asks.
#[derive(Debug)]
pub enum ProviderCall {
    /// A nonce to show to a person.
    Identify,
    /// What came of a nonce.
    ShowIdentification(IdentificationId),
    /// An asset of its own.
    ShowAsset(AssetId),
    /// An operation of an asset's key.
    Ask(NewOperation),
    /// What came of an operation of this kind.
    ShowOperation(OperationKind, ApprovalId),
    /// Itself.
    ShowProvider(ClientId),
    /// Itself, by its key alone.
    ShowSelf,
    /// To become one: for anyone, where the environment lets them.
    Register(NewProvider),
}

/// An operation to ask a person for.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// Which operation.
    pub kind: OperationKind,
    /// The asset.
    pub asset: AssetId,
    /// Which of its pairs is used.
    pub pair: OperationKind,
    /// SHA-256 of what is to be signed; none: random.
    pub fingerprint: Option<[u8; 32]>,
    /// Where the document stands.
    pub resource_uri: Option<String>,
    /// Whether the device should be woken.
    pub notify: bool,
    /// What is to be decrypted; for decryptions, and only for them.
    pub cipher: Option<Cipher>,
}

/// A service provider that registers itself.
#[derive(Debug, Clone)]
pub struct NewProvider {
    /// What people call it: shown on their devices.
    pub name: String,
    /// Its own page.
    pub url: Option<String>,
    /// Where changes of state are told.
    pub callback_url: Option<String>,
    /// Where they are told by name only.
    pub notification_url: Option<String>,
}

/// What a device asks. Every call is signed by its key.
#[derive(Debug)]
pub enum DeviceCall {
    /// To be known from now on. The key is the one that signed.
    Enrol {
        /// What its owner calls it.
        name: String,
        /// The PIN, typed twice and the same.
        pin: Secret<String>,
    },
    /// What is known of itself.
    ShowSelf,
    /// What waits for its answer.
    Waiting {
        /// The version that it has seen: with news the answer comes at once, without after a while.
        seen: Option<u64>,
    },
    /// One request.
    Show(ApprovalId),
    /// An answer.
    Answer(Answer),
    /// A nonce that somebody shows.
    TypeIn {
        /// Nine digits, without spaces.
        nonce: String,
    },
}

/// A person's answer.
#[derive(Debug)]
pub struct Answer {
    /// To what.
    pub approval: ApprovalId,
    /// Whether it approves.
    pub approves: bool,
    /// The PIN; needed to approve.
    pub pin: Option<Secret<String>>,
    /// What the device signed: JSON, byte for byte (docs/receipts.md).
    pub statement: String,
    /// Its signature, r and s.
    pub signature: Vec<u8>,
}

/// A device's signature over a request (RFC 9421), still unbelieved.
#[derive(Debug, Clone)]
pub struct DeviceSignature {
    /// `keyid`: which device says so.
    pub device: String,
    /// The key itself, where a device enrols.
    pub new_key: Option<Jwk>,
    /// The signature base (RFC 9421 section 2.5), made from the request.
    pub base: Vec<u8>,
    /// r and s.
    pub signature: Vec<u8>,
    /// `created`, in seconds.
    pub created_s: i64,
    /// `nonce`: no change is made twice with the same.
    pub nonce: String,
}

/// What whoever waits for an approval asks.
#[derive(Debug)]
pub enum ApprovalCall {
    /// Whose devices answer here. For anyone.
    About,
    /// What came of it. For anyone who knows its identifier.
    Poll {
        /// Which.
        approval: ApprovalId,
        /// Whether to be answered at once although nobody has answered yet.
        at_once: bool,
    },
    /// The keys of receipts.
    ReceiptKeys,
    /// A nonce that links a device to the subject whose session this is.
    LinkNonce,
}

/// What an operator asks about approvals.
#[derive(Debug)]
pub enum ApprovalAdmin {
    /// The approvers of an organization.
    Approvers(EnvironmentId, OrganizationId),
    /// Another approver.
    AddApprover {
        /// Where.
        environment: EnvironmentId,
        /// Whose.
        organization: OrganizationId,
        /// What.
        new: NewApprover,
    },
    /// An approver changes; members that are none stay.
    AmendApprover {
        /// Where.
        environment: EnvironmentId,
        /// Whose.
        organization: OrganizationId,
        /// Which.
        approver: ApproverId,
        /// What people call it.
        display_name: Option<String>,
        /// Its groups, all of them.
        groups: Option<Vec<String>>,
    },
    /// An approver goes.
    RemoveApprover(EnvironmentId, OrganizationId, ApproverId),
    /// A nonce that links a device to somebody.
    LinkNonce(EnvironmentId, LinkTo),
    /// A page of devices.
    Devices {
        /// Where.
        environment: EnvironmentId,
        /// From after here.
        after: Option<Cursor>,
        /// At most so many.
        limit: u32,
    },
    /// One device.
    ShowDevice(EnvironmentId, DeviceId),
    /// A locked device may be tried again.
    UnlockDevice(EnvironmentId, DeviceId),
    /// A device is gone, its assets destroyed.
    RemoveDevice(EnvironmentId, DeviceId),
    /// A page of approvals, newest first.
    Approvals {
        /// Where.
        environment: EnvironmentId,
        /// Of one organization.
        organization: Option<OrganizationId>,
        /// From after here.
        after: Option<Cursor>,
        /// At most so many.
        limit: u32,
    },
    /// One approval, with its receipt.
    ShowApproval(EnvironmentId, ApprovalId),
    /// Where a service provider hears of changes; a secret for its callbacks is made and told once where it had none.
    Callbacks {
        /// Where.
        environment: EnvironmentId,
        /// Which.
        provider: ClientId,
        /// The whole objects; none: not at all.
        callback_url: Option<String>,
        /// Their names; none: not at all.
        notification_url: Option<String>,
        /// For doing it once only.
        idempotency: Option<IdempotencyKey>,
    },
}

/// To whom a device is to be linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkTo {
    /// An end user.
    Subject(SubjectId),
    /// An approver.
    Approver(OrganizationId, ApproverId),
}

/// An approver to add.
#[derive(Debug, Clone)]
pub struct NewApprover {
    /// Its name.
    pub id: ApproverId,
    /// What people call it; the name unless given.
    pub display_name: Option<String>,
    /// Its groups.
    pub groups: Vec<String>,
}

impl ProviderCall {
    /// The word for logs and audit.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Identify => "identification.create",
            Self::ShowIdentification(_) => "identification.show",
            Self::ShowAsset(_) => "asset.show",
            Self::Ask(_) => "approval.create",
            Self::ShowOperation(..) => "approval.show",
            Self::ShowProvider(_) | Self::ShowSelf => "provider.show",
            Self::Register(_) => "provider.register",
        }
    }
}

impl DeviceCall {
    /// Whether it changes something: then its signature is good once, and for no longer than clocks differ.
    pub const fn changes(&self) -> bool {
        match self {
            Self::Enrol { .. } | Self::Answer(_) | Self::TypeIn { .. } => true,
            Self::ShowSelf | Self::Waiting { .. } | Self::Show(_) => false,
        }
    }

    /// The word for logs and audit.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Enrol { .. } => "device.enrol",
            Self::ShowSelf => "device.show",
            Self::Waiting { .. } => "device.waiting",
            Self::Show(_) => "approval.show",
            Self::Answer(_) => "approval.answer",
            Self::TypeIn { .. } => "identification.consume",
        }
    }
}

impl ApprovalCall {
    /// The word for logs and audit.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::About => "devices.about",
            Self::Poll { .. } => "approval.poll",
            Self::ReceiptKeys => "receipt_keys.show",
            Self::LinkNonce => "device.link",
        }
    }
}
