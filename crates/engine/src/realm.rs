//! A realm's endpoints: the environment's own calls, for the one token profile whose issuer is the realm.

use crate::{
    Engine,
    call::{CallContext, RealmAsk, RealmCall},
    compiled::Compiled,
    denied::{Denied, Fault, Reason, Refusal},
    engine::not_found,
    global_id,
    model::profile::TokenProfile,
    outcome::{Outcome, UserInfo},
    verify::{Authenticated, Settled, TokenCaller},
};

impl Engine {
    /// Answer a call to a realm.
    pub(crate) async fn realm(
        &self,
        context: &CallContext,
        settled: Settled,
        call: RealmCall,
    ) -> Result<Outcome, Refusal> {
        let compiled = self.arrived(context).await?;
        let profile = compiled
            .environment()?
            .profile(call.profile)
            .filter(|profile| profile.realm() == Some(call.realm.as_str()))
            .ok_or_else(|| not_found("realm"))?;
        match (call.ask, settled) {
            (RealmAsk::Token { scopes }, Settled::Client(client)) => {
                self.client_credentials(context, &client, &profile.name, scopes, Vec::new())
                    .await
            }
            (RealmAsk::Introspect { token }, Settled::Client(client)) => {
                self.introspect(context, &client, &token).await
            }
            (RealmAsk::Revoke { token }, Settled::Client(client)) => {
                self.revoke(context, &client, &token).await
            }
            (RealmAsk::UserInfo, Settled::AccessToken(caller)) => {
                user_info(&compiled, profile, &caller)
            }
            (RealmAsk::Keys, Settled::Anyone) => {
                self.public_keys_of(context, Some(&profile.key_set)).await
            }
            (RealmAsk::Discovery, Settled::Anyone) => {
                let metadata = self.metadata_of(&compiled, profile);
                Ok(Outcome::Metadata(metadata))
            }
            (ask, _) => {
                Err(Fault::internal(format_args!("{} on a route for others", ask.name())).into())
            }
        }
    }
}

/// Who a token of this realm speaks for: the client's service account.
fn user_info(
    compiled: &Compiled,
    profile: &TokenProfile,
    caller: &Authenticated<TokenCaller>,
) -> Result<Outcome, Refusal> {
    let fact = &caller.who().fact;
    let is_realms = fact
        .token
        .as_ref()
        .is_some_and(|token| token.profile == profile.name);
    if !is_realms {
        return Err(Denied::InvalidToken(Reason::Kind).into());
    }
    let client = fact.principal.client.as_ref();
    let client = client.ok_or_else(|| Fault::internal("a realm's token without its client"))?;
    Ok(Outcome::UserInfo(UserInfo {
        subject: global_id::of_client(compiled.id.as_str(), client.as_str()).to_string(),
        username: global_id::service_account(client.as_str()),
    }))
}
