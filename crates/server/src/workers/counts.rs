//! How many rows each table has: the proof that tables are bounded.

use crate::state::ServerState;
use countersign_engine::ports::{Housekeeping, Kept};
use tracing::warn;

/// Count, and show it.
pub(super) async fn count(state: &ServerState) {
    match state.store.keep(Housekeeping::CountRows).await {
        Ok(Kept::Counts(counts)) => {
            for (table, rows) in counts {
                state.metrics.rows(table, rows);
            }
        }
        Ok(Kept::Rows(_)) => {}
        Err(fault) => {
            state.metrics.housekeeping_failures.inc();
            warn!(%fault, "cannot count rows");
        }
    }
}
