//! What operators do about approvals.

use crate::{
    Engine,
    call::{ApprovalAdmin, CallContext},
    denied::Refusal,
    outcome::Outcome,
    verify::{Authenticated, OperatorCaller},
};

impl Engine {
    pub(crate) async fn admin_approvals(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        call: ApprovalAdmin,
    ) -> Result<Outcome, Refusal> {
        let _ = (context, caller, call);
        Err(crate::denied::Fault::internal("not built yet").into())
    }
}
