//! A nonce that is typed into a device: what that does is one commit, with the end of the nonce.
//!
//! Which nonces there are is not told. Guesses are counted before anything is looked up, and given back where they
//! were right; an unknown nonce, one that is over, and one whose owner may not act are answered alike.

use super::{
    devices::{actor_of, device_in, lane_of_device},
    facts::{asset_object, identification_facts, provider_object},
    identifications::{MANY_DEVICES, name_key},
};
use crate::{
    Engine,
    bounds::{
        CONFLICT_TRIES_MAX, DEVICES_PER_SUBJECT_MAX, LINKS_PER_DEVICE_MAX, NONCE_DIGITS,
        NONCE_GUESS_RATE, NONCE_GUESSES_OF_NETWORK, PAGE_ROWS_MAX,
    },
    call::CallContext,
    commit::{Change, CommitError},
    compiled::Compiled,
    denied::{Denied, Fault, ProblemKind, Reason, Refusal},
    digest::Digest,
    id::{ApproverId, ClientId, IdentificationId, SubjectId},
    limits::Bucket,
    model::{
        State,
        asset::{Asset, AssetState},
        audit::AuditEvent,
        client::{Client, ServiceProvider},
        credential::{Credential, CredentialKind, Holder, RateLimit},
        device::{Device, DeviceAsset, Link},
        identification::{Identification, IdentificationPurpose, IdentificationState},
        organization::Organization,
        provider_object::ProviderObject,
    },
    outcome::{DeviceOutcome, TypedIn},
    ports::Query,
    row::{Key, Row, Stored},
    time::Timestamp,
    verify::{Authenticated, DeviceCaller, decide_client, network_of, too_many},
};
use std::sync::Arc;

/// A nonce that is good, the device into which it is typed, and their versions.
struct Typed {
    identification: Identification,
    identification_version: u64,
    name_version: u64,
    device: Device,
    device_version: u64,
}

