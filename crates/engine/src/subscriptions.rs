//! Webhook subscriptions: made, changed and taken away by one set of rules, whoever asks.

use crate::{
    Engine,
    admin::check::{Problems, is_origin},
    bounds::{
        CONFLICT_TRIES_MAX, DEAD_LETTERS_BATCH, DEAD_LETTERS_BATCHES_MAX, PAGE_ROWS_MAX,
        SUBSCRIPTIONS_PER_ORGANIZATION_MAX, TARGET_URL_BYTES_MAX,
    },
    call::{CallContext, NewSubscription, SubscriptionCall, SubscriptionChange},
    commit::{Change, Commit, CommitError},
    compiled::place_of,
    denied::{Denied, Fault, Refusal},
    digest::Digest,
    global_id,
    id::{EnvironmentId, OrganizationId, RequestId, SubscriptionId},
    lanes::Turn,
    model::{
        audit::AuditEvent,
        environment::Environment,
        webhook::{Destination, EVENT_TYPES, Subscription},
    },
    outcome::{Listed, Outcome, View},
    ports::{Housekeeping, Kept, Query},
    row::{Key, Row, Stored},
    sealed::Sealed,
    secret::Secret,
    time::Timestamp,
    verify::{Authenticated, ClientCaller},
};
use std::sync::Arc;

const NOUN: &str = "webhook subscription";

impl Engine {
    /// What the holder of an API key asks about its organization's subscriptions. Another organization's are not
    /// there.
    pub(crate) async fn own_subscriptions(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        call: SubscriptionCall,
    ) -> Result<Outcome, Refusal> {
        let place = &context.environment;
        let whose = &caller.who().client.organization;
        let actor = format!("client:{}", caller.who().client.id);
        let audit = |action: &str, id: &SubscriptionId| {
            self.subscription_event(context, place, whose, &actor, action, id)
        };
        match call {
            SubscriptionCall::List => {
                let rows = self.subscriptions_of(place, whose).await?;
                let rows = rows.into_iter().map(plain_view).collect();
                Ok(Outcome::Rows(Listed { rows, next: None }))
            }
            SubscriptionCall::Show(id) => {
                let stored = self.subscription_at(place, Some(whose), &id).await?;
                Ok(Outcome::Row(plain_view(stored)))
            }
            SubscriptionCall::Create(new) => {
                let _turn = self.subscriptions_turn(place, whose).await?;
                let (made, secret) = self.made_subscription(context, place, whose, new).await?;
                let audit = audit("subscription.create", &made.id);
                let row = Row::Subscription(made);
                let key = row.key();
                let committed = self.commit_one(context, Change::Insert(row), audit).await;
                committed.map_err(kept_changing)?;
                let view = self.stored_view(&key).await?;
                let secret = Some(secret);
                Ok(Outcome::Created { view, secret })
            }
            SubscriptionCall::Amend(id, change) => {
                for _ in 0..CONFLICT_TRIES_MAX {
                    let stored = self.subscription_at(place, Some(whose), &id).await?;
                    let changed = self.changed_subscription(context, &stored, change.clone())?;
                    match self
                        .commit_one(context, changed, audit("subscription.change", &id))
                        .await
                    {
                        Err(CommitError::Conflict { .. }) => {}
                        Err(CommitError::Fault(fault)) => return Err(fault.into()),
                        Ok(()) => {
                            let key = stored.row.key();
                            return Ok(Outcome::Row(self.stored_view(&key).await?));
                        }
                    }
                }
                Err(Fault::unavailable("the subscription kept changing").into())
            }
            SubscriptionCall::Remove(id) => {
                let audit = audit("subscription.remove", &id);
                self.remove_own_subscription(context, whose, &id, audit)
                    .await
            }
        }
    }

    async fn remove_own_subscription(
        &self,
        context: &CallContext,
        whose: &OrganizationId,
        id: &SubscriptionId,
        audit: AuditEvent,
    ) -> Result<Outcome, Refusal> {
        let place = &context.environment;
        for _ in 0..CONFLICT_TRIES_MAX {
            let stored = self.subscription_at(place, Some(whose), id).await?;
            let (key, if_version) = (stored.row.key(), stored.version);
            let removed = Change::Remove { key, if_version };
            match self.commit_one(context, removed, audit.clone()).await {
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
                Ok(()) => {
                    self.forget_dead_letters(place, id).await?;
                    return Ok(Outcome::Done);
                }
            }
        }
        Err(Fault::unavailable("the subscription kept changing").into())
    }

