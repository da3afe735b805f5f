//! Passcodes: six digits, kept as an HMAC under a pepper that is sealed beside it; and the guesses at them.
//!
//! A code belongs to an address at a client, and opens it from whatever network: phones change theirs between two
//! letters. A guess is compared with the code that its own network asked for, and with the one that was asked for
//! last. From where a code was asked for it takes five guesses, from all other networks fifteen: strangers elsewhere
//! close it for each other, and never take a guess from its owner. How often somebody may guess at an address, with
//! however many codes, is counted as for passwords ([`Account`]).

use super::{KEPT_CHANGING, SignInPlace};
use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, PASSCODE_TRIES, PASSCODE_TRIES_ELSEWHERE_MAX},
    call::CallContext,
    commit::Change,
    compiled::Compiled,
    denied::{Denied, Fault, ProblemKind, Refusal},
    digest::Digest,
    kept_code::CodeOf,
    login::guesses::Account,
    model::ticket::{KeptCode, Purpose, Ticket},
    row::{Key, Row, Stored},
    secret::Secret,
    time::Timestamp,
};
use std::sync::Arc;

const DIGITS: usize = 6;
const CODES: u32 = 1_000_000;

/// Six digits.
///
/// # Errors
/// [`Denied::Invalid`] of anything else: no guess is spent on it.
pub(super) fn check_form(passcode: &Secret<String>) -> Result<(), Denied> {
    let text = passcode.expose();
    let fits = text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit());
    let expected = ProblemKind::Expected("six digits");
    fits.then_some(())
        .ok_or_else(|| Denied::invalid("passcode", expected))
}

impl Engine {
    /// A new passcode.
    pub(super) fn new_passcode(&self) -> Result<Secret<String>, Fault> {
        let fair = u32::MAX - u32::MAX % CODES;
        loop {
            let mut bytes = [0; 4];
            self.ports.entropy.fill(&mut bytes)?;
            let number = u32::from_be_bytes(bytes);
            if number < fair {
                return Ok(Secret::new(format!("{:06}", number % CODES)));
            }
        }
    }

    /// What is kept of a passcode: nothing that a copy of the store could be searched with.
    pub(super) fn kept_passcode(
        &self,
        compiled: &Compiled,
        ticket: Digest,
        code: &Secret<String>,
    ) -> Result<KeptCode, Fault> {
        self.kept_code(compiled, &CodeOf::ticket(ticket), code)
    }

    /// Whether this is the ticket's passcode.
    pub(super) fn is_passcode(
        &self,
        compiled: &Compiled,
        ticket: &Ticket,
        code: &Secret<String>,
    ) -> Result<bool, Fault> {
        let Some(kept) = &ticket.code else {
            return Ok(false);
        };
        self.is_kept_code(compiled, &CodeOf::ticket(ticket.digest), kept, code)
    }

    /// Spend a guess: at the codes, and at the address. What it is compared with, two codes at most; nothing where there
    /// is nothing to guess at, or not yet.
    pub(super) async fn reserve(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        at: &SignInPlace,
    ) -> Result<Vec<Ticket>, Refusal> {
        let account = at.account(context);
        for _ in 0..CONFLICT_TRIES_MAX {
            let mut open = self.open_tickets(context, compiled, at).await?;
            let Some((ticket, _)) = open.first() else {
                return Ok(Vec::new());
            };
            let target = format!("subject:{}", ticket.subject);
            let mut changes = match self.counted_guess(context, &account).await {
                Ok((_, changes)) => changes,
                Err(Refusal::Denied(Denied::TooManyRequests { .. })) => return Ok(Vec::new()),
                Err(refusal) => return Err(refusal),
            };
            for (ticket, version) in &mut open {
                at.spend(ticket);
                changes.push(Change::Replace {
                    row: Row::Ticket(ticket.clone()),
                    if_version: *version,
                });
            }
            let actor = format!("client:{}", at.client.id);
            if self
                .commit_sign_in(context, at, changes, &actor, "sign_in.guess", &target)
                .await?
            {
                return Ok(open.into_iter().map(|(ticket, _)| ticket).collect());
            }
        }
        Err(Fault::unavailable(KEPT_CHANGING).into())
    }

