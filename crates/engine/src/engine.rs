//! The engine itself: its ports, what it keeps in memory, and its doors.

use crate::{
    bounds::{HOST_BYTES_MAX, HOSTS_KEPT_MAX, POPULATIONS_KEPT_MAX},
    call::{AdminCall, Asked, Call, CallContext},
    commit::{Change, Commit, CommitError},
    compiled::CompiledCache,
    denied::{Denied, Fault, Reason, Refusal},
    digest::Digest,
    facts::{Facts, Fresh},
    id::{CredentialId, EnvironmentId, OrganizationId},
    lanes::Lanes,
    limits::Rates,
    model::{audit::AuditEvent, client::ClientKind, name::NameSpace},
    observations::Observations,
    outbox::Outbox,
    outcome::Outcome,
    ports::{Entropy, Freshness, Generation, Keystore, PasswordHasher, Pending, Store},
    row::{Key, Stored},
    time::Timestamp,
    transitions::Transitions,
    verify::Settled,
};
use async_lock::Mutex;
use quick_cache::sync::Cache;
use std::{future::ready, sync::Arc};

/// What the engine needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// Where rows are kept.
    pub store: Arc<dyn Store>,
    /// Whether what was read may still be believed: the cache before that store.
    pub freshness: Arc<dyn Freshness>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where private keys are used.
    pub keystore: Arc<dyn Keystore>,
    /// Where passwords are hashed.
    pub passwords: Arc<dyn PasswordHasher>,
}

/// Decides. One for the whole process.
pub struct Engine {
    pub(crate) ports: Ports,
    pub(crate) compiled: CompiledCache,
    /// Hosts that were looked up, with what their answers were made from.
    hosts: Cache<String, KeptHost>,
    pub(crate) facts: Facts,
    pub(crate) rates: Rates,
    pub(crate) lanes: Lanes,
    /// How many subjects organizations had of late, and when that was counted.
    pub(crate) populations: Cache<(EnvironmentId, OrganizationId), (u64, Timestamp)>,
    pub(crate) observations: Observations,
    pub(crate) outbox: Outbox,
    transitions: Transitions,
    /// Key pairs are made one after the other: they are slow, and waiting callers share the result.
    pub(crate) making_keys: Mutex<()>,
    /// The dialects that this server has.
    pub(crate) dialects: &'static [&'static str],
    /// Whether webhooks may go to `http` on loopback.
    pub(crate) plain_webhooks: bool,
    /// Whether letters leave.
    pub(crate) sends_mail: bool,
}

/// Where a host leads, and what that was read from.
#[derive(Clone)]
struct KeptHost {
    environment: EnvironmentId,
    made_at: Timestamp,
    from: Arc<[Generation]>,
}

