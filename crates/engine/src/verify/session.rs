//! A subject's session as Bearer, at our own endpoints.

use super::{Authenticated, Refused, SessionCaller, check_length, decide_subject};
use crate::{
    Engine,
    call::CallContext,
    denied::{Denied, Reason},
    opaque::{self, Glance},
    row::{Key, Stored},
    secret::Secret,
};

impl Engine {
    /// The subject behind a session: a token, or an opaque one, which we keep.
    pub(super) async fn verify_session(
        &self,
        context: &CallContext,
        shown: &Secret<String>,
    ) -> Result<Authenticated<SessionCaller>, Refused> {
        // Our opaque forms have no dot, and every compact JWS has two.
        if shown.expose().contains('.') {
            return self.verify_session_token(context, shown).await;
        }
        check_length(shown.expose())?;
        let compiled = self.arrived(context).await?;
        let brand = &compiled.environment()?.brand;
        if opaque::glance(shown.expose(), brand, &compiled.id, &compiled.tag_keys) == Glance::Forged
        {
            return Err(Denied::InvalidToken(Reason::Forged).into());
        }
        let digest = opaque::lookup(&compiled.id, shown.expose());
        let [found] = self
            .load(&[Key::Session(compiled.id.clone(), digest)])
            .await?;
        let session = found.as_deref().and_then(Stored::session);
        let session = session.ok_or(Denied::InvalidToken(Reason::Unknown))?;
        if context.now >= session.expires_at {
            return Err(Denied::InvalidToken(Reason::Expired).into());
        }
        let owners = [
            Key::Subject(compiled.id.clone(), session.subject.clone()),
            Key::Organization(session.organization.clone()),
        ];
        let [subject, organization] = self.load(&owners).await?;
        let subject = decide_subject(subject.as_ref(), organization.as_ref(), session.created_at)
            .map_err(Denied::InvalidToken)?;
        Ok(Authenticated(SessionCaller {
            subject: subject.clone(),
            digest,
            organization: session.organization.clone(),
            scopes: session.scopes.clone(),
            issued_at: session.created_at,
            expires_at: session.expires_at,
            token: None,
        }))
    }
}
