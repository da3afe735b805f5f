//! A device, by its signature over the request (RFC 9421).

use super::{Authenticated, Refused};
use crate::{
    Engine,
    call::{CallContext, DeviceSignature},
    commit::OneTime,
    denied::Fault,
    model::device::Device,
};
use countersign_jose::Jwk;

/// A device that signed a request.
#[derive(Debug, Clone)]
pub struct DeviceCaller {
    /// Its row, and the version that was read.
    pub(crate) device: Device,
    pub(crate) version: u64,
    /// To be spent by whatever changes something: the same request again is refused.
    pub(crate) nonce: OneTime,
}

/// A key that signed the request that it came with.
#[derive(Debug, Clone)]
pub struct NewDeviceKey {
    pub(crate) key: Jwk,
    pub(crate) nonce: OneTime,
}

impl Engine {
    pub(super) async fn verify_device(
        &self,
        context: &CallContext,
        signature: &DeviceSignature,
    ) -> Result<Authenticated<DeviceCaller>, Refused> {
        let _ = (context, signature);
        Err(Fault::internal("not built yet").into())
    }

    pub(super) fn verify_new_device(
        &self,
        context: &CallContext,
        signature: &DeviceSignature,
    ) -> Result<Authenticated<NewDeviceKey>, Refused> {
        let _ = (context, signature);
        Err(Fault::internal("not built yet").into())
    }
}