impl Engine {
    /// An engine on these ports, with nothing in memory; `dialects` are the names that environments may enable.
    pub fn new(ports: Ports, dialects: &'static [&'static str]) -> Self {
        Self {
            ports,
            compiled: CompiledCache::default(),
            hosts: Cache::new(HOSTS_KEPT_MAX),
            facts: Facts::default(),
            rates: Rates::default(),
            lanes: Lanes::default(),
            populations: Cache::new(POPULATIONS_KEPT_MAX),
            observations: Observations::default(),
            outbox: Outbox::default(),
            transitions: Transitions::default(),
            making_keys: Mutex::new(()),
            dialects,
            plain_webhooks: false,
            sends_mail: false,
        }
    }

    /// The same, where mail is configured: without it an operator is told that a letter would not leave.
    pub fn with_mail(self) -> Self {
        Self {
            sends_mail: true,
            ..self
        }
    }

    /// The same, and webhooks may go to `http` on loopback: for trying things out on one machine.
    pub fn with_plain_webhooks(self) -> Self {
        Self {
            plain_webhooks: true,
            ..self
        }
    }

    /// The environment that lists `host`, if that can be told from what is in memory: no I/O, no waiting.
    /// `None`: ask [`Engine::environment_of`].
    pub fn environment_warm(&self, host: &str, fresh: Fresh<'_>) -> Option<EnvironmentId> {
        let kept = self.hosts.get(host)?;
        fresh
            .believes(kept.made_at, &kept.from)
            .then_some(kept.environment)
    }

    /// The environment that lists `host` (lower case, with or without port; the entry with the port wins).
    ///
    /// # Errors
    /// [`Fault`] when that cannot be known.
    pub async fn environment_of(
        &self,
        host: &str,
        now: Timestamp,
    ) -> Result<Option<EnvironmentId>, Fault> {
        if host.len() > HOST_BYTES_MAX {
            return Ok(None);
        }
        let warm = self
            .fresh(now)
            .and_then(|fresh| self.environment_warm(host, fresh));
        if warm.is_some() {
            return Ok(warm);
        }
        let place = EnvironmentId::installation();
        let name = |host: &str| Key::Name(place.clone(), NameSpace::Host, host.into());
        let bare = without_port(host);
        let mut keys = vec![name(host)];
        if bare != host {
            keys.push(name(bare));
        }
        let from: Vec<_> = keys
            .iter()
            .map(|key| self.ports.freshness.generation(key))
            .collect();
        let found = self.ports.store.load(&keys).await?;
        let Some(stored) = found.into_iter().flatten().next() else {
            return Ok(None);
        };
        let named = stored
            .name()
            .and_then(|name| EnvironmentId::parse(&name.target).ok());
        let environment = named.ok_or_else(|| Fault::internal("a host leads to no environment"))?;
        // Only hosts that are listed are kept, so strangers cannot fill this.
        let kept = KeptHost {
            environment: environment.clone(),
            made_at: now,
            from: from.into(),
        };
        self.hosts.insert(host.to_owned(), kept);
        Ok(Some(environment))
    }

    /// The environment called `id`.
    ///
    /// # Errors
    /// [`Fault`] when that cannot be known.
    pub async fn environment(
        &self,
        id: &EnvironmentId,
        now: Timestamp,
    ) -> Result<Option<Arc<Stored>>, Fault> {
        Ok(self
            .compiled(id, now)
            .await?
            .map(|compiled| compiled.stored.clone()))
    }

    /// Answer a call. First who asks, then what: one line per call.
    ///
    /// # Errors
    /// [`Refusal`]: the caller's fault or ours.
    pub async fn handle(&self, context: &CallContext, asked: Asked) -> Result<Outcome, Refusal> {
        let imports = asked.is_at_a_route();
        // In a box, as what follows it is: it is over when that begins.
        let settled = Box::pin(self.settle(
            context,
            asked.callers,
            asked.presented,
            asked.sender,
            imports,
        ));
        let settled = settled.await?;
        self.handle_settled(context, settled, asked.call).await
    }

    /// Answer a call of someone who is settled. Each call's steps are in a box of their own size: otherwise every request
    /// that waits, for a password's hash or for the store, would keep the room that the longest call needs.
    pub(crate) fn handle_settled<'a>(
        &'a self,
        context: &'a CallContext,
        settled: Settled,
        call: Result<Call, Denied>,
    ) -> Pending<'a, Result<Outcome, Refusal>> {
        let call = call.and_then(|call| decide_kind(&call, &settled).map(|()| call));
        let call = match call {
            Ok(call) => call,
            Err(denied) => return Box::pin(ready(Err(denied.into()))),
        };
        match (call, settled) {
            (
                Call::ClientCredentials {
                    profile,
                    scopes,
                    resources,
                },
                Settled::Client(client),
            ) => Box::pin(async move {
                self.client_credentials(context, &client, profile, scopes, resources)
                    .await
            }),
            (Call::Introspect { token }, Settled::Client(client)) => {
                Box::pin(async move { self.introspect(context, &client, &token).await })
            }
            (Call::Revoke { token }, Settled::Client(client)) => {
                Box::pin(async move { self.revoke(context, &client, &token).await })
            }
            (Call::PublicKeys, Settled::Anyone) => Box::pin(self.public_keys(context)),
            (Call::Metadata, Settled::Anyone) => Box::pin(self.metadata(context)),
            (Call::Subscriptions(call), Settled::Client(client)) => {
                Box::pin(async move { self.own_subscriptions(context, &client, call).await })
            }
            (Call::Login(call), settled) => {
                Box::pin(async move { self.login(context, &settled, call).await })
            }
            (Call::Realm(call), settled) => Box::pin(self.realm(context, settled, call)),
            (Call::Admin(call), Settled::Operator(operator)) => {
                Box::pin(async move { self.admin(context, &operator, call).await })
            }
            (Call::Session(call), settled) => {
                Box::pin(async move { self.session_call(context, &settled, call).await })
            }
            (Call::Profile(call), Settled::Client(client)) => {
                Box::pin(async move { self.profile_call(context, &client, call).await })
            }
            (Call::Provider(call), settled) => {
                Box::pin(async move { self.provider_call(context, &settled, call).await })
            }
            (Call::Device(call), settled) => {
                Box::pin(async move { self.device_call(context, &settled, call).await })
            }
            (Call::Approval(call), settled) => {
                Box::pin(async move { self.approval_call(context, &settled, call).await })
            }
            // A route that declares other callers than its call needs is our mistake, and opens nothing.
            (call, _) => {
                let fault = format_args!("{} on a route for others", call.name()).to_string();
                Box::pin(ready(Err(Fault::internal(fault).into())))
            }
        }
    }

    /// Take what was observed since the last time (failed logins, denials, tokens issued), and how many
    /// observations did not fit. A worker writes them with [`Store::observe`] within a second. Repeats of a
    /// line that was taken already are folded into one more, which comes when their minute is over.
    pub fn take_observations(&self, now: Timestamp) -> (Vec<AuditEvent>, u64) {
        self.observations.take(now)
    }

    /// Take the credentials used since the last time, each at most once per minute. A worker writes them
    /// with [`crate::ports::Housekeeping::LastUsed`].
    pub fn take_last_used(&self) -> Vec<(EnvironmentId, CredentialId, Timestamp)> {
        self.observations.take_used()
    }

    /// The rows of these keys, in their order.
    pub(crate) async fn load<const N: usize>(
        &self,
        keys: &[Key; N],
    ) -> Result<[Option<Arc<Stored>>; N], Fault> {
        let rows = self.ports.store.load(keys).await?;
        rows.try_into()
            .map_err(|_| Fault::internal("the store answered with another number of rows"))
    }

    /// The row of this key from the store itself, whether it is cached or not: an account that was asked about of late
    /// must not be answered sooner than one that does not exist.
    pub(crate) async fn load_from_store(
        &self,
        environment: &EnvironmentId,
        key: Key,
    ) -> Result<Option<Arc<Stored>>, Fault> {
        // No cache holds counts, and the rows of one load come from the store together.
        let digest = Digest::of("countersign/from-store", &[]);
        let count = Key::Attempts(environment.clone(), digest);
        let [row, _] = self.load(&[key, count]).await?;
        Ok(row)
    }

    /// Write these changes together with their audit event.
    pub(crate) async fn commit(
        &self,
        at: Timestamp,
        changes: Vec<Change>,
        audit: AuditEvent,
    ) -> Result<(), CommitError> {
        let reached = Transitions::of(&changes);
        self.ports
            .store
            .commit(Commit { at, changes, audit })
            .await?;
        self.transitions.note(&reached);
        Ok(())
    }

    /// How often approvals came into each state, by what this node committed. `pending`: were made; `used`: let a request
    /// pass.
    pub fn approvals_by_state(&self) -> Vec<(&'static str, u64)> {
        self.transitions.counts()
    }

    /// An audit event of this call.
    pub(crate) fn event(
        &self,
        context: &CallContext,
        actor: &str,
        action: &str,
        target: &str,
    ) -> AuditEvent {
        AuditEvent {
            at: context.now,
            environment: context.environment.clone(),
            organization: None,
            actor: actor.into(),
            action: action.into(),
            target: target.into(),
            outcome: "ok".into(),
            request_id: context.request_id.clone(),
            peer: context.peer,
            count: 1,
        }
    }

    /// Commit what a stranger may repeat at will, and note what the audit log says of it: folded, so that it buys no
    /// lines. See [`Commit::is_audited`].
    pub(crate) async fn commit_repeatable(
        &self,
        at: Timestamp,
        changes: Vec<Change>,
        audit: AuditEvent,
    ) -> Result<(), CommitError> {
        let untold = AuditEvent {
            count: 0,
            ..audit.clone()
        };
        self.commit(at, changes, untold).await?;
        self.observations.note(audit);
        Ok(())
    }

    /// Note something that no commit carries.
    pub(crate) fn note(
        &self,
        context: &CallContext,
        actor: &str,
        action: &str,
        target: &str,
        outcome: &str,
    ) {
        let mut event = self.event(context, actor, action, target);
        event.outcome = outcome.into();
        self.observations.note(event);
    }
}

