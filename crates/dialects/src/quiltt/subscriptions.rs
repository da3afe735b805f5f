//! `/v1/webhooks/subscriptions`: where a server wants to hear of events.

use super::{
    Expected, Side, decoded, encoded,
    members::{self, Members},
    profiles::{PAGING, number_pages},
};
use crate::{
    Decoded, Reply, Request, Response,
    admin::time,
    wire::{
        headers, media,
        openapi::{self, Answer, Body, Doc, Parameter, Place},
    },
};
use countersign_engine::{
    call::{Call, CallContext, NewSubscription, SubscriptionCall, SubscriptionChange},
    denied::{Denied, ProblemKind, Refusal},
    id::SubscriptionId,
    model::webhook::Subscription,
    outcome::{Outcome, View},
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A webhook subscription. Its secret is not told here, as the vendor does not: an operator's rotation tells it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookSubscription")]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionBody<'a> {
    /// Its identifier, `wh_...`.
    pub id: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// Where deliveries go.
    pub target_url: &'a str,
    /// Types of events, whole or the first words of several.
    pub event_types: &'a [String],
    /// Nothing is delivered while it is.
    pub disabled: bool,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// A subscription to make, or members to change.
#[derive(JsonSchema)]
#[schemars(rename = "WebhookSubscriptionInput", rename_all = "camelCase")]
pub struct SubscriptionInput {
    /// What people call it.
    pub name: Option<String>,
    /// An `https` URL.
    pub target_url: Option<String>,
    /// Types of events, whole (`profile.created`) or the first words of several (`profile`).
    pub event_types: Option<Vec<String>>,
    /// Nothing is delivered while it is.
    pub disabled: Option<bool>,
}

const ONE: Body = Body {
    media_type: media::JSON,
    schema: openapi::of::<SubscriptionBody<'static>>,
};
const INPUT: Option<Body> = Some(Body {
    media_type: media::JSON,
    schema: openapi::of::<SubscriptionInput>,
});
const NAMED: &[Parameter] = &[Parameter {
    name: "subscription",
    place: Place::Path,
    required: true,
    about: "Its identifier, `wh_...`.",
    schema: openapi::of::<String>,
}];

const fn one(status: u16, about: &'static str) -> Answer {
    Answer {
        status,
        about,
        body: Some(ONE),
        headers: &[],
    }
}

pub(super) const LIST: Doc = Doc {
    summary: "Webhook subscriptions",
    description: "All of them, in one page.",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "The subscriptions.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<Vec<SubscriptionBody<'static>>>,
        }),
        headers: PAGING,
    }],
    refusals: &[],
};
pub(super) const CREATE: Doc = Doc {
    summary: "Subscribe to events",
    description: "`name`, `targetUrl` and `eventTypes` must be there.",
    parameters: &[],
    body: INPUT,
    answers: &[one(201, "The subscription.")],
    refusals: &[409, 422],
};
pub(super) const SHOW: Doc = Doc {
    summary: "A webhook subscription",
    description: "",
    parameters: NAMED,
    body: None,
    answers: &[one(200, "The subscription.")],
    refusals: &[],
};
pub(super) const CHANGE: Doc = Doc {
    summary: "Change a webhook subscription",
    description: "Members that are left out stay.",
    parameters: NAMED,
    body: INPUT,
    answers: &[one(200, "The subscription as it is now.")],
    refusals: &[422],
};
pub(super) const REMOVE: Doc = Doc {
    summary: "End a webhook subscription",
    description: "What still waits for it is not delivered.",
    parameters: NAMED,
    body: None,
    answers: &[Answer {
        status: 204,
        about: "It is gone.",
        body: None,
        headers: &[],
    }],
    refusals: &[],
};

fn asks(request: &Request<'_>, call: impl FnOnce() -> Result<SubscriptionCall, Denied>) -> Decoded {
    decoded(request, Side::Api, || call().map(Call::Subscriptions))
}

fn named(request: &Request<'_>) -> Result<SubscriptionId, Denied> {
    let mut raw = request.parameters.iter();
    let raw = raw.find(|(name, _)| *name == "subscription");
    let named = raw.and_then(|(_, text)| SubscriptionId::parse(text).ok());
    named.ok_or(Denied::NotFound {
        noun: "webhook subscription",
    })
}

