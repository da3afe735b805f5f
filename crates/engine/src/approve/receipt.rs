//! Receipts: made once an approval is answered, and checked by anybody without us.

use crate::{Engine, call::CallContext, denied::Refusal};

impl Engine {
    pub(super) async fn receipt_keys(
        &self,
        context: &CallContext,
    ) -> Result<countersign_jose::JwkSet, Refusal> {
        let _ = context;
        Err(crate::denied::Fault::internal("not built yet").into())
    }
}
