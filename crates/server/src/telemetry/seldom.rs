//! What is worth a warning, and can happen with every request.

use countersign_engine::time::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// Between two warnings of one kind, in seconds.
const EVERY_S: i64 = 60;

/// Lets a warning pass at most once a minute.
#[derive(Debug)]
pub struct Seldom {
    /// When one last did, in seconds of the wall clock.
    warned_s: AtomicI64,
}

impl Default for Seldom {
    fn default() -> Self {
        Self {
            warned_s: AtomicI64::new(i64::MIN),
        }
    }
}

impl Seldom {
    /// Whether to warn now. Of several who ask at once, one is told so.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let (now, last) = (now.seconds(), self.warned_s.load(Ordering::Relaxed));
        now.saturating_sub(last) >= EVERY_S
            && self
                .warned_s
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_a_minute_passes() {
        let seldom = Seldom::default();
        let due = [1000, 1001, 1059, 1060, 1061].map(|s| seldom.is_due(Timestamp::from_seconds(s)));
        assert_eq!(due, [true, false, false, true, false]);
    }
}
