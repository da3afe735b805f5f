//! Callbacks: each change of state of a service provider's object is a delivery of the commit that makes it.

use crate::{
    Engine,
    bounds::DEAD_LETTER_FOR,
    call::CallContext,
    commit::Change,
    denied::Fault,
    model::{
        client::Client,
        provider_object::ProviderObject,
        webhook::{Content, Delivery, Destination},
    },
    row::Row,
    secret::Secret,
    time::Timestamp,
};

impl Engine {
    /// The changes that tell a service provider of an object: to be appended to the commit that changes it. None where
    /// it has no address, and none before it is confirmed: a stranger may have registered somebody else's.
    ///
    /// To be made after the rows were loaded that the commit changes, and again when it has to be tried again:
    /// deliveries about one object leave in the order in which they were made here.
    pub(crate) fn tell_provider(
        &self,
        context: &CallContext,
        provider: &Client,
        object: &ProviderObject,
    ) -> Result<Vec<Change>, Fault> {
        let settings = provider.provider.as_ref();
        let Some(settings) = settings.filter(|settings| !settings.unconfirmed) else {
            return Ok(Vec::new());
        };
        let id = || provider.id.clone();
        let whole = settings.callback_url.as_ref();
        let whole = whole.map(|_| Destination::Callback(id()));
        let named = settings.notification_url.as_ref();
        let named = named.map(|_| Destination::Notification(id()));
        let deliver = |destination| {
            let delivery = Delivery {
                environment: provider.environment.clone(),
                id: self.outbox.name(context.now, &*self.ports.entropy)?,
                organization: Some(provider.organization.clone()),
                destination,
                order: object.id().into(),
                content: Content::Object(Box::new(object.clone())),
                attempts: 0,
                due_at: Some(context.now),
                last_error: None,
                created_at: context.now,
                expires_at: context.now.plus(DEAD_LETTER_FOR),
            };
            Ok(Change::Insert(Row::Delivery(Box::new(delivery))))
        };
        whole.into_iter().chain(named).map(deliver).collect()
    }

    /// The secret that signs a service provider's callbacks (`whsec_…`); none where an operator made none.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be opened.
    pub async fn callback_secret(
        &self,
        provider: &Client,
        now: Timestamp,
    ) -> Result<Option<Secret<String>>, Fault> {
        let settings = provider.provider.as_ref();
        let Some(sealed) = settings.and_then(|settings| settings.callback_secret.as_ref()) else {
            return Ok(None);
        };
        let compiled = self.compiled(&provider.environment, now).await?;
        let compiled = compiled.ok_or_else(|| Fault::internal("a client from nowhere"))?;
        let keystore = &self.ports.keystore;
        let plain = keystore.open(&compiled.place()?, provider.id.as_str(), sealed)?;
        let text = String::from_utf8(plain.expose().clone());
        text.map(|text| Some(Secret::new(text)))
            .map_err(|_| Fault::internal("a callback's secret is no text"))
    }
}
