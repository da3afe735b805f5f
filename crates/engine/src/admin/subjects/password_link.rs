//! A link for a password, sent by an operator: the way to the first one, because whoever has none is sent no link
//! when asking for one.

use super::subject_of;
use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, PASSWORD_LINK_FOR},
    call::CallContext,
    commit::{Change, Commit, CommitError},
    denied::{Denied, Fault, Refusal},
    engine::not_found,
    id::{EnvironmentId, SubjectId},
    model::{
        State, environment::Environment, name::NameSpace, session::BITCANUCK, subject::Subject,
    },
    outcome::{Outcome, SubjectOutcome},
    row::{Key, Stored},
    subjects::BEING_ERASED,
    verify::{Authenticated, OperatorCaller},
};

impl Engine {
    /// The answer does not wait for the mail: it leaves by the outbox.
    pub(super) async fn send_password_link(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &SubjectId,
    ) -> Result<Outcome, Refusal> {
        let compiled = self.compiled(environment, context.now).await?;
        let compiled = compiled.ok_or_else(|| not_found("environment"))?;
        for _ in 0..CONFLICT_TRIES_MAX {
            let stored = self.stored_subject(environment, id).await?;
            let subject = subject_of(&stored)?;
            let (email, public_url) =
                decide_password_link(subject, compiled.environment()?, self.sends_mail)?;
            self.decide_may_log_in(subject, email).await?;
            let mut changes = vec![Change::Require {
                key: stored.row.key(),
                if_version: stored.version,
            }];
            let sent = self.password_link(context, &compiled, &stored, email, public_url);
            changes.extend(sent.await?);
            let commit = Commit {
                at: context.now,
                changes,
                audit: self.subject_event(context, caller, subject, "subject.send-password-link"),
            };
            match self.ports.store.commit(commit).await {
                Ok(()) => {
                    return Ok(Outcome::Subject(SubjectOutcome::PasswordLink {
                        sent_to: masked(email),
                        expires_at: context.now.plus(PASSWORD_LINK_FOR),
                    }));
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the subject kept changing").into())
    }

    /// Its organization may act, and nobody else logs in by its address: two organizations may each know it.
    async fn decide_may_log_in(&self, subject: &Subject, email: &str) -> Result<(), Refusal> {
        let keys = [
            Key::Organization(subject.organization.clone()),
            Key::Name(
                subject.environment.clone(),
                NameSpace::Login,
                email.to_owned(),
            ),
        ];
        let [organization, login] = self.load(&keys).await?;
        let organization = organization.as_deref().and_then(Stored::organization);
        if organization.is_none_or(|organization| organization.state != State::Active) {
            return Err(Denied::Conflict("the subject's organization is disabled").into());
        }
        let owner = login.as_deref().and_then(Stored::name);
        match owner.is_some_and(|owner| owner.target != subject.id.as_str()) {
            true => Err(Denied::Conflict("another subject logs in by this e-mail address").into()),
            false => Ok(()),
        }
    }
}

/// The address that a link would go to, and that of the page behind it.
///
/// # Errors
/// [`Denied::Conflict`] that says what is missing.
fn decide_password_link<'a>(
    subject: &'a Subject,
    environment: &'a Environment,
    sends_mail: bool,
) -> Result<(&'a str, &'a str), Denied> {
    let missing = |what| Denied::Conflict(what);
    if subject.closing_at.is_some() {
        return Err(missing(BEING_ERASED));
    }
    if subject.platform.is_some() {
        let what = "a platform vouches for the subject, which has no password to log in with";
        return Err(missing(what));
    }
    if subject.state != State::Active {
        return Err(missing("the subject is disabled"));
    }
    let has_passwords = environment.dialects.iter().any(|name| name == BITCANUCK);
    if !has_passwords {
        let what = "no dialect of the environment has passwords: enable `bitcanuck`";
        return Err(missing(what));
    }
    if !sends_mail {
        let what = "the server sends no mail: configure `mail.server` or `mail.folder`";
        return Err(missing(what));
    }
    let public_url = environment.public_url.as_deref();
    let public_url = public_url
        .ok_or_else(|| missing("the environment has no `public_url` for the link to lead to"))?;
    let email = subject.email.as_deref();
    let email = email.ok_or_else(|| missing("the subject has no e-mail address"))?;
    Ok((email, public_url))
}

/// Enough to recognise it by: one letter, and the domain.
fn masked(email: &str) -> String {
    let (local, domain) = email.split_once('@').unwrap_or((email, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}***@{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::OrganizationId, model::environment::Mode, sealed::Sealed, time::Timestamp};

    fn environment() -> Environment {
        Environment {
            id: EnvironmentId::parse("sandbox").unwrap(),
            display_name: "Sandbox".into(),
            mode: Mode::Sandbox,
            issuer: "https://auth.example.com".into(),
            hosts: vec![],
            dialects: vec!["standard".into(), "bitcanuck".into()],
            brand: "cs".into(),
            profiles: vec![],
            allowed_origins: vec![],
            public_url: Some("https://www.example.com".into()),
            phone_url: None,
            provider_registrations: None,
            data_key: Sealed::default(),
            tag_keys: vec![],
            created_at: Timestamp::EPOCH,
        }
    }

    fn subject() -> Subject {
        Subject {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            id: SubjectId::parse("6f1e0c9a-3b52-4d8e-9a47-0c1d2e3f4a5b").unwrap(),
            organization: OrganizationId::parse("acme").unwrap(),
            platform: None,
            email: Some("jane@example.com".into()),
            phone: None,
            attributes: crate::model::subject::Attributes::default(),
            metadata: None,
            state: State::Active,
            closing_at: None,
            password: None,
            devices: Vec::new(),
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn what_is_missing_for_a_link_is_said() {
        let whole = (subject(), environment());
        let sent = decide_password_link(&whole.0, &whole.1, true);
        assert_eq!(sent, Ok(("jane@example.com", "https://www.example.com")));
        type Case = (&'static str, fn(&mut Subject, &mut Environment));
        let cases: [Case; 6] = [
            ("being erased", |subject, _| {
                subject.closing_at = Some(Timestamp::EPOCH);
            }),
            ("platform vouches", |subject, _| {
                subject.platform = Some(crate::id::ClientId::parse("partner").unwrap());
            }),
            ("disabled", |subject, _| subject.state = State::Disabled),
            ("`bitcanuck`", |_, place| place.dialects.truncate(1)),
            ("`public_url`", |_, place| place.public_url = None),
            ("no e-mail address", |subject, _| subject.email = None),
        ];
        for (words, take_away) in cases {
            let (mut subject, mut environment) = whole.clone();
            take_away(&mut subject, &mut environment);
            let denied = decide_password_link(&subject, &environment, true).unwrap_err();
            assert!(denied.to_string().contains(words), "{denied}");
        }
        let denied = decide_password_link(&whole.0, &whole.1, false).unwrap_err();
        assert!(denied.to_string().contains("`mail.server`"), "{denied}");
    }

    #[test]
    fn an_address_is_told_by_its_first_letter_and_its_domain() {
        assert_eq!(masked("jane@example.com"), "j***@example.com");
        assert_eq!(masked("j@example.com"), "j***@example.com");
    }
}
