//! A link for a password that an operator sends: how a person whom an operator made comes to the first one.

use super::{
    guesses::wait,
    reset::{SECRET_CHARS, counted, link, lookup, ticket_of},
};
use crate::{
    Engine,
    bounds::{PASSWORD_LINK_FOR, PASSWORD_LINKS_MAX},
    call::CallContext,
    commit::Change,
    compiled::Compiled,
    denied::Refusal,
    digest::Digest,
    model::{ticket::Ticket, webhook::LetterText},
    opaque::random_text,
    row::{Key, Row, Stored},
    secret::Secret,
    subjects::not_a_subject,
};

impl Engine {
    /// The changes that send a link to this address of a subject's, as it is now: its ticket, its letter, and the
    /// count of such letters. The page behind the link is the one where a forgotten password is replaced.
    ///
    /// # Errors
    /// [`crate::denied::Denied::TooManyRequests`] where so many went to the subject of late.
    pub(crate) async fn password_link(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        stored: &Stored,
        email: &str,
        public_url: &str,
    ) -> Result<Vec<Change>, Refusal> {
        let subject = stored.subject().ok_or_else(not_a_subject)?;
        let names = [compiled.id.as_str(), subject.id.as_str()].map(str::as_bytes);
        let digest = Digest::of("countersign/letters/operator", &names);
        let key = Key::Attempts(compiled.id.clone(), digest);
        let [sent] = self.load(&[key]).await?;
        let until = sent.as_deref().and_then(Stored::attempts);
        let until = until.map_or(context.now, |row| row.expires_at);
        let count = counted(compiled, sent, digest, PASSWORD_LINKS_MAX, context.now)
            .ok_or_else(|| wait(until, context.now))?;
        let secret = Secret::new(random_text(SECRET_CHARS, &*self.ports.entropy)?);
        let text = LetterText::PasswordLink {
            link: link(public_url, &secret),
            minutes: u32::try_from(PASSWORD_LINK_FOR.as_secs() / 60).unwrap_or(u32::MAX),
        };
        let letter = self.letter(context, compiled, email, text, subject.id.as_str())?;
        let digest = lookup(&compiled.id, &secret);
        let ticket = Row::Ticket(Ticket {
            expires_at: context.now.plus(PASSWORD_LINK_FOR),
            ..ticket_of(subject, stored.not_before, digest, context.now)
        });
        Ok(vec![Change::Insert(ticket), letter, count])
    }
}
