//! Whether this node should be sent requests.

use std::sync::atomic::{AtomicBool, Ordering};

/// What workers and the drain know of the node's health.
#[derive(Debug, Default)]
pub struct Health {
    draining: AtomicBool,
    store_refuses: AtomicBool,
}

impl Health {
    /// The drain has begun: nothing new, please.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the drain has begun.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The last write to the store succeeded, or failed.
    pub fn store_wrote(&self, succeeded: bool) {
        self.store_refuses.store(!succeeded, Ordering::Release);
    }

    /// Why the node is not ready, in one word each; none when it is.
    pub fn obstacle(&self, feed_is_fresh: bool) -> Option<&'static str> {
        if self.is_draining() {
            Some("draining")
        } else if self.store_refuses.load(Ordering::Acquire) {
            Some("store")
        } else if !feed_is_fresh {
            Some("feed")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_until_something_stands_in_the_way() {
        let health = Health::default();
        assert_eq!(health.obstacle(true), None);
        assert_eq!(health.obstacle(false), Some("feed"));
        health.store_wrote(false);
        assert_eq!(health.obstacle(true), Some("store"));
        health.store_wrote(true);
        assert_eq!(health.obstacle(true), None);
        health.begin_drain();
        assert_eq!(health.obstacle(true), Some("draining"));
    }
}
