//! Approvals: people's devices, what they are asked, what they answer, and what that opens.
//!
//! A device's row holds all that has to change together: tries of its PIN, its assets, and what waits for it. An
//! approval's row holds its votes. So every step is one commit of a few rows, each at the version that was read.

mod admin;
mod answer;
mod ask;
mod assets;
mod callbacks;
mod consume;
mod countersign;
mod devices;
pub(crate) mod facts;
mod identifications;
mod lapse;
mod links;
mod operations;
mod poll;
mod providers;
pub mod receipt;
pub mod record;
mod registration;
mod sentence;
mod standing;
#[cfg(test)]
mod tests;

pub(crate) use sentence::check_template;

use crate::{
    Engine,
    call::{ApprovalCall, CallContext, DeviceCall, ProviderCall},
    denied::{Fault, Refusal},
    outcome::{ApprovalOutcome, DeviceOutcome, Outcome, ProviderOutcome},
    verify::{Refused, Settled},
};

impl Engine {
    /// Answer a service provider.
    pub(crate) async fn provider_call(
        &self,
        context: &CallContext,
        settled: &Settled,
        call: ProviderCall,
    ) -> Result<Outcome, Refusal> {
        let outcome: ProviderOutcome = match (call, settled) {
            (ProviderCall::Register(new), Settled::Anyone) => {
                self.register_provider(context, new).await?
            }
            (ProviderCall::ShowProvider(id), Settled::Client(client)) => {
                self.show_provider(context, client, &id).await?
            }
            (ProviderCall::ShowSelf, Settled::Client(client)) => {
                let id = &client.who().client.id;
                self.show_provider(context, client, id).await?
            }
            (ProviderCall::Identify, Settled::Client(client)) => {
                self.show_nonce(context, client).await?
            }
            (ProviderCall::ShowIdentification(id), Settled::Client(client)) => {
                self.show_identification(context, client, &id).await?
            }
            (ProviderCall::ShowAsset(id), Settled::Client(client)) => {
                self.show_asset(context, client, &id).await?
            }
            (ProviderCall::Ask(new), Settled::Client(client)) => {
                self.ask_operation(context, client, new).await?
            }
            (ProviderCall::ShowOperation(kind, id), Settled::Client(client)) => {
                self.show_operation(context, client, kind, &id).await?
            }
            (call, _) => return Err(misplaced(call.name())),
        };
        Ok(Outcome::Provider(outcome))
    }

    /// Answer a device.
    pub(crate) async fn device_call(
        &self,
        context: &CallContext,
        settled: &Settled,
        call: DeviceCall,
    ) -> Result<Outcome, Refusal> {
        if let (true, Settled::Device(device)) = (call.changes(), settled) {
            let who = device.who();
            who.may_change(context.now).map_err(|denied| {
                self.refuse_caller(context, Refused::of_device(denied, &who.device.id))
            })?;
        }
        let outcome: DeviceOutcome = match (call, settled) {
            (DeviceCall::Enrol { name, pin }, Settled::NewDevice(key)) => {
                self.enrol(context, key, &name, &pin).await?
            }
            (DeviceCall::ShowSelf, Settled::Device(device)) => {
                self.show_self(context, device).await?
            }
            (DeviceCall::Waiting { seen }, Settled::Device(device)) => {
                self.waiting(context, device, seen).await?
            }
            (DeviceCall::Show(id), Settled::Device(device)) => {
                self.show_request(context, device, &id).await?
            }
            (DeviceCall::Answer(answer), Settled::Device(device)) => {
                self.answer_request(context, device, answer).await?
            }
            (DeviceCall::TypeIn { nonce }, Settled::Device(device)) => {
                self.type_in(context, device, &nonce).await?
            }
            (call, _) => return Err(misplaced(call.name())),
        };
        Ok(Outcome::Device(outcome))
    }

    /// Answer whoever waits for an approval.
    pub(crate) async fn approval_call(
        &self,
        context: &CallContext,
        settled: &Settled,
        call: ApprovalCall,
    ) -> Result<Outcome, Refusal> {
        let outcome: ApprovalOutcome = match (call, settled) {
            (ApprovalCall::About, Settled::Anyone) => self.about_devices(context).await?,
            (ApprovalCall::Poll { approval, at_once }, Settled::Anyone) => {
                self.poll_approval(context, &approval, at_once).await?
            }
            (ApprovalCall::ReceiptKeys, Settled::Anyone) => {
                return self.receipt_keys(context).await.map(Outcome::PublicKeys);
            }
            (ApprovalCall::LinkNonce, Settled::Session(session)) => {
                self.own_link_nonce(context, session).await?
            }
            (call, _) => return Err(misplaced(call.name())),
        };
        Ok(Outcome::Approval(outcome))
    }
}

/// A route that declares other callers than its call needs is our mistake, and opens nothing.
fn misplaced(call: &str) -> Refusal {
    Fault::internal(format_args!("{call} on a route for others")).into()
}
