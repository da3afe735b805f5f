//! Things that take long to make, made ahead: one thread keeps eight ready.

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

/// Things ready: two assets' pairs, and most of a third's.
pub(super) const READY_MAX: usize = 8;
/// Callers that wait: at a tenth of a second for each pair the last of them would give up before its turn.
const WAITING_MAX: usize = 64;
/// How long a caller waits.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// Between two things that nobody waits for, so that making them ahead takes half a core and not a whole one.
const REST: Duration = Duration::from_millis(100);
/// After something could not be made.
const REST_AFTER_FAULT: Duration = Duration::from_secs(1);

/// What makes the things, on the one thread.
type Make<T> = Box<dyn FnMut() -> Result<T, Fault> + Send>;

/// The stock and its thread, which starts with the first caller unless told before: an installation that needs
/// none has none made.
/// Dropping it waits for the thing under way.
pub(super) struct Ready<T> {
    shared: Arc<Shared<T>>,
    thread: Mutex<Thread<T>>,
}

enum Thread<T> {
    Due(&'static str, Make<T>),
    Running(JoinHandle<()>),
    /// It could not be started.
    Gone,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    stock: VecDeque<T>,
    /// The longest waiting first, who gets all that is made until they have enough.
    waiting: VecDeque<Caller<T>>,
    is_closed: bool,
}

struct Caller<T> {
    count: usize,
    got: Vec<T>,
    done: oneshot::Sender<Result<Vec<T>, Fault>>,
}

impl<T: Send + 'static> Ready<T> {
    /// A stock that `make` fills, on a thread of this name.
    pub(super) fn new(
        name: &'static str,
        make: impl FnMut() -> Result<T, Fault> + Send + 'static,
    ) -> Self {
        let state = State {
            stock: VecDeque::new(),
            waiting: VecDeque::new(),
            is_closed: false,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                changed: Condvar::new(),
            }),
            thread: Mutex::new(Thread::Due(name, Box::new(make))),
        }
    }

    /// Put in what was made earlier.
    pub(super) fn stock(&self, things: impl IntoIterator<Item = T>) {
        self.shared.lock().stock.extend(things);
    }

    /// `count` of them; [`Fault::Unavailable`] when they are not there within two seconds.
    pub(super) async fn take(&self, count: usize) -> Result<Vec<T>, Fault> {
        self.take_within(count, WAIT_MAX).await
    }

    async fn take_within(&self, count: usize, wait_max: Duration) -> Result<Vec<T>, Fault> {
        self.start()?;
        let (done, taken) = oneshot::channel();
        {
            let mut state = self.shared.lock();
            state.hand_out();
            if state.waiting.len() >= WAITING_MAX {
                return Err(Fault::unavailable("busy: too many wait for key pairs"));
            }
            state.waiting.push_back(Caller {
                count,
                got: Vec::with_capacity(count),
                done,
            });
            state.hand_out();
        }
        self.shared.changed.notify_one();
        match timeout(wait_max, taken).await {
            Ok(Ok(taken)) => taken,
            Ok(Err(_)) => Err(Fault::unavailable("the server ends")),
            Err(_) => Err(Fault::unavailable("no key pairs were ready in time")),
        }
    }

    /// Begin to make them ahead, if that has not begun.
    pub(super) fn start(&self) -> Result<(), Fault> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        *thread = match std::mem::replace(&mut *thread, Thread::Gone) {
            Thread::Due(name, make) => {
                let shared = Arc::clone(&self.shared);
                let started = system::thread(name, move || refill(&shared, make));
                Thread::Running(started.map_err(Fault::unavailable)?)
            }
            other => other,
        };
        match &*thread {
            Thread::Gone => Err(Fault::unavailable("there is no thread for key pairs")),
            _ => Ok(()),
        }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing is made under the lock, so nothing is half done when it is poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wait until something is to be made; false when it is over.
    fn is_wanted(&self) -> bool {
        let mut state = self.lock();
        loop {
            state.hand_out();
            if state.is_closed {
                return false;
            }
            if !state.waiting.is_empty() || state.stock.len() < READY_MAX {
                return true;
            }
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Rest, unless somebody waits or comes to wait.
    fn rest(&self, span: Duration) {
        let idle = |state: &mut State<T>| state.waiting.is_empty() && !state.is_closed;
        // Whether it timed out says nothing more.
        drop(self.changed.wait_timeout_while(self.lock(), span, idle));
    }
}

impl<T> State<T> {
    /// Give what there is to those who wait, in their order. Who has gone gives back what they got.
    fn hand_out(&mut self) {
        let (gone, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|caller| caller.done.is_closed());
        self.waiting = waiting;
        let gone: VecDeque<Caller<T>> = gone;
        self.stock.extend(gone.into_iter().flat_map(|one| one.got));
        while let Some(mut caller) = self.waiting.pop_front() {
            let lacking = caller.count.saturating_sub(caller.got.len());
            caller
                .got
                .extend(self.stock.drain(..lacking.min(self.stock.len())));
            if caller.got.len() < caller.count {
                self.waiting.push_front(caller);
                return;
            }
            if let Err(Ok(back)) = caller.done.send(Ok(caller.got)) {
                self.stock.extend(back);
            }
        }
    }

    /// Tell all who wait that there will be nothing; what they got goes back.
    fn disappoint(&mut self, fault: &Fault) {
        for caller in std::mem::take(&mut self.waiting) {
            self.stock.extend(caller.got);
            // Who has gone need not know.
            drop(caller.done.send(Err(fault.clone())));
        }
    }
}

fn refill<T>(shared: &Shared<T>, mut make: Make<T>) {
    while shared.is_wanted() {
        let made = catch_unwind(AssertUnwindSafe(&mut make))
            .unwrap_or_else(|_| Err(Fault::internal("making a key pair panicked")));
        let span = match made {
            Ok(thing) => {
                let mut state = shared.lock();
                state.stock.push_back(thing);
                state.hand_out();
                REST
            }
            Err(fault) => {
                tracing::error!(%fault, "cannot make key pairs ahead");
                shared.lock().disappoint(&fault);
                REST_AFTER_FAULT
            }
        };
        shared.rest(span);
    }
}

impl<T> Drop for Ready<T> {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.is_closed = true;
            state.waiting.clear();
        }
        self.shared.changed.notify_all();
        let thread = self
            .thread
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Thread::Running(thread) = std::mem::replace(thread, Thread::Gone) {
            // A thread ends by the flag; panics were caught in it.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A stock that makes a number for each permit, and says when it has begun.
    fn numbers() -> (Ready<u32>, mpsc::Sender<Result<u32, Fault>>) {
        let (permit, permits) = mpsc::channel();
        let ready = Ready::new("test-pairs", move || {
            permits
                .recv()
                .unwrap_or_else(|_| Err(Fault::unavailable("the test is over")))
        });
        (ready, permit)
    }

    #[tokio::test]
    async fn nine_wanted_at_once_wait_for_each_other_and_none_is_handed_out_twice() {
        let (ready, permit) = numbers();
        for number in 0..9 {
            permit.send(Ok(number)).unwrap();
        }
        let (a, b, c) = tokio::join!(ready.take(3), ready.take(3), ready.take(3));
        let mut all = [a.unwrap(), b.unwrap(), c.unwrap()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..9).collect::<Vec<_>>());
        for number in 9..18 {
            permit.send(Ok(number)).unwrap();
        }
        assert_eq!(ready.take(9).await.unwrap().len(), 9, "more than are ready");
        drop(permit);
    }

    #[tokio::test]
    async fn nothing_is_made_before_somebody_asks_and_no_more_than_eight_ahead() {
        let (ready, permit) = numbers();
        for number in 0..100 {
            permit.send(Ok(number)).unwrap();
        }
        assert!(ready.shared.lock().stock.is_empty());
        assert_eq!(ready.take(1).await.unwrap(), [0]);
        let is_short = |state: &mut State<u32>| state.stock.len() < READY_MAX;
        while is_short(&mut ready.shared.lock()) {
            tokio::task::yield_now().await;
        }
        drop(permit);
        drop(ready.take(0).await.unwrap());
        assert_eq!(ready.shared.lock().stock.len(), READY_MAX);
    }

    #[tokio::test]
    async fn who_waited_for_too_long_is_told_and_gives_back_what_they_got() {
        let (ready, permit) = numbers();
        permit.send(Ok(7)).unwrap();
        let waited = ready.take_within(2, Duration::from_millis(1)).await;
        let fault = waited.unwrap_err();
        assert!(matches!(fault, Fault::Unavailable(_)), "{fault}");
        assert_eq!(ready.take(1).await.unwrap(), [7]);
        drop(permit);
    }

    #[tokio::test]
    async fn a_fault_is_told_to_who_waits_and_the_next_one_is_served() {
        let (ready, permit) = numbers();
        permit.send(Ok(1)).unwrap();
        permit.send(Err(Fault::internal("broken"))).unwrap();
        assert_eq!(
            ready.take(2).await.unwrap_err(),
            Fault::internal("broken"),
            "with one of them made"
        );
        permit.send(Ok(2)).unwrap();
        assert_eq!(ready.take(2).await.unwrap(), [1, 2]);
        drop(permit);
    }

    #[tokio::test]
    async fn what_was_made_earlier_is_used_first() {
        let (ready, permit) = numbers();
        ready.stock([40, 41]);
        assert_eq!(ready.take(2).await.unwrap(), [40, 41]);
        drop(permit);
    }
}
