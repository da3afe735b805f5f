//! People sign in by themselves with a passcode by e-mail: identify, then authenticate.
//!
//! That an address is known shows in the answer, by design of the vendor's API: so it is off at every client until
//! an operator turns it on, and limited per network and per address. A wrong passcode is never answered with
//! "too many": the vendor's library would repeat it.

use super::{SessionAnswer, SignInAsk, lane_of, lane_of_address};
use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, PASSCODE_FOR, PASSCODE_TRIES, SIGN_UPS_UP_TO},
    call::CallContext,
    commit::{Change, CommitError},
    compiled::Compiled,
    denied::{Denied, Fault, ProblemKind, Reason, Refusal},
    digest::Digest,
    id::ClientId,
    issue::SessionFor,
    model::{
        State,
        client::Client,
        credential::RateLimit,
        name::NameSpace,
        subject::Subject,
        ticket::{Purpose, Ticket},
        webhook::LetterText,
    },
    profiles::{FULL, ProfileMembers},
    row::{Key, Row, Stored},
    secret::Secret,
    subjects::email_of,
    time::Timestamp,
    verify::{network_of, site_of, too_many},
};
use std::sync::Arc;

mod passcode;

/// People of one network who begin to sign in.
const OF_NETWORK: RateLimit = RateLimit {
    per_minute: 30,
    burst: 30,
};
/// Letters to one address that one network asks for.
const OF_ADDRESS: RateLimit = RateLimit {
    per_minute: 1,
    burst: 3,
};
/// Letters to one address, whoever asks: wider, so that a stranger alone cannot keep its owner from a code.
const OF_ADDRESS_ANYWHERE: RateLimit = RateLimit {
    per_minute: 6,
    burst: 20,
};
/// New profiles that one network, or one IPv6 site, asks for, at whatever client: a class, or an office behind one
/// address.
const SIGN_UPS_OF_NETWORK: RateLimit = RateLimit {
    per_minute: 10,
    burst: 30,
};
/// New profiles at one client, whoever signs up: a row each, and events. It takes twenty networks or IPv6 sites to use it
/// up.
const SIGN_UPS_OF_CLIENT: RateLimit = RateLimit {
    per_minute: 120,
    burst: 600,
};
/// Guesses of one network, at whatever address.
const GUESSES_OF_NETWORK: RateLimit = RateLimit {
    per_minute: 60,
    burst: 60,
};

/// A client at which people may sign in, and who does.
pub(super) struct SignInPlace {
    client: Client,
    organization_number: u64,
    sign_ups: bool,
    /// Of environment, organization and client.
    not_before: Timestamp,
    /// In its normal form.
    email: String,
    /// From where: guesses are counted by it, so that strangers elsewhere cannot use a code up.
    network: Vec<u8>,
}

impl Engine {
    /// An unknown address becomes a new subject with a session, where the client lets people sign up. A known one
    /// is sent a passcode.
    pub(super) async fn identify(
        &self,
        context: &CallContext,
        ask: &SignInAsk,
    ) -> Result<SessionAnswer, Refusal> {
        let compiled = self.arrived(context).await?;
        let at = self.sign_in_place(context, &compiled, ask).await?;
        self.take_of_network(context, "countersign/identify/network", OF_NETWORK)
            .map_err(too_many)?;
        let label = "countersign/identify/address";
        // The network's own first: what that refuses must not use up what all others share.
        for (address, limit) in [
            (at.here(label), OF_ADDRESS),
            (at.anywhere(label), OF_ADDRESS_ANYWHERE),
        ] {
            let bucket = self.rates.bucket(address);
            bucket.take(limit, context.now).map_err(too_many)?;
        }
        let lane = lane_of_address(&compiled.id, &at.client.id, &at.email);
        let _turn = self.lanes.turn(lane).await?;
        for _ in 0..CONFLICT_TRIES_MAX {
            let place = &compiled.id;
            let organization = &at.client.organization;
            let space = NameSpace::SubjectEmail;
            let known = self
                .subject_by_contact(place, organization, None, space, &at.email)
                .await?;
            let answer = match known.as_deref().and_then(Stored::subject) {
                Some(subject) => self.send_code(context, &compiled, &at, subject).await?,
                None => self.sign_up(context, &compiled, &at).await?,
            };
            if let Some(answer) = answer {
                return Ok(answer);
            }
        }
        Err(Fault::unavailable(KEPT_CHANGING).into())
    }

