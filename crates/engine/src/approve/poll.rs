//! What whoever waits for an approval is told.

use crate::{
    Engine,
    bounds::{POLL_MISSES_OF_NETWORK, POLL_RATE},
    call::CallContext,
    denied::{Denied, Refusal},
    digest::Digest,
    id::ApprovalId,
    limits::Bucket,
    model::approval::ApprovalState,
    outcome::{ApprovalOutcome, News},
    row::{Key, Stored},
    verify::{network_of, too_many},
};
use std::sync::Arc;

impl Engine {
    /// What came of a countersignature. Whoever knows its identifier may ask, and learns nothing but that: of what
    /// service providers asked only they are told.
    ///
    /// One approval is asked about at [`POLL_RATE`], by everybody together; more is 429 with `Retry-After`, which is
    /// OAuth's `slow_down` (RFC 8628 section 3.5) for clients that know that word. A call that waits for news costs one,
    /// and another each time that it is woken: so few are held for one approval that they may all be.
    /// What is not there is asked about at [`POLL_MISSES_OF_NETWORK`] by one network.
    pub(super) async fn poll_approval(
        &self,
        context: &CallContext,
        approval: &ApprovalId,
        at_once: bool,
    ) -> Result<ApprovalOutcome, Refusal> {
        let misses = self.take_miss(context)?;
        let key = Key::Approval(context.environment.clone(), approval.clone());
        let loaded = self.load(std::array::from_ref(&key)).await;
        let [stored] = loaded.inspect_err(|_| misses.give_back(POLL_MISSES_OF_NETWORK))?;
        let found = stored.as_deref().and_then(Stored::approval);
        let found = found.filter(|it| it.bound().is_some());
        let found = found.ok_or(Denied::NotFound { noun: "approval" })?;
        misses.give_back(POLL_MISSES_OF_NETWORK);
        let names = [context.environment.as_str(), approval.as_str()].map(str::as_bytes);
        let bucket = self
            .rates
            .bucket(Digest::of("countersign/rate/poll", &names));
        bucket.take(POLL_RATE, context.now).map_err(too_many)?;
        let state = found.state_at(context.now);
        Ok(ApprovalOutcome::Polled {
            news: News {
                is_there: at_once || state != ApprovalState::Pending,
                of: key,
            },
            approval: found.id.clone(),
            state,
            is_used: found.used.is_some(),
            approvals: found.approvals(),
            needed: found.needed,
            expires_at: found.expires_at,
        })
    }

    /// One poll of what may not be there, counted before anything is read. No I/O. Approvals are counted once they are
    /// found: names that somebody makes up would push the counts of others out.
    fn take_miss(&self, context: &CallContext) -> Result<Arc<Bucket>, Denied> {
        let network = context.peer.map(network_of).unwrap_or_default();
        let names = [context.environment.as_str().as_bytes(), &network];
        let bucket = self
            .rates
            .bucket(Digest::of("countersign/rate/poll-misses", &names));
        let taken = bucket.take(POLL_MISSES_OF_NETWORK, context.now);
        taken.map_err(too_many)?;
        Ok(bucket)
    }
}
