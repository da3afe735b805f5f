//! What comes of calls about approvals.

use crate::{
    id::{ApprovalId, AssetId},
    model::{
        approval::{Approval, ApprovalState},
        approver::ApproverList,
        asset::Asset,
        device::Device,
        provider_object::{IdentificationFacts, ProviderObject},
    },
    row::Key,
    secret::Secret,
    time::Timestamp,
};
use std::sync::Arc;

/// What came of a service provider's call.
#[derive(Debug, Clone)]
pub struct ProviderOutcome {
    /// The object.
    pub object: ProviderObject,
    /// Of a registration: the API key, told once.
    pub api_key: Option<Secret<String>>,
}

/// What came of a device's call.
#[derive(Debug, Clone)]
pub enum DeviceOutcome {
    /// What is known of it, with the names of whom it approves for.
    Device(DeviceFacts),
    /// What waits for its answer.
    Waiting {
        /// Whether there is something that it has not seen, and what rings when there is.
        news: News,
        /// The version, for the next call's `seen`.
        version: u64,
        /// The requests, oldest first.
        requests: Vec<Arc<Approval>>,
    },
    /// One request, in whatever state.
    Request(Box<Approval>),
    /// A nonce was typed in.
    TypedIn(TypedIn),
}

/// What a device is told of itself.
#[derive(Debug, Clone)]
pub struct DeviceFacts {
    /// Its row.
    pub device: Device,
    /// What people call the environment.
    pub environment: String,
    /// Its assets, with what people call their service providers; none for the environment's own.
    pub assets: Vec<(Asset, Option<String>)>,
}

/// Whom a nonce turned out to be from.
#[derive(Debug, Clone)]
pub struct TypedIn {
    /// What people call whoever showed it.
    pub shown_by: String,
    /// What it did: `provider`, `registration`, `subject`, `approver`.
    pub purpose: &'static str,
    /// The asset that it led to.
    pub asset: AssetId,
}

/// Whether there are news, and which row's change would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// There are: answer at once.
    pub is_there: bool,
    /// The row whose change rings.
    pub of: Key,
}

/// What came of a call about an approval.
#[derive(Debug, Clone)]
pub enum ApprovalOutcome {
    /// Whose devices answer here.
    About {
        /// What people call the environment.
        environment: String,
    },
    /// What came of it so far.
    Polled {
        /// Whether there are news, and what rings when there are.
        news: News,
        /// Which.
        approval: ApprovalId,
        /// What came of it.
        state: ApprovalState,
        /// Whether a request has passed by it.
        is_used: bool,
        /// How many approve.
        approvals: u8,
        /// How many must.
        needed: u8,
        /// No answer counts from here on.
        expires_at: Timestamp,
    },
    /// A nonce to show.
    Nonce(IdentificationFacts, Timestamp),
    /// The approvers of an organization.
    Approvers(ApproverList),
    /// A device.
    Device(DeviceFacts),
}

impl DeviceOutcome {
    /// Whether there are news, of outcomes that can be waited for.
    pub const fn news(&self) -> Option<&News> {
        match self {
            Self::Waiting { news, .. } => Some(news),
            _ => None,
        }
    }
}

impl ApprovalOutcome {
    /// Whether there are news, of outcomes that can be waited for.
    pub const fn news(&self) -> Option<&News> {
        match self {
            Self::Polled { news, .. } => Some(news),
            _ => None,
        }
    }
}
