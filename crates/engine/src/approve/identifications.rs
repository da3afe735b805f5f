//! Identifications: a nonce that somebody shows. Whoever types it into a device: see `consume.rs`.

use super::{
    facts::identification_facts,
    providers::{poll_of, provider_of},
};
use crate::{
    Engine,
    bounds::{
        CONFLICT_TRIES_MAX, DEVICES_PER_SUBJECT_MAX, IDENTIFICATION_FOR, IDENTIFICATION_RATE,
        LINK_NONCE_RATE, NONCE_DIGITS,
    },
    call::CallContext,
    commit::{Change, CommitError},
    compiled::Compiled,
    denied::{Denied, Fault, Refusal},
    digest::Digest,
    engine::not_found,
    id::{EnvironmentId, IdentificationId, OrganizationId},
    model::{
        audit::AuditEvent,
        credential::RateLimit,
        identification::{Identification, IdentificationPurpose, IdentificationState},
        name::{Name, NameSpace},
        provider_object::ProviderObject,
        subject::Subject,
    },
    opaque::hex_id,
    outcome::{ApprovalOutcome, ProviderOutcome},
    row::{Key, Row, Stored},
    sessions::actor_of,
    verify::{Authenticated, ClientCaller, SessionCaller, too_many},
};

pub(super) const NOUN: &str = "identification";
/// There are so many nonces.
const NONCES: u32 = 1_000_000_000;

impl Engine {
    pub(super) async fn show_nonce(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
    ) -> Result<ProviderOutcome, Refusal> {
        let provider = provider_of(caller)?;
        let compiled = self.arrived(context).await?;
        self.take_nonce(context, provider.id.as_str(), IDENTIFICATION_RATE)?;
        let purpose = IdentificationPurpose::Provider(provider.id.clone());
        let whose = &provider.organization;
        let audit = |row: &Identification| {
            let actor = format!("client:{}", provider.id);
            let target = format!("identification:{}", row.id);
            let event = self.event(context, &actor, "identification.create", &target);
            AuditEvent {
                organization: Some(whose.clone()),
                ..event
            }
        };
        let made = self
            .shown_nonce(context, &compiled, purpose, whose, audit)
            .await?;
        let facts = identification_facts(compiled.environment()?, &made, context.now);
        Ok(ProviderOutcome {
            object: ProviderObject::Identification(facts),
            api_key: None,
        })
    }

    pub(super) async fn show_identification(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        id: &IdentificationId,
    ) -> Result<ProviderOutcome, Refusal> {
        let provider = provider_of(caller)?;
        let compiled = self.arrived(context).await?;
        let key = Key::Identification(compiled.id.clone(), id.clone());
        let [stored] = self.load(&[key]).await?;
        let known = stored.as_deref().and_then(Stored::identification);
        let own = IdentificationPurpose::Provider(provider.id.clone());
        let known = known.filter(|known| known.purpose == own);
        let known = known.ok_or_else(|| not_found(NOUN))?;
        self.take_poll(context, poll_of(context, NOUN, id.as_str()))?;
        let facts = identification_facts(compiled.environment()?, known, context.now);
        Ok(ProviderOutcome {
            object: ProviderObject::Identification(facts),
            api_key: None,
        })
    }

    /// A nonce that links a first device to whoever shows this session. A further one is for an operator to show: who has
    /// stolen a session must not approve what it asks for on a phone of their own.
    pub(super) async fn own_link_nonce(
        &self,
        context: &CallContext,
        caller: &Authenticated<SessionCaller>,
    ) -> Result<ApprovalOutcome, Refusal> {
        let subject = &caller.who().subject;
        let compiled = self.arrived(context).await?;
        self.take_nonce(context, subject.id.as_str(), LINK_NONCE_RATE)?;
        if !subject.devices.is_empty() {
            return Err(HAS_DEVICE.into());
        }
        let actor = actor_of(subject);
        let audit = |_: &Identification| {
            let event = self.event(context, &actor, "device.link_nonce", &actor);
            AuditEvent {
                organization: Some(subject.organization.clone()),
                ..event
            }
        };
        let purpose = IdentificationPurpose::FirstDevice(subject.id.clone());
        let whose = &subject.organization;
        let made = self
            .shown_nonce(context, &compiled, purpose, whose, audit)
            .await?;
        self.nonce_outcome(context, &compiled, &made)
    }

