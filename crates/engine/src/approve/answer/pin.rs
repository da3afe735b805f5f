//! The tries of a PIN: written down before it is compared, in the device's row that all nodes and restarts share.

use super::{Answering, Request, kept_changing};
use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, PIN_TRIES},
    commit::{Change, CommitError},
    denied::{Denied, Fault, Reason, Refusal},
    model::{asset::AssetState, device::Device},
    row::{Key, Row},
};

impl Engine {
    /// Write a try down. Only for an answer that would count if the PIN is right, so that nobody spends tries on others.
    /// A device that has none left, marked or not, is marked and compared no more.
    pub(super) async fn reserve_try(&self, it: &Answering<'_>) -> Result<Request, Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let request = self.request(it).await?;
            let (device, version) = request.device(it)?;
            if device.is_locked() {
                self.lock_device(it).await?;
                return Err(Denied::Forbidden(Reason::Locked).into());
            }
            request.decide(it, request.standing.decide_seat(&request.seat))?;
            let mut device = device.clone();
            device.wrong_pins = device.wrong_pins.saturating_add(1);
            device.updated_at = it.context.now;
            let changes = vec![
                // The same signed call again compares nothing.
                Change::Spend(it.who.nonce.clone()),
                Change::Replace {
                    row: Row::Device(Box::new(device)),
                    if_version: version,
                },
            ];
            let audit = self.event(it.context, &it.actor(), "device.try_pin", &it.target());
            match self.commit(it.context.now, changes, audit).await {
                Ok(()) => return Ok(request),
                Err(CommitError::Conflict { change: 0 }) => {
                    return Err(self.spent(it.context, &it.who.device.id));
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(kept_changing())
    }

    /// After a wrong PIN: how many tries are left. With the last the device is locked.
    pub(super) async fn settle_wrong_pin(&self, it: &Answering<'_>) -> Result<u8, Refusal> {
        let device = self.device_now(it).await?;
        match device {
            Some((device, _)) if device.wrong_pins < PIN_TRIES => Ok(device.tries_left()),
            Some(_) => self.lock_device(it).await,
            None => Ok(0),
        }
    }

    /// After the right PIN, where nothing else says so: the count starts anew. Whoever locked the device meanwhile has
    /// decided about it.
    pub(super) async fn settle_right_pin(&self, it: &Answering<'_>) -> Result<(), Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let Some((mut device, version)) = self.device_now(it).await? else {
                return Ok(());
            };
            if device.wrong_pins == 0 || device.locked_at.is_some() {
                return Ok(());
            }
            device.wrong_pins = 0;
            device.updated_at = it.context.now;
            let change = Change::Replace {
                row: Row::Device(Box::new(device)),
                if_version: version,
            };
            let audit = self.event(it.context, &it.actor(), "device.right_pin", &it.target());
            match self.commit(it.context.now, vec![change], audit).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(kept_changing())
    }

    /// Mark the device as locked, and its assets with it, in one commit that tells their service providers. How many
    /// tries are left: none, unless the right PIN was typed in meanwhile.
    async fn lock_device(&self, it: &Answering<'_>) -> Result<u8, Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let Some((device, version)) = self.device_now(it).await? else {
                return Ok(0);
            };
            if device.locked_at.is_some() || device.wrong_pins < PIN_TRIES {
                return Ok(device.tries_left());
            }
            let locked = AssetState::Locked;
            let (mut changes, _) = self.changed_assets(it.context, &device, locked).await?;
            let device = Device {
                locked_at: Some(it.context.now),
                updated_at: it.context.now,
                ..device
            };
            let target = format!("device:{}", device.id);
            changes.push(Change::Replace {
                row: Row::Device(Box::new(device)),
                if_version: version,
            });
            let audit = self.event(it.context, &it.actor(), "device.lock", &target);
            match self.commit(it.context.now, changes, audit).await {
                Ok(()) => return Ok(0),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(kept_changing())
    }

    async fn device_now(&self, it: &Answering<'_>) -> Result<Option<(Device, u64)>, Fault> {
        let key = Key::Device(it.compiled.id.clone(), it.who.device.id.clone());
        let [row] = self.load(&[key]).await?;
        Ok(row.and_then(|row| Some((row.device()?.clone(), row.version))))
    }
}
