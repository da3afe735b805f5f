//! The numbers of what leaves.

use crate::outbox::Came;
use countersign_engine::model::webhook::{Delivery, Destination};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// What came of attempts, and how many are under way. What waits and what was given up are counted as rows.
#[derive(Clone, Default)]
pub struct OutboxNumbers {
    attempts: Family<AttemptLabels, Counter>,
    /// Attempts under way.
    pub under_way: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    by: &'static str,
    outcome: &'static str,
}

impl OutboxNumbers {
    /// Print them with the others.
    pub fn register(&self, to: &mut Registry) {
        to.register(
            "outbox_attempts",
            "Attempts to deliver, by what came of them",
            self.attempts.clone(),
        );
        to.register(
            "outbox_under_way",
            "Attempts to deliver that are under way",
            self.under_way.clone(),
        );
    }

    /// Count an attempt.
    pub(crate) fn came(&self, delivery: &Delivery, came: &Came) {
        let by = match delivery.destination {
            Destination::Webhook(_) => "webhook",
            Destination::Mail => "mail",
            Destination::Callback(_) => "callback",
            Destination::Notification(_) => "notification",
        };
        let outcome = match came {
            Came::Arrived => "arrived",
            Came::Nobody => "unwanted",
            Came::Later(..) => "later",
            Came::GivenUp(_) => "given_up",
            Came::Dropped(_) => "dropped",
        };
        let labels = AttemptLabels { by, outcome };
        self.attempts.get_or_create(&labels).inc();
    }
}
