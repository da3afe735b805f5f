//! What has to leave: rows that business commits carry along, and that workers send.
//!
//! An event becomes one [`Delivery`] for each subscription that wants it, with the facts as they were at the
//! commit. A letter becomes one, sealed: it holds a code or a link.

use crate::{
    Engine,
    bounds::DEAD_LETTER_FOR,
    call::CallContext,
    commit::Change,
    compiled::Compiled,
    denied::{Denied, Fault, Refusal},
    global_id,
    id::{DeliveryId, EnvironmentId, EventId, OrganizationId},
    model::{
        environment::Environment,
        subject::Subject,
        webhook::{
            Content, Delivery, Destination, EnvironmentFacts, Event, Letter, LetterText,
            SubjectFacts, Subscription,
        },
    },
    ports::Entropy,
    row::Row,
    secret::Secret,
    time::Timestamp,
};
use serde_json::{Map, Value};
use std::sync::atomic::{AtomicI64, Ordering};

/// Names deliveries so that later ones sort later.
///
/// A call's clock is read when it arrives, so the clock alone would let a call that waited for another's commit
/// sort before it. What is named later here has a later name, whatever the clock says.
#[derive(Default)]
pub(crate) struct Outbox {
    /// The last moment that was used in a name, in microseconds.
    last: AtomicI64,
}

impl Outbox {
    /// A name that sorts after every name given before: the moment in 16 hexadecimal digits, and 16 random ones
    /// so that no other node gives the same.
    pub fn name(&self, now: Timestamp, entropy: &dyn Entropy) -> Result<DeliveryId, Fault> {
        let now = now.micros().max(0);
        let next = |last: i64| Some(now.max(last.saturating_add(1)));
        let before = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .map_err(|_| Fault::internal("a delivery has no moment"))?;
        let moment = now.max(before.saturating_add(1));
        let mut random = [0; 8];
        entropy.fill(&mut random)?;
        let name = format!("dlv_{moment:016x}{:016x}", u64::from_be_bytes(random));
        DeliveryId::parse(&name).map_err(Fault::internal)
    }
}

impl Engine {
    /// The changes that tell the organization's subscriptions of an event: to be appended to the commit that
    /// makes it happen. To be made after the rows were loaded that the commit changes, and again when it has to
    /// be tried again: deliveries about one subject leave in the order in which they were made here.
    ///
    /// `kind` is the whole type (`profile.created`), `record` the thing itself as its dialect prints it, without
    /// secrets.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such environment, or what is there cannot be known.
    pub(crate) async fn announce(
        &self,
        context: &CallContext,
        environment: &EnvironmentId,
        organization: &OrganizationId,
        kind: &str,
        subject: Option<&Subject>,
        record: Map<String, Value>,
    ) -> Result<Vec<Change>, Refusal> {
        let rows = self.subscriptions_of(environment, organization).await?;
        let subscriptions = rows.iter().filter_map(|row| row.subscription());
        let wanted: Vec<_> = subscriptions.filter(|one| one.wants(kind)).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let compiled = self.compiled(environment, context.now).await?;
        let compiled = compiled.ok_or(Denied::NotFound {
            noun: "environment",
        })?;
        let entropy = &*self.ports.entropy;
        let uuid = global_id::random(entropy)?;
        let event = Event {
            id: EventId::parse(&global_id::encode("evt", uuid)).map_err(Fault::internal)?,
            at: context.now,
            kind: kind.into(),
            environment: environment_facts(compiled.environment()?),
            subject: subject.map(subject_facts),
            record,
        };
        let change = |subscription: &Subscription| {
            let id = self.outbox.name(context.now, entropy)?;
            let delivery = delivery_of(&event, subscription, id);
            Ok(Change::Insert(Row::Delivery(Box::new(delivery))))
        };
        wanted.into_iter().map(change).collect()
    }