    /// What was given up for a subscription that was removed: nobody can replay it, and erasing a person looks for what
    /// is told of it at subscriptions that are there. What still waits goes when it comes due and finds nobody.
    pub(crate) async fn forget_dead_letters(
        &self,
        environment: &EnvironmentId,
        id: &SubscriptionId,
    ) -> Result<(), Fault> {
        let place = Destination::Webhook(id.clone()).place(environment);
        for _ in 0..DEAD_LETTERS_BATCHES_MAX {
            let work = Housekeeping::SweepDead {
                place: place.clone(),
                limit: DEAD_LETTERS_BATCH,
            };
            match self.ports.store.keep(work).await? {
                Kept::Rows(rows) if rows >= u64::from(DEAD_LETTERS_BATCH) => {}
                Kept::Rows(_) | Kept::Counts(_) => break,
            }
        }
        Ok(())
    }

    /// A receiver answered that it is gone for good (410): nothing more is delivered to it.
    ///
    /// # Errors
    /// [`Fault`] when that cannot be written. A subscription that has changed meanwhile stays as it is.
    pub async fn disable_gone_webhook(&self, gone: &Stored, now: Timestamp) -> Result<(), Fault> {
        let Some(before) = gone.subscription() else {
            return Err(Fault::internal("a subscription's row is not one"));
        };
        let context = CallContext {
            environment: before.environment.clone(),
            now,
            request_id: RequestId::parse("outbox").map_err(Fault::internal)?,
            peer: None,
            dialect: "outbox",
        };
        let mut after = before.clone();
        after.disabled = true;
        after.updated_at = now;
        let (place, whose) = (&before.environment, &before.organization);
        let action = "subscription.disable";
        let mut audit =
            self.subscription_event(&context, place, whose, "worker:outbox", action, &before.id);
        audit.outcome = "gone".into();
        let change = Change::Replace {
            row: Row::Subscription(after),
            if_version: gone.version,
        };
        match self.commit_one(&context, change, audit).await {
            Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(CommitError::Fault(fault)) => Err(fault),
        }
    }

    /// Creations of one organization go one after the other, each until it is committed: so that they keep the bound.
    pub(crate) async fn subscriptions_turn(
        &self,
        environment: &EnvironmentId,
        organization: &OrganizationId,
    ) -> Result<Turn<'_>, Fault> {
        let names = [environment.as_str(), organization.as_str()].map(str::as_bytes);
        let lane = Digest::of("countersign/lane/subscriptions", &names);
        self.lanes.turn(lane).await
    }

    /// A subscription to insert, and its secret. The organization must have room for it.
    pub(crate) async fn made_subscription(
        &self,
        context: &CallContext,
        environment: &EnvironmentId,
        organization: &OrganizationId,
        new: NewSubscription,
    ) -> Result<(Subscription, Secret<String>), Refusal> {
        let stored = self.named_environment(environment).await?;
        let known = stored
            .environment()
            .ok_or_else(|| Fault::internal("an environment's row is not one"))?;
        let entropy = &*self.ports.entropy;
        let id = global_id::encode("wh", global_id::random(entropy)?);
        let id = SubscriptionId::parse(&id).map_err(Fault::internal)?;
        let (secret, sealed) = self.webhook_secret(known, id.as_str())?;
        let made = Subscription {
            environment: environment.clone(),
            id,
            organization: organization.clone(),
            name: new.name,
            target_url: new.target_url,
            event_types: new.event_types,
            disabled: new.disabled,
            secret: sealed,
            previous_secret: None,
            created_at: context.now,
            updated_at: context.now,
        };
        decide_subscription(&made, self.plain_webhooks)?;
        let others = self.subscriptions_of(environment, organization).await?;
        if others.len() >= SUBSCRIPTIONS_PER_ORGANIZATION_MAX as usize {
            let full = "the organization has as many webhook subscriptions as it may have";
            return Err(Denied::Conflict(full).into());
        }
        Ok((made, secret))
    }

    /// The change that makes a subscription another.
    pub(crate) fn changed_subscription(
        &self,
        context: &CallContext,
        stored: &Stored,
        change: SubscriptionChange,
    ) -> Result<Change, Refusal> {
        let mut after = subscription_in(stored)?.clone();
        if let Some(name) = change.name {
            after.name = name;
        }
        if let Some(url) = change.target_url {
            after.target_url = url;
        }
        if let Some(types) = change.event_types {
            after.event_types = types;
        }
        if let Some(disabled) = change.disabled {
            after.disabled = disabled;
        }
        after.updated_at = context.now;
        decide_subscription(&after, self.plain_webhooks)?;
        Ok(Change::Replace {
            row: Row::Subscription(after),
            if_version: stored.version,
        })
    }

    /// A new secret, and the same sealed for the subscription or client that signs with it: 32 random bytes, as Standard
    /// Webhooks spells them.
    pub(crate) fn webhook_secret(
        &self,
        environment: &Environment,
        signer: &str,
    ) -> Result<(Secret<String>, Sealed), Fault> {
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        self.ports.entropy.fill(&mut *bytes)?;
        let secret = Secret::new(format!("whsec_{}", data_encoding::BASE64.encode(&*bytes)));
        let place = place_of(environment);
        let plain = secret.expose().as_bytes();
        let sealed = self.ports.keystore.seal(&place, signer, plain)?;
        Ok((secret, sealed))
    }

    /// The subscription called `id`; only if it is this organization's, where one is named.
    pub(crate) async fn subscription_at(
        &self,
        environment: &EnvironmentId,
        organization: Option<&OrganizationId>,
        id: &SubscriptionId,
    ) -> Result<Arc<Stored>, Refusal> {
        let key = Key::Subscription(environment.clone(), id.clone());
        let [stored] = self.load(&[key]).await?;
        let stored = stored.ok_or(Denied::NotFound { noun: NOUN })?;
        let whose = &subscription_in(&stored)?.organization;
        if organization.is_some_and(|organization| organization != whose) {
            return Err(Denied::NotFound { noun: NOUN }.into());
        }
        Ok(stored)
    }

    /// All subscriptions of an organization.
    pub(crate) async fn subscriptions_of(
        &self,
        environment: &EnvironmentId,
        organization: &OrganizationId,
    ) -> Result<Vec<Arc<Stored>>, Fault> {
        // Creations on two nodes at once may exceed the bound by one: none of them is forgotten for that.
        let query = Query::Subscriptions(environment.clone(), organization.clone());
        let page = self.ports.store.list(&query, None, PAGE_ROWS_MAX).await?;
        Ok(page.rows)
    }

    /// An audit event about a subscription.
    pub(crate) fn subscription_event(
        &self,
        context: &CallContext,
        environment: &EnvironmentId,
        organization: &OrganizationId,
        actor: &str,
        action: &str,
        id: &SubscriptionId,
    ) -> AuditEvent {
        AuditEvent {
            environment: environment.clone(),
            organization: Some(organization.clone()),
            ..self.event(context, actor, action, &format!("subscription:{id}"))
        }
    }

    pub(crate) async fn commit_one(
        &self,
        context: &CallContext,
        change: Change,
        audit: AuditEvent,
    ) -> Result<(), CommitError> {
        let commit = Commit {
            at: context.now,
            changes: vec![change],
            audit,
        };
        self.ports.store.commit(commit).await
    }

    /// The row under `key`, just written.
    async fn stored_view(&self, key: &Key) -> Result<View, Refusal> {
        let [stored] = self.load(std::array::from_ref(key)).await?;
        let stored = stored.ok_or_else(|| Fault::unavailable("a row went while it was written"))?;
        Ok(plain_view(stored))
    }
}

