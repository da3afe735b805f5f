//! How many approvals came into each state by what this node committed, for the metrics.

use crate::{commit::Change, model::approval::ApprovalState, row::Row};
use std::sync::atomic::{AtomicU64, Ordering};

/// The states that are counted, in the words of the metrics. `pending` counts those that were made, `used` those that let
/// a request pass.
const STATES: [&str; 6] = [
    "pending", "approved", "rejected", "expired", "failed", "used",
];

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct Transitions([AtomicU64; STATES.len()]);

/// Which of [`STATES`] a commit reaches; most reach none.
pub(crate) struct Reached(Vec<usize>);

impl Transitions {
    /// What these changes will reach, if they are committed.
    pub(crate) fn of(changes: &[Change]) -> Reached {
        Reached(changes.iter().filter_map(reached).collect())
    }

    /// They were.
    pub(crate) fn note(&self, reached: &Reached) {
        for state in reached.0.iter().filter_map(|place| self.0.get(*place)) {
            state.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Each state, and how often it was reached.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        STATES.into_iter().zip(counts).collect()
    }
}

/// An approval changes while it is pending, when its state changes, and once more when it is used.
fn reached(change: &Change) -> Option<usize> {
    match change {
        Change::Insert(Row::Approval(approval)) => {
            Some(place(approval.state)).filter(|_| approval.used.is_none())
        }
        Change::Replace {
            row: Row::Approval(approval),
            ..
        } => match (approval.state, &approval.used) {
            (_, Some(_)) => Some(5),
            (ApprovalState::Pending, None) => None,
            (state, None) => Some(place(state)),
        },
        _ => None,
    }
}

const fn place(state: ApprovalState) -> usize {
    match state {
        ApprovalState::Pending => 0,
        ApprovalState::Approved => 1,
        ApprovalState::Rejected => 2,
        ApprovalState::Expired => 3,
        ApprovalState::Failed => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{ApprovalId, EnvironmentId, RequestId},
        model::approval::{Approval, Asked, Bound, Used},
        time::Timestamp,
    };

    fn approval(state: ApprovalState) -> Approval {
        Approval {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            id: ApprovalId::parse("a1").unwrap(),
            organization: None,
            asked: Asked::Countersignature(Bound {
                guard: "payouts".into(),
                client: None,
                subject: "s1".into(),
                method: "POST".into(),
                host: "api.example".into(),
                target: "/payouts".into(),
                content_digest: None,
            }),
            token: String::new(),
            otp: String::new(),
            record: "{}".into(),
            seats: Vec::new(),
            needed: 1,
            votes: Vec::new(),
            state,
            signature: None,
            used: None,
            receipt: None,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
            expires_at: Timestamp::FAR,
        }
    }

    #[test]
    fn each_state_is_counted_when_it_is_reached_and_votes_are_not() {
        let changed = |approval: Approval| Change::Replace {
            row: Row::Approval(Box::new(approval)),
            if_version: 1,
        };
        let transitions = Transitions::default();
        let commit = |change| transitions.note(&Transitions::of(&[change]));
        let made = approval(ApprovalState::Pending);
        commit(Change::Insert(Row::Approval(Box::new(made.clone()))));
        commit(changed(made));
        commit(changed(approval(ApprovalState::Approved)));
        commit(changed(Approval {
            used: Some(Used {
                at: Timestamp::EPOCH,
                request_id: RequestId::parse("r1").unwrap(),
            }),
            ..approval(ApprovalState::Approved)
        }));
        commit(changed(approval(ApprovalState::Rejected)));
        commit(changed(approval(ApprovalState::Expired)));
        commit(changed(approval(ApprovalState::Failed)));
        assert!(
            transitions.counts().iter().all(|(_, count)| *count == 1),
            "{:?}",
            transitions.counts()
        );
    }
}
