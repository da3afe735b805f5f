//! Webhook subscriptions, and what waits to leave.

use super::{body, decoded, environment, idempotency, if_match, no_query, segment};
use crate::{
    Decoded, Request,
    admin::{bodies, query::Query},
};
use countersign_engine::{
    call::{AdminCall, NewSubscription, SubscriptionChange, WebhookCall},
    denied::{Denied, ProblemKind},
    id::{DeliveryId, OrganizationId, SubscriptionId},
};
use std::time::Duration;

fn subscription(request: &Request<'_>) -> Result<SubscriptionId, Denied> {
    segment(request, "webhook", SubscriptionId::parse)
}

fn delivery(request: &Request<'_>) -> Result<DeliveryId, Denied> {
    segment(request, "delivery", DeliveryId::parse)
}

pub(in crate::admin) fn list_webhooks(request: &Request<'_>) -> Decoded {
    let call = || {
        let environment = environment(request)?;
        let query = Query::read(request.query, &["organization", "limit", "cursor"])?;
        let organization = query.id("organization", OrganizationId::parse)?;
        let lacking = || Denied::invalid("organization", ProblemKind::Missing);
        Ok(AdminCall::Webhooks(WebhookCall::List {
            environment,
            organization: organization.ok_or_else(lacking)?,
            after: query.cursor()?,
            limit: query.limit()?,
        }))
    };
    decoded(request, call())
}

pub(in crate::admin) fn show_webhook(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let call = WebhookCall::Show(environment(request)?, subscription(request)?);
        Ok(AdminCall::Webhooks(call))
    };
    decoded(request, call())
}

pub(in crate::admin) fn create_webhook(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let environment = environment(request)?;
        let idempotency = idempotency(request)?;
        let read: bodies::WebhookToMake = body(request)?;
        Ok(AdminCall::Webhooks(WebhookCall::Create {
            environment,
            organization: read.organization,
            new: NewSubscription {
                name: read.name,
                target_url: read.target_url,
                event_types: read.event_types,
                disabled: read.disabled.unwrap_or_default(),
            },
            idempotency,
        }))
    };
    decoded(request, call())
}

pub(in crate::admin) fn amend_webhook(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let (environment, subscription) = (environment(request)?, subscription(request)?);
        let if_version = Some(if_match(request)?);
        let read: bodies::WebhookToChange = body(request)?;
        Ok(AdminCall::Webhooks(WebhookCall::Amend {
            environment,
            subscription,
            change: SubscriptionChange {
                name: read.name,
                target_url: read.target_url,
                event_types: read.event_types,
                disabled: read.disabled,
            },
            if_version,
        }))
    };
    decoded(request, call())
}

pub(in crate::admin) fn remove_webhook(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        Ok(AdminCall::Webhooks(WebhookCall::Remove {
            environment: environment(request)?,
            subscription: subscription(request)?,
            if_version: Some(if_match(request)?),
        }))
    };
    decoded(request, call())
}

pub(in crate::admin) fn rotate_webhook(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let (environment, subscription) = (environment(request)?, subscription(request)?);
        let idempotency = idempotency(request)?;
        let read: bodies::WebhookRotation = body(request)?;
        Ok(AdminCall::Webhooks(WebhookCall::Rotate {
            environment,
            subscription,
            overlap: Duration::from_secs(read.overlap_s),
            idempotency,
        }))
    };
    decoded(request, call())
}

fn list(request: &Request<'_>, dead: bool) -> Decoded {
    let call = || {
        let environment = environment(request)?;
        let query = Query::read(request.query, &["limit", "cursor"])?;
        Ok(AdminCall::Webhooks(WebhookCall::Deliveries {
            environment,
            dead,
            after: query.cursor()?,
            limit: query.limit()?,
        }))
    };
    decoded(request, call())
}

pub(in crate::admin) fn list_deliveries(request: &Request<'_>) -> Decoded {
    list(request, false)
}

pub(in crate::admin) fn list_dead_letters(request: &Request<'_>) -> Decoded {
    list(request, true)
}

pub(in crate::admin) fn show_delivery(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let call = WebhookCall::ShowDelivery(environment(request)?, delivery(request)?);
        Ok(AdminCall::Webhooks(call))
    };
    decoded(request, call())
}

pub(in crate::admin) fn replay_delivery(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let call = WebhookCall::Replay(environment(request)?, delivery(request)?);
        Ok(AdminCall::Webhooks(call))
    };
    decoded(request, call())
}

pub(in crate::admin) fn discard_delivery(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let call = WebhookCall::Discard(environment(request)?, delivery(request)?);
        Ok(AdminCall::Webhooks(call))
    };
    decoded(request, call())
}
