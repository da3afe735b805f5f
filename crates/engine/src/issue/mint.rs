//! Spelling a permitted token as its profile prints it.

use super::Permitted;
use crate::{
    Engine,
    call::CallContext,
    compiled::{Compiled, header_json},
    denied::Fault,
    global_id,
    model::profile::{ClaimSource, TokenProfile},
    outcome::Issued,
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::base64url_encode;
use serde_json::{Value, json};
use std::time::Duration;

impl Engine {
    /// Mint what was permitted, for a token endpoint.
    pub(super) async fn mint(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        profile: &TokenProfile,
        permitted: &Permitted,
    ) -> Result<Issued, Fault> {
        let minted = self.minted(context, compiled, profile, permitted).await?;
        Ok(Issued {
            token: minted.token,
            token_type: profile.token_type.clone(),
            expires_in_s: profile.lifetime_s,
            scopes: permitted.scopes.clone(),
            scopes_differ: permitted.scopes_differ,
        })
    }

    /// Mint what was permitted. Waits for the profile's first key where it is still being made.
    pub(super) async fn minted(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        profile: &TokenProfile,
        permitted: &Permitted,
    ) -> Result<Minted, Fault> {
        let place = compiled.place()?;
        let ready = compiled
            .key_set(&profile.key_set)
            .and_then(|(set, _)| set.current().cloned());
        let key = match ready {
            Some(key) => key,
            None => self.current_key(context, &place, &profile.key_set).await?,
        };
        // Rounded up where tokens were ended within this very second: `iat` must not be below the mark.
        let issued_at = Timestamp::from_seconds(context.now.seconds()).max(permitted.not_before);
        let expires_at = issued_at.plus(Duration::from_secs(profile.lifetime_s.into()));
        let token_id = self.token_id(profile)?;
        let facts = Facts {
            context,
            profile,
            permitted,
            issued_at,
            expires_at,
            token_id: token_id.as_deref(),
        };
        let spelled = facts.claims_json();
        let mut token = base64url_encode(header_json(profile, &key).as_bytes());
        token.push('.');
        token.push_str(&base64url_encode(spelled.as_bytes()));
        let signature = self
            .ports
            .keystore
            .sign(&place, &key, token.as_bytes())
            .await?;
        token.push('.');
        token.push_str(&base64url_encode(&signature));
        Ok(Minted {
            token: Secret::new(token),
            token_id,
            issued_at,
            expires_at,
        })
    }

    fn token_id(&self, profile: &TokenProfile) -> Result<Option<String>, Fault> {
        let entropy = &*self.ports.entropy;
        if profile.prints(&ClaimSource::TokenUuid) {
            return Ok(Some(global_id::random(entropy)?.to_string()));
        }
        if !profile.prints(&ClaimSource::TokenId) {
            return Ok(None);
        }
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes)?;
        Ok(Some(base64url_encode(&bytes)))
    }
}

/// A token, and what it says of itself.
pub(crate) struct Minted {
    pub token: Secret<String>,
    /// None where the profile prints none.
    pub token_id: Option<String>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What the claims of one token are made from.
struct Facts<'a> {
    context: &'a CallContext,
    profile: &'a TokenProfile,
    permitted: &'a Permitted,
    issued_at: Timestamp,
    expires_at: Timestamp,
    token_id: Option<&'a str>,
}

impl Facts<'_> {
    /// The claims as the profile prints them, in its order, without white space.
    fn claims_json(&self) -> String {
        let members = self.profile.claims.iter().filter_map(|claim| {
            let value = self.value(&claim.source)?;
            Some(format!("{}:{value}", Value::from(claim.name.as_str())))
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    fn value(&self, source: &ClaimSource) -> Option<Value> {
        let permitted = self.permitted;
        let environment = self.context.environment.as_str();
        Some(match source {
            ClaimSource::Issuer => self.profile.issuer.as_str().into(),
            ClaimSource::Subject => match &permitted.subject {
                Some(subject) => subject.as_str().into(),
                None => format!("client:{}", permitted.client).into(),
            },
            ClaimSource::Audience => match permitted.audience.as_slice() {
                [] => self.profile.issuer.as_str().into(),
                [one] => one.as_str().into(),
                several => several.into(),
            },
            ClaimSource::ClientId => permitted.client.as_str().into(),
            ClaimSource::IssuedAt | ClaimSource::NotBefore => self.issued_at.seconds().into(),
            ClaimSource::ExpiresAt => self.expires_at.seconds().into(),
            ClaimSource::TokenId | ClaimSource::TokenUuid => self.token_id?.into(),
            ClaimSource::Scope if permitted.scopes.is_empty() => return None,
            ClaimSource::Scope => permitted.scopes.to_string().into(),
            ClaimSource::OrganizationNumber => permitted.organization_number.to_string().into(),
            ClaimSource::MakerAndClientNumber => {
                format!("{}:{}", permitted.maker_number, permitted.client_number).into()
            }
            ClaimSource::Credential => match &permitted.credential {
                Some(credential) => credential.as_str().into(),
                None => permitted.client.as_str().into(),
            },
            ClaimSource::SubjectGlobalId => {
                let (id, _) = global_id::of_subject(permitted.subject.as_ref()?).ok()?;
                id.into()
            }
            ClaimSource::EnvironmentGlobalId => global_id::of_environment(environment).into(),
            ClaimSource::ClientUuid => global_id::of_client(environment, permitted.client.as_str())
                .to_string()
                .into(),
            ClaimSource::ServiceAccountName => {
                global_id::service_account(permitted.client.as_str()).into()
            }
            ClaimSource::ScopeRoles => {
                let roles: Vec<&str> = permitted.scopes.iter().collect();
                json!({ "roles": roles })
            }
            ClaimSource::PeerAddress => self.context.peer?.to_canonical().to_string().into(),
            ClaimSource::Constant(value) => value.clone(),
        })
    }
}
