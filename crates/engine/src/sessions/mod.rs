//! Sessions that are tokens (Quiltt): asked for by a server with an API key, or by a person with a passcode;
//! checked and ended by whoever holds them.

mod end;
mod issue;
mod sign_in;
pub(crate) mod window;

use crate::{
    Engine,
    call::CallContext,
    denied::{Fault, Refusal},
    digest::Digest,
    id::{ClientId, EnvironmentId, SubjectId},
    model::{credential::Credential, environment::Mode, subject::Subject},
    outcome::Outcome,
    profiles::{ProfileMembers, ProfileName},
    secret::Secret,
    time::Timestamp,
    verify::Settled,
};

/// What can be asked of sessions.
#[derive(Debug)]
pub enum SessionCall {
    /// A server asks for a session of one of its users.
    Issue(Box<IssueSession>),
    /// What the shown session is.
    Show,
    /// End the shown session.
    End,
    /// What the shown API key is.
    ShowKey,
    /// A person begins to sign in: by a session where the address is new, else by a passcode in a letter.
    Identify(SignInAsk),
    /// A person types in the passcode.
    Authenticate {
        /// Who says to be whom, and where.
        ask: SignInAsk,
        /// The six digits.
        passcode: Secret<String>,
    },
}

/// A session to issue.
#[derive(Debug)]
pub struct IssueSession {
    /// Of this profile; none: of a new one.
    pub profile: Option<ProfileName>,
    /// What is set in the profile on the way.
    pub members: ProfileMembers,
}

/// A person who signs in.
#[derive(Debug)]
pub struct SignInAsk {
    /// At this client, as the caller wrote it.
    pub client: String,
    /// By this address, as the caller wrote it.
    pub email: String,
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum SessionAnswer {
    /// A session: just made, or shown.
    Session(SessionView),
    /// A passcode is on its way.
    CodeSent,
    /// The session has ended.
    Ended,
    /// What an API key is.
    Key(Box<KeyView>),
}

/// A session, as its holder sees it.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Its compact form.
    pub token: Secret<String>,
    /// Whose it is.
    pub subject: SubjectId,
    /// Where it is good.
    pub environment: EnvironmentId,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// An API key, as its holder sees it.
#[derive(Debug, Clone)]
pub struct KeyView {
    /// The key.
    pub credential: Credential,
    /// What people call its client.
    pub client_name: String,
    /// What people call its environment.
    pub environment_name: String,
    /// Sandbox or production.
    pub mode: Mode,
}

impl SessionCall {
    /// The word for logs and audit.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Issue(_) => "session.issue",
            Self::Show => "session.show",
            Self::End => "session.revoke",
            Self::ShowKey => "credential.show",
            Self::Identify(_) => "sign_in.identify",
            Self::Authenticate { .. } => "sign_in.authenticate",
        }
    }
}

impl Engine {
    /// Answer a call about sessions.
    pub(crate) async fn session_call(
        &self,
        context: &CallContext,
        settled: &Settled,
        call: SessionCall,
    ) -> Result<Outcome, Refusal> {
        let answer = match (call, settled) {
            (SessionCall::Issue(ask), Settled::Client(client)) => {
                self.issue_session(context, client, *ask).await
            }
            (SessionCall::ShowKey, Settled::Client(client)) => self.show_key(context, client).await,
            (SessionCall::Show, Settled::Session(session)) => {
                let who = session.who();
                Ok(SessionAnswer::Session(SessionView {
                    token: who.shown.token()?.text.clone(),
                    subject: who.subject.id.clone(),
                    environment: context.environment.clone(),
                    expires_at: who.expires_at,
                }))
            }
            (SessionCall::End, Settled::Session(session)) => {
                self.end_session(context, session).await
            }
            (SessionCall::Identify(ask), Settled::Anyone) => self.identify(context, &ask).await,
            (SessionCall::Authenticate { ask, passcode }, Settled::Anyone) => {
                self.authenticate(context, &ask, &passcode).await
            }
            (call, _) => {
                Err(Fault::internal(format_args!("{} on a route for others", call.name())).into())
            }
        };
        answer.map(Outcome::Session)
    }
}

/// Calls about one subject's sessions go one after the other.
pub(crate) fn lane_of(environment: &EnvironmentId, subject: &SubjectId) -> Digest {
    let names = [environment.as_str().as_bytes(), subject.as_str().as_bytes()];
    Digest::of("countersign/lane/sessions", &names)
}

/// Calls about one address at one client go one after the other.
fn lane_of_address(environment: &EnvironmentId, client: &ClientId, address: &str) -> Digest {
    let names = [environment.as_str(), client.as_str(), address].map(str::as_bytes);
    Digest::of("countersign/lane/address", &names)
}

/// What the audit log calls a person.
pub(crate) fn actor_of(subject: &Subject) -> String {
    format!("subject:{}", subject.id)
}
