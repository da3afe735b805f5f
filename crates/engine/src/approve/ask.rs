//! Asking people: the approval, and a place on each of their devices, in one commit.

use crate::{
    Engine,
    call::CallContext,
    commit::Change,
    compiled::Compiled,
    denied::Refusal,
    id::OrganizationId,
    model::approval::{Approval, Asked, Seat},
};

/// What is asked of whom.
pub(super) struct NewApproval {
    /// Who asks.
    pub organization: Option<OrganizationId>,
    /// What.
    pub asked: Asked,
    /// Of whom.
    pub seats: Vec<Seat>,
    /// How many must approve.
    pub needed: u8,
    /// The sentence that they are shown.
    pub text: String,
    /// The actor, for the audit log.
    pub actor: String,
}

impl Engine {
    /// Ask the people of `seats`. `text` is the sentence that they are shown; `further` is committed with it.
    pub(super) async fn ask_people(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        people: NewApproval,
        further: Vec<Change>,
    ) -> Result<Approval, Refusal> {
        let _ = (context, compiled, people, further);
        Err(crate::denied::Fault::internal("not built yet").into())
    }
}