    /// The change that sends a letter, sealed, to `to`: an address that [`crate::model::contact::email`] gave.
    /// Letters of one `order` (a subject's identifier) leave one after the other.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be sealed.
    pub(crate) fn letter(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        to: &str,
        text: LetterText,
        order: &str,
    ) -> Result<Change, Fault> {
        let id = self.outbox.name(context.now, &*self.ports.entropy)?;
        let letter = Letter {
            to: to.into(),
            text,
        };
        let plain = Secret::new(serde_json::to_vec(&letter).map_err(Fault::internal)?);
        let place = compiled.place()?;
        let sealed = self
            .ports
            .keystore
            .seal(&place, id.as_str(), plain.expose())?;
        let delivery = Delivery {
            environment: compiled.id.clone(),
            id,
            organization: None,
            destination: Destination::Mail,
            order: order.into(),
            content: Content::Letter(sealed),
            attempts: 0,
            due_at: Some(context.now),
            last_error: None,
            created_at: context.now,
            expires_at: context.now.plus(DEAD_LETTER_FOR),
        };
        Ok(Change::Insert(Row::Delivery(Box::new(delivery))))
    }

    /// What a sealed letter says: for the worker that sends it.
    ///
    /// # Errors
    /// [`Fault`] when it is no letter, or cannot be opened.
    pub async fn open_letter(&self, delivery: &Delivery, now: Timestamp) -> Result<Letter, Fault> {
        let Content::Letter(sealed) = &delivery.content else {
            return Err(Fault::internal("a delivery by mail is no letter"));
        };
        let compiled = self.compiled(&delivery.environment, now).await?;
        let compiled = compiled.ok_or_else(|| Fault::internal("a letter from nowhere"))?;
        let place = compiled.place()?;
        let keystore = &self.ports.keystore;
        let plain = keystore.open(&place, delivery.id.as_str(), sealed)?;
        serde_json::from_slice(plain.expose()).map_err(|_| Fault::internal("no letter was sealed"))
    }

    /// The secrets that sign the deliveries of a subscription now (`whsec_…`): the current one first, and the one
    /// before it during a rotation's overlap.
    ///
    /// # Errors
    /// [`Fault`] when one cannot be opened.
    pub async fn webhook_secrets(
        &self,
        subscription: &Subscription,
        now: Timestamp,
    ) -> Result<Vec<Secret<String>>, Fault> {
        let compiled = self.compiled(&subscription.environment, now).await?;
        let compiled = compiled.ok_or_else(|| Fault::internal("a subscription from nowhere"))?;
        let place = compiled.place()?;
        let previous = subscription.previous_secret.as_ref();
        let previous = previous.filter(|(_, until)| now < *until);
        let sealed = std::iter::once(&subscription.secret).chain(previous.map(|(old, _)| old));
        let open = |sealed| {
            let keystore = &self.ports.keystore;
            let plain = keystore.open(&place, subscription.id.as_str(), sealed)?;
            let text = String::from_utf8(plain.expose().clone());
            text.map(Secret::new)
                .map_err(|_| Fault::internal("a webhook's secret is no text"))
        };
        sealed.map(open).collect()
    }
}

/// An environment, as events tell of it.
fn environment_facts(environment: &Environment) -> EnvironmentFacts {
    EnvironmentFacts {
        id: environment.id.clone(),
        display_name: environment.display_name.clone(),
        mode: environment.mode,
    }
}

/// A subject, as events tell of it.
fn subject_facts(subject: &Subject) -> SubjectFacts {
    SubjectFacts {
        id: subject.id.clone(),
        metadata: subject.metadata.clone(),
    }
}

/// The delivery of an event to a subscription, due at once.
fn delivery_of(event: &Event, subscription: &Subscription, id: DeliveryId) -> Delivery {
    let subject = event.subject.as_ref().map(|subject| subject.id.as_str());
    Delivery {
        environment: subscription.environment.clone(),
        id,
        organization: Some(subscription.organization.clone()),
        destination: Destination::Webhook(subscription.id.clone()),
        // What is about nobody has no order to keep but its own.
        order: subject.unwrap_or_else(|| event.id.as_str()).into(),
        content: Content::Event(event.clone()),
        attempts: 0,
        due_at: Some(event.at),
        last_error: None,
        created_at: event.at,
        expires_at: event.at.plus(DEAD_LETTER_FOR),
    }
}

#[cfg(test)]
mod tests;