/// What typing it in does beside ending the nonce.
struct Consumption {
    /// Whose asset the device needs; none: the environment's own.
    provider: Option<(Client, u64)>,
    /// A link that the device gets.
    link: Option<Link>,
    /// Changes of whoever shows the nonce, and of another device that loses its link.
    changes: Vec<Change>,
    /// What the person is told.
    shown_by: String,
    purpose: &'static str,
    /// What the audit log says.
    action: &'static str,
    target: String,
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
        let guesses = self.take_guess(context, &who.device)?;
        let lane = lane_of_device(&compiled.id, &who.device.id);
        let _turn = self.lanes.turn(lane).await?;
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
            for (bucket, limit) in guesses {
                bucket.give_back(limit);
            }
        }
        let done = done?;
        unused?;
        Ok(DeviceOutcome::TypedIn(done))
    }

    /// A guess, counted before it is looked at: of the device, and of its network.
    fn take_guess(
        &self,
        context: &CallContext,
        device: &Device,
    ) -> Result<[(Arc<Bucket>, RateLimit); 2], Refusal> {
        let place = device.environment.as_str().as_bytes();
        let network = context.peer.map(network_of).unwrap_or_default();
        let device = [place, device.id.as_str().as_bytes()];
        let of_device = Digest::of("countersign/nonces/device", &device);
        let of_network = Digest::of("countersign/nonces/network", &[place, &network]);
        let of_device = self.rates.bucket(of_device);
        let of_network = self.rates.bucket(of_network);
        let taken = of_device.take(NONCE_GUESS_RATE, context.now);
        taken.map_err(too_many)?;
        if let Err(wait) = of_network.take(NONCE_GUESSES_OF_NETWORK, context.now) {
            of_device.give_back(NONCE_GUESS_RATE);
            return Err(too_many(wait).into());
        }
        Ok([
            (of_device, NONCE_GUESS_RATE),
            (of_network, NONCE_GUESSES_OF_NETWORK),
        ])
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

    /// What typing this nonce in does beside ending it.
    async fn consumption(
        &self,
        context: &CallContext,
        typed: &Typed,
    ) -> Result<Consumption, Refusal> {
        let row = &typed.identification;
        match &row.purpose {
            IdentificationPurpose::Provider(client) => {
                let (client, version) = self.acting_provider(row, client).await?;
                let settings = client.provider.as_ref();
                if settings.is_none_or(|settings| settings.unconfirmed) {
                    return Err(wrong().into());
                }
                Ok(Consumption {
                    link: None,
                    changes: Vec::new(),
                    shown_by: client.display_name.clone(),
                    purpose: "provider",
                    action: "identification.consume",
                    target: format!("identification:{}", row.id),
                    provider: Some((client, version)),
                })
            }
            IdentificationPurpose::Registration(client) => {
                let (client, version) = self.acting_provider(row, client).await?;
                Ok(Consumption {
                    link: None,
                    changes: self.confirmed_keys(context, &client).await?,
                    shown_by: client.display_name.clone(),
                    purpose: "registration",
                    action: "provider.confirm",
                    target: format!("client:{}", client.id),
                    provider: Some((client, version)),
                })
            }
            IdentificationPurpose::Subject(subject) => {
                self.subject_linked(context, typed, subject).await
            }
            IdentificationPurpose::Approver(approver) => {
                self.approver_linked(context, typed, approver).await
            }
        }
    }

    /// The service provider that shows a nonce, if it may act.
    async fn acting_provider(
        &self,
        row: &Identification,
        id: &ClientId,
    ) -> Result<(Client, u64), Refusal> {
        let keys = [
            Key::Client(row.environment.clone(), id.clone()),
            Key::Organization(row.organization.clone()),
        ];
        let [client, organization] = self.load(&keys).await?;
        let version = client.as_ref().map_or(0, |stored| stored.version);
        let (client, _) = decide_client(client.as_ref(), organization.as_ref(), row.created_at)
            .map_err(|_| wrong())?;
        Ok((client.clone(), version))
    }

    /// The API keys of a provider that is confirmed end no more with the nonce.
    async fn confirmed_keys(
        &self,
        context: &CallContext,
        client: &Client,
    ) -> Result<Vec<Change>, Refusal> {
        let keys = self.keys_of(client).await?;
        let live = keys
            .into_iter()
            .filter(|(key, _)| key.lives(context.now).is_ok());
        let kept = live.map(|(key, if_version)| Change::Replace {
            row: Row::Credential(Credential {
                expires_at: None,
                ..key
            }),
            if_version,
        });
        Ok(kept.collect())
    }

    /// The API keys of a provider that registers itself: the one that it was told.
    pub(super) async fn keys_of(&self, client: &Client) -> Result<Vec<(Credential, u64)>, Fault> {
        let holder = Holder::Client(client.organization.clone(), client.id.clone());
        let query = Query::Credentials(client.environment.clone(), Some(holder));
        let most = PAGE_ROWS_MAX;
        let page = self.ports.store.list(&query, None, most).await?;
        let keys = page.rows.iter().filter_map(|stored| {
            let key = stored.credential()?;
            (key.kind == CredentialKind::ApiKey).then(|| (key.clone(), stored.version))
        });
        Ok(keys.collect())
    }

    async fn subject_linked(
        &self,
        context: &CallContext,
        typed: &Typed,
        id: &SubjectId,
    ) -> Result<Consumption, Refusal> {
        let row = &typed.identification;
        let key = Key::Subject(row.environment.clone(), id.clone());
        let [stored, owner] = self
            .load(&[key, Key::Organization(row.organization.clone())])
            .await?;
        let stored = stored.ok_or_else(wrong)?;
        let subject = stored.subject().ok_or_else(wrong)?;
        let owner = acting_organization(owner.as_deref())?;
        // One that was removed and made again under the same identifier was shown nothing.
        if !subject.may_act() || subject.created_at > row.created_at {
            return Err(wrong().into());
        }
        let mut after = subject.clone();
        let device = &typed.device.id;
        if !after.devices.contains(device) {
            if after.devices.len() >= DEVICES_PER_SUBJECT_MAX {
                return Err(MANY_DEVICES.into());
            }
            after.devices.push(device.clone());
        }
        after.updated_at = context.now;
        Ok(Consumption {
            provider: None,
            link: Some(Link::Subject(id.clone())),
            changes: vec![Change::Replace {
                row: Row::Subject(after),
                if_version: stored.version,
            }],
            shown_by: owner.display_name.clone(),
            purpose: "subject",
            action: "device.link",
            target: format!("subject:{id}"),
        })
    }

    async fn approver_linked(
        &self,
        context: &CallContext,
        typed: &Typed,
        id: &ApproverId,
    ) -> Result<Consumption, Refusal> {
        let row = &typed.identification;
        let whose = &row.organization;
        let keys = [
            Key::Approvers(row.environment.clone(), whose.clone()),
            Key::Organization(whose.clone()),
        ];
        let [stored, owner] = self.load(&keys).await?;
        let stored = stored.ok_or_else(wrong)?;
        let owner = acting_organization(owner.as_deref())?;
        let mut list = stored.approvers().ok_or_else(wrong)?.clone();
        let approver = list.approvers.iter_mut().find(|known| known.id == *id);
        // One that was removed and added again under the same name was shown nothing.
        let approver = approver.filter(|known| known.created_at <= row.created_at);
        let approver = approver.ok_or_else(wrong)?;
        let device = &typed.device.id;
        let before = approver.device.replace(device.clone());
        let link = Link::Approver(whose.clone(), id.clone());
        let mut changes = vec![Change::Replace {
            row: Row::Approvers(list),
            if_version: stored.version,
        }];
        if let Some(before) = before.filter(|before| before != device) {
            let (now, place) = (context.now, &row.environment);
            changes.extend(self.unlinked(now, place, &[before], &link).await?);
        }
        Ok(Consumption {
            provider: None,
            link: Some(link),
            changes,
            shown_by: owner.display_name.clone(),
            purpose: "approver",
            action: "device.link",
            target: format!("approver:{whose}/{id}"),
        })
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

fn acting_organization(stored: Option<&Stored>) -> Result<&Organization, Denied> {
    let organization = stored.and_then(Stored::organization);
    organization
        .filter(|organization| organization.state == State::Active)
        .ok_or_else(wrong)
}

fn decide_form(nonce: &str) -> Result<(), Denied> {
    let fits = nonce.len() == NONCE_DIGITS && nonce.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(())
        .ok_or_else(|| Denied::invalid("nonce", ProblemKind::Expected("nine digits")))
}

fn decide_unlocked(device: &Device) -> Result<(), Denied> {
    match device.locked_at {
        None => Ok(()),
        Some(_) => Err(Denied::Forbidden(Reason::Locked)),
    }
}

/// Whatever is wrong with a nonce.
const fn wrong() -> Denied {
    Denied::NotFound { noun: "nonce" }
}
