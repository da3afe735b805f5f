//! A person's answer: the PIN, the device's signature, and the asset's.

use crate::{
    Engine,
    call::{Answer, CallContext},
    denied::Refusal,
    id::ApprovalId,
    outcome::DeviceOutcome,
    verify::{Authenticated, DeviceCaller},
};

impl Engine {
    pub(super) async fn answer_request(
        &self,
        context: &CallContext,
        caller: &Authenticated<DeviceCaller>,
        answer: Answer,
    ) -> Result<DeviceOutcome, Refusal> {
        let _ = (context, caller, answer);
        Err(crate::denied::Fault::internal("not built yet").into())
    }

    pub(super) async fn show_request(
        &self,
        context: &CallContext,
        caller: &Authenticated<DeviceCaller>,
        id: &ApprovalId,
    ) -> Result<DeviceOutcome, Refusal> {
        let _ = (context, caller, id);
        Err(crate::denied::Fault::internal("not built yet").into())
    }

    pub(super) async fn waiting(
        &self,
        context: &CallContext,
        caller: &Authenticated<DeviceCaller>,
        seen: Option<u64>,
    ) -> Result<DeviceOutcome, Refusal> {
        let _ = (context, caller, seen);
        Err(crate::denied::Fault::internal("not built yet").into())
    }
}
