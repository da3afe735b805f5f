//! Reading the feed, so that the cache knows what others changed.

use crate::state::ServerState;
use countersign_engine::{denied::Fault, ports::Pending};
use std::sync::Arc;
use tracing::warn;

/// A cache before a store, as this worker sees it.
pub trait Feed: Send + Sync {
    /// Read what is new, and forget what it touched.
    fn read(&self) -> Pending<'_, Result<(), Fault>>;
}

/// Reads it again and again.
pub(super) struct Reader {
    feed: Arc<dyn Feed>,
    state: Arc<ServerState>,
}

impl Reader {
    /// A reader of this feed.
    pub(super) fn new(feed: Arc<dyn Feed>, state: Arc<ServerState>) -> Arc<Self> {
        Arc::new(Self { feed, state })
    }

    /// Once.
    pub(super) async fn read(&self) {
        if let Err(fault) = self.feed.read().await {
            self.state.metrics.housekeeping_failures.inc();
            warn!(%fault, "cannot read the feed");
        }
    }
}
