//! Whether the default environment may still be used: environments come and go while the server runs.

use crate::state::ServerState;
use countersign_engine::denied::Fault;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::{info, warn};

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Usable,
    NotUsed,
    Unknown,
}

/// Looks again and again, and says what has changed: what lasts is said once.
pub(super) struct Judge {
    state: Arc<ServerState>,
    last: Last,
}

impl Judge {
    /// Whoever composed the server found it usable, or did not start.
    pub(super) fn new(state: Arc<ServerState>) -> Arc<Self> {
        let last = Last(Mutex::new(Verdict::Usable));
        Arc::new(Self { state, last })
    }

    /// Once.
    pub(super) async fn judge(&self) {
        let state = &self.state;
        let found = state.default_environment.judge(&*state.store).await;
        if self.last.changes_to(verdict(&found)) {
            tell(&found);
        }
    }
}

/// The verdict before.
struct Last(Mutex<Verdict>);

impl Last {
    fn changes_to(&self, now: Verdict) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last, now) != now
    }
}

fn verdict(found: &Result<bool, Fault>) -> Verdict {
    match found {
        Ok(true) => Verdict::Usable,
        Ok(false) => Verdict::NotUsed,
        Err(_) => Verdict::Unknown,
    }
}

fn tell(found: &Result<bool, Fault>) {
    match found {
        Ok(true) => info!("server.default_environment may be used again"),
        Ok(false) => warn!(
            "server.default_environment is a production environment beside a sandbox: not used"
        ),
        Err(fault) => warn!(%fault, "cannot look at the environments"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lasting_misconfiguration_was_logged_every_five_seconds() {
        let last = Last(Mutex::new(Verdict::Usable));
        let said: Vec<bool> = [
            Verdict::Usable,
            Verdict::NotUsed,
            Verdict::NotUsed,
            Verdict::Unknown,
            Verdict::NotUsed,
            Verdict::Usable,
            Verdict::Usable,
        ]
        .into_iter()
        .map(|now| last.changes_to(now))
        .collect();
        assert_eq!(said, [false, true, false, true, true, true, false]);
    }
}
