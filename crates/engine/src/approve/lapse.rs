//! What nobody answered in time: noted by a worker, so that whoever waits is told. State is asked at every use all the same.

use super::{
    facts::{identification_facts, operation_object},
    identifications::name_key,
};
use crate::{
    Engine,
    admin::clients::number_name,
    bounds::{LAPSES_NOTED_AFTER, PAGE_ROWS_MAX},
    call::CallContext,
    commit::{Change, CommitError},
    denied::{Fault, Refusal},
    id::OrganizationId,
    model::{
        approval::{Approval, ApprovalState, Asked, Operation},
        audit::AuditEvent,
        client::Client,
        identification::{Identification, IdentificationPurpose, IdentificationState},
        name::NameSpace,
        provider_object::ProviderObject,
    },
    ports::Query,
    row::{Key, Row, Stored},
};

const ACTOR: &str = "worker:lapse";

impl Engine {
    /// Note what is over: approvals, identifications, registrations. How many were; a page of each at most. What
    /// somebody changes at this very moment is left for the next time, and what has only just ended as well: it is over for
    /// whoever comes, and not for an answer that came before and is being written down.
    ///
    /// # Errors
    /// [`Refusal`] when that cannot be known or written.
    pub async fn lapse(&self, context: &CallContext) -> Result<usize, Refusal> {
        let now = context.now.minus(LAPSES_NOTED_AFTER);
        let mut lapsed = 0;
        let store = &self.ports.store;
        let query = Query::LapsedApprovals { now };
        let approvals = store.list(&query, None, PAGE_ROWS_MAX).await?;
        for stored in &approvals.rows {
            let Some(approval) = stored.approval() else {
                return Err(Fault::internal("an approval's row is not one").into());
            };
            let here = CallContext {
                environment: approval.environment.clone(),
                ..context.clone()
            };
            let ended = self.lapse_approval(&here, approval, stored.version).await?;
            lapsed += usize::from(ended);
        }
        let query = Query::LapsedIdentifications { now };
        let nonces = store.list(&query, None, PAGE_ROWS_MAX).await?;
        for stored in &nonces.rows {
            let Some(nonce) = stored.identification() else {
                return Err(Fault::internal("an identification's row is not one").into());
            };
            let here = CallContext {
                environment: nonce.environment.clone(),
                ..context.clone()
            };
            let ended = self.lapse_nonce(&here, nonce, stored.version).await?;
            lapsed += usize::from(ended);
        }
        Ok(lapsed)
    }

    async fn lapse_approval(
        &self,
        context: &CallContext,
        before: &Approval,
        if_version: u64,
    ) -> Result<bool, Refusal> {
        let after = Approval {
            state: ApprovalState::Expired,
            updated_at: context.now,
            ..before.clone()
        };
        let mut changes = vec![Change::Replace {
            row: Row::Approval(Box::new(after.clone())),
            if_version,
        }];
        changes.extend(self.no_longer_waiting(context, before).await?);
        match &before.asked {
            Asked::Countersignature(bound) => {
                let name = bound.name(&before.environment);
                let key = Key::Name(before.environment.clone(), NameSpace::Countersigned, name);
                changes.extend(self.removed_name(key, before.id.as_str()).await?);
            }
            Asked::Operation(operation) => {
                changes.extend(self.told_of(context, &after, operation).await?);
            }
        }
        let target = format!("approval:{}", before.id);
        let owner = before.organization.clone();
        self.note_lapsed(context, changes, "approval.expire", &target, owner)
            .await
    }

    /// The approval waits for no device any more.
    async fn no_longer_waiting(
        &self,
        context: &CallContext,
        approval: &Approval,
    ) -> Result<Vec<Change>, Fault> {
        let place = || approval.environment.clone();
        let devices = approval.seats.iter().map(|seat| seat.device.clone());
        let mut keys: Vec<Key> = devices.map(|id| Key::Device(place(), id)).collect();
        keys.sort_unstable();
        keys.dedup();
        let found = self.ports.store.load(&keys).await?;
        let waits = found.into_iter().flatten().filter_map(|stored| {
            let mut device = stored.device()?.clone();
            let waited = device.waiting.len();
            device.waiting.retain(|one| one.approval != approval.id);
            if device.waiting.len() == waited {
                return None;
            }
            device.updated_at = context.now;
            Some(Change::Replace {
                row: Row::Device(Box::new(device)),
                if_version: stored.version,
            })
        });
        Ok(waits.collect())
    }

