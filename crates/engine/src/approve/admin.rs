//! What operators do about approvals.

use super::devices::{NOUN as DEVICE, actor_of, device_in};
use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, PAGE_ROWS_MAX},
    call::{ApprovalAdmin, CallContext},
    commit::{Change, CommitError},
    compiled::Compiled,
    denied::{Fault, Refusal},
    engine::not_found,
    id::{DeviceId, EnvironmentId},
    model::{
        asset::{Asset, AssetState},
        audit::AuditEvent,
        device::{Device, Link},
    },
    outcome::{ApprovalOutcome, Listed, Outcome, View},
    ports::{Cursor, Query},
    row::{Key, Row, Stored},
    verify::{Authenticated, OperatorCaller},
};
use std::sync::Arc;

mod approvers;
mod callbacks;

impl Engine {
    pub(crate) async fn admin_approvals(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        call: ApprovalAdmin,
    ) -> Result<Outcome, Refusal> {
        match call {
            ApprovalAdmin::Devices {
                environment,
                after,
                limit,
            } => {
                let query = Query::Devices(environment.clone());
                self.approval_rows(&environment, query, after, limit).await
            }
            ApprovalAdmin::ShowDevice(environment, id) => {
                let stored = self.device_at(&environment, &id).await?;
                self.device_outcome(context, device_in(&stored)?.clone())
                    .await
            }
            ApprovalAdmin::UnlockDevice(environment, id) => {
                self.unlock_device(context, caller, &environment, &id).await
            }
            ApprovalAdmin::RemoveDevice(environment, id) => {
                self.remove_device(context, caller, &environment, &id).await
            }
            ApprovalAdmin::Approvals {
                environment,
                organization,
                after,
                limit,
            } => {
                if let Some(organization) = &organization {
                    self.check_organization(organization).await?;
                }
                let query = Query::Approvals(environment.clone(), organization);
                self.approval_rows(&environment, query, after, limit).await
            }
            ApprovalAdmin::ShowApproval(environment, id) => {
                let [stored] = self.load(&[Key::Approval(environment, id)]).await?;
                let stored = stored.ok_or_else(|| not_found("approval"))?;
                Ok(Outcome::Row(view(stored)))
            }
            ApprovalAdmin::Callbacks {
                environment,
                provider,
                callback_url,
                notification_url,
                idempotency,
            } => {
                let place = (&environment, &provider);
                let urls = (callback_url, notification_url);
                self.set_callbacks(context, caller, place, urls, idempotency)
                    .await
            }
            other => self.admin_approvers(context, caller, other).await,
        }
    }

