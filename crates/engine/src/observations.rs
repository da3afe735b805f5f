//! What is worth noting and not worth a commit: queued in memory, folded, bounded, written within a second.

use crate::{
    bounds::OBSERVATIONS_MAX,
    id::{CredentialId, EnvironmentId},
    model::audit::AuditEvent,
    time::Timestamp,
};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

const MINUTE_S: i64 = 60;

/// Repeats within a minute that differ in none of these are one line with a count.
#[derive(PartialEq, Eq, Hash)]
struct Fold {
    minute: i64,
    environment: EnvironmentId,
    actor: String,
    action: String,
    target: String,
    outcome: String,
    peer: Option<IpAddr>,
}

/// Observations that wait to be written. An attacker cannot buy writes: what does not fit is counted.
#[derive(Default)]
pub struct Observations {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    events: HashMap<Fold, AuditEvent>,
    dropped: u64,
    used: HashMap<(EnvironmentId, CredentialId), Timestamp>,
}

impl Observations {
    /// Note an event.
    pub fn note(&self, event: AuditEvent) {
        let fold = Fold {
            minute: event.at.seconds().div_euclid(MINUTE_S),
            environment: event.environment.clone(),
            actor: event.actor.clone(),
            action: event.action.clone(),
            target: event.target.clone(),
            outcome: event.outcome.clone(),
            peer: event.peer,
        };
        let mut waiting = self.lock();
        if let Some(known) = waiting.events.get_mut(&fold) {
            known.count = known.count.saturating_add(event.count);
        } else if waiting.events.len() < OBSERVATIONS_MAX {
            waiting.events.insert(fold, event);
        } else {
            waiting.dropped += u64::from(event.count);
        }
    }

    /// Note that a credential was used.
    pub fn used(&self, environment: EnvironmentId, credential: CredentialId, at: Timestamp) {
        let mut waiting = self.lock();
        if waiting.used.len() < OBSERVATIONS_MAX {
            waiting.used.insert((environment, credential), at);
        } else {
            waiting.dropped += 1;
        }
    }

    /// Take the events, oldest first, and how many did not fit since the last time.
    pub fn take(&self) -> (Vec<AuditEvent>, u64) {
        let (events, dropped) = {
            let mut waiting = self.lock();
            (
                std::mem::take(&mut waiting.events),
                std::mem::take(&mut waiting.dropped),
            )
        };
        let mut events: Vec<_> = events.into_values().collect();
        events.sort_by_key(|event| event.at);
        (events, dropped)
    }

    /// Take the uses.
    pub fn take_used(&self) -> Vec<(EnvironmentId, CredentialId, Timestamp)> {
        let used = std::mem::take(&mut self.lock().used);
        used.into_iter()
            .map(|((environment, credential), at)| (environment, credential, at))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic while the lock was held cannot leave the maps half-changed in a way that matters here.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
