//! Devices: how they enrol, and what they are told of themselves.

use crate::{
    Engine,
    call::CallContext,
    denied::Refusal,
    outcome::DeviceOutcome,
    secret::Secret,
    verify::{Authenticated, DeviceCaller, NewDeviceKey},
};

impl Engine {
    pub(super) async fn enrol(
        &self,
        context: &CallContext,
        key: &Authenticated<NewDeviceKey>,
        name: &str,
        pin: &Secret<String>,
    ) -> Result<DeviceOutcome, Refusal> {
        let _ = (context, key, name, pin);
        Err(crate::denied::Fault::internal("not built yet").into())
    }

    pub(super) async fn show_self(
        &self,
        context: &CallContext,
        caller: &Authenticated<DeviceCaller>,
    ) -> Result<DeviceOutcome, Refusal> {
        let _ = (context, caller);
        Err(crate::denied::Fault::internal("not built yet").into())
    }
}