    /// A nonce that links a device to a subject, shown by an operator.
    pub(super) async fn subject_nonce(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        subject: &Subject,
        audit: impl Fn(&Identification) -> AuditEvent,
    ) -> Result<ApprovalOutcome, Refusal> {
        if subject.devices.len() >= DEVICES_PER_SUBJECT_MAX {
            return Err(MANY_DEVICES.into());
        }
        let purpose = IdentificationPurpose::Subject(subject.id.clone());
        let whose = &subject.organization;
        let made = self
            .shown_nonce(context, compiled, purpose, whose, audit)
            .await?;
        self.nonce_outcome(context, compiled, &made)
    }

    pub(super) fn nonce_outcome(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        made: &Identification,
    ) -> Result<ApprovalOutcome, Refusal> {
        let facts = identification_facts(compiled.environment()?, made, context.now);
        Ok(ApprovalOutcome::Nonce(facts, made.expires_at))
    }

    /// Show a nonce, whatever typing it in does.
    pub(super) async fn shown_nonce(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        purpose: IdentificationPurpose,
        organization: &OrganizationId,
        audit: impl Fn(&Identification) -> AuditEvent,
    ) -> Result<Identification, Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let id = hex_id(&*self.ports.entropy)?;
            let id = IdentificationId::parse(&id).map_err(Fault::internal)?;
            let place = &compiled.id;
            let made =
                self.new_identification(context, place, id, purpose.clone(), organization)?;
            let event = audit(&made);
            match self.commit(context.now, rows_of(&made).into(), event).await {
                Ok(()) => return Ok(made),
                // Somebody is shown this nonce already.
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("no nonce was free").into())
    }

    /// A nonce to show, not yet committed: see [`rows_of`].
    pub(super) fn new_identification(
        &self,
        context: &CallContext,
        environment: &EnvironmentId,
        id: IdentificationId,
        purpose: IdentificationPurpose,
        organization: &OrganizationId,
    ) -> Result<Identification, Fault> {
        Ok(Identification {
            environment: environment.clone(),
            id,
            purpose,
            organization: organization.clone(),
            nonce: self.new_nonce()?,
            state: IdentificationState::Created,
            device: None,
            asset: None,
            created_at: context.now,
            updated_at: context.now,
            expires_at: context.now.plus(IDENTIFICATION_FOR),
        })
    }

    /// Nine digits, each as likely as any other.
    fn new_nonce(&self) -> Result<String, Fault> {
        let fair = u32::MAX - u32::MAX % NONCES;
        loop {
            let mut bytes = [0; 4];
            self.ports.entropy.fill(&mut bytes)?;
            let number = u32::from_be_bytes(bytes);
            if number < fair {
                let number = number % NONCES;
                return Ok(format!("{number:0width$}", width = NONCE_DIGITS));
            }
        }
    }

    /// One nonce of whoever shows it. No I/O.
    fn take_nonce(
        &self,
        context: &CallContext,
        whose: &str,
        limit: RateLimit,
    ) -> Result<(), Refusal> {
        let names = [context.environment.as_str(), whose].map(str::as_bytes);
        let bucket = Digest::of("countersign/nonces/shown", &names);
        let taken = self.rates.bucket(bucket).take(limit, context.now);
        taken.map_err(|wait| too_many(wait).into())
    }
}

pub(super) const MANY_DEVICES: Denied =
    Denied::Conflict("as many devices approve for this person as may");
/// Of a nonce that a session shows, or showed.
pub(super) const HAS_DEVICE: Denied = Denied::Conflict(
    "a device approves for this person already; the nonce for another is an operator's to show",
);

/// What makes an identification: its row, and the name that leads to it while it is good.
pub(super) fn rows_of(made: &Identification) -> [Change; 2] {
    let name = Name {
        environment: made.environment.clone(),
        space: NameSpace::Nonce,
        name: made.nonce.clone(),
        target: made.id.to_string(),
    };
    [Row::Identification(made.clone()), Row::Name(name)].map(Change::Insert)
}

/// What a nonce is found by.
pub(super) fn name_key(environment: &EnvironmentId, nonce: &str) -> Key {
    Key::Name(environment.clone(), NameSpace::Nonce, nonce.into())
}
