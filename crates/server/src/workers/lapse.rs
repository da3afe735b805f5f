//! Noting what nobody answered in time. One node's: with several, each row is noted by whoever comes first.

use crate::state::ServerState;
use countersign_engine::id::EnvironmentId;
use tracing::warn;

/// Pages of one round, so that it ends although requests end as fast as it goes.
const PAGES_MAX: u32 = 20;

/// Note what is over by now.
pub(super) async fn lapse(state: &ServerState) {
    for _ in 0..PAGES_MAX {
        let context = state.context(EnvironmentId::installation(), None, "approvals");
        match state.engine.lapse(&context).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(refusal) => {
                state.metrics.housekeeping_failures.inc();
                warn!(%refusal, "cannot note what is over");
                return;
            }
        }
    }
}