    /// The passcode that this network asked for, and the one that was asked for last where that was another network,
    /// as far as they still take guesses.
    async fn open_tickets(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        at: &SignInPlace,
    ) -> Result<Vec<(Ticket, u64)>, Fault> {
        let key = |digest| Key::Ticket(compiled.id.clone(), digest);
        let [own, latest] = self.load(&[key(at.ticket()), key(at.latest())]).await?;
        let latest = latest.as_deref().and_then(Stored::ticket);
        let elsewhere = latest.and_then(|ticket| ticket.leads_to);
        let elsewhere = match elsewhere.filter(|digest| *digest != at.ticket()) {
            None => None,
            Some(digest) => {
                let [found] = self.load(&[key(digest)]).await?;
                found
            }
        };
        let open = |stored: Arc<Stored>| {
            let ticket = stored.ticket()?;
            let is_open = at.takes_guess(ticket, context.now);
            is_open.then(|| (ticket.clone(), stored.version))
        };
        let both = [own, elsewhere].into_iter().flatten();
        Ok(both.filter_map(open).collect())
    }

    /// Give the try back of a passcode that was right and opened nothing. Whoever changed the ticket meanwhile has
    /// decided about it.
    pub(super) async fn give_back_try(
        &self,
        context: &CallContext,
        at: &SignInPlace,
        ticket: &Ticket,
        version: u64,
    ) -> Result<(), Refusal> {
        let mut changes = self.forgiven(context, &at.account(context)).await?;
        let target = format!("subject:{}", ticket.subject);
        let mut ticket = ticket.clone();
        at.give_back(&mut ticket);
        changes.push(Change::Replace {
            row: Row::Ticket(ticket),
            if_version: version,
        });
        let actor = format!("client:{}", at.client.id);
        self.commit_sign_in(context, at, changes, &actor, "sign_in.give_back", &target)
            .await
            .map(|_| ())
    }
}

impl SignInPlace {
    /// At what is guessed, whatever codes there are: the address at the client.
    pub(super) fn account(&self, context: &CallContext) -> Account {
        let name = format!("{}/{}", self.client.id, self.email);
        Account::of(context, "passcode", &name)
    }

    /// Whether this is a code that still takes a guess from this network. Where its own network has used it up, it is
    /// used up everywhere; where all others have, it is not so for its own.
    fn takes_guess(&self, ticket: &Ticket, now: Timestamp) -> bool {
        let is_live = ticket.purpose == Purpose::Passcode && now < ticket.expires_at;
        let has_room =
            self.asked_for(ticket) || ticket.tries_elsewhere < PASSCODE_TRIES_ELSEWHERE_MAX;
        is_live && ticket.tries_left > 0 && has_room
    }

    fn spend(&self, ticket: &mut Ticket) {
        match self.asked_for(ticket) {
            true => ticket.tries_left = ticket.tries_left.saturating_sub(1),
            false => ticket.tries_elsewhere = ticket.tries_elsewhere.saturating_add(1),
        }
    }

    fn give_back(&self, ticket: &mut Ticket) {
        match self.asked_for(ticket) {
            true => ticket.tries_left = ticket.tries_left.saturating_add(1).min(PASSCODE_TRIES),
            false => ticket.tries_elsewhere = ticket.tries_elsewhere.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_six_digits_are_a_passcode() {
        for (text, is_one) in [
            ("123456", true),
            ("000000", true),
            ("12345", false),
            ("1234567", false),
            ("12345a", false),
            ("+12345", false),
            ("", false),
        ] {
            assert_eq!(
                check_form(&Secret::new(text.into())).is_ok(),
                is_one,
                "{text}"
            );
        }
    }
}
