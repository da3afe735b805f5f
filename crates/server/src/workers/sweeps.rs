//! Taking away what has ended, a bounded batch at a time. What is swept was refused long before.

use crate::state::ServerState;
use countersign_engine::{
    bounds::FEED_ROWS_FOR,
    denied::Fault,
    ports::{Housekeeping, Kept},
};
use std::time::Duration;
use tracing::warn;

/// Rows of one statement: some milliseconds of the writer.
const BATCH_ROWS: u32 = 500;
/// Statements of one sweep, so that it ends although rows end as fast as it goes.
const BATCHES_MAX: u32 = 200;

/// A write that succeeds says that the store takes writes; the oldest rows of the feed go with it.
pub(super) async fn heartbeat(state: &ServerState) {
    let before = state.clock.now().minus(FEED_ROWS_FOR);
    let kept = state.store.keep(Housekeeping::SweepFeed {
        before,
        limit: BATCH_ROWS,
    });
    let kept = kept.await;
    state.health.store_wrote(kept.is_ok());
    note(state, kept.map(drop));
}

/// Everything that has an end, in turn.
pub(super) async fn sweep(state: &ServerState, audit_retention: Duration) {
    let now = state.clock.now();
    let limit = BATCH_ROWS;
    let works = [
        Housekeeping::SweepExpired { now, limit },
        Housekeeping::SweepOrphans { limit },
        Housekeeping::SweepAudit {
            before: now.minus(audit_retention),
            limit,
        },
        Housekeeping::SweepFeed {
            before: now.minus(FEED_ROWS_FOR),
            limit,
        },
    ];
    for work in works {
        note(state, exhaust(state, &work).await);
    }
}

/// Repeat one statement until it finds fewer rows than it may take.
async fn exhaust(state: &ServerState, work: &Housekeeping) -> Result<(), Fault> {
    for _ in 0..BATCHES_MAX {
        match state.store.keep(work.clone()).await? {
            Kept::Rows(rows) if rows >= u64::from(BATCH_ROWS) => {}
            Kept::Rows(_) | Kept::Counts(_) => break,
        }
    }
    Ok(())
}

fn note(state: &ServerState, kept: Result<(), Fault>) {
    if let Err(fault) = kept {
        state.metrics.housekeeping_failures.inc();
        warn!(%fault, "cannot sweep");
    }
}
