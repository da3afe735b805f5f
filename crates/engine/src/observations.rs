//! What is worth noting and not worth a commit: queued in memory, folded, bounded, written within a second.

use crate::{
    bounds::OBSERVATIONS_MAX,
    id::{CredentialId, EnvironmentId},
    model::audit::AuditEvent,
    time::Timestamp,
    verify::network_of,
};
use std::{
    collections::HashMap,
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
    /// As a network: one subscriber has many addresses.
    network: Option<Vec<u8>>,
}

/// Observations that wait to be written. An attacker cannot buy writes: what does not fit is counted.
#[derive(Default)]
pub struct Observations {
    waiting: Mutex<Waiting>,
}

/// A line and how often it happened since it was last taken.
struct Noted {
    event: AuditEvent,
    count: u32,
    taken: bool,
}

impl Noted {
    fn take(&mut self) -> AuditEvent {
        self.taken = true;
        AuditEvent {
            count: std::mem::take(&mut self.count),
            ..self.event.clone()
        }
    }
}

#[derive(Default)]
struct Waiting {
    /// The lines of this minute, taken ones too, so that their repeats are known as such.
    events: HashMap<Fold, Noted>,
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
            network: event.peer.map(network_of),
        };
        let mut waiting = self.lock();
        if let Some(known) = waiting.events.get_mut(&fold) {
            known.count = known.count.saturating_add(event.count);
        } else if waiting.events.len() < OBSERVATIONS_MAX {
            let noted = Noted {
                count: event.count,
                taken: false,
                event,
            };
            waiting.events.insert(fold, noted);
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

    /// Take the events that are new, and the repeats of minutes that are over, oldest first; and how many
    /// did not fit since the last time. A line is taken at once, its repeats together when their minute
    /// is over: a stranger who repeats himself buys two lines a minute.
    pub fn take(&self, now: Timestamp) -> (Vec<AuditEvent>, u64) {
        let minute = now.seconds().div_euclid(MINUTE_S);
        let mut waiting = self.lock();
        let mut taken = Vec::new();
        waiting.events.retain(|fold, event| {
            let over = fold.minute < minute;
            if event.count > 0 && (over || !event.taken) {
                taken.push(event.take());
            }
            !over
        });
        let dropped = std::mem::take(&mut waiting.dropped);
        taken.sort_by_key(|event| event.at);
        (taken, dropped)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RequestId;

    fn event(at_s: i64, peer: &str) -> AuditEvent {
        AuditEvent {
            at: Timestamp::from_seconds(at_s),
            environment: EnvironmentId::parse("sandbox").unwrap(),
            organization: None,
            actor: "-".into(),
            action: "decision.deny".into(),
            target: "guard:site".into(),
            outcome: "unknown".into(),
            request_id: RequestId::parse("r").unwrap(),
            peer: Some(peer.parse().unwrap()),
            count: 1,
        }
    }

    #[test]
    fn a_stranger_who_repeats_himself_buys_two_lines_a_minute() {
        let observations = Observations::default();
        let mut lines = Vec::new();
        for second in 60..120 {
            for _ in 0..10 {
                observations.note(event(second, &format!("2001:db8::{second}")));
            }
            lines.extend(observations.take(Timestamp::from_seconds(second)).0);
        }
        lines.extend(observations.take(Timestamp::from_seconds(120)).0);
        assert_eq!(
            lines.iter().map(|line| line.count).collect::<Vec<_>>(),
            [10, 590]
        );
        assert!(observations.take(Timestamp::from_seconds(180)).0.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let observations = Observations::default();
        for host in 0..OBSERVATIONS_MAX + 5 {
            observations.note(event(
                60,
                &format!("10.{}.{}.{}", host >> 16, host >> 8 & 0xff, host & 0xff),
            ));
        }
        let (lines, dropped) = observations.take(Timestamp::from_seconds(60));
        assert_eq!((lines.len(), dropped), (OBSERVATIONS_MAX, 5));
    }
}
