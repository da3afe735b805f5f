//! Numbers that other parts keep themselves, read when they are printed.

use crate::keystore::SoftwareKeystore;
use countersign_engine::Engine;
use countersign_store::Opened;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// What the cache and the engine behind it count.
#[derive(Debug)]
pub struct StoreNumbers(pub Opened);

impl Collector for StoreNumbers {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        print(encoder, self.sums(), self.levels())
    }
}

/// Name, help, value.
type Number = (&'static str, &'static str, u64);

/// Print sums, which only grow, and levels.
fn print(
    mut encoder: DescriptorEncoder<'_>,
    sums: impl IntoIterator<Item = Number>,
    levels: impl IntoIterator<Item = Number>,
) -> Result<(), std::fmt::Error> {
    for (name, help, value) in sums {
        let sum = ConstCounter::new(value);
        sum.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
    }
    for (name, help, value) in levels {
        let level = ConstGauge::new(value);
        level.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
    }
    Ok(())
}

impl StoreNumbers {
    fn sums(&self) -> Vec<Number> {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let cache = self.0.store.counters();
        let mut sums = vec![
            (
                "cache_hits",
                "Loads answered from the cache",
                of(&cache.hits),
            ),
            (
                "cache_misses",
                "Loads that went to the store",
                of(&cache.misses),
            ),
            (
                "cache_invalidations",
                "Keys invalidated",
                of(&cache.invalidations),
            ),
            (
                "feed_reads",
                "Reads of the feed that succeeded",
                of(&cache.feed_reads),
            ),
        ];
        if let Some(engine) = &self.0.counters {
            sums.extend([
                (
                    "store_groups",
                    "Groups written, each under one fsync",
                    of(&engine.groups),
                ),
                (
                    "store_grouped",
                    "Pieces of work in those groups",
                    of(&engine.grouped),
                ),
                (
                    "store_groups_failed",
                    "Groups taken back",
                    of(&engine.groups_failed),
                ),
                (
                    "store_refused_busy",
                    "Work refused: a queue was full",
                    of(&engine.refused_busy),
                ),
                (
                    "store_refused_wal",
                    "Work refused: the log had grown",
                    of(&engine.refused_wal),
                ),
                (
                    "store_checkpoints",
                    "Checkpoints run",
                    of(&engine.checkpoints),
                ),
            ]);
        }
        sums
    }

    fn levels(&self) -> Vec<Number> {
        let rows = u64::try_from(self.0.store.cached_rows()).unwrap_or(u64::MAX);
        let mut levels = vec![("cache_rows", "Rows in the cache", rows)];
        levels.extend(self.0.store.feed_age().map(|age| {
            let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            let help = "Since the last read of the feed that succeeded was sent";
            ("feed_age_milliseconds", help, millis)
        }));
        levels.extend(self.0.counters.as_ref().map(|engine| {
            let bytes = engine.wal_bytes.load(Ordering::Relaxed);
            (
                "store_wal_bytes",
                "Bytes of the write-ahead log in use",
                bytes,
            )
        }));
        levels
    }
}

/// How often approvals came into each state.
pub struct ApprovalNumbers(pub Arc<Engine>);

impl std::fmt::Debug for ApprovalNumbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApprovalNumbers(..)")
    }
}

impl Collector for ApprovalNumbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let help = "Approvals that came into each state; pending: that were made, used: that let a request pass";
        let mut family = encoder.encode_descriptor("approvals", help, None, MetricType::Counter)?;
        for (state, count) in self.0.approvals_by_state() {
            let labels = [("state", state)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// How busy the signing threads are.
pub struct KeystoreNumbers(pub Arc<SoftwareKeystore>);

impl std::fmt::Debug for KeystoreNumbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeystoreNumbers(..)")
    }
}

impl Collector for KeystoreNumbers {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let load = self.0.load();
        let waiting = u64::try_from(load.waiting).unwrap_or(u64::MAX);
        let refused = "RSA signatures refused because too many waited";
        print(
            encoder,
            [("signatures_refused", refused, load.refused)],
            [(
                "signatures_waiting",
                "RSA signatures that wait for a thread",
                waiting,
            )],
        )
    }
}
