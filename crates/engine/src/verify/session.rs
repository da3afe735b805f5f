//! A subject's session as Bearer: an opaque text that we keep under its digest, at our own endpoints and at guards.

use super::{
    Authenticated, Refused, SessionCaller, ShownSession, check_length, decide_client,
    decide_subject,
};
use crate::{
    Engine,
    call::CallContext,
    compiled::Compiled,
    decision::{Fact, Principal, ShownKind, TokenFact},
    denied::{Denied, Fault, Reason, Refusal},
    model::{
        profile::STANDARD,
        scopes::Scopes,
        session::{BITCANUCK, Session},
        subject::Subject,
    },
    opaque::{self, Glance},
    ports::Generation,
    row::{Key, Stored},
    secret::Secret,
    time::Timestamp,
};
use std::sync::Arc;

/// Everyone who can end a session, in the order of [`owner_keys`].
struct Owners {
    environment: Option<Arc<Stored>>,
    subject: Option<Arc<Stored>>,
    organization: Option<Arc<Stored>>,
    /// Of a session that a platform vouched for.
    platform: Option<Arc<Stored>>,
    /// That it vouched by.
    credential: Option<Arc<Stored>>,
}

impl Engine {
    /// The subject behind a session: a token, or an opaque one, which we keep.
    pub(super) async fn verify_session(
        &self,
        context: &CallContext,
        shown: &Secret<String>,
        imports: bool,
    ) -> Result<Authenticated<SessionCaller>, Refused> {
        // Our opaque forms have no dot, and every compact JWS has two.
        if shown.expose().contains('.') {
            return self.verify_session_token(context, shown, imports).await;
        }
        // The sessions that we keep are BitCanuck's, and no other vendor's endpoints know them.
        if ![BITCANUCK, STANDARD].contains(&context.dialect) {
            return Err(Denied::InvalidToken(Reason::Kind).into());
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
        let owners = self.owners(session).await?;
        let subject =
            decide_session(session, &owners, context.now).map_err(Denied::InvalidToken)?;
        Ok(Authenticated(SessionCaller {
            subject: subject.clone(),
            organization: session.organization.clone(),
            expires_at: session.expires_at,
            shown: ShownSession::Kept(digest),
        }))
    }

    /// The fact behind a session that was found by its text, at a guard. It stands until any of its owners moves.
    pub(super) async fn kept_session_fact(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        session: &Session,
        mut generations: Vec<Generation>,
    ) -> Result<Fact, Refusal> {
        let keys = owner_keys(session);
        let moved = keys.iter().map(|key| self.ports.freshness.generation(key));
        generations.extend(moved);
        let owners = self.owners(session).await?;
        let subject =
            decide_session(session, &owners, context.now).map_err(Denied::InvalidToken)?;
        let principal = Principal {
            environment: compiled.id.clone(),
            organization: Some(session.organization.clone()),
            client: session.client.clone(),
            subject: Some(subject.id.to_string()),
            scopes: owners.scopes(session),
            shown: ShownKind::Session,
            expires_at: Some(session.expires_at),
        };
        let mut fact = Fact::of(principal, context.now);
        fact.generations = generations;
        fact.token = Some(TokenFact {
            profile: BITCANUCK.into(),
            issuer: compiled.environment()?.issuer.clone(),
            audience: None,
            token_id: None,
            token_type: "Bearer".into(),
            issued_at: session.created_at,
            subject: None,
        });
        Ok(fact)
    }

    async fn owners(&self, session: &Session) -> Result<Owners, Fault> {
        let rows = self.ports.store.load(&owner_keys(session)).await?;
        let mut rows = rows.into_iter();
        let mut next = || rows.next().flatten();
        Ok(Owners {
            environment: next(),
            subject: next(),
            organization: next(),
            platform: next(),
            credential: next(),
        })
    }
}

impl Owners {
    /// What a session may do by now: a platform's no more than the platform and its credential.
    fn scopes(&self, session: &Session) -> Scopes {
        let platform = self.platform.as_deref().and_then(Stored::client);
        let credential = self.credential.as_deref().and_then(Stored::credential);
        let limits = [
            platform.map(|client| &client.scopes),
            credential.map(|credential| &credential.scopes),
        ];
        let limits = limits.into_iter().flatten();
        limits.fold(session.scopes.clone(), |scopes, limit| {
            scopes.intersection(limit)
        })
    }
}

fn owner_keys(session: &Session) -> Vec<Key> {
    let place = &session.environment;
    let mut keys = vec![
        Key::Environment(place.clone()),
        Key::Subject(place.clone(), session.subject.clone()),
        Key::Organization(session.organization.clone()),
    ];
    keys.extend(
        session
            .client
            .iter()
            .map(|client| Key::Client(place.clone(), client.clone())),
    );
    let credential = session.vouched_by;
    keys.extend(credential.map(|digest| Key::Credential(place.clone(), digest)));
    keys
}

/// A session in time, of a subject that may act, whose platform may, and that nobody has ended with others.
fn decide_session<'a>(
    session: &Session,
    owners: &'a Owners,
    now: Timestamp,
) -> Result<&'a Subject, Reason> {
    if now >= session.expires_at {
        return Err(Reason::Expired);
    }
    let (since, organization) = (session.created_at, owners.organization.as_ref());
    let subject = decide_subject(owners.subject.as_ref(), organization, since)?;
    if session.client.is_some() {
        decide_client(owners.platform.as_ref(), organization, since)?;
    }
    if session.vouched_by.is_some() {
        let credential = owners.credential.as_deref().and_then(Stored::credential);
        // One that only expired, as after a rotation, leaves its sessions to their own end.
        if credential.is_none_or(|credential| credential.revoked_at.is_some()) {
            return Err(Reason::Revoked);
        }
    }
    let ended = [&owners.environment, &owners.organization, &owners.platform];
    let ended = ended.into_iter().flatten().map(|stored| stored.not_before);
    match ended.max().is_some_and(|mark| mark > since) {
        true => Err(Reason::Revoked),
        false => Ok(subject),
    }
}
