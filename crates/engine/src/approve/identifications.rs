//! Identifications: a nonce that somebody shows, and whoever types it into a device.

use crate::{
    Engine,
    call::CallContext,
    denied::Refusal,
    id::IdentificationId,
    outcome::{ApprovalOutcome, DeviceOutcome, ProviderOutcome},
    verify::{Authenticated, ClientCaller, DeviceCaller, SessionCaller},
};

impl Engine {
    pub(super) async fn show_nonce(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
    ) -> Result<ProviderOutcome, Refusal> {
        let _ = (context, caller);
        Err(crate::denied::Fault::internal("not built yet").into())
    }

    pub(super) async fn show_identification(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        id: &IdentificationId,
    ) -> Result<ProviderOutcome, Refusal> {
        let _ = (context, caller, id);
        Err(crate::denied::Fault::internal("not built yet").into())
    }

    pub(super) async fn own_link_nonce(
        &self,
        context: &CallContext,
        caller: &Authenticated<SessionCaller>,
    ) -> Result<ApprovalOutcome, Refusal> {
        let _ = (context, caller);
        Err(crate::denied::Fault::internal("not built yet").into())
    }

    pub(super) async fn type_in(
        &self,
        context: &CallContext,
        caller: &Authenticated<DeviceCaller>,
        nonce: &str,
    ) -> Result<DeviceOutcome, Refusal> {
        let _ = (context, caller, nonce);
        Err(crate::denied::Fault::internal("not built yet").into())
    }
}
