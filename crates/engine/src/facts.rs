//! What was found out about a credential or token, kept until something it was made from moves.

use crate::{
    Engine,
    bounds::{FACT_FOR, FACTS_MAX},
    decision::Fact,
    digest::Digest,
    time::Timestamp,
};
use quick_cache::sync::Cache;
use std::sync::Arc;

/// The facts of this node, by what was shown: digests cover the environment and the whole text.
pub(crate) struct Facts(Cache<Digest, Arc<Fact>>);

impl Default for Facts {
    fn default() -> Self {
        Self(Cache::new(FACTS_MAX))
    }
}

impl Engine {
    /// The fact under `digest`, if everything it was made from still stands at `now`.
    pub(crate) fn fact_warm(&self, digest: &Digest, now: Timestamp) -> Option<Arc<Fact>> {
        let fact = self.facts.0.get(digest)?;
        (is_young(fact.made_at, now) && self.ports.freshness.holds(&fact.generations))
            .then_some(fact)
    }

    /// Keep `fact` under `digest`.
    pub(crate) fn keep_fact(&self, digest: Digest, fact: &Arc<Fact>) {
        self.facts.0.insert(digest, fact.clone());
    }
}

/// Whether what was made at `made_at` may still be used at `now`: nothing that is kept is believed for
/// longer than a minute, whatever the feed says, nor by a clock that went back.
pub(crate) fn is_young(made_at: Timestamp, now: Timestamp) -> bool {
    now >= made_at && now.since(made_at) < FACT_FOR
}
