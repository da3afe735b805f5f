//! Writing what was observed and no commit carries: within a second, and again where it failed.

use crate::state::ServerState;
use countersign_engine::{
    bounds::OBSERVATIONS_MAX, model::audit::AuditEvent, ports::Housekeeping, time::Timestamp,
};
use std::sync::Arc;
use tokio::sync::Mutex;
use tracing::warn;

/// Writes observations.
pub struct Writer {
    state: Arc<ServerState>,
    /// What could not be written yet. Held while writing, so that lines keep their order.
    late: Mutex<Vec<AuditEvent>>,
}

impl Writer {
    /// A writer of what the engine observes.
    pub fn new(state: Arc<ServerState>) -> Self {
        Self {
            state,
            late: Mutex::default(),
        }
    }

    /// Write what is new, and the repeats of minutes that are over.
    pub async fn write(&self) {
        self.write_until(self.state.clock.now()).await;
    }

    /// Write everything, also the repeats of this very minute: nobody will come back for them.
    pub async fn write_all(&self) {
        self.write_until(Timestamp::FAR).await;
    }

    async fn write_until(&self, end: Timestamp) {
        let mut late = self.late.lock().await;
        let (mut new, mut dropped) = self.state.engine.take_observations(end);
        late.append(&mut new);
        let too_many = late.len().saturating_sub(OBSERVATIONS_MAX);
        if too_many > 0 {
            // The newest go: what an incident began with says more than its repeats.
            late.truncate(OBSERVATIONS_MAX);
            dropped = dropped.saturating_add(u64::try_from(too_many).unwrap_or(u64::MAX));
        }
        self.state.metrics.observations_dropped.inc_by(dropped);
        if late.is_empty() {
            return;
        }
        match self.state.store.observe(late.clone()).await {
            Ok(()) => late.clear(),
            Err(fault) => {
                self.state.metrics.housekeeping_failures.inc();
                warn!(%fault, waiting = late.len(), "cannot write observations");
            }
        }
    }

    /// Write which credentials were used. What cannot be written is lost: the next use tells again.
    pub async fn write_last_used(&self) {
        let used = self.state.engine.take_last_used();
        if used.is_empty() {
            return;
        }
        if let Err(fault) = self.state.store.keep(Housekeeping::LastUsed(used)).await {
            self.state.metrics.housekeeping_failures.inc();
            warn!(%fault, "cannot write when credentials were last used");
        }
    }
}
