//! What holds for every call of a service provider.

use crate::{
    Engine,
    bounds::POLL_RATE,
    call::CallContext,
    denied::{Denied, Reason, Refusal},
    digest::Digest,
    model::client::{Client, ClientKind},
    verify::{Authenticated, ClientCaller, too_many},
};

impl Engine {
    /// One more look at an object. Taken once it is known to be the caller's, so that nobody else slows it down.
    pub(super) fn take_poll(&self, context: &CallContext, object: Digest) -> Result<(), Refusal> {
        let taken = self.rates.bucket(object).take(POLL_RATE, context.now);
        taken.map_err(|wait| too_many(wait).into())
    }
}

/// What counts the looks at an object.
pub(super) fn poll_of(context: &CallContext, noun: &str, id: &str) -> Digest {
    let names = [context.environment.as_str(), noun, id].map(str::as_bytes);
    Digest::of("countersign/polls", &names)
}

/// The service provider that asks. One that registered itself may do nothing before it is confirmed.
pub(super) fn provider_of(caller: &Authenticated<ClientCaller>) -> Result<&Client, Denied> {
    let client = any_provider_of(caller)?;
    (!client.is_unconfirmed())
        .then_some(client)
        .ok_or(Denied::Forbidden(Reason::NotYet))
}

/// The service provider that asks, confirmed or not.
pub(super) fn any_provider_of(caller: &Authenticated<ClientCaller>) -> Result<&Client, Denied> {
    let client = &caller.who().client;
    let is_one = client.kind == ClientKind::ServiceProvider && client.provider.is_some();
    is_one
        .then_some(client)
        .ok_or(Denied::Forbidden(Reason::Kind))
}
