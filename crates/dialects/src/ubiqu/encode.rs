//! Answers of the dialect's routes: an object, wrapped.

use super::{Flavour, error, tutorial, tutorial::Wrapped, v1};
use crate::{Reply, Response, wire::headers};
use countersign_engine::{
    call::CallContext,
    denied::{Fault, Refusal},
    model::{approval::OperationKind, provider_object::ProviderObject},
    outcome::{Outcome, ProviderOutcome},
};
use http::StatusCode;
use serde::Serialize;

/// What a route's call came to.
pub(super) type Came = Result<Outcome, Refusal>;

/// An object in the flavour that was asked for.
fn wrapped<T: Serialize>(flavour: Flavour, result: T) -> Response {
    // Creating is reading what was just made: the tutorial knows no other status.
    headers::json(StatusCode::OK, flavour.media_type(), &Wrapped { result })
}

/// The answer to `came`, printed by `print`, which knows the objects of its route and no others.
fn encoded(
    came: &Came,
    reply: &Reply,
    context: &CallContext,
    print: impl FnOnce(&ProviderOutcome, Flavour) -> Result<Option<Response>, Fault>,
) -> Response {
    let printed = match came {
        Ok(Outcome::Provider(outcome)) => print(outcome, Flavour::of(reply)),
        Ok(_) => Ok(None),
        Err(refusal) => return error::refuse(refusal, context),
    };
    let printed = printed.and_then(|response| {
        response.ok_or_else(|| Fault::internal("the outcome is not one of this route's call"))
    });
    printed.unwrap_or_else(|fault| error::refuse(&fault.into(), context))
}

pub(super) fn identification(came: &Came, reply: &Reply, context: &CallContext) -> Response {
    encoded(came, reply, context, |outcome, flavour| {
        let ProviderObject::Identification(facts) = &outcome.object else {
            return Ok(None);
        };
        Ok(Some(match flavour {
            Flavour::Tutorial => wrapped(flavour, tutorial::Identification::new(facts)),
            Flavour::V1 => wrapped(flavour, v1::Identification::new(facts)?),
        }))
    })
}

pub(super) fn asset(came: &Came, reply: &Reply, context: &CallContext) -> Response {
    encoded(came, reply, context, |outcome, flavour| {
        let ProviderObject::Asset(facts) = &outcome.object else {
            return Ok(None);
        };
        Ok(Some(match flavour {
            Flavour::Tutorial => wrapped(flavour, tutorial::Asset::new(facts)),
            Flavour::V1 => wrapped(flavour, v1::Asset::new(facts)),
        }))
    })
}

fn operation(came: &Came, reply: &Reply, context: &CallContext, of: OperationKind) -> Response {
    encoded(came, reply, context, |outcome, flavour| {
        let facts = match &outcome.object {
            ProviderObject::Operation(facts) if facts.kind == of => facts,
            _ => return Ok(None),
        };
        Ok(Some(match flavour {
            Flavour::Tutorial => wrapped(flavour, tutorial::Operation::new(facts)),
            Flavour::V1 => wrapped(flavour, v1::Operation::new(facts)),
        }))
    })
}

pub(super) fn authenticate(came: &Came, reply: &Reply, context: &CallContext) -> Response {
    operation(came, reply, context, OperationKind::Authenticate)
}

pub(super) fn sign(came: &Came, reply: &Reply, context: &CallContext) -> Response {
    operation(came, reply, context, OperationKind::Sign)
}

pub(super) fn decrypt(came: &Came, reply: &Reply, context: &CallContext) -> Response {
    operation(came, reply, context, OperationKind::Decrypt)
}

/// The tutorial knows no service providers, so that both flavours print v1's.
pub(super) fn provider(came: &Came, reply: &Reply, context: &CallContext) -> Response {
    encoded(came, reply, context, |outcome, flavour| {
        let ProviderObject::Provider(facts) = &outcome.object else {
            return Ok(None);
        };
        let key = outcome.api_key.as_ref();
        Ok(Some(wrapped(flavour, v1::ServiceProvider::new(facts, key))))
    })
}

/// No domain is looked at, and none is called valid: whoever asks is told so in the form that its client knows.
pub(super) fn domain(came: &Came, reply: &Reply, context: &CallContext) -> Response {
    encoded(came, reply, context, |outcome, flavour| {
        let told = v1::DomainValidation { success: false };
        let is_provider = matches!(outcome.object, ProviderObject::Provider(_));
        Ok(is_provider.then(|| wrapped(flavour, told)))
    })
}
