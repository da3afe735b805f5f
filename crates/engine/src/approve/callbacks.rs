//! Callbacks: each change of state of a service provider's object is a delivery of the commit that makes it.

use crate::{
    Engine,
    call::CallContext,
    commit::Change,
    denied::Fault,
    model::{client::Client, provider_object::ProviderObject},
};

impl Engine {
    /// The changes that tell a service provider of an object: to be appended to the commit that changes it. None where
    /// it has no address.
    pub(crate) fn tell_provider(
        &self,
        context: &CallContext,
        provider: &Client,
        object: &ProviderObject,
    ) -> Result<Vec<Change>, Fault> {
        let _ = (context, provider, object);
        Err(Fault::internal("not built yet"))
    }
}
