//! States as numbers and words. The vendor's numbers; of the words it prints "created" and "active", the others are its
//! names of the states.

use super::Flavour;
use countersign_engine::model::{
    approval::ApprovalState, asset::AssetState, identification::IdentificationState,
    provider_object::ProviderState,
};

/// A state on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    pub code: u8,
    pub text: &'static str,
}

const fn status(code: u8, text: &'static str) -> Status {
    Status { code, text }
}

/// Of an identification.
pub(super) const fn identification(state: IdentificationState) -> Status {
    match state {
        IdentificationState::Created => status(0, "created"),
        IdentificationState::Consumed => status(1, "consumed"),
        IdentificationState::Expired => status(2, "expired"),
    }
}

/// Of an asset. Others that v1 numbers (0 created, 2 invalidated, 3 unlocked) none of ours is ever in.
pub(super) const fn asset(state: AssetState) -> Status {
    match state {
        AssetState::Active => status(1, "active"),
        AssetState::Locked => status(4, "locked"),
        AssetState::Destroyed => status(5, "destroyed"),
    }
}

/// Of an operation. The tutorial prints 0 beside "created", where v1 has 1; 0 is "prepared" there, which none of ours
/// is. From 2 on both agree.
pub(super) const fn operation(state: ApprovalState, flavour: Flavour) -> Status {
    match (state, flavour) {
        (ApprovalState::Pending, Flavour::Tutorial) => status(0, "created"),
        (ApprovalState::Pending, Flavour::V1) => status(1, "created"),
        (ApprovalState::Approved, _) => status(2, "accepted"),
        (ApprovalState::Rejected, _) => status(3, "rejected"),
        (ApprovalState::Expired, _) => status(4, "expired"),
        (ApprovalState::Failed, _) => status(5, "failed"),
    }
}

/// Of a service provider.
pub(super) const fn provider(state: ProviderState) -> Status {
    match state {
        ProviderState::Created => status(0, "created"),
        ProviderState::Activated => status(1, "activated"),
        ProviderState::Deactivated => status(2, "deactivated"),
    }
}