    /// The client that is asked at, and the address. A client that is not there, is disabled or lets nobody sign in
    /// is answered alike.
    async fn sign_in_place(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        ask: &SignInAsk,
    ) -> Result<SignInPlace, Refusal> {
        let no_client = || {
            let expected = ProblemKind::Expected("a client at which people may sign in");
            Refusal::from(Denied::invalid("clientId", expected))
        };
        let id = ClientId::parse(&ask.client).map_err(|_| no_client())?;
        let [stored] = self.load(&[Key::Client(compiled.id.clone(), id)]).await?;
        let client = stored.as_deref().and_then(Stored::client);
        let client = client.ok_or_else(no_client)?;
        let key = Key::Organization(client.organization.clone());
        let [owner] = self.load(&[key]).await?;
        let organization = owner.as_deref().and_then(Stored::organization);
        let organization = organization.ok_or_else(no_client)?;
        let acts = client.state == State::Active && organization.state == State::Active;
        let sign_in = client.sign_in.as_ref().filter(|_| acts);
        let sign_in = sign_in.ok_or_else(no_client)?;
        let email = email_of(&ask.email, "email")?;
        let rows = [Some(&compiled.stored), stored.as_ref(), owner.as_ref()];
        let marks = rows.into_iter().flatten().map(|stored| stored.not_before);
        Ok(SignInPlace {
            sign_ups: sign_in.sign_ups,
            organization_number: organization.number,
            not_before: marks.max().unwrap_or_default(),
            client: client.clone(),
            email,
            network: context.peer.map(network_of).unwrap_or_default(),
        })
    }

    /// None: a conflict.
    async fn sign_up(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        at: &SignInPlace,
    ) -> Result<Option<SessionAnswer>, Refusal> {
        if !at.sign_ups {
            return Err(Denied::Forbidden(Reason::Unknown).into());
        }
        // The network's own first: what that refuses must not use up what all others share.
        let place = at.client.environment.as_str().as_bytes();
        let site = context.peer.and_then(site_of).map(Vec::from);
        let whose = site.unwrap_or_else(|| context.peer.map(network_of).unwrap_or_default());
        let own = Digest::of("countersign/sign-ups/network", &[place, &whose]);
        let own = self.rates.bucket(own);
        own.take(SIGN_UPS_OF_NETWORK, context.now)
            .map_err(too_many)?;
        let client = [at.client.environment.as_str(), at.client.id.as_str()].map(str::as_bytes);
        let bucket = Digest::of("countersign/sign-ups/client", &client);
        let bucket = self.rates.bucket(bucket);
        bucket
            .take(SIGN_UPS_OF_CLIENT, context.now)
            .map_err(too_many)?;
        let owner = &at.client.organization;
        self.decide_population(&compiled.id, owner, SIGN_UPS_UP_TO, context.now, FULL)
            .await?;
        let members = ProfileMembers {
            email: Some(Some(at.email.clone())),
            ..ProfileMembers::default()
        };
        let id = self.new_subject_id()?;
        let organization = &at.client.organization;
        let (subject, changes) = self
            .new_profile(context, organization, id, &members)
            .await?;
        let of = at.session(&subject, None, None);
        let actor = super::actor_of(&subject);
        let granted = self.grant_session(context, compiled, &of, changes, &actor);
        Ok(granted.await?.map(SessionAnswer::Session))
    }

