//! Assets: made when a device first meets a service provider.

use crate::{
    Engine,
    call::CallContext,
    compiled::Compiled,
    denied::Refusal,
    id::{AssetId, OrganizationId},
    model::{asset::Asset, client::Client, device::Device},
    outcome::ProviderOutcome,
    verify::{Authenticated, ClientCaller},
};

impl Engine {
    /// An asset of three new pairs for `device` at `provider` (none: the environment itself), not yet committed: the
    /// caller inserts it, and adds it to the device's row in the same commit.
    pub(crate) async fn new_asset(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        device: &Device,
        provider: Option<&Client>,
        organization: Option<&OrganizationId>,
    ) -> Result<Asset, Refusal> {
        let _ = (context, compiled, device, provider, organization);
        Err(crate::denied::Fault::internal("not built yet").into())
    }

    pub(super) async fn show_asset(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        id: &AssetId,
    ) -> Result<ProviderOutcome, Refusal> {
        let _ = (context, caller, id);
        Err(crate::denied::Fault::internal("not built yet").into())
    }
}
