//! The client credentials grant (RFC 6749 section 4.4), with resource indicators (RFC 8707).

use super::Permitted;
use crate::{
    Engine,
    bounds::RESOURCES_MAX,
    call::CallContext,
    denied::{Denied, Refusal},
    model::{
        profile::{ClaimSource, TokenProfile},
        scopes::Scopes,
    },
    outcome::Outcome,
    verify::{Authenticated, ClientCaller},
};

impl Engine {
    /// A token for the client itself.
    pub(crate) async fn client_credentials(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        profile: &str,
        scopes: Option<Scopes>,
        resources: Vec<String>,
    ) -> Result<Outcome, Refusal> {
        let compiled = self.arrived(context).await?;
        let environment = compiled.environment()?;
        let profile = environment
            .profile(profile)
            .ok_or(Denied::UnauthorizedClient)?;
        let actor = format!("client:{}", caller.who().client.id);
        let permitted = decide_client_credentials(caller, scopes, resources, &environment.issuer)
            .and_then(|permitted| decide_unnamed_scopes(profile, caller, permitted));
        let permitted = permitted.inspect_err(|denied| {
            self.note(
                context,
                &actor,
                "token.refuse",
                &profile.name,
                denied.word(),
            );
        })?;
        let issued = self.mint(context, &compiled, profile, &permitted).await?;
        let mut event = self.event(context, &actor, "token.issue", &profile.name);
        event.organization = Some(permitted.organization.clone());
        self.observations.note(event);
        Ok(Outcome::Token(issued))
    }
}

/// A token that names no scopes is good for all that its client may. A credential that may do less gets none.
fn decide_unnamed_scopes(
    profile: &TokenProfile,
    caller: &Authenticated<ClientCaller>,
    permitted: Permitted,
) -> Result<Permitted, Denied> {
    let names_scopes = profile.prints(&ClaimSource::Scope);
    if names_scopes || permitted.scopes == caller.who().client.scopes {
        Ok(permitted)
    } else {
        Err(Denied::InvalidScope)
    }
}

/// RFC 6749 section 4.4.2, then 3.3, then RFC 8707 section 2.
fn decide_client_credentials(
    caller: &Authenticated<ClientCaller>,
    scopes: Option<Scopes>,
    resources: Vec<String>,
    issuer: &str,
) -> Result<Permitted, Denied> {
    let ClientCaller {
        client,
        organization_number,
        scopes: allowed,
        tokens_not_before,
        credential,
    } = caller.who();
    if !client.kind.is_confidential() {
        return Err(Denied::UnauthorizedClient);
    }
    let granted = scopes.clone().unwrap_or_else(|| allowed.clone());
    if !allowed.contain(&granted) {
        return Err(Denied::InvalidScope);
    }
    let known = |resource: &String| resource == issuer || client.resources.contains(resource);
    if resources.len() > RESOURCES_MAX || !resources.iter().all(known) {
        return Err(Denied::InvalidTarget);
    }
    Ok(Permitted {
        client: client.id.clone(),
        organization: client.organization.clone(),
        organization_number: *organization_number,
        client_number: client.number,
        maker_number: client.maker_number,
        // RFC 6749 section 5.1: said wherever the caller could not know it.
        scopes_differ: scopes.as_ref() != Some(&granted),
        scopes: granted,
        audience: resources,
        not_before: *tokens_not_before,
        credential: Some(credential.id.clone()),
        subject: None,
    })
}