/// Whether the call is for this kind of client: whoever asks people for approval is no server that looks after an
/// organization's users, and may have registered itself.
fn decide_kind(call: &Call, settled: &Settled) -> Result<(), Denied> {
    let Settled::Client(client) = settled else {
        return Ok(());
    };
    let asks_people = client.who().client.kind == ClientKind::ServiceProvider;
    let is_of_servers = matches!(
        call,
        Call::Subscriptions(_) | Call::Session(_) | Call::Profile(_)
    );
    (!(asks_people && is_of_servers))
        .then_some(())
        .ok_or(Denied::Forbidden(Reason::Kind))
}

/// The host without its port; an IPv6 literal keeps its brackets.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((bare, port)) if !bare.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => bare,
        _ => host,
    }
}

impl Call {
    /// The word for logs and audit.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ClientCredentials { .. } => "token.issue",
            Self::Introspect { .. } => "token.introspect",
            Self::Revoke { .. } => "token.revoke",
            Self::PublicKeys => "keys.show",
            Self::Metadata => "metadata.show",
            Self::Subscriptions(_) => "subscriptions",
            Self::Login(call) => call.name(),
            Self::Realm(call) => call.ask.name(),
            Self::Admin(AdminCall::WhoAmI) => "operator.whoami",
            Self::Admin(_) => "admin",
            Self::Session(call) => call.name(),
            Self::Profile(call) => call.name(),
            Self::Provider(call) => call.name(),
            Self::Device(call) => call.name(),
            Self::Approval(call) => call.name(),
        }
    }
}

/// What a listing or a target that is not there is answered with.
pub(crate) fn not_found(noun: &'static str) -> Refusal {
    Denied::NotFound { noun }.into()
}
