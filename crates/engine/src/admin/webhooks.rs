//! Webhook subscriptions and the outbox under an operator's eyes.

use super::{Making, actor, at_version};
use crate::{
    Engine,
    bounds::{DEAD_LETTER_FOR, OVERLAP_MAX, PAGE_ROWS_MAX},
    call::{CallContext, IdempotencyKey, NewSubscription, SubscriptionChange, WebhookCall},
    commit::{Change, CommitError, Version},
    denied::{Denied, Fault, ProblemKind, Refusal},
    id::{DeliveryId, EnvironmentId, OrganizationId, SubscriptionId},
    model::{
        audit::AuditEvent,
        webhook::{Delivery, Destination},
    },
    outcome::{Listed, Outcome, View},
    ports::{Cursor, Query},
    row::{Key, Row, Stored},
    subscriptions::subscription_in,
    verify::{Authenticated, OperatorCaller},
};
use std::{sync::Arc, time::Duration};

const SUBSCRIPTION: &str = "webhook subscription";
const DELIVERY: &str = "delivery";

impl Engine {
    pub(super) async fn admin_webhooks(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        call: WebhookCall,
    ) -> Result<Outcome, Refusal> {
        match call {
            WebhookCall::List {
                environment,
                organization,
                after,
                limit,
            } => {
                let query = Query::Subscriptions(environment.clone(), organization);
                self.page_of(&environment, query, after, limit).await
            }
            WebhookCall::Show(environment, id) => {
                let stored = self.subscription_at(&environment, None, &id).await?;
                Ok(Outcome::Row(view(stored)))
            }
            WebhookCall::Create {
                environment,
                organization,
                new,
                idempotency,
            } => {
                let place = (&environment, &organization);
                self.create_subscription(context, caller, place, new, idempotency)
                    .await
            }
            WebhookCall::Amend {
                environment,
                subscription,
                change,
                if_version,
            } => {
                let stored = self
                    .subscription_read(&environment, &subscription, if_version)
                    .await?;
                self.amend_webhook(context, caller, &stored, change).await
            }
            WebhookCall::Remove {
                environment,
                subscription,
                if_version,
            } => {
                let stored = self
                    .subscription_read(&environment, &subscription, if_version)
                    .await?;
                self.remove_webhook(context, caller, &stored).await
            }
            WebhookCall::Rotate {
                environment,
                subscription,
                overlap,
                idempotency,
            } => {
                let place = (&environment, &subscription);
                self.rotate_webhook(context, caller, place, overlap, idempotency)
                    .await
            }
            other => self.admin_deliveries(context, caller, other).await,
        }
    }

    async fn admin_deliveries(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        call: WebhookCall,
    ) -> Result<Outcome, Refusal> {
        match call {
            WebhookCall::Deliveries {
                environment,
                dead,
                after,
                limit,
            } => {
                let query = Query::Deliveries {
                    environment: environment.clone(),
                    dead,
                };
                self.page_of(&environment, query, after, limit).await
            }
            WebhookCall::ShowDelivery(environment, id) => {
                let stored = self.delivery_at(&environment, &id).await?;
                Ok(Outcome::Row(view(stored)))
            }
            WebhookCall::Replay(environment, id) => {
                self.replay(context, caller, &environment, &id).await
            }
            WebhookCall::Discard(environment, id) => {
                self.discard(context, caller, &environment, &id).await
            }
            other => Err(Fault::internal(format_args!("{other:?} is not about deliveries")).into()),
        }
    }

    async fn amend_webhook(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        stored: &Arc<Stored>,
        change: SubscriptionChange,
    ) -> Result<Outcome, Refusal> {
        let changed = self.changed_subscription(context, stored, change)?;
        let audit = self.webhook_event(context, caller, stored, "subscription.change")?;
        self.at_once(context, changed, audit).await?;
        self.row_view(&stored.row.key()).await
    }

    async fn remove_webhook(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        stored: &Arc<Stored>,
    ) -> Result<Outcome, Refusal> {
        let (key, if_version) = (stored.row.key(), stored.version);
        let audit = self.webhook_event(context, caller, stored, "subscription.remove")?;
        let removed = Change::Remove { key, if_version };
        self.at_once(context, removed, audit).await?;
        let gone = subscription_in(stored)?;
        self.forget_dead_letters(&gone.environment, &gone.id)
            .await?;
        Ok(Outcome::Done)
    }

    async fn discard(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &DeliveryId,
    ) -> Result<Outcome, Refusal> {
        let stored = self.delivery_at(environment, id).await?;
        let (key, if_version) = (stored.row.key(), stored.version);
        let delivery = delivery_in(&stored)?;
        let audit = self.delivery_event(context, caller, delivery, "delivery.discard");
        let removed = Change::Remove { key, if_version };
        self.unless_tried(context, removed, audit).await?;
        Ok(Outcome::Done)
    }

