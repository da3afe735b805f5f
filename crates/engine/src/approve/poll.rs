//! What whoever waits for an approval is told.

use crate::{
    Engine,
    bounds::POLL_RATE,
    call::CallContext,
    denied::{Denied, Refusal},
    digest::Digest,
    id::ApprovalId,
    model::approval::ApprovalState,
    outcome::{ApprovalOutcome, News},
    row::{Key, Stored},
    verify::too_many,
};

impl Engine {
    /// What came of a countersignature. Whoever knows its identifier may ask, and learns nothing but that: of what
    /// service providers asked only they are told.
    ///
    /// One approval is asked about at [`POLL_RATE`], by everybody together; more is 429 with `Retry-After`, which is
    /// OAuth's `slow_down` (RFC 8628 section 3.5) for clients that know that word. A call that waits for news costs one.
    pub(super) async fn poll_approval(
        &self,
        context: &CallContext,
        approval: &ApprovalId,
        at_once: bool,
    ) -> Result<ApprovalOutcome, Refusal> {
        let names = [context.environment.as_str(), approval.as_str()].map(str::as_bytes);
        // Before anything is read: a poll that comes too soon costs no look-up.
        let bucket = self
            .rates
            .bucket(Digest::of("countersign/rate/poll", &names));
        bucket.take(POLL_RATE, context.now).map_err(too_many)?;
        let key = Key::Approval(context.environment.clone(), approval.clone());
        let [stored] = self.load(std::array::from_ref(&key)).await?;
        let found = stored.as_deref().and_then(Stored::approval);
        let found = found.filter(|it| it.bound().is_some());
        let found = found.ok_or(Denied::NotFound { noun: "approval" })?;
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
}
