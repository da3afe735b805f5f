//! A device, by its signature over the request (RFC 9421), in the one form of docs/device-protocol.md.
//!
//! The key is the device row's and always P-256; the request only names it, by its thumbprint. Reading calls may be
//! repeated, and the server repeats one itself while it is held for news: so a signature that only reads is taken for
//! as long as such a call is held beyond the clocks' difference. What changes something asks [`DeviceCaller::may_change`]
//! and spends the nonce.

use super::{Authenticated, Refused};
use crate::{
    Engine,
    bounds::{CLOCK_SKEW_MAX, DEVICE_CLOCK_SKEW_MAX, EVENTS_FOR},
    call::{CallContext, DeviceSignature},
    commit::OneTime,
    denied::{Denied, Fault, Reason},
    digest::Digest,
    id::{DeviceId, EnvironmentId},
    model::device::Device,
    row::Key,
    time::Timestamp,
};
use countersign_jose::{Algorithm, Jwk, VerifyingKey, base64url_decode};

/// Bytes of a nonce: 22 characters of base64url.
const NONCE_BYTES: usize = 16;

/// A device that signed a request.
#[derive(Debug, Clone)]
pub struct DeviceCaller {
    /// Its row, and the version that was read.
    pub(crate) device: Device,
    pub(crate) version: u64,
    /// To be spent by whatever changes something: the same request again is refused.
    pub(crate) nonce: OneTime,
    /// When it says that it signed.
    pub(crate) signed_at: Timestamp,
}

/// A key that signed the request that it came with.
#[derive(Debug, Clone)]
pub struct NewDeviceKey {
    pub(crate) key: Jwk,
    /// Its thumbprint.
    pub(crate) id: DeviceId,
    pub(crate) nonce: OneTime,
}

impl DeviceCaller {
    /// Whether this request may change something: reading calls may be older.
    ///
    /// # Errors
    /// [`Denied::InvalidToken`] when it is too old.
    pub(crate) fn may_change(&self, now: Timestamp) -> Result<(), Denied> {
        let last = self.signed_at.plus(DEVICE_CLOCK_SKEW_MAX);
        (now <= last)
            .then_some(())
            .ok_or(Denied::InvalidToken(Reason::Expired))
    }
}

impl Engine {
    pub(super) async fn verify_device(
        &self,
        context: &CallContext,
        signature: &DeviceSignature,
    ) -> Result<Authenticated<DeviceCaller>, Refused> {
        let compiled = self.arrived(context).await?;
        decide_nonce(&signature.nonce).map_err(Denied::InvalidToken)?;
        let id = DeviceId::parse(&signature.device)
            .map_err(|_| Denied::InvalidToken(Reason::Unknown))?;
        let key = Key::Device(compiled.id.clone(), id);
        let [stored] = self.load(&[key]).await?;
        let stored = stored.ok_or(Denied::InvalidToken(Reason::Unknown))?;
        let device = stored
            .device()
            .ok_or_else(|| Fault::internal("a device's row is not one"))?;
        // One that was never used for anything is gone when its hour is over, swept or not.
        if device.sweep_at() <= context.now {
            return Err(Denied::InvalidToken(Reason::Unknown).into());
        }
        let key = VerifyingKey::from_jwk(Algorithm::Es256, &device.public_key)
            .map_err(|_| Fault::internal("a device's key cannot be read"))?;
        key.verify(&signature.base, &signature.signature)
            .map_err(|_| Denied::InvalidToken(Reason::Signature))?;
        let signed_at = Timestamp::from_seconds(signature.created_s);
        decide_time(signed_at, context.now)
            .map_err(|reason| Refused::of_device(Denied::InvalidToken(reason), &device.id))?;
        Ok(Authenticated(DeviceCaller {
            nonce: one_time(&compiled.id, &device.id, signature),
            version: stored.version,
            signed_at,
            device: device.clone(),
        }))
    }

    pub(super) fn verify_new_device(
        &self,
        context: &CallContext,
        signature: &DeviceSignature,
    ) -> Result<Authenticated<NewDeviceKey>, Refused> {
        let new = decide_new_device(signature, context).map_err(Denied::InvalidToken)?;
        Ok(Authenticated(new))
    }
}

/// Proof that whoever enrols has the key that it brings along.
fn decide_new_device(
    signature: &DeviceSignature,
    context: &CallContext,
) -> Result<NewDeviceKey, Reason> {
    decide_nonce(&signature.nonce)?;
    let shown = signature.new_key.as_ref().ok_or(Reason::Kind)?;
    let key = VerifyingKey::from_jwk(Algorithm::Es256, shown).map_err(|_| Reason::Kind)?;
    // What else it says of itself is its own business: the members that make the thumbprint are kept.
    let kept = Jwk {
        kty: shown.kty.clone(),
        crv: shown.crv.clone(),
        x: shown.x.clone(),
        y: shown.y.clone(),
        ..Jwk::default()
    };
    let thumbprint = kept.thumbprint();
    if signature.device != thumbprint {
        return Err(Reason::Mismatch);
    }
    key.verify(&signature.base, &signature.signature)
        .map_err(|_| Reason::Signature)?;
    let signed_at = Timestamp::from_seconds(signature.created_s);
    decide_time(signed_at, context.now)?;
    if context.now > signed_at.plus(DEVICE_CLOCK_SKEW_MAX) {
        return Err(Reason::Expired);
    }
    let id = DeviceId::parse(&thumbprint).map_err(|_| Reason::Kind)?;
    Ok(NewDeviceKey {
        nonce: one_time(&context.environment, &id, signature),
        key: kept,
        id,
    })
}

/// Sixteen random bytes in their one spelling.
fn decide_nonce(nonce: &str) -> Result<(), Reason> {
    let bytes = base64url_decode(nonce).map_err(|_| Reason::Claims)?;
    (bytes.len() == NONCE_BYTES)
        .then_some(())
        .ok_or(Reason::Claims)
}

/// Not from the future, and no older than a reading call can be when it is answered after it was held.
fn decide_time(signed_at: Timestamp, now: Timestamp) -> Result<(), Reason> {
    if signed_at > now.plus(DEVICE_CLOCK_SKEW_MAX) {
        return Err(Reason::NotYet);
    }
    if now > signed_at.plus(DEVICE_CLOCK_SKEW_MAX).plus(EVENTS_FOR) {
        return Err(Reason::Expired);
    }
    Ok(())
}

/// What a change spends. Remembered a little longer than any node takes it, because their clocks may differ.
fn one_time(
    environment: &EnvironmentId,
    device: &DeviceId,
    signature: &DeviceSignature,
) -> OneTime {
    let parts = [device.as_str().as_bytes(), signature.nonce.as_bytes()];
    let signed_at = Timestamp::from_seconds(signature.created_s);
    OneTime {
        environment: environment.clone(),
        digest: Digest::of("countersign/device-nonce", &parts),
        expires_at: signed_at.plus(DEVICE_CLOCK_SKEW_MAX).plus(CLOCK_SKEW_MAX),
    }
}

#[cfg(test)]
mod tests;