    async fn create_subscription(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        (environment, organization): (&EnvironmentId, &OrganizationId),
        new: NewSubscription,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Outcome, Refusal> {
        let asked = idempotency.as_ref();
        if let Some(answered) = self.answered(context, caller, environment, asked).await? {
            return Ok(answered);
        }
        let key = Key::Organization(organization.clone());
        let [owner] = self.load(std::array::from_ref(&key)).await?;
        let owner = owner.ok_or(Denied::NotFound {
            noun: "organization",
        })?;
        let _turn = self.subscriptions_turn(environment, organization).await?;
        let (made, secret) = self
            .made_subscription(context, environment, organization, new)
            .await?;
        let who = actor(caller);
        let action = "subscription.create";
        let audit =
            self.subscription_event(context, environment, organization, &who, action, &made.id);
        let if_version = owner.version;
        let making = Making {
            rows: vec![Row::Subscription(made)],
            changes: vec![Change::Require { key, if_version }],
            secret: Some(secret),
            audit,
        };
        self.make(context, caller, environment, making, idempotency)
            .await
    }

    /// A new secret; the one before the last is forgotten at once, as only two are ever used.
    async fn rotate_webhook(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        (environment, id): (&EnvironmentId, &SubscriptionId),
        overlap: Duration,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Outcome, Refusal> {
        if overlap > OVERLAP_MAX {
            let expected = ProblemKind::Expected("at most 90 days in seconds");
            return Err(Denied::invalid("overlap_s", expected).into());
        }
        let asked = idempotency.as_ref();
        if let Some(answered) = self.answered(context, caller, environment, asked).await? {
            return Ok(answered);
        }
        let stored = self.subscription_at(environment, None, id).await?;
        let known = self.named_environment(environment).await?;
        let known = known
            .environment()
            .ok_or_else(|| Fault::internal("an environment's row is not one"))?;
        let (secret, sealed) = self.webhook_secret(known, id.as_str())?;
        let mut after = subscription_in(&stored)?.clone();
        let old = std::mem::replace(&mut after.secret, sealed);
        after.previous_secret = (!overlap.is_zero()).then(|| (old, context.now.plus(overlap)));
        after.updated_at = context.now;
        let audit = self.webhook_event(context, caller, &stored, "subscription.rotate")?;
        let making = Making {
            rows: Vec::new(),
            changes: vec![Change::Replace {
                row: Row::Subscription(after),
                if_version: stored.version,
            }],
            secret: Some(secret),
            audit,
        };
        self.make(context, caller, environment, making, idempotency)
            .await
    }

    /// Due at once, a dead letter with as many attempts before it as a new one.
    async fn replay(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &DeliveryId,
    ) -> Result<Outcome, Refusal> {
        let stored = self.delivery_at(environment, id).await?;
        let mut again = delivery_in(&stored)?.clone();
        if let Destination::Webhook(subscription) = &again.destination {
            let key = Key::Subscription(environment.clone(), subscription.clone());
            let [found] = self.load(&[key]).await?;
            let found = found.ok_or(Denied::Conflict("its subscription is gone"))?;
            if subscription_in(&found)?.disabled {
                return Err(Denied::Conflict("enable its subscription first").into());
            }
        }
        if again.due_at.is_none() {
            again.attempts = 0;
            again.expires_at = context.now.plus(DEAD_LETTER_FOR);
        }
        again.due_at = Some(context.now);
        let audit = self.delivery_event(context, caller, &again, "delivery.replay");
        let change = Change::Replace {
            row: Row::Delivery(Box::new(again)),
            if_version: stored.version,
        };
        // It may be on its way, or there, before it could be shown.
        self.unless_tried(context, change, audit).await?;
        Ok(Outcome::Done)
    }

    async fn subscription_read(
        &self,
        environment: &EnvironmentId,
        id: &SubscriptionId,
        if_version: Option<Version>,
    ) -> Result<Arc<Stored>, Refusal> {
        let if_version = if_version.ok_or(Denied::PreconditionRequired)?;
        let stored = self.subscription_at(environment, None, id).await?;
        Ok(at_version(Some(stored), SUBSCRIPTION, if_version)?)
    }

    async fn delivery_at(
        &self,
        environment: &EnvironmentId,
        id: &DeliveryId,
    ) -> Result<Arc<Stored>, Refusal> {
        let key = Key::Delivery(environment.clone(), id.clone());
        let [stored] = self.load(&[key]).await?;
        stored.ok_or_else(|| Denied::NotFound { noun: DELIVERY }.into())
    }

    async fn page_of(
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

    async fn at_once(
        &self,
        context: &CallContext,
        change: Change,
        audit: AuditEvent,
    ) -> Result<(), Refusal> {
        match self.commit_one(context, change, audit).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict { .. }) => Err(Denied::PreconditionFailed.into()),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// A change to a delivery, which a worker may be trying at this very moment.
    async fn unless_tried(
        &self,
        context: &CallContext,
        change: Change,
        audit: AuditEvent,
    ) -> Result<(), Refusal> {
        match self.commit_one(context, change, audit).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict { .. }) => {
                Err(Denied::Conflict("an attempt was just made; look again").into())
            }
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    fn webhook_event(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        stored: &Stored,
        action: &str,
    ) -> Result<AuditEvent, Fault> {
        let one = subscription_in(stored)?;
        let (place, whose) = (&one.environment, &one.organization);
        let who = actor(caller);
        Ok(self.subscription_event(context, place, whose, &who, action, &one.id))
    }

    fn delivery_event(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        delivery: &Delivery,
        action: &str,
    ) -> AuditEvent {
        let (place, whose) = (&delivery.environment, delivery.organization.clone());
        let target = format!("delivery:{}", delivery.id);
        self.admin_event(context, caller, place, whose, action, &target)
    }
}

fn view(stored: Arc<Stored>) -> View {
    View {
        stored,
        last_used_at: None,
    }
}

fn delivery_in(stored: &Stored) -> Result<&Delivery, Fault> {
    stored
        .delivery()
        .ok_or_else(|| Fault::internal("a delivery's row is not one"))
}
