//! Numbers that other parts keep themselves, read when they are printed.

use crate::keystore::SoftwareKeystore;
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
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let cache = self.0.store.counters();
        let mut counter = |name: &str, help: &str, value: &AtomicU64| {
            let counter = ConstCounter::new(value.load(Ordering::Relaxed));
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
        };
        counter("cache_hits", "Loads answered from the cache", &cache.hits)?;
        counter(
            "cache_misses",
            "Loads that went to the store",
            &cache.misses,
        )?;
        counter(
            "cache_invalidations",
            "Keys invalidated",
            &cache.invalidations,
        )?;
        counter(
            "feed_reads",
            "Reads of the feed that succeeded",
            &cache.feed_reads,
        )?;
        if let Some(engine) = &self.0.counters {
            counter(
                "store_groups",
                "Groups written, each under one fsync",
                &engine.groups,
            )?;
            counter(
                "store_grouped",
                "Pieces of work in those groups",
                &engine.grouped,
            )?;
            counter(
                "store_groups_failed",
                "Groups taken back",
                &engine.groups_failed,
            )?;
            counter(
                "store_refused_busy",
                "Work refused: a queue was full",
                &engine.refused_busy,
            )?;
            counter(
                "store_refused_wal",
                "Work refused: the log had grown",
                &engine.refused_wal,
            )?;
            counter("store_checkpoints", "Checkpoints run", &engine.checkpoints)?;
        }
        let mut gauge = |name: &str, help: &str, value: u64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        let rows = u64::try_from(self.0.store.cached_rows()).unwrap_or(u64::MAX);
        gauge("cache_rows", "Rows in the cache", rows)?;
        if let Some(age) = self.0.store.feed_age() {
            let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            gauge(
                "feed_age_milliseconds",
                "Since the last read of the feed that succeeded was sent",
                millis,
            )?;
        }
        if let Some(engine) = &self.0.counters {
            let bytes = engine.wal_bytes.load(Ordering::Relaxed);
            gauge(
                "store_wal_bytes",
                "Bytes of the write-ahead log in use",
                bytes,
            )?;
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
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let load = self.0.load();
        let waiting = ConstGauge::new(u64::try_from(load.waiting).unwrap_or(u64::MAX));
        let help = "RSA signatures that wait for a thread";
        waiting.encode(encoder.encode_descriptor(
            "signatures_waiting",
            help,
            None,
            MetricType::Gauge,
        )?)?;
        let refused = ConstCounter::new(load.refused);
        let help = "RSA signatures refused because too many waited";
        refused.encode(encoder.encode_descriptor(
            "signatures_refused",
            help,
            None,
            MetricType::Counter,
        )?)
    }
}
