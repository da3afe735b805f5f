//! What the engine's own tests stand on: ports that answer from memory, at once.

use crate::{denied::Fault, ports::Entropy};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that differ each time and are the same in every run.
#[derive(Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        for chunk in bytes.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            let digest = crate::digest::Digest::of("testing", &[&count.to_be_bytes()]);
            chunk.copy_from_slice(&digest.as_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}
