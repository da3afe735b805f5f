//! The one owner of the wall clock, the monotonic clock, entropy, environment variables and threads.
//! Everything else is handed what it needs, so tests freeze time and seed chance.

use countersign_engine::{
    denied::Fault,
    ports::{Clock, Entropy},
    time::Timestamp,
};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};
use tokio_util::task::TaskTracker;

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic reading starts now.
    #[expect(clippy::disallowed_methods, reason = "the owner of the clocks")]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the owner of the clocks")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::EPOCH.plus(since)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The machine's randomness.
#[derive(Debug, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the owner of entropy")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        aws_lc_rs::rand::fill(bytes).map_err(|_| Fault::unavailable("no entropy"))
    }
}

/// What a server takes from the machine that it runs on. Tests hand it a clock that stands still and chance that
/// repeats itself.
#[derive(Clone)]
pub struct Machine {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where everything random comes from, key pairs apart.
    pub entropy: Arc<dyn Entropy>,
}

impl Machine {
    /// This one.
    pub fn own() -> Self {
        Self {
            clock: Arc::new(SystemClock::start()),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

/// Names for requests: 8 characters of base62, different for 2^47 requests of one process.
///
/// A request's name is no secret, so it costs one addition and no entropy: an odd step through the
/// numbers below 2^47 from a random start visits each before it repeats one.
#[derive(Debug)]
pub struct RequestNames {
    next: AtomicU64,
    step: u64,
}

const NAMES: u64 = 1 << 47;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl RequestNames {
    /// Names from a random start.
    ///
    /// # Errors
    /// [`Fault`] when there is no entropy.
    pub fn new(entropy: &dyn Entropy) -> Result<Self, Fault> {
        let mut seed = [0; 16];
        entropy.fill(&mut seed)?;
        let (start, step) = seed.split_at(8);
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, b| (n << 8) | u64::from(*b));
        Ok(Self {
            next: AtomicU64::new(number(start)),
            step: number(step) | 1,
        })
    }

    /// The next name.
    pub fn next(&self) -> [u8; 8] {
        let mut number = self.next.fetch_add(self.step, Ordering::Relaxed) % NAMES;
        let mut name = [b'0'; 8];
        for place in name.iter_mut().rev() {
            let digit = usize::try_from(number % 62).unwrap_or_default();
            *place = BASE62.get(digit).copied().unwrap_or(b'0');
            number /= 62;
        }
        name
    }
}

/// Every environment variable that is UTF-8. Read once, by whoever loads the configuration.
#[expect(
    clippy::disallowed_methods,
    reason = "the owner of environment variables"
)]
pub fn environment_variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Start a task that `tracker` waits for at the drain.
#[expect(clippy::disallowed_methods, reason = "the owner of tasks")]
pub fn spawn<F>(tracker: &TaskTracker, task: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    // The tracker keeps count; the handle says nothing more.
    drop(tokio::spawn(tracker.track_future(task)));
}

/// Start a thread with a name. Its owner joins it.
///
/// # Errors
/// When the machine has no more threads.
pub fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
}

/// How far behind others the threads stand that nobody waits for in milliseconds: whenever one of the others has work,
/// it gets nine tenths of the core (sched(7)), and at once.
const BEHIND: i32 = 10;

/// Let every thread of usual priority come before this one, from now on.
///
/// # Errors
/// When the system does not allow it.
pub fn stand_back() -> std::io::Result<()> {
    // On Linux a thread has a priority of its own (nice(2), "C library/kernel differences").
    rustix::process::nice(BEHIND)?;
    Ok(())
}

/// Do something that waits for the disk, off the threads that serve requests. For the start and the end only.
#[expect(clippy::disallowed_methods, reason = "the owner of threads")]
pub async fn off_runtime(work: impl FnOnce() + Send + 'static) {
    // It fails only if the work panics, which the panic hook has told.
    drop(tokio::task::spawn_blocking(work).await);
}

/// How many threads can run at once, at least 1.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn request_names_have_eight_letters_or_digits_and_do_not_repeat() {
        let names = RequestNames::new(&SystemEntropy).unwrap();
        let made: HashSet<[u8; 8]> = (0..10_000).map(|_| names.next()).collect();
        assert_eq!(made.len(), 10_000);
        assert!(made.iter().flatten().all(u8::is_ascii_alphanumeric));
    }

    #[test]
    fn the_monotonic_clock_never_goes_back() {
        let clock = SystemClock::start();
        let readings: Vec<Duration> = (0..1000).map(|_| clock.monotonic()).collect();
        assert!(readings.is_sorted());
    }
}