    async fn approval_rows(
        &self,
        environment: &EnvironmentId,
        query: Query,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Outcome, Refusal> {
        self.named_environment(environment).await?;
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let page = self.ports.store.list(&query, after.as_ref(), limit).await?;
        let rows = page.rows.into_iter().map(view).collect();
        let next = page.next;
        Ok(Outcome::Rows(Listed { rows, next }))
    }

    async fn device_at(
        &self,
        environment: &EnvironmentId,
        id: &DeviceId,
    ) -> Result<Arc<Stored>, Refusal> {
        let key = Key::Device(environment.clone(), id.clone());
        let [stored] = self.load(&[key]).await?;
        stored.ok_or_else(|| not_found(DEVICE))
    }

    async fn device_outcome(
        &self,
        context: &CallContext,
        device: Device,
    ) -> Result<Outcome, Refusal> {
        let compiled = self.compiled_named(context, &device.environment).await?;
        let facts = self.device_facts(&compiled, device).await?;
        Ok(Outcome::Approval(ApprovalOutcome::Device(facts)))
    }

    /// An environment that an operator names, made ready.
    async fn compiled_named(
        &self,
        context: &CallContext,
        environment: &EnvironmentId,
    ) -> Result<Arc<Compiled>, Refusal> {
        let compiled = self.compiled(environment, context.now).await?;
        compiled.ok_or_else(|| not_found("environment"))
    }

    /// Its PIN may be tried again, as often as that of a new one; its assets can be used again.
    async fn unlock_device(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &DeviceId,
    ) -> Result<Outcome, Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let stored = self.device_at(environment, id).await?;
            let before = device_in(&stored)?;
            if before.locked_at.is_none() && before.wrong_pins == 0 {
                return self.device_outcome(context, before.clone()).await;
            }
            let after = Device {
                wrong_pins: 0,
                locked_at: None,
                updated_at: context.now,
                ..before.clone()
            };
            let mut changes = vec![Change::Replace {
                row: Row::Device(Box::new(after.clone())),
                if_version: stored.version,
            }];
            let (of_assets, _) = self
                .changed_assets(context, before, AssetState::Active)
                .await?;
            changes.extend(of_assets);
            let audit = self.device_event(context, caller, before, "device.unlock");
            match self.commit(context.now, changes, audit).await {
                Ok(()) => return self.device_outcome(context, after).await,
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(kept_changing())
    }

    /// The device goes with its links, and the private keys of its assets with it. What waits for it is left to end.
    async fn remove_device(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &DeviceId,
    ) -> Result<Outcome, Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let stored = self.device_at(environment, id).await?;
            let device = device_in(&stored)?;
            let mut changes = vec![Change::Remove {
                key: stored.row.key(),
                if_version: stored.version,
            }];
            let (of_assets, assets) = self
                .changed_assets(context, device, AssetState::Destroyed)
                .await?;
            changes.extend(of_assets);
            changes.extend(self.unnamed(context, device).await?);
            let audit = self.device_event(context, caller, device, "device.remove");
            match self.commit(context.now, changes, audit).await {
                Ok(()) => {
                    self.forget_pairs(context, caller, device, &assets).await?;
                    return Ok(Outcome::Done);
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(kept_changing())
    }

    /// The private halves that are outside the rows. Those that could not be destroyed are named in the audit log.
    async fn forget_pairs(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        device: &Device,
        assets: &[Asset],
    ) -> Result<(), Fault> {
        let mut failed = None;
        for asset in assets {
            if let Err(fault) = self.drop_asset(asset).await {
                let mut event = self.device_event(context, caller, device, "asset.destroy");
                event.target = format!("asset:{}", asset.id);
                event.outcome = "keys_left".into();
                self.observations.note(event);
                failed = Some(fault);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The changes that make everyone forget a device for whom it approves.
    async fn unnamed(&self, context: &CallContext, device: &Device) -> Result<Vec<Change>, Fault> {
        let place = || device.environment.clone();
        let keys = device.links.iter().map(|link| match link {
            Link::Subject(id) => Key::Subject(place(), id.clone()),
            Link::Approver(organization, _) => Key::Approvers(place(), organization.clone()),
        });
        let mut keys: Vec<Key> = keys.collect();
        // One device may approve for several approvers of an organization, who are one row.
        keys.sort_unstable();
        keys.dedup();
        let found = self.ports.store.load(&keys).await?;
        let changes = found.into_iter().flatten().filter_map(|stored| {
            let row = match &stored.row {
                Row::Subject(subject) if subject.devices.contains(&device.id) => {
                    let mut after = subject.clone();
                    after.devices.retain(|known| *known != device.id);
                    after.updated_at = context.now;
                    Row::Subject(after)
                }
                Row::Approvers(list) => {
                    let mut after = list.clone();
                    let named = after.approvers.iter_mut();
                    named
                        .filter(|it| it.device.as_ref() == Some(&device.id))
                        .for_each(|it| it.device = None);
                    Row::Approvers(after)
                }
                _ => return None,
            };
            Some(Change::Replace {
                row,
                if_version: stored.version,
            })
        });
        Ok(changes.collect())
    }

    fn device_event(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        device: &Device,
        action: &str,
    ) -> AuditEvent {
        let target = actor_of(&device.id);
        self.admin_event(context, caller, &device.environment, None, action, &target)
    }
}

fn kept_changing() -> Refusal {
    Fault::unavailable("the device kept changing").into()
}

fn view(stored: Arc<Stored>) -> View {
    View {
        stored,
        last_used_at: None,
    }
}
