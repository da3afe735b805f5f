//! People who log in: with a password, or with the word of a platform that vouches for them.

mod change;
pub(crate) mod guesses;
mod password;
mod password_link;
mod platform;
mod reset;
pub(crate) mod rules;
mod sessions;

use crate::{
    Engine,
    call::CallContext,
    denied::{Denied, Fault, Refusal},
    id::SubjectId,
    model::subject::Subject,
    outcome::Outcome,
    secret::Secret,
    time::Timestamp,
    verify::{Authenticated, SessionCaller, Settled},
};

/// What whoever logs in can ask.
#[derive(Debug)]
pub enum LoginCall {
    /// A session, for an e-mail address and its password.
    Password {
        /// The address, as typed.
        email: String,
        /// The password, as typed.
        password: Secret<String>,
    },
    /// A session, for somebody whom a platform vouches for.
    Platform {
        /// The platform's code, as its partners' requests name it.
        platform: String,
        /// The compact JWS that it signed.
        token: Secret<String>,
    },
    /// End the session that was shown.
    Logout,
    /// Who the subject with this identifier is: for itself only.
    Subject {
        /// The identifier, as the request names it.
        id: String,
    },
    /// A new password, for whoever knows the old one. Every session ends, and a new one is made.
    ChangePassword {
        /// The old one.
        current: Secret<String>,
        /// The new one.
        new: Secret<String>,
    },
    /// A mail with a link for a new password.
    AskReset {
        /// The address, as typed.
        email: String,
    },
    /// A new password, for whoever has such a link. Every session ends.
    ResetPassword {
        /// What the link carries.
        token: Secret<String>,
        /// The new one.
        new: Secret<String>,
    },
}

impl LoginCall {
    /// The word for logs and audit.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Password { .. } => "login.password",
            Self::Platform { .. } => "login.platform",
            Self::Logout => "session.end",
            Self::Subject { .. } => "subject.show",
            Self::ChangePassword { .. } => "password.change",
            Self::AskReset { .. } => "password.ask_reset",
            Self::ResetPassword { .. } => "password.reset",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum LoginOutcome {
    /// A session was made.
    Session(NewSession),
    /// Who the caller is.
    Subject(Box<Subject>),
}

/// A session just made.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its text, told once.
    pub token: Secret<String>,
    /// Whose it is.
    pub subject: SubjectId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Refused from here on: exactly `lifetime_s` after that.
    pub expires_at: Timestamp,
    /// Seconds between the two.
    pub lifetime_s: u32,
}

impl Engine {
    pub(crate) async fn login(
        &self,
        context: &CallContext,
        settled: &Settled,
        call: LoginCall,
    ) -> Result<Outcome, Refusal> {
        match call {
            LoginCall::Password { email, password } => {
                self.password_login(context, &email, &password).await
            }
            LoginCall::Platform { platform, token } => {
                self.platform_login(context, &platform, &token).await
            }
            LoginCall::AskReset { email } => self.ask_reset(context, &email).await,
            LoginCall::ResetPassword { token, new } => {
                self.reset_password(context, &token, &new).await
            }
            LoginCall::Logout => self.logout(context, by_session(settled)?).await,
            LoginCall::Subject { id } => show_subject(by_session(settled)?, &id),
            LoginCall::ChangePassword { current, new } => {
                let caller = by_session(settled)?;
                self.change_password(context, caller, &current, &new).await
            }
        }
    }
}

fn by_session(settled: &Settled) -> Result<&Authenticated<SessionCaller>, Fault> {
    match settled {
        Settled::Session(caller) => Ok(caller),
        _ => Err(Fault::internal(
            "a route for sessions declares other callers",
        )),
    }
}

/// Another's is answered like one that is not there.
fn show_subject(caller: &Authenticated<SessionCaller>, id: &str) -> Result<Outcome, Refusal> {
    let subject = &caller.who().subject;
    if subject.id.as_str() != id {
        return Err(Denied::NotFound { noun: "user" }.into());
    }
    Ok(LoginOutcome::Subject(Box::new(subject.clone())).into())
}

impl From<LoginOutcome> for Outcome {
    fn from(outcome: LoginOutcome) -> Self {
        Self::Login(outcome)
    }
}
