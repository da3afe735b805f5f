//! Threads for work that keeps a core busy: a bounded queue before a fixed number of them.

use crate::system;
use countersign_engine::denied::Fault;
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};
use tracing::warn;

type Job = Box<dyn FnOnce() + Send>;

/// After so long without work a thread forgets what it kept for its jobs, and after as long again it sees to it that
/// the memory goes back to the system: longer than the allocator keeps what was freed.
const IDLE: Duration = Duration::from_secs(2);

/// What a thread does next.
enum Next {
    Work(Job),
    Rest,
    End,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Jobs that wait now.
    pub waiting: usize,
    /// Jobs that were refused because too many waited.
    pub refused: u64,
}

/// Threads and their queue. Dropping it finishes what runs, and joins.
pub(crate) struct Pool {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    waiting_max: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    refused: u64,
    is_closed: bool,
}

impl Pool {
    /// So many threads, and so many jobs that may wait for them.
    pub(crate) fn new(name: &str, threads: usize, waiting_max: usize) -> Result<Self, Fault> {
        Self::with(name, threads, waiting_max, || {}, || {})
    }

    /// The same, for work that takes so long that everything else on the machine comes first. A thread that had
    /// nothing to do for a while is told to `forget` what it keeps from job to job.
    pub(crate) fn behind(
        name: &str,
        threads: usize,
        waiting_max: usize,
        forget: fn(),
    ) -> Result<Self, Fault> {
        let begin = || {
            if let Err(error) = system::stand_back() {
                warn!(%error, "a thread for long work cannot stand back behind others");
            }
        };
        Self::with(name, threads, waiting_max, begin, forget)
    }

    fn with(
        name: &str,
        threads: usize,
        waiting_max: usize,
        begin: fn(),
        forget: fn(),
    ) -> Result<Self, Fault> {
        let queue = Arc::new(Queue {
            state: Mutex::default(),
            changed: Condvar::new(),
            waiting_max,
        });
        let start = |number: usize| {
            let queue = Arc::clone(&queue);
            system::thread(&format!("{name}-{number}"), move || {
                begin();
                work(&queue, forget);
            })
        };
        let threads: Result<Vec<_>, _> = (0..threads.max(1)).map(start).collect();
        Ok(Self {
            threads: threads.map_err(Fault::unavailable)?,
            queue,
        })
    }

    /// The result of `job` on one of the threads; [`Fault::Unavailable`] at once when too many wait. A
    /// caller who no longer listens has its job skipped.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let (done, result) = oneshot::channel();
        self.push(Box::new(move || {
            if !done.is_closed() {
                // The caller may still go while we work: then nobody wants the result.
                drop(done.send(job()));
            }
        }))?;
        result
            .await
            .map_err(|_| Fault::internal("a job of a bounded thread panicked"))
    }

    /// The same of a job that may hang: after `span` it is a [`Fault::Unavailable`], and what comes of it is nobody's.
    pub(crate) async fn run_within<T: Send + 'static>(
        &self,
        span: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let done = timeout(span, self.run(job)).await;
        done.unwrap_or_else(|_| Err(Fault::unavailable("work on a bounded thread took too long")))
    }

    /// How much waits.
    pub(crate) fn load(&self) -> Load {
        let state = self.queue.lock();
        Load {
            waiting: state.jobs.len(),
            refused: state.refused,
        }
    }

    fn push(&self, job: Job) -> Result<(), Fault> {
        let mut state = self.queue.lock();
        if state.jobs.len() >= self.queue.waiting_max {
            state.refused += 1;
            return Err(Fault::unavailable("busy: too much of this work waits"));
        }
        state.jobs.push_back(job);
        drop(state);
        self.queue.changed.notify_one();
        Ok(())
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Jobs do not run under the lock, so nothing is half done when it is poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job, whenever it comes; a thread that `has_memory` of one is told to rest when none comes for a while.
    fn next(&self, has_memory: bool) -> Next {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return Next::End;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Next::Work(job);
            }
            if !has_memory {
                let woken = self.changed.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let woken = self.changed.wait_timeout(state, IDLE);
            let (guard, waited) = woken.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if waited.timed_out() && state.jobs.is_empty() && !state.is_closed {
                return Next::Rest;
            }
        }
    }
}

/// The memory of jobs that have ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    Kept,
    Freed,
    GivenBack,
}

fn work(queue: &Queue, forget: fn()) {
    let mut memory = Memory::GivenBack;
    loop {
        memory = match queue.next(memory != Memory::GivenBack) {
            Next::Work(job) => {
                // The job's sender is dropped by the panic, which tells its caller.
                drop(catch_unwind(AssertUnwindSafe(job)));
                Memory::Kept
            }
            Next::Rest if memory == Memory::Kept => {
                forget();
                Memory::Freed
            }
            Next::Rest => {
                give_back();
                Memory::GivenBack
            }
            Next::End => return,
        };
    }
}

/// The allocator keeps for a second what is freed, and looks for what it kept longer only when something else is
/// freed, which an idle server never does: its memory would stay that of its busiest second. So something is.
fn give_back() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(1 << 20)));
}

impl Drop for Pool {
    fn drop(&mut self) {
        {
            let mut state = self.queue.lock();
            state.is_closed = true;
            state.jobs.clear();
        }
        self.queue.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A thread ends by the flag; panics were caught in it.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_a_panic_is_a_fault() {
        let pool = Pool::new("test", 1, 1).unwrap();
        let (started, wait_started) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let running = pool.run(move || {
            started.send(()).unwrap();
            released.recv().unwrap();
            1
        });
        let mut running = std::pin::pin!(running);
        assert!(futures_poll(running.as_mut()).await);
        wait_started.recv().unwrap();
        let mut waiting = std::pin::pin!(pool.run(|| 2));
        assert!(futures_poll(waiting.as_mut()).await);
        let refused = pool.run(|| 3).await.unwrap_err();
        assert!(matches!(refused, Fault::Unavailable(_)), "{refused}");
        assert_eq!(
            pool.load(),
            Load {
                waiting: 1,
                refused: 1
            }
        );
        release.send(()).unwrap();
        assert_eq!(running.await.unwrap(), 1);
        assert_eq!(waiting.await.unwrap(), 2);
        let panicked = pool.run(|| assert!(std::hint::black_box(false))).await;
        assert!(matches!(panicked, Err(Fault::Internal(_))));
        assert_eq!(pool.run(|| 4).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn who_waits_for_a_job_that_hangs_is_told_in_time() {
        let pool = Pool::new("test", 1, 3).unwrap();
        let (release, released) = mpsc::channel::<()>();
        let hangs = move || released.recv().is_ok();
        let span = Duration::from_millis(1);
        // The one behind it, which never has its turn, as well.
        let (hung, behind) =
            tokio::join!(pool.run_within(span, hangs), pool.run_within(span, || 2));
        assert!(matches!(hung, Err(Fault::Unavailable(_))), "{hung:?}");
        assert!(matches!(behind, Err(Fault::Unavailable(_))), "{behind:?}");
        drop(release);
        assert_eq!(pool.run_within(Duration::MAX, || 3).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn long_work_stands_behind_the_rest_of_the_process() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let own = niceness();
        let [usual, behind] = [Pool::new("test", 1, 1), Pool::behind("test", 1, 1, || {})];
        assert_eq!(usual.unwrap().run(niceness).await.unwrap(), own);
        assert_eq!(
            behind.unwrap().run(niceness).await.unwrap(),
            (own + 10).min(19)
        );
        assert_eq!(niceness(), own, "nobody else");
    }

    /// Poll once; whether it waits.
    async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
        })
        .await
    }
}
