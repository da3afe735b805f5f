//! Operations: what service providers ask of an asset's keys.

use crate::{
    Engine,
    call::{CallContext, NewOperation},
    denied::Refusal,
    id::ApprovalId,
    model::approval::OperationKind,
    outcome::ProviderOutcome,
    verify::{Authenticated, ClientCaller},
};

impl Engine {
    pub(super) async fn ask_operation(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        new: NewOperation,
    ) -> Result<ProviderOutcome, Refusal> {
        let _ = (context, caller, new);
        Err(crate::denied::Fault::internal("not built yet").into())
    }

    pub(super) async fn show_operation(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        kind: OperationKind,
        id: &ApprovalId,
    ) -> Result<ProviderOutcome, Refusal> {
        let _ = (context, caller, kind, id);
        Err(crate::denied::Fault::internal("not built yet").into())
    }
}