    /// What the service provider of an operation is told. None where it is gone.
    async fn told_of(
        &self,
        context: &CallContext,
        approval: &Approval,
        operation: &Operation,
    ) -> Result<Vec<Change>, Fault> {
        let place = || approval.environment.clone();
        let keys = [
            Key::Client(place(), operation.provider.clone()),
            Key::Asset(place(), operation.asset.clone()),
        ];
        let [client, asset] = self.load(&keys).await?;
        let client = client.as_deref().and_then(Stored::client);
        let asset = asset.as_deref().and_then(Stored::asset);
        let object = asset.and_then(|asset| operation_object(approval, asset, context.now));
        match (client, object) {
            (Some(client), Some(object)) => self.tell_provider(context, client, &object),
            _ => Ok(Vec::new()),
        }
    }

    async fn lapse_nonce(
        &self,
        context: &CallContext,
        before: &Identification,
        if_version: u64,
    ) -> Result<bool, Refusal> {
        let after = Identification {
            state: IdentificationState::Expired,
            updated_at: context.now,
            ..before.clone()
        };
        let mut changes = vec![Change::Replace {
            row: Row::Identification(after.clone()),
            if_version,
        }];
        let key = name_key(&before.environment, &before.nonce);
        changes.extend(self.removed_name(key, before.id.as_str()).await?);
        let client = match &before.purpose {
            IdentificationPurpose::Provider(id) | IdentificationPurpose::Registration(id) => {
                let key = Key::Client(before.environment.clone(), id.clone());
                let [stored] = self.load(&[key]).await?;
                stored
            }
            IdentificationPurpose::Subject(_)
            | IdentificationPurpose::FirstDevice(_)
            | IdentificationPurpose::Approver(_) => None,
        };
        if let Some(stored) = &client {
            let client = stored.client();
            let client = client.ok_or_else(|| Fault::internal("a client's row is not one"))?;
            let ends = match before.purpose {
                IdentificationPurpose::Registration(_) => {
                    self.unregistered(client, stored.version).await?
                }
                _ => self.told_of_nonce(context, client, &after).await?,
            };
            changes.extend(ends);
        }
        let (action, target) = match &before.purpose {
            IdentificationPurpose::Registration(id) => ("provider.expire", format!("client:{id}")),
            _ => (
                "identification.expire",
                format!("identification:{}", before.id),
            ),
        };
        let owner = Some(before.organization.clone());
        self.note_lapsed(context, changes, action, &target, owner)
            .await
    }

    async fn told_of_nonce(
        &self,
        context: &CallContext,
        client: &Client,
        after: &Identification,
    ) -> Result<Vec<Change>, Refusal> {
        let stored = self.named_environment(&after.environment).await?;
        let environment = stored.environment();
        let environment =
            environment.ok_or_else(|| Fault::internal("an environment's row is not one"))?;
        let facts = identification_facts(environment, after, context.now);
        let object = ProviderObject::Identification(facts);
        Ok(self.tell_provider(context, client, &object)?)
    }

    /// A registration that nobody confirmed leaves nothing: neither the client nor its keys. Confirming it ends the nonce
    /// in the same commit, so there is none here that is confirmed.
    async fn unregistered(&self, client: &Client, if_version: u64) -> Result<Vec<Change>, Fault> {
        let mut changes = vec![Change::Remove {
            key: Key::Client(client.environment.clone(), client.id.clone()),
            if_version,
        }];
        let number = Row::Name(number_name(client)).key();
        changes.extend(self.removed_name(number, client.id.as_str()).await?);
        let keys = self.keys_of(client).await?;
        changes.extend(keys.into_iter().map(|(key, if_version)| Change::Remove {
            key: Key::Credential(key.environment, key.digest),
            if_version,
        }));
        Ok(changes)
    }

    /// The end of a name, if it still leads to `target`.
    async fn removed_name(&self, key: Key, target: &str) -> Result<Option<Change>, Fault> {
        let [stored] = self.load(std::array::from_ref(&key)).await?;
        let stored = stored.filter(|it| it.name().is_some_and(|name| name.target == target));
        Ok(stored.map(|stored| Change::Remove {
            key,
            if_version: stored.version,
        }))
    }

    async fn note_lapsed(
        &self,
        context: &CallContext,
        changes: Vec<Change>,
        action: &str,
        target: &str,
        organization: Option<OrganizationId>,
    ) -> Result<bool, Refusal> {
        let audit = AuditEvent {
            organization,
            ..self.event(context, ACTOR, action, target)
        };
        match self.commit(context.now, changes, audit).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }
}