    /// Write the passcode and its letter. Someone who may not act, or has a password, is sent none, and nobody learns that. None: a
    /// conflict.
    async fn send_code(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        at: &SignInPlace,
        subject: &Subject,
    ) -> Result<Option<SessionAnswer>, Refusal> {
        let digest = at.ticket();
        let code = self.new_passcode()?;
        let ticket = Ticket {
            environment: compiled.id.clone(),
            digest,
            purpose: Purpose::Passcode,
            subject: subject.id.clone(),
            organization: subject.organization.clone(),
            client: Some(at.client.id.clone()),
            code: Some(self.kept_passcode(compiled, digest, &code)?),
            sent_to: None,
            leads_to: None,
            tries_left: PASSCODE_TRIES,
            tries_elsewhere: 0,
            created_at: context.now,
            expires_at: context.now.plus(PASSCODE_FOR),
        };
        let latest = Ticket {
            digest: at.latest(),
            code: None,
            leads_to: Some(digest),
            ..ticket.clone()
        };
        let rows = [ticket, latest];
        let key = |ticket: &Ticket| Key::Ticket(compiled.id.clone(), ticket.digest);
        let known = self.load(&rows.each_ref().map(key)).await?;
        let changes = rows.into_iter().zip(known);
        let changes = changes.map(|(ticket, known)| match known {
            None => Change::Insert(Row::Ticket(ticket)),
            Some(known) => Change::Replace {
                row: Row::Ticket(ticket),
                if_version: known.version,
            },
        });
        let mut changes: Vec<Change> = changes.collect();
        if subject.signs_in_by_code() {
            let text = LetterText::Passcode {
                code: code.expose().clone(),
                minutes: u32::try_from(PASSCODE_FOR.as_secs() / 60).unwrap_or(u32::MAX),
                client: at.client.display_name.clone(),
            };
            let order = subject.id.as_str();
            changes.push(self.letter(context, compiled, &at.email, text, order)?);
        }
        let actor = format!("client:{}", at.client.id);
        let target = super::actor_of(subject);
        let sent = self
            .commit_sign_in(context, at, changes, &actor, "sign_in.identify", &target)
            .await?;
        Ok(sent.then_some(SessionAnswer::CodeSent))
    }

    /// A session for whoever knows the passcode. The guess is spent before it is compared.
    pub(super) async fn authenticate(
        &self,
        context: &CallContext,
        ask: &SignInAsk,
        passcode: &Secret<String>,
    ) -> Result<SessionAnswer, Refusal> {
        let compiled = self.arrived(context).await?;
        let at = self.sign_in_place(context, &compiled, ask).await?;
        passcode::check_form(passcode)?;
        let guesses = "countersign/guesses/network";
        if self
            .take_of_network(context, guesses, GUESSES_OF_NETWORK)
            .is_err()
        {
            return Err(self.wrong(context, &at));
        }
        let lane = lane_of_address(&compiled.id, &at.client.id, &at.email);
        let _turn = self.lanes.turn(lane).await?;
        let mut right = None;
        for ticket in self.reserve(context, &compiled, &at).await? {
            if self.is_passcode(&compiled, &ticket, passcode)? {
                right = Some(ticket);
            }
        }
        let Some(ticket) = right else {
            return Err(self.wrong(context, &at));
        };
        self.settle_sign_in(context, &compiled, &at, &ticket).await
    }

    /// The session of a subject whose passcode was right, and the end of that passcode.
    async fn settle_sign_in(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        at: &SignInPlace,
        ticket: &Ticket,
    ) -> Result<SessionAnswer, Refusal> {
        let place = &compiled.id;
        let _turn = self.lanes.turn(lane_of(place, &ticket.subject)).await?;
        let keys = [
            Key::Subject(place.clone(), ticket.subject.clone()),
            Key::SessionWindow(place.clone(), ticket.subject.clone()),
            Key::Ticket(place.clone(), ticket.digest),
        ];
        for _ in 0..CONFLICT_TRIES_MAX {
            let [subject, window, now] = self.load(&keys).await?;
            let now = now
                .as_deref()
                .and_then(|row| Some((row.ticket()?, row.version)));
            // Used meanwhile, or asked for again. Others may have guessed at it.
            let Some((now, version)) = now.filter(|(now, _)| now.code == ticket.code) else {
                return Err(self.wrong(context, at));
            };
            let Some(known) = self.signing_in(subject.as_ref(), at) else {
                return Err(self.wrong(context, at));
            };
            let mark = subject.as_ref().map(|stored| stored.not_before);
            let mut changes = vec![Change::Remove {
                key: Key::Ticket(place.clone(), ticket.digest),
                if_version: version,
            }];
            changes.extend(self.forgiven(context, &at.account(context)).await?);
            let of = at.session(known, mark, window.as_deref());
            let actor = super::actor_of(known);
            let granted = self
                .grant_session(context, compiled, &of, changes, &actor)
                .await;
            if let Err(Refusal::Denied(Denied::TooManyRequests { .. })) = granted {
                // The code was right: it stays good for when there is room, and nothing counts as an attack.
                self.give_back_try(context, at, now, version).await?;
            }
            if let Some(granted) = granted? {
                return Ok(SessionAnswer::Session(granted));
            }
        }
        Err(Fault::unavailable(KEPT_CHANGING).into())
    }

