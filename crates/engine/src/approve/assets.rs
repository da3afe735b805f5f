//! Assets: made when a device first meets a service provider, destroyed with the device.

use super::{
    facts::asset_object,
    providers::{poll_of, provider_of},
};
use crate::{
    Engine,
    bounds::ASSETS_PER_DEVICE_MAX,
    call::CallContext,
    commit::Change,
    compiled::Compiled,
    denied::{Denied, Fault, Refusal},
    engine::not_found,
    id::{AssetId, ClientId, OrganizationId},
    model::{
        asset::{Asset, AssetState},
        client::Client,
        device::Device,
        held_key::{HeldKey, HeldPrivate},
    },
    opaque::hex_id,
    outcome::ProviderOutcome,
    row::{Key, Row, Stored},
    sealed::Sealed,
    verify::{Authenticated, ClientCaller},
};
use std::collections::BTreeMap;

/// Pairs of one asset: to sign, to decrypt, to authenticate.
const PAIRS: usize = 3;

impl Engine {
    /// An asset of three new pairs for `device` at `provider` (none: the environment itself), not yet committed: the
    /// caller inserts it, and adds it to the device's row in the same commit. What is not committed goes to
    /// [`Engine::drop_asset`].
    pub(crate) async fn new_asset(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        device: &Device,
        provider: Option<&Client>,
        organization: Option<&OrganizationId>,
    ) -> Result<Asset, Refusal> {
        if device.assets.len() >= ASSETS_PER_DEVICE_MAX {
            let full = "this device has as many assets as it may have";
            return Err(Denied::Conflict(full).into());
        }
        let id = hex_id(&*self.ports.entropy)?;
        let id = AssetId::parse(&id).map_err(Fault::internal)?;
        let (place, bound_to) = (compiled.place()?, Asset::bound_to(&id));
        let keystore = &self.ports.keystore;
        let pairs = keystore.take_pairs(&place, &bound_to, PAIRS).await?;
        let pairs = <[HeldKey; PAIRS]>::try_from(pairs);
        let [sign, decrypt, authenticate] =
            pairs.map_err(|_| Fault::internal("the keystore gave another number of pairs"))?;
        Ok(Asset {
            environment: compiled.id.clone(),
            id,
            provider: provider.map(|client| client.id.clone()),
            organization: organization.cloned(),
            device: device.id.clone(),
            sign,
            decrypt,
            authenticate,
            state: AssetState::Active,
            created_at: context.now,
            updated_at: context.now,
        })
    }

    /// Destroy the pairs of an asset that no row keeps.
    pub(super) async fn drop_asset(&self, asset: &Asset) -> Result<(), Fault> {
        self.ports.keystore.forget(&pairs_of(asset)).await
    }

    pub(super) async fn show_asset(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        id: &AssetId,
    ) -> Result<ProviderOutcome, Refusal> {
        let provider = provider_of(caller)?;
        let key = Key::Asset(context.environment.clone(), id.clone());
        let [stored] = self.load(&[key]).await?;
        let asset = stored.as_deref().and_then(Stored::asset);
        let own = asset.filter(|asset| asset.provider.as_ref() == Some(&provider.id));
        let own = own.ok_or_else(|| not_found("asset"))?;
        self.take_poll(context, poll_of(context, "asset", id.as_str()))?;
        Ok(ProviderOutcome {
            object: asset_object(own),
            api_key: None,
        })
    }

    /// The changes that bring all assets of a device into another state, with what their service providers are told;
    /// and the assets as they were. An asset that is in that state already, or destroyed, stays as it is.
    pub(super) async fn changed_assets(
        &self,
        context: &CallContext,
        device: &Device,
        state: AssetState,
    ) -> Result<(Vec<Change>, Vec<Asset>), Fault> {
        let assets = self.assets_of(device).await?;
        let providers = self.providers_of(device).await?;
        let mut changes = Vec::new();
        let changing = assets
            .iter()
            .filter(|(asset, _)| ![state, AssetState::Destroyed].contains(&asset.state));
        for (asset, version) in changing {
            let after = Asset {
                state,
                updated_at: context.now,
                ..asset.clone()
            };
            let after = match state {
                AssetState::Destroyed => emptied(after),
                AssetState::Active | AssetState::Locked => after,
            };
            let provider = asset.provider.as_ref().and_then(|id| providers.get(id));
            if let Some(provider) = provider {
                changes.extend(self.tell_provider(context, provider, &asset_object(&after))?);
            }
            changes.push(Change::Replace {
                row: Row::Asset(Box::new(after)),
                if_version: *version,
            });
        }
        let assets = assets.into_iter().map(|(asset, _)| asset);
        Ok((changes, assets.collect()))
    }

    /// The service providers at which a device has assets.
    async fn providers_of(&self, device: &Device) -> Result<BTreeMap<ClientId, Client>, Fault> {
        let place = &device.environment;
        let ids = device.assets.iter().filter_map(|one| one.provider.clone());
        let keys: Vec<Key> = ids.map(|id| Key::Client(place.clone(), id)).collect();
        let found = self.ports.store.load(&keys).await?;
        let clients = found.iter().flatten().filter_map(|stored| stored.client());
        Ok(clients.map(|it| (it.id.clone(), it.clone())).collect())
    }
}

/// Every pair of an asset.
pub(super) fn pairs_of(asset: &Asset) -> [HeldKey; PAIRS] {
    [&asset.sign, &asset.decrypt, &asset.authenticate].map(Clone::clone)
}

/// Without the private halves that are in the row. A token's objects keep their names here, so that one that could not
/// be destroyed is found.
fn emptied(asset: Asset) -> Asset {
    let empty = |key: HeldKey| HeldKey {
        private: match key.private {
            HeldPrivate::Sealed(_) => HeldPrivate::Sealed(Sealed::default()),
            token @ HeldPrivate::Token { .. } => token,
        },
        ..key
    };
    Asset {
        sign: empty(asset.sign),
        decrypt: empty(asset.decrypt),
        authenticate: empty(asset.authenticate),
        ..asset
    }
}
