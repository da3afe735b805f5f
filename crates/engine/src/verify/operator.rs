//! An operator's token (RFC 6750 section 2.1).

use super::{Authenticated, OperatorCaller, Refused, decide_credential};
use crate::{
    Engine,
    call::CallContext,
    denied::{Denied, Reason, Refusal},
    id::EnvironmentId,
    model::{
        State,
        credential::{Credential, CredentialKind, Holder},
        operator::Role,
    },
    opaque,
    row::{Key, Stored},
    secret::Secret,
};

impl Engine {
    pub(super) async fn verify_operator(
        &self,
        context: &CallContext,
        role: Role,
        token: &Secret<String>,
    ) -> Result<Authenticated<OperatorCaller>, Refused> {
        let installation = EnvironmentId::installation();
        let digest = opaque::lookup(&installation, token.expose());
        let [found] = self
            .load(&[Key::Credential(installation.clone(), digest)])
            .await?;
        let credential = found.as_deref().and_then(Stored::credential);
        let credential = credential.ok_or(Denied::InvalidToken(Reason::Unknown))?;
        self.admit_operator(context, role, credential)
            .await
            .map_err(|refusal| Refused::of(refusal, credential))
    }

    /// The operator of a token that was shown rightly.
    async fn admit_operator(
        &self,
        context: &CallContext,
        role: Role,
        credential: &Credential,
    ) -> Result<Authenticated<OperatorCaller>, Refusal> {
        decide_credential(credential, context.now, context.peer).map_err(Denied::InvalidToken)?;
        let Holder::Operator(id) = &credential.holder else {
            return Err(Denied::InvalidToken(Reason::Kind).into());
        };
        if credential.kind != CredentialKind::OperatorToken {
            return Err(Denied::InvalidToken(Reason::Kind).into());
        }
        let [operator] = self.load(&[Key::Operator(id.clone())]).await?;
        let operator = operator.as_deref().and_then(Stored::operator);
        let operator = operator.filter(|operator| operator.state == State::Active);
        let operator = operator.ok_or(Denied::InvalidToken(Reason::Disabled))?;
        if let Some(limit) = credential.rate_limit {
            self.credential_bucket(credential)
                .take(limit, context.now)
                .map_err(super::too_many)?;
        }
        self.observations.used(
            EnvironmentId::installation(),
            credential.id.clone(),
            context.now,
        );
        if operator.role < role {
            return Err(Denied::Forbidden(Reason::Role).into());
        }
        Ok(Authenticated(OperatorCaller {
            operator: operator.clone(),
        }))
    }
}
