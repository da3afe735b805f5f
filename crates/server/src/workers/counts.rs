//! How many rows each table has: the proof that tables are bounded.

use crate::state::ServerState;
use countersign_engine::ports::{Housekeeping, Kept};
use tracing::warn;

/// Count, and show it.
pub(super) async fn count(state: &ServerState) {
    for (table, rows) in counts(state, Housekeeping::CountRows).await {
        state.metrics.rows(table, rows);
    }
    for (kind, rows) in counts(state, Housekeeping::CountDeliveries).await {
        state.metrics.deliveries(kind, rows);
    }
}

async fn counts(state: &ServerState, work: Housekeeping) -> Vec<(&'static str, u64)> {
    match state.store.keep(work).await {
        Ok(Kept::Counts(counts)) => counts,
        Ok(Kept::Rows(_)) => Vec::new(),
        Err(fault) => {
            state.metrics.housekeeping_failures.inc();
            warn!(%fault, "cannot count rows");
            Vec::new()
        }
    }
}
