//! A server asks for a session of one of its users, who may be new to us.

use super::{IssueSession, KeyView, SessionAnswer, SessionView, lane_of};
use crate::{
    Engine,
    bounds::CONFLICT_TRIES_MAX,
    call::CallContext,
    denied::{Denied, Fault, Reason, Refusal},
    issue::SessionFor,
    model::State,
    row::{Key, Stored},
    verify::{Authenticated, ClientCaller},
};
use std::sync::Arc;

impl Engine {
    pub(super) async fn issue_session(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        ask: IssueSession,
    ) -> Result<SessionAnswer, Refusal> {
        let compiled = self.arrived(context).await?;
        let place = &compiled.id;
        let id = match &ask.profile {
            Some(name) => name.id.clone(),
            None => match &ask.members.uuid {
                Some(id) => id.clone(),
                None => self.new_subject_id()?,
            },
        };
        let _turn = self.lanes.turn(lane_of(place, &id)).await?;
        let keys = [
            Key::Subject(place.clone(), id.clone()),
            Key::SessionWindow(place.clone(), id.clone()),
        ];
        let who = caller.who();
        for _ in 0..CONFLICT_TRIES_MAX {
            let [stored, window] = self.load(&keys).await?;
            let (subject, changes) = match decide_known(&ask, stored.as_ref(), who)? {
                Some(known) => self.profile_in_use(context, known, &ask.members).await?,
                None => {
                    self.new_profile(context, &who.client.organization, id.clone(), &ask.members)
                        .await?
                }
            };
            let of = SessionFor {
                client: &who.client,
                organization_number: who.organization_number,
                scopes: &who.scopes,
                credential: Some(&who.credential.id),
                subject: &subject,
                subject_not_before: stored.as_ref().map(|stored| stored.not_before),
                not_before: who.tokens_not_before,
                window: window.as_deref(),
            };
            let actor = format!("client:{}", who.client.id);
            let granted = self
                .grant_session(context, &compiled, &of, changes, &actor)
                .await?;
            if let Some(granted) = granted {
                return Ok(SessionAnswer::Session(granted));
            }
        }
        Err(Fault::unavailable("the subject's sessions kept changing").into())
    }

    /// What the shown API key is.
    pub(super) async fn show_key(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
    ) -> Result<SessionAnswer, Refusal> {
        let compiled = self.arrived(context).await?;
        let environment = compiled.environment()?;
        let who = caller.who();
        Ok(SessionAnswer::Key(Box::new(KeyView {
            credential: who.credential.clone(),
            client_name: who.client.display_name.clone(),
            environment_name: environment.display_name.clone(),
            mode: environment.mode,
        })))
    }
}

/// The profile that is asked for, where it is there; none where it is to be made. A UUID that nobody has is
/// imported; a global id that nobody has was never given out.
fn decide_known<'a>(
    ask: &IssueSession,
    stored: Option<&'a Arc<Stored>>,
    who: &ClientCaller,
) -> Result<Option<&'a Arc<Stored>>, Denied> {
    let not_found = Denied::NotFound { noun: "profile" };
    let Some(stored) = stored else {
        let is_invented = ask.profile.as_ref().is_some_and(|name| !name.is_uuid);
        return if is_invented {
            Err(not_found)
        } else {
            Ok(None)
        };
    };
    let subject = stored.subject().ok_or(not_found.clone())?;
    // Whom a platform vouches for comes by that platform only.
    let is_own = subject.organization == who.client.organization && subject.platform.is_none();
    if ask.profile.is_none() {
        return Err(Denied::Conflict("the uuid is taken"));
    }
    if !is_own {
        return Err(not_found);
    }
    if subject.closing_at.is_some() {
        return Err(Denied::Conflict("the profile is being deleted"));
    }
    if subject.state != State::Active {
        return Err(Denied::Forbidden(Reason::Disabled));
    }
    Ok(Some(stored))
}

impl SessionView {
    /// Of a token just made.
    pub(crate) fn new(of: &SessionFor<'_>, minted: crate::issue::Minted) -> Self {
        Self {
            token: minted.token,
            subject: of.subject.id.clone(),
            environment: of.subject.environment.clone(),
            expires_at: minted.expires_at,
        }
    }
}
