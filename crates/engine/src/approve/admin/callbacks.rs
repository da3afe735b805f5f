//! Where a service provider hears of changes.

use crate::{
    Engine,
    admin::{Making, check::Problems},
    approve::registration::decide_address,
    call::{CallContext, IdempotencyKey},
    commit::Change,
    denied::{Denied, Fault, Refusal},
    engine::not_found,
    id::{ClientId, EnvironmentId},
    model::client::Client,
    outcome::Outcome,
    row::{Key, Row},
    verify::{Authenticated, OperatorCaller},
};

impl Engine {
    /// The secret of its callbacks is made with the first address and told then, and forgotten with the last: one that got
    /// about is replaced so.
    pub(super) async fn set_callbacks(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        (environment, id): (&EnvironmentId, &ClientId),
        (callback_url, notification_url): (Option<String>, Option<String>),
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Outcome, Refusal> {
        let asked = idempotency.as_ref();
        if let Some(answered) = self.answered(context, caller, environment, asked).await? {
            return Ok(answered);
        }
        let mut problems = Problems::default();
        for (url, field) in [
            (&callback_url, "callback_url"),
            (&notification_url, "notification_url"),
        ] {
            decide_address(url.as_deref(), field, self.plain_webhooks, &mut problems);
        }
        problems.done()?;
        let known = self.named_environment(environment).await?;
        let known = known.environment();
        let known = known.ok_or_else(|| Fault::internal("an environment's row is not one"))?;
        let key = Key::Client(environment.clone(), id.clone());
        let [stored] = self.load(&[key]).await?;
        let stored = stored.ok_or_else(|| not_found("client"))?;
        let client = stored
            .client()
            .ok_or_else(|| Fault::internal("a client's row is not one"))?;
        let settings = client.provider.as_ref();
        let settings = settings.ok_or(Denied::Conflict("the client is no service provider"))?;
        let mut after = settings.clone();
        let has_address = callback_url.is_some() || notification_url.is_some();
        after.callback_url = callback_url;
        after.notification_url = notification_url;
        let mut secret = None;
        if !has_address {
            after.callback_secret = None;
        } else if after.callback_secret.is_none() {
            let (told, sealed) = self.webhook_secret(known, id.as_str())?;
            after.callback_secret = Some(sealed);
            secret = Some(told);
        }
        let owner = Some(client.organization.clone());
        let target = format!("client:{id}");
        let action = "client.callbacks";
        let audit = self.admin_event(context, caller, environment, owner, action, &target);
        let making = Making {
            rows: Vec::new(),
            changes: vec![Change::Replace {
                row: Row::Client(Client {
                    provider: Some(after),
                    ..client.clone()
                }),
                if_version: stored.version,
            }],
            secret,
            audit,
        };
        self.make(context, caller, environment, making, idempotency)
            .await
    }
}
