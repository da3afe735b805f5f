//! How often something may happen: the generic cell rate algorithm, one number per key.

use crate::{
    bounds::RATE_KEYS_MAX, budget::Budget, digest::Digest, model::credential::RateLimit,
    time::Timestamp,
};
use quick_cache::sync::Cache;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

const MINUTE_MICROS: i64 = 60_000_000;

/// When the next use would be exactly on rate, in microseconds: the whole state of one limit.
#[derive(Debug, Default)]
pub struct Bucket(AtomicI64);

impl Bucket {
    /// Take one use at `now`.
    ///
    /// # Errors
    /// Whole seconds until it is worth trying again, at least 1.
    pub fn take(&self, limit: RateLimit, now: Timestamp) -> Result<(), u32> {
        let interval = MINUTE_MICROS / i64::from(limit.per_minute.max(1));
        let tolerance = interval.saturating_mul(i64::from(limit.burst.max(1)) - 1);
        let now = now.micros();
        let next = |due: i64| due.max(now).saturating_add(interval);
        let fits = |due: i64| due.saturating_sub(now) <= tolerance;
        let taken = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |due| {
                fits(due).then(|| next(due))
            });
        taken.map(|_| ()).map_err(|due| {
            let wait = due.saturating_sub(tolerance).saturating_sub(now);
            u32::try_from(wait.max(1).saturating_add(999_999) / 1_000_000).unwrap_or(u32::MAX)
        })
    }
}

impl Bucket {
    /// Give back a use that was taken and, as it turned out, did not count.
    pub fn give_back(&self, limit: RateLimit) {
        let interval = MINUTE_MICROS / i64::from(limit.per_minute.max(1));
        self.0.fetch_sub(interval, Ordering::AcqRel);
    }

    /// What is left of it at `now`.
    pub fn left(&self, limit: RateLimit, now: Timestamp) -> Budget {
        let interval = MINUTE_MICROS / i64::from(limit.per_minute.max(1));
        let tolerance = interval.saturating_mul(i64::from(limit.burst.max(1)) - 1);
        let due = self.0.load(Ordering::Acquire).max(now.micros());
        let ahead = due.saturating_sub(now.micros());
        let free = tolerance.saturating_sub(ahead).div_euclid(interval) + 1;
        Budget {
            limit: limit.burst.max(1),
            remaining: u32::try_from(free.max(0)).unwrap_or(u32::MAX),
            reset_at: Timestamp::from_micros(due),
        }
    }
}

/// The limits being counted on this node, bounded: the least used are forgotten first.
pub struct Rates {
    buckets: Cache<Digest, Arc<Bucket>>,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            buckets: Cache::new(RATE_KEYS_MAX),
        }
    }
}

impl Rates {
    /// The bucket of `key`, made if there is none.
    pub fn bucket(&self, key: Digest) -> Arc<Bucket> {
        if let Some(bucket) = self.buckets.get(&key) {
            return bucket;
        }
        let made = self
            .buckets
            .get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(Arc::default()));
        made.unwrap_or_else(|never| match never {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let bucket = Bucket::default();
        let limit = RateLimit {
            per_minute: 60,
            burst: 3,
        };
        let start = Timestamp::from_seconds(1000);
        for _ in 0..3 {
            assert_eq!(bucket.take(limit, start), Ok(()));
        }
        assert_eq!(bucket.take(limit, start), Err(1));
        assert_eq!(bucket.take(limit, Timestamp::from_seconds(1001)), Ok(()));
        assert_eq!(bucket.take(limit, Timestamp::from_seconds(1001)), Err(1));
    }

    #[test]
    fn what_is_left_is_what_still_passes() {
        let limit = RateLimit {
            per_minute: 60,
            burst: 3,
        };
        let start = Timestamp::from_seconds(1000);
        let bucket = Bucket::default();
        for remaining in (0..=3).rev() {
            assert_eq!(bucket.left(limit, start).remaining, remaining);
            assert_eq!(bucket.take(limit, start).is_ok(), remaining > 0);
        }
        let left = bucket.left(limit, Timestamp::from_seconds(1001));
        assert_eq!((left.limit, left.remaining), (3, 1));
        assert_eq!(left.reset_at, Timestamp::from_seconds(1003));
    }

    #[test]
    fn a_use_that_is_given_back_costs_nothing() {
        let bucket = Bucket::default();
        let limit = RateLimit {
            per_minute: 60,
            burst: 2,
        };
        let start = Timestamp::from_seconds(1000);
        for _ in 0..100 {
            assert_eq!(bucket.take(limit, start), Ok(()));
            bucket.give_back(limit);
        }
        assert_eq!(bucket.left(limit, start).remaining, 2);
    }

    #[test]
    fn a_refused_use_costs_nothing() {
        let bucket = Bucket::default();
        let limit = RateLimit {
            per_minute: 1,
            burst: 1,
        };
        let start = Timestamp::from_seconds(1000);
        assert_eq!(bucket.take(limit, start), Ok(()));
        for _ in 0..100 {
            assert_eq!(bucket.take(limit, start), Err(60));
        }
        assert_eq!(bucket.take(limit, Timestamp::from_seconds(1060)), Ok(()));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_allow(
            per_minute in 1u32..600, burst in 1u32..20,
            mut times in proptest::collection::vec(0i64..120_000_000, 1..300),
        ) {
            times.sort_unstable();
            let bucket = Bucket::default();
            let limit = RateLimit { per_minute, burst };
            let start = 1_000_000_000;
            let passed: Vec<i64> = times.iter().copied()
                .filter(|at| bucket.take(limit, Timestamp::from_micros(start + at)).is_ok()).collect();
            let interval = MINUTE_MICROS / i64::from(per_minute);
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    let count = (last - first + 1) as i64;
                    prop_assert!(count <= i64::from(burst) + (to - from) / interval + 1);
                }
            }
        }
    }
}