fn plain_view(stored: Arc<Stored>) -> View {
    View {
        stored,
        last_used_at: None,
    }
}

fn kept_changing(error: CommitError) -> Refusal {
    match error {
        CommitError::Conflict { .. } => Fault::internal("a random name was taken").into(),
        CommitError::Fault(fault) => fault.into(),
    }
}

/// The subscription in a row that must be one.
pub(crate) fn subscription_in(stored: &Stored) -> Result<&Subscription, Fault> {
    stored
        .subscription()
        .ok_or_else(|| Fault::internal("a subscription's row is not one"))
}

/// What a subscription must be; `plain`: `http` is allowed on loopback.
fn decide_subscription(subscription: &Subscription, plain: bool) -> Result<(), Denied> {
    let mut problems = Problems::default();
    problems.text(&subscription.name, "name");
    let expected = "an https URL without user, password or fragment";
    let url = &subscription.target_url;
    problems.at_most(url.len(), TARGET_URL_BYTES_MAX, "target_url");
    problems.expect(is_target(url, plain), "target_url", expected);
    let types = &subscription.event_types;
    problems.expect(!types.is_empty(), "event_types", "at least one type");
    problems.at_most(types.len(), EVENT_TYPES.len(), "event_types");
    problems.unique(types, "event_types");
    for (place, wanted) in types.iter().enumerate() {
        let is_known = EVENT_TYPES.iter().any(|kind| is_of(kind, wanted));
        let expected = "a type of event, whole or its first words: profile.created, profile";
        problems.expect(is_known, &format!("event_types[{place}]"), expected);
    }
    problems.done()
}

fn is_of(kind: &str, wanted: &str) -> bool {
    let rest = kind.strip_prefix(wanted);
    !wanted.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether deliveries may be sent there: what it resolves to is looked at when they are.
pub(crate) fn is_target(url: &str, plain: bool) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let Some((authority, path)) = rest.split_at_checked(end) else {
        return false;
    };
    let is_plain_path = |b: u8| b.is_ascii_graphic() && !br##""#<>\^`{|}"##.contains(&b);
    let is_loopback = ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        let rest = authority.strip_prefix(host);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    });
    let is_safe = scheme == "https" || (plain && scheme == "http" && is_loopback);
    // A user before the host would be no host.
    is_safe && is_origin(&format!("{scheme}://{authority}")) && path.bytes().all(is_plain_path)
}

#[cfg(test)]
mod tests;
