//! The engine itself: its ports, its caches, and its two doors.

use crate::{
    call::{Asked, CallContext},
    decision::{Allowed, Decision, Judged},
    denied::{Fault, Refusal},
    id::{CredentialId, EnvironmentId, OperatorId},
    model::audit::AuditEvent,
    outcome::Outcome,
    ports::{Entropy, Freshness, Keystore, Store},
    row::Stored,
    secret::Secret,
    time::Timestamp,
};
use std::sync::Arc;

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
}

/// Decides. One for the whole process.
pub struct Engine {
    pub(crate) ports: Ports,
}

impl Engine {
    /// An engine on these ports, with nothing cached.
    pub fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// Make the first operator (role owner) and its token, in an installation that has none.
    ///
    /// # Errors
    /// `Denied::Conflict` when there is an operator already.
    pub async fn bootstrap(
        &self,
        _context: &CallContext,
        _operator: OperatorId,
    ) -> Result<Secret<String>, Refusal> {
        Err(Fault::internal("not built").into())
    }

    /// The environment that lists `host` (lower case, with or without port; the entry with the port wins).
    ///
    /// # Errors
    /// [`Fault`] when that cannot be known.
    pub async fn environment_of(&self, _host: &str) -> Result<Option<EnvironmentId>, Fault> {
        Err(Fault::internal("not built"))
    }

    /// The environment called `id`.
    ///
    /// # Errors
    /// [`Fault`] when that cannot be known.
    pub async fn environment(&self, _id: &EnvironmentId) -> Result<Option<Arc<Stored>>, Fault> {
        Err(Fault::internal("not built"))
    }

    /// Answer a call. First who asks, then what.
    ///
    /// # Errors
    /// [`Refusal`]: the caller's fault or ours.
    pub async fn handle(&self, _context: &CallContext, _asked: Asked) -> Result<Outcome, Refusal> {
        Err(Fault::internal("not built").into())
    }

    /// Decide about a gateway's request; `context.environment` is the judged host's.
    pub async fn decide(&self, context: &CallContext, judged: &Judged<'_>) -> Decision {
        let _ = (context, judged);
        Decision::Deny(crate::decision::DeniedAtGuard {
            refusal: Fault::internal("not built").into(),
            dialect: None,
            allowed_origin: false,
        })
    }

    /// The same, if it can be told from what is in memory: no I/O, no waiting. `None`: ask [`Engine::decide`].
    pub fn decide_warm(&self, _context: &CallContext, _judged: &Judged<'_>) -> Option<Decision> {
        None
    }

    /// The signed `Countersign-Assertion` of an allowed request whose guard wants one: a compact JWS,
    /// made once per fact and reused for 30 s.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be signed: the request must not pass then.
    pub async fn identity_assertion(
        &self,
        _context: &CallContext,
        _allowed: &Allowed,
    ) -> Result<String, Fault> {
        Err(Fault::internal("not built"))
    }

    /// Take what was observed since the last time (failed logins, denials, tokens issued), and how many
    /// observations did not fit. A worker writes them with [`Store::observe`] within a second.
    pub fn take_observations(&self) -> (Vec<AuditEvent>, u64) {
        (Vec::new(), 0)
    }

    /// Take the credentials used since the last time, each at most once per minute. A worker writes them
    /// with [`crate::ports::Housekeeping::LastUsed`].
    pub fn take_last_used(&self) -> Vec<(EnvironmentId, CredentialId, Timestamp)> {
        Vec::new()
    }
}
