//! What was found out about a credential or token, kept until something it was made from moves; and when
//! what is kept may be believed.

use crate::{
    Engine,
    bounds::{FACT_FOR, FACTS_MAX},
    decision::Fact,
    digest::Digest,
    ports::{Freshness, Generation},
    time::Timestamp,
};
use quick_cache::sync::Cache;
use std::{marker::PhantomData, sync::Arc};

/// The facts of this node, by what was shown: digests cover the environment and the whole text.
pub(crate) struct Facts(Cache<Digest, Arc<Fact>>);

impl Default for Facts {
    fn default() -> Self {
        Self(Cache::new(FACTS_MAX))
    }
}

/// Proof that the feed was read recently enough, so that what still stands may be believed at this moment.
///
/// It is not [`Send`]: who waits for something cannot hold it meanwhile, and has to ask again.
#[derive(Clone, Copy)]
pub struct Fresh<'a> {
    freshness: &'a dyn Freshness,
    now: Timestamp,
    _moment: PhantomData<*const ()>,
}

impl Fresh<'_> {
    /// Whether what was made at `made_at` may still be used: everything it was made from stands, and nothing
    /// that is kept is believed for longer than a minute, whatever the feed says, nor by a clock that went back.
    pub(crate) fn believes(self, made_at: Timestamp, from: &[Generation]) -> bool {
        let is_young = self.now >= made_at && self.now.since(made_at) < FACT_FOR;
        is_young && self.freshness.stand(from)
    }
}

impl Engine {
    /// Whether anything that is kept may be believed. The clock is read once for all that is asked of it.
    pub fn fresh(&self, now: Timestamp) -> Option<Fresh<'_>> {
        let freshness = &*self.ports.freshness;
        freshness.is_fresh().then_some(Fresh {
            freshness,
            now,
            _moment: PhantomData,
        })
    }

    /// The fact under `digest`, if everything it was made from still stands.
    pub(crate) fn fact_warm(&self, digest: &Digest, fresh: Fresh<'_>) -> Option<Arc<Fact>> {
        let fact = self.facts.0.get(digest)?;
        fresh
            .believes(fact.made_at, &fact.generations)
            .then_some(fact)
    }

    /// The same, where nothing else is asked at this moment.
    pub(crate) fn known(&self, digest: &Digest, now: Timestamp) -> Option<Arc<Fact>> {
        let fresh = self.fresh(now)?;
        self.fact_warm(digest, fresh)
    }

    /// Keep `fact` under `digest`.
    pub(crate) fn keep_fact(&self, digest: Digest, fact: &Arc<Fact>) {
        self.facts.0.insert(digest, fact.clone());
    }
}
