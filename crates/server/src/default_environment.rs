//! Where requests go whose host is an IP literal or `localhost`, and no environment lists it.

use countersign_engine::{
    denied::Fault,
    id::EnvironmentId,
    model::environment::Mode,
    ports::{Query, Store},
};
use std::sync::atomic::{AtomicBool, Ordering};

/// The configured environment, and whether it may be used: never a production one beside a sandbox,
/// where a request meant for the one could reach the other.
#[derive(Debug, Default)]
pub struct DefaultEnvironment {
    id: Option<EnvironmentId>,
    is_usable: AtomicBool,
}

impl DefaultEnvironment {
    /// What is configured; not usable before [`DefaultEnvironment::judge`] has said so.
    pub fn new(id: Option<EnvironmentId>) -> Self {
        Self {
            id,
            is_usable: AtomicBool::new(false),
        }
    }

    /// The environment, if one is configured and may be used.
    pub fn usable(&self) -> Option<EnvironmentId> {
        self.id
            .clone()
            .filter(|_| self.is_usable.load(Ordering::Acquire))
    }

    /// Look at the environments again. `false`: one is configured, is production, and a sandbox is there.
    ///
    /// # Errors
    /// [`Fault`] when the store cannot tell; what was known stays.
    pub async fn judge(&self, store: &dyn Store) -> Result<bool, Fault> {
        let Some(id) = &self.id else {
            return Ok(true);
        };
        let (mut is_production, mut has_sandbox) = (false, false);
        let mut after = None;
        loop {
            let page = store
                .list(&Query::Environments, after.as_ref(), 100)
                .await?;
            for environment in page.rows.iter().filter_map(|row| row.environment()) {
                has_sandbox |= environment.mode == Mode::Sandbox;
                is_production |= environment.mode == Mode::Production && environment.id == *id;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let is_usable = !(is_production && has_sandbox);
        self.is_usable.store(is_usable, Ordering::Release);
        Ok(is_usable)
    }
}