    /// The subject that a ticket was for, if it may still sign in by this address.
    fn signing_in<'a>(
        &self,
        stored: Option<&'a Arc<Stored>>,
        at: &SignInPlace,
    ) -> Option<&'a Subject> {
        let subject = stored?.subject()?;
        let is_same = subject.email.as_deref() == Some(&at.email)
            && subject.organization == at.client.organization;
        (is_same && subject.signs_in_by_code()).then_some(subject)
    }

    fn take_of_network(
        &self,
        context: &CallContext,
        label: &str,
        limit: RateLimit,
    ) -> Result<(), u32> {
        let network = context.peer.map(network_of).unwrap_or_default();
        let names = [context.environment.as_str().as_bytes(), &network];
        let bucket = self.rates.bucket(Digest::of(label, &names));
        bucket.take(limit, context.now)
    }

    /// Whatever was wrong: the passcode, the address, the time, or too many guesses.
    fn wrong(&self, context: &CallContext, at: &SignInPlace) -> Refusal {
        let target = format!("client:{}", at.client.id);
        let denied = Denied::InvalidToken(Reason::Unknown);
        self.note(context, "-", "sign_in.authenticate", &target, denied.word());
        denied.into()
    }

    /// Whether it was committed; if not, load and decide again.
    async fn commit_sign_in(
        &self,
        context: &CallContext,
        at: &SignInPlace,
        changes: Vec<Change>,
        actor: &str,
        action: &str,
        target: &str,
    ) -> Result<bool, Refusal> {
        let mut audit = self.event(context, actor, action, target);
        audit.organization = Some(at.client.organization.clone());
        match self.commit_repeatable(context.now, changes, audit).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }
}

impl SignInPlace {
    /// Where the passcode is kept that this network asked for.
    fn ticket(&self) -> Digest {
        self.here("countersign/passcode")
    }

    /// Whether this network asked for it.
    fn asked_for(&self, ticket: &Ticket) -> bool {
        ticket.digest == self.ticket()
    }

    /// Where it is kept which passcode was asked for last, from whatever network.
    fn latest(&self) -> Digest {
        self.anywhere("countersign/passcode")
    }

    /// A digest of the address at this client, from this network.
    fn here(&self, label: &str) -> Digest {
        let [environment, client, email] = self.names();
        Digest::of(label, &[environment, client, email, &self.network])
    }

    /// A digest of the address at this client, from whatever network.
    fn anywhere(&self, label: &str) -> Digest {
        Digest::of(label, &self.names())
    }

    fn names(&self) -> [&[u8]; 3] {
        let client = &self.client;
        [client.environment.as_str(), client.id.as_str(), &self.email].map(str::as_bytes)
    }

    /// A session of this subject, who asks for it without an API key.
    fn session<'a>(
        &'a self,
        subject: &'a Subject,
        subject_not_before: Option<Timestamp>,
        window: Option<&'a Stored>,
    ) -> SessionFor<'a> {
        SessionFor {
            client: &self.client,
            organization_number: self.organization_number,
            scopes: &self.client.scopes,
            credential: None,
            subject,
            subject_not_before,
            not_before: self.not_before,
            window,
        }
    }
}

const KEPT_CHANGING: &str = "the sign-in kept changing";
