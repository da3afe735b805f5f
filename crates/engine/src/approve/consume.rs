//! A nonce that is typed into a device: what that does is one commit, with the end of the nonce.
//!
//! Which nonces there are is not told. Guesses are counted before anything is looked up, and given back where they
//! were right; an unknown nonce, one that is over, and one whose owner may not act are answered alike.

use super::{
    devices::{actor_of, device_in, lane_of_device},
    facts::{asset_object, identification_facts, provider_object},
    identifications::name_key,
};
use crate::{
    Engine,
    bounds::{
        CONFLICT_TRIES_MAX, LINKS_PER_DEVICE_MAX, NONCE_DIGITS, NONCE_GUESS_RATE,
        NONCE_GUESSES_ANYWHERE, NONCE_GUESSES_OF_NETWORK, NONCE_GUESSES_OF_SITE,
    },
    call::CallContext,
    commit::{Change, CommitError},
    compiled::Compiled,
    denied::{Denied, Fault, ProblemKind, Reason, Refusal},
    digest::Digest,
    id::IdentificationId,
    limits::Bucket,
    model::{
        asset::{Asset, AssetState},
        audit::AuditEvent,
        client::{Client, ServiceProvider},
        credential::RateLimit,
        device::{Device, DeviceAsset, Link},
        identification::{Identification, IdentificationPurpose, IdentificationState},
        provider_object::ProviderObject,
    },
    outcome::{DeviceOutcome, TypedIn},
    row::{Key, Row, Stored},
    time::Timestamp,
    verify::{Authenticated, DeviceCaller, network_of, site_of, too_many},
};
use does::Consumption;
use std::sync::Arc;

mod does;

/// A nonce that is good, the device into which it is typed, and their versions.
struct Typed {
    identification: Identification,
    identification_version: u64,
    name_version: u64,
    device: Device,
    device_version: u64,
}

impl Engine {
    pub(super) async fn type_in(
        &self,
        context: &CallContext,
        caller: &Authenticated<DeviceCaller>,
        nonce: &str,
    ) -> Result<DeviceOutcome, Refusal> {
        let who = caller.who();
        decide_form(nonce)?;
        decide_unlocked(&who.device)?;
        let compiled = self.arrived(context).await?;
        let lane = lane_of_device(&compiled.id, &who.device.id);
        let _turn = self.lanes.turn(lane).await?;
        let guesses = self.take_guess(context, &who.device)?;
        let mut made = None;
        let done = self
            .consume(context, &compiled, who, nonce, &mut made)
            .await;
        // Pairs that no row keeps must not stay in the keystore.
        let unused = match made {
            Some(asset) => self.drop_asset(&asset).await,
            None => Ok(()),
        };
        let is_wrong = matches!(done, Err(Refusal::Denied(Denied::NotFound { .. })));
        if is_wrong {
            let actor = actor_of(&who.device.id);
            self.note(context, &actor, "identification.consume", "-", "not_found");
        } else {
            give_back(guesses);
        }
        // A denial must not keep from the log that pairs stay behind.
        if !matches!(done, Err(Refusal::Fault(_))) {
            unused?;
        }
        Ok(DeviceOutcome::TypedIn(done?))
    }

    /// A guess, counted before it is looked at: of the device, of its network and its site, and of everybody.
    fn take_guess(
        &self,
        context: &CallContext,
        device: &Device,
    ) -> Result<Vec<(Arc<Bucket>, RateLimit)>, Refusal> {
        let place = device.environment.as_str().as_bytes();
        let network = context.peer.map(network_of).unwrap_or_default();
        let site = context.peer.and_then(site_of);
        let site = site.as_ref().map(<[u8; 6]>::as_slice);
        let site = site.map(|site| ("site", site, NONCE_GUESSES_OF_SITE));
        let named = [
            ("device", device.id.as_str().as_bytes(), NONCE_GUESS_RATE),
            ("network", network.as_slice(), NONCE_GUESSES_OF_NETWORK),
            ("anywhere", b"", NONCE_GUESSES_ANYWHERE),
        ];
        let mut taken: Vec<(Arc<Bucket>, RateLimit)> = Vec::new();
        for (kind, name, limit) in named.into_iter().chain(site) {
            let names = [kind.as_bytes(), place, name];
            let bucket = self.rates.bucket(Digest::of("countersign/nonces", &names));
            if let Err(wait) = bucket.take(limit, context.now) {
                give_back(taken);
                return Err(too_many(wait).into());
            }
            taken.push((bucket, limit));
        }
        Ok(taken)
    }

