//! Devices: how they enrol, and what they are told of themselves.

use crate::{
    Engine,
    admin::check::Problems,
    bounds::{ENROLMENT_RATE, PIN_DIGITS_MAX, PIN_DIGITS_MIN},
    call::CallContext,
    commit::{Change, CommitError},
    compiled::Compiled,
    denied::{Denied, Fault, Reason, Refusal},
    digest::Digest,
    engine::not_found,
    id::{ClientId, DeviceId, EnvironmentId},
    kept_code::CodeOf,
    model::{asset::Asset, credential::RateLimit, device::Device},
    outcome::{ApprovalOutcome, DeviceFacts, DeviceOutcome},
    row::{Key, Row, Stored},
    secret::Secret,
    verify::{Authenticated, DeviceCaller, NewDeviceKey, Refused, network_of, too_many},
};
use std::collections::BTreeMap;

mod pin;

pub(super) const NOUN: &str = "device";

impl Engine {
    /// Whose devices answer here.
    pub(super) async fn about_devices(
        &self,
        context: &CallContext,
    ) -> Result<ApprovalOutcome, Refusal> {
        let compiled = self.arrived(context).await?;
        Ok(ApprovalOutcome::About {
            environment: compiled.environment()?.display_name.clone(),
        })
    }

    /// A device that nobody knew before: it approves for nobody yet.
    pub(super) async fn enrol(
        &self,
        context: &CallContext,
        key: &Authenticated<NewDeviceKey>,
        name: &str,
        pin: &Secret<String>,
    ) -> Result<DeviceOutcome, Refusal> {
        let new = key.who();
        let compiled = self.arrived(context).await?;
        if compiled.environment()?.phone_url.is_none() {
            return Err(not_found("route"));
        }
        self.take_of_peer(context, "countersign/enrolments", ENROLMENT_RATE)?;
        decide_enrolment(name, pin)?;
        let device = self.new_device(context, &compiled, new, name, pin)?;
        let row_key = Key::Device(compiled.id.clone(), new.id.clone());
        let [known] = self.load(&[row_key]).await?;
        let row = Row::Device(Box::new(device.clone()));
        let change = match known.as_deref().map(|stored| (stored.device(), stored)) {
            None => Change::Insert(row),
            // Its hour is over and it was not swept yet.
            Some((Some(old), stored)) if old.sweep_at() <= context.now => Change::Replace {
                row,
                if_version: stored.version,
            },
            Some(_) => return Err(ENROLLED.into()),
        };
        let changes = vec![change, Change::Spend(new.nonce.clone())];
        let actor = actor_of(&new.id);
        let audit = self.event(context, &actor, "device.enrol", &actor);
        match self.commit(context.now, changes, audit).await {
            Ok(()) => {
                let facts = self.device_facts(&compiled, device).await?;
                Ok(DeviceOutcome::Device(facts))
            }
            Err(CommitError::Conflict { change: 0 }) => Err(ENROLLED.into()),
            Err(CommitError::Conflict { .. }) => Err(self.spent(context, &new.id)),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    fn new_device(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        new: &NewDeviceKey,
        name: &str,
        pin: &Secret<String>,
    ) -> Result<Device, Fault> {
        let of = CodeOf::device(&compiled.id, &new.id);
        Ok(Device {
            environment: compiled.id.clone(),
            id: new.id.clone(),
            public_key: new.key.clone(),
            name: name.into(),
            pin: self.kept_code(compiled, &of, pin)?,
            wrong_pins: 0,
            locked_at: None,
            assets: Vec::new(),
            links: Vec::new(),
            waiting: Vec::new(),
            created_at: context.now,
            updated_at: context.now,
        })
    }

    /// A locked device is told that it is.
    pub(super) async fn show_self(
        &self,
        context: &CallContext,
        caller: &Authenticated<DeviceCaller>,
    ) -> Result<DeviceOutcome, Refusal> {
        let compiled = self.arrived(context).await?;
        let device = caller.who().device.clone();
        let facts = self.device_facts(&compiled, device).await?;
        Ok(DeviceOutcome::Device(facts))
    }

    /// A device with its assets and the names of their service providers.
    pub(super) async fn device_facts(
        &self,
        compiled: &Compiled,
        device: Device,
    ) -> Result<DeviceFacts, Fault> {
        let assets = self.assets_of(&device).await?;
        let providers: Vec<&ClientId> = device
            .assets
            .iter()
            .filter_map(|one| one.provider.as_ref())
            .collect();
        let keys = providers.iter().copied().cloned();
        let keys: Vec<Key> = keys
            .map(|id| Key::Client(compiled.id.clone(), id))
            .collect();
        let found = self.ports.store.load(&keys).await?;
        let names: BTreeMap<_, _> = found
            .iter()
            .flatten()
            .filter_map(|stored| stored.client())
            .map(|client| (&client.id, &client.display_name))
            .collect();
        // An operator may have removed a service provider: then its identifier is all that is left of it.
        let name = |id: &ClientId| {
            names
                .get(id)
                .map_or_else(|| id.to_string(), |&it| it.clone())
        };
        let named = assets.into_iter().map(|(asset, _)| {
            let name = asset.provider.as_ref().map(name);
            (asset, name)
        });
        let assets = named.collect();
        Ok(DeviceFacts {
            environment: compiled.environment()?.display_name.clone(),
            assets,
            device,
        })
    }

    /// The assets of a device, each with its version.
    pub(super) async fn assets_of(&self, device: &Device) -> Result<Vec<(Asset, u64)>, Fault> {
        let place = &device.environment;
        let keys = device.assets.iter();
        let keys: Vec<Key> = keys
            .map(|one| Key::Asset(place.clone(), one.asset.clone()))
            .collect();
        let found = self.ports.store.load(&keys).await?;
        let asset = |stored: Option<std::sync::Arc<Stored>>| {
            let stored = stored.ok_or_else(|| Fault::internal("an asset of a device is gone"))?;
            let asset = stored.asset();
            let asset = asset.ok_or_else(|| Fault::internal("an asset's row is not one"))?;
            Ok((asset.clone(), stored.version))
        };
        found.into_iter().map(asset).collect()
    }

    /// One use of what one network may do so often. No I/O.
    pub(super) fn take_of_peer(
        &self,
        context: &CallContext,
        label: &str,
        limit: RateLimit,
    ) -> Result<(), Refusal> {
        let network = context.peer.map(network_of).unwrap_or_default();
        let names = [context.environment.as_str().as_bytes(), &network];
        let bucket = self.rates.bucket(Digest::of(label, &names));
        let taken = bucket.take(limit, context.now);
        taken.map_err(|wait| too_many(wait).into())
    }

    /// The same signed request again.
    pub(super) fn spent(&self, context: &CallContext, device: &DeviceId) -> Refusal {
        let spent = Denied::InvalidToken(Reason::Spent);
        self.refuse_caller(context, Refused::of_device(spent, device))
    }
}

/// Calls that change one device go one after the other.
pub(super) fn lane_of_device(environment: &EnvironmentId, device: &DeviceId) -> Digest {
    let names = [environment.as_str(), device.as_str()].map(str::as_bytes);
    Digest::of("countersign/lane/device", &names)
}

/// What the audit log calls a device.
pub(super) fn actor_of(device: &DeviceId) -> String {
    format!("device:{device}")
}

pub(super) fn device_in(stored: &Stored) -> Result<&Device, Fault> {
    stored
        .device()
        .ok_or_else(|| Fault::internal("a device's row is not one"))
}

const ENROLLED: Denied = Denied::Conflict("a device with this key has enrolled already");

fn decide_enrolment(name: &str, pin: &Secret<String>) -> Result<(), Denied> {
    let mut problems = Problems::default();
    problems.text(name, "name");
    let digits = pin.expose();
    let fits = (PIN_DIGITS_MIN..=PIN_DIGITS_MAX).contains(&digits.len());
    let is_pin = fits && digits.bytes().all(|b| b.is_ascii_digit());
    problems.expect(is_pin, "pin", "6 to 12 digits");
    let hard = !is_pin || !pin::is_tried_first(digits);
    problems.expect(
        hard,
        "pin",
        "no run and no repeat, such as 123456 or 000000",
    );
    problems.done()
}