fn change(body: &Members) -> Result<SubscriptionChange, Denied> {
    let disabled = match body.get("disabled") {
        None => None,
        Some(Value::Bool(disabled)) => Some(*disabled),
        Some(_) => {
            let expected = ProblemKind::Expected("true or false");
            return Err(Denied::invalid("disabled", expected));
        }
    };
    Ok(SubscriptionChange {
        name: members::text(body, "name", "name")?.flatten(),
        target_url: members::text(body, "targetUrl", "targetUrl")?.flatten(),
        event_types: event_types(body)?,
        disabled,
    })
}

fn event_types(body: &Members) -> Result<Option<Vec<String>>, Denied> {
    let wrong = || {
        let expected = ProblemKind::Expected("a list of texts");
        Denied::invalid("eventTypes", expected)
    };
    match body.get("eventTypes") {
        None => Ok(None),
        Some(Value::Array(types)) => {
            let text = |one: &Value| one.as_str().map(str::to_owned).ok_or_else(wrong);
            types.iter().map(text).collect::<Result<_, _>>().map(Some)
        }
        Some(_) => Err(wrong()),
    }
}

pub(super) fn decode_list(request: &Request<'_>) -> Decoded {
    asks(request, || Ok(SubscriptionCall::List))
}

pub(super) fn decode_create(request: &Request<'_>) -> Decoded {
    asks(request, || {
        let given = change(&members::body(request)?)?;
        let missing = |name: &str| Denied::invalid(name, ProblemKind::Missing);
        Ok(SubscriptionCall::Create(NewSubscription {
            name: given.name.ok_or_else(|| missing("name"))?,
            target_url: given.target_url.ok_or_else(|| missing("targetUrl"))?,
            event_types: given.event_types.ok_or_else(|| missing("eventTypes"))?,
            disabled: given.disabled.unwrap_or(false),
        }))
    })
}

pub(super) fn decode_show(request: &Request<'_>) -> Decoded {
    asks(request, || Ok(SubscriptionCall::Show(named(request)?)))
}

pub(super) fn decode_change(request: &Request<'_>) -> Decoded {
    asks(request, || {
        let id = named(request)?;
        Ok(SubscriptionCall::Amend(
            id,
            change(&members::body(request)?)?,
        ))
    })
}

pub(super) fn decode_remove(request: &Request<'_>) -> Decoded {
    asks(request, || Ok(SubscriptionCall::Remove(named(request)?)))
}

/// For all of them but the last: what is there now.
pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    reply: &Reply,
    context: &CallContext,
) -> Response {
    encoded(
        result,
        Expected::ApiKey,
        reply,
        context,
        |outcome| match outcome {
            Outcome::Rows(listed) => {
                let rows: Option<Vec<_>> = listed.rows.iter().map(shown).collect();
                let rows = rows?;
                let mut answer = headers::json(StatusCode::OK, media::JSON, &rows);
                let total = u64::try_from(rows.len()).unwrap_or(u64::MAX);
                let limit = u32::try_from(rows.len()).unwrap_or(u32::MAX).max(1);
                number_pages(&mut answer, 1, limit, total);
                Some(answer)
            }
            Outcome::Row(view) => Some(headers::json(StatusCode::OK, media::JSON, &shown(view)?)),
            Outcome::Created { view, .. } => Some(headers::json(
                StatusCode::CREATED,
                media::JSON,
                &shown(view)?,
            )),
            Outcome::Done => Some(headers::empty(StatusCode::NO_CONTENT)),
            _ => None,
        },
    )
}

fn shown(view: &View) -> Option<SubscriptionBody<'_>> {
    let row: &Subscription = view.stored.subscription()?;
    Some(SubscriptionBody {
        id: row.id.as_str(),
        name: &row.name,
        target_url: &row.target_url,
        event_types: &row.event_types,
        disabled: row.disabled,
        created_at: time::write(row.created_at),
        updated_at: time::write(row.updated_at),
    })
}
