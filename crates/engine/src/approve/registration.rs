//! Service providers that register themselves, and are confirmed by a nonce.

use crate::{
    Engine,
    call::{CallContext, NewProvider},
    denied::Refusal,
    id::ClientId,
    outcome::ProviderOutcome,
    verify::{Authenticated, ClientCaller},
};

impl Engine {
    pub(super) async fn register_provider(
        &self,
        context: &CallContext,
        new: NewProvider,
    ) -> Result<ProviderOutcome, Refusal> {
        let _ = (context, new);
        Err(crate::denied::Fault::internal("not built yet").into())
    }

    pub(super) async fn show_provider(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        id: &ClientId,
    ) -> Result<ProviderOutcome, Refusal> {
        let _ = (context, caller, id);
        Err(crate::denied::Fault::internal("not built yet").into())
    }
}