    /// `made` holds an asset from when it is made until it is committed.
    async fn consume(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        who: &DeviceCaller,
        nonce: &str,
        made: &mut Option<Asset>,
    ) -> Result<TypedIn, Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let typed = self.typed(context, compiled, who, nonce).await?;
            let does = self.consumption(context, &typed).await?;
            let asset = self
                .asset_for(context, compiled, &typed, &does, made)
                .await?;
            let mut changes = self.changes_of(context, compiled, &typed, &does, &asset)?;
            let spend = changes.len();
            changes.push(Change::Spend(who.nonce.clone()));
            let event = self.event(
                context,
                &actor_of(&who.device.id),
                does.action,
                &does.target,
            );
            let audit = AuditEvent {
                organization: Some(typed.identification.organization.clone()),
                ..event
            };
            match self.commit(context.now, changes, audit).await {
                Ok(()) => {
                    made.take_if(|made| made.id == asset.id);
                    return Ok(TypedIn {
                        shown_by: does.shown_by,
                        purpose: does.purpose,
                        asset: asset.id,
                    });
                }
                Err(CommitError::Conflict { change }) if change == spend => {
                    return Err(self.spent(context, &who.device.id));
                }
                Err(CommitError::Conflict { .. }) => {}
                // Whether it was committed is not known: then its pairs stay, for a row may name them.
                Err(CommitError::Fault(fault)) => {
                    *made = None;
                    return Err(fault.into());
                }
            }
        }
        Err(Fault::unavailable("a device kept changing").into())
    }

    /// What this nonce leads to, if it is good, and the device as it is now.
    async fn typed(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        who: &DeviceCaller,
        nonce: &str,
    ) -> Result<Typed, Refusal> {
        let device = Key::Device(compiled.id.clone(), who.device.id.clone());
        let [name, device] = self.load(&[name_key(&compiled.id, nonce), device]).await?;
        // Removed since it was let in.
        let device = device.ok_or(Denied::InvalidToken(Reason::Unknown))?;
        let known = device_in(&device)?;
        decide_unlocked(known)?;
        let name = name.ok_or_else(wrong)?;
        let leads = name
            .name()
            .ok_or_else(|| Fault::internal("a name's row is not one"))?;
        let id = IdentificationId::parse(&leads.target).map_err(Fault::internal)?;
        let [stored] = self
            .load(&[Key::Identification(compiled.id.clone(), id)])
            .await?;
        let stored = stored.ok_or_else(wrong)?;
        let identification = stored.identification().ok_or_else(wrong)?;
        let is_good = identification.state_at(context.now) == IdentificationState::Created
            && identification.nonce == nonce;
        if !is_good {
            return Err(wrong().into());
        }
        Ok(Typed {
            identification: identification.clone(),
            identification_version: stored.version,
            name_version: name.version,
            device: known.clone(),
            device_version: device.version,
        })
    }

    /// The asset that the device has there, or a new one.
    async fn asset_for(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        typed: &Typed,
        does: &Consumption,
        made: &mut Option<Asset>,
    ) -> Result<Asset, Refusal> {
        let provider = does.provider.as_ref().map(|(client, _)| client);
        let place = provider.map(|client| &client.id);
        if let Some(id) = typed.device.asset_at(place) {
            let key = Key::Asset(compiled.id.clone(), id.clone());
            let [stored] = self.load(&[key]).await?;
            let asset = stored.as_deref().and_then(Stored::asset);
            let asset = asset.ok_or_else(|| Fault::internal("an asset of a device is gone"))?;
            return match asset.state {
                AssetState::Active => Ok(asset.clone()),
                AssetState::Locked => Err(Denied::Forbidden(Reason::Locked).into()),
                AssetState::Destroyed => Err(Denied::InvalidToken(Reason::Unknown).into()),
            };
        }
        if let Some(earlier) = made.take() {
            if earlier.provider.as_ref() == place {
                return Ok(made.insert(earlier).clone());
            }
            self.drop_asset(&earlier).await?;
        }
        let owner = provider.map(|client| &client.organization);
        let device = &typed.device;
        let asset = self
            .new_asset(context, compiled, device, provider, owner)
            .await?;
        Ok(made.insert(asset).clone())
    }

    /// All of it but the spending of the signature's nonce.
    fn changes_of(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        typed: &Typed,
        does: &Consumption,
        asset: &Asset,
    ) -> Result<Vec<Change>, Refusal> {
        let after = Identification {
            state: IdentificationState::Consumed,
            device: Some(typed.device.id.clone()),
            asset: Some(asset.id.clone()),
            updated_at: context.now,
            ..typed.identification.clone()
        };
        let is_new = typed.device.asset_at(asset.provider.as_ref()).is_none();
        let device = decide_device(&typed.device, asset, does.link.as_ref(), context.now)?;
        let mut changes = vec![
            Change::Replace {
                row: Row::Identification(after.clone()),
                if_version: typed.identification_version,
            },
            Change::Remove {
                key: name_key(&compiled.id, &after.nonce),
                if_version: typed.name_version,
            },
            Change::Replace {
                row: Row::Device(Box::new(device)),
                if_version: typed.device_version,
            },
        ];
        if is_new {
            changes.push(Change::Insert(Row::Asset(Box::new(asset.clone()))));
        }
        changes.extend(does.changes.iter().cloned());
        let Some((provider, if_version)) = &does.provider else {
            return Ok(changes);
        };
        let (provider, told) = match after.purpose {
            IdentificationPurpose::Registration(_) => {
                let client = confirmed(provider, asset);
                changes.push(Change::Replace {
                    row: Row::Client(client.clone()),
                    if_version: *if_version,
                });
                let told = provider_object(&client, None);
                (client, told)
            }
            _ => {
                let key = Key::Client(compiled.id.clone(), provider.id.clone());
                let if_version = *if_version;
                changes.push(Change::Require { key, if_version });
                let facts = identification_facts(compiled.environment()?, &after, context.now);
                let told = ProviderObject::Identification(facts);
                (provider.clone(), Some(told))
            }
        };
        let of_asset = is_new.then(|| asset_object(asset));
        for object in of_asset.into_iter().chain(told) {
            changes.extend(self.tell_provider(context, &provider, &object)?);
        }
        Ok(changes)
    }
}

