//! Requests of devices to calls, and what came of them to JSON.

use super::{
    bodies, error,
    rows::{About, Device, Identified, Request as Row, Waiting},
    signature,
};
use crate::{
    Decoded, Reply, Request, Response,
    wire::{headers, media},
};
use countersign_engine::{
    call::{ApprovalCall, Call, CallContext, DeviceCall, Presented},
    denied::{Denied, Fault, Problem, ProblemKind, Refusal},
    id::ApprovalId,
    outcome::{ApprovalOutcome, DeviceOutcome, Outcome},
};
use http::StatusCode;

pub(super) fn decode_about(_: &Request<'_>) -> Decoded {
    Decoded {
        presented: Presented::Absent,
        call: Ok(Call::Approval(ApprovalCall::About)),
        reply: Reply::Plain,
    }
}

pub(super) fn decode_enrolment(request: &Request<'_>) -> Decoded {
    Decoded {
        presented: signature::presented(request, bodies::new_key(request)),
        call: bodies::enrol(request).map(Call::Device),
        reply: Reply::Plain,
    }
}

pub(super) fn decode_device(request: &Request<'_>) -> Decoded {
    signed(
        request,
        without_query(request).map(|()| DeviceCall::ShowSelf),
    )
}

pub(super) fn decode_waiting(request: &Request<'_>) -> Decoded {
    let seen = seen(request.query);
    signed(request, seen.map(|seen| DeviceCall::Waiting { seen }))
}

pub(super) fn decode_events(request: &Request<'_>) -> Decoded {
    let waiting = DeviceCall::Waiting { seen: None };
    signed(request, without_query(request).map(|()| waiting))
}

pub(super) fn decode_request(request: &Request<'_>) -> Decoded {
    let call = without_query(request).and_then(|()| approval(request));
    signed(request, call.map(DeviceCall::Show))
}

pub(super) fn decode_answer(request: &Request<'_>) -> Decoded {
    let approval = without_query(request).and_then(|()| approval(request));
    signed(request, approval.and_then(|id| bodies::answer(request, id)))
}

pub(super) fn decode_identification(request: &Request<'_>) -> Decoded {
    let call = without_query(request).and_then(|()| bodies::type_in(request));
    signed(request, call)
}

fn signed(request: &Request<'_>, call: Result<DeviceCall, Denied>) -> Decoded {
    Decoded {
        presented: signature::presented(request, None),
        call: call.map(Call::Device),
        reply: Reply::Plain,
    }
}

fn without_query(request: &Request<'_>) -> Result<(), Denied> {
    match request.query {
        None | Some("") => Ok(()),
        Some(_) => Err(Denied::invalid("query", ProblemKind::UnknownMember)),
    }
}

/// `seen=N` and nothing else.
fn seen(query: Option<&str>) -> Result<Option<u64>, Denied> {
    let mut seen = None;
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let kind = match (&*name, seen) {
            ("seen", None) => {
                let is_number = value.bytes().all(|b| b.is_ascii_digit());
                match value.parse().ok().filter(|_| is_number) {
                    Some(version) => {
                        seen = Some(version);
                        continue;
                    }
                    None => ProblemKind::Expected("a `version` of an earlier answer"),
                }
            }
            ("seen", Some(_)) => ProblemKind::Repeated,
            _ => ProblemKind::UnknownMember,
        };
        return Err(Denied::Invalid(vec![Problem::new(name, kind)]));
    }
    Ok(seen)
}

/// The request that the path names.
fn approval(request: &Request<'_>) -> Result<ApprovalId, Denied> {
    let named = request.parameters.iter().find(|(name, _)| *name == "id");
    named
        .and_then(|(_, text)| ApprovalId::parse(text).ok())
        .ok_or(Denied::NotFound { noun: "request" })
}

/// What a route encodes.
type Handled = Result<Outcome, Refusal>;

pub(super) fn encode_about(result: &Handled, _: &Reply, context: &CallContext) -> Response {
    encoded(result, context, |outcome| match outcome {
        Outcome::Approval(ApprovalOutcome::About { environment }) => Some(headers::json(
            StatusCode::OK,
            media::JSON,
            &About::of(environment, context.now),
        )),
        _ => None,
    })
}

pub(super) fn encode_enrolment(result: &Handled, _: &Reply, context: &CallContext) -> Response {
    encoded(result, context, |outcome| {
        device(outcome, StatusCode::CREATED)
    })
}

pub(super) fn encode_device(result: &Handled, _: &Reply, context: &CallContext) -> Response {
    encoded(result, context, |outcome| device(outcome, StatusCode::OK))
}

fn device(outcome: &Outcome, status: StatusCode) -> Option<Response> {
    match outcome {
        Outcome::Device(DeviceOutcome::Device(facts)) => {
            Some(headers::json(status, media::JSON, &Device::of(facts)))
        }
        _ => None,
    }
}

/// Of a long poll, and of each event.
pub(super) fn encode_waiting(result: &Handled, _: &Reply, context: &CallContext) -> Response {
    encoded(result, context, |outcome| match outcome {
        Outcome::Device(DeviceOutcome::Waiting {
            version, requests, ..
        }) => {
            let requests = requests.iter().map(|request| &**request);
            let waiting = Waiting::of(*version, requests, context.now);
            Some(headers::json(StatusCode::OK, media::JSON, &waiting))
        }
        _ => None,
    })
}

pub(super) fn encode_request(result: &Handled, _: &Reply, context: &CallContext) -> Response {
    encoded(result, context, |outcome| match outcome {
        Outcome::Device(DeviceOutcome::Request(approval)) => {
            let row = Row::of(approval, context.now);
            Some(headers::json(StatusCode::OK, media::JSON, &row))
        }
        _ => None,
    })
}

pub(super) fn encode_identification(
    result: &Handled,
    _: &Reply,
    context: &CallContext,
) -> Response {
    encoded(result, context, |outcome| match outcome {
        Outcome::Device(DeviceOutcome::TypedIn(typed)) => {
            let body = Identified::of(typed);
            Some(headers::json(StatusCode::OK, media::JSON, &body))
        }
        _ => None,
    })
}

/// Encode an outcome, or why there is none.
pub(super) fn encoded(
    result: &Handled,
    context: &CallContext,
    answer: impl FnOnce(&Outcome) -> Option<Response>,
) -> Response {
    let unexpected = || Fault::internal("the outcome is not one of this route's call").into();
    match result {
        Ok(outcome) => {
            answer(outcome).unwrap_or_else(|| error::refuse_at_route(&unexpected(), context))
        }
        Err(refusal) => error::refuse_at_route(refusal, context),
    }
}
