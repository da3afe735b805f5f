//! What whoever waits for an approval is told.

use crate::{Engine, call::CallContext, denied::Refusal, id::ApprovalId, outcome::ApprovalOutcome};

impl Engine {
    pub(super) async fn poll_approval(
        &self,
        context: &CallContext,
        approval: &ApprovalId,
        at_once: bool,
    ) -> Result<ApprovalOutcome, Refusal> {
        let _ = (context, approval, at_once);
        Err(crate::denied::Fault::internal("not built yet").into())
    }
}