/// The device with its asset and its link.
fn decide_device(
    before: &Device,
    asset: &Asset,
    link: Option<&Link>,
    now: Timestamp,
) -> Result<Device, Denied> {
    let mut device = before.clone();
    device.updated_at = now;
    if device.asset_at(asset.provider.as_ref()).is_none() {
        device.assets.push(DeviceAsset {
            provider: asset.provider.clone(),
            asset: asset.id.clone(),
        });
    }
    if let Some(link) = link.filter(|link| !before.links.contains(link)) {
        if device.links.len() >= LINKS_PER_DEVICE_MAX {
            return Err(Denied::Conflict(
                "this device approves for as many as it may",
            ));
        }
        device.links.push(link.clone());
    }
    Ok(device)
}

/// A service provider that registered itself, once somebody has typed its nonce in.
fn confirmed(client: &Client, asset: &Asset) -> Client {
    let settings = client.provider.as_ref().map(|settings| ServiceProvider {
        unconfirmed: false,
        admin_asset: Some(asset.id.clone()),
        ..settings.clone()
    });
    Client {
        provider: settings,
        ..client.clone()
    }
}

fn give_back(guesses: Vec<(Arc<Bucket>, RateLimit)>) {
    for (bucket, limit) in guesses {
        bucket.give_back(limit);
    }
}

fn decide_form(nonce: &str) -> Result<(), Denied> {
    let fits = nonce.len() == NONCE_DIGITS && nonce.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(())
        .ok_or_else(|| Denied::invalid("nonce", ProblemKind::Expected("nine digits")))
}

fn decide_unlocked(device: &Device) -> Result<(), Denied> {
    match device.is_locked() {
        false => Ok(()),
        true => Err(Denied::Forbidden(Reason::Locked)),
    }
}

/// Whatever is wrong with a nonce.
const fn wrong() -> Denied {
    Denied::NotFound { noun: "nonce" }
}
