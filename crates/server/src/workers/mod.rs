//! What goes on beside requests. Each worker ends at the shutdown; none can change who may do what.

mod counts;
mod feed;
mod judge;
mod lapse;
pub mod observations;
mod sweeps;

pub use feed::Feed;

use crate::{
    http::tls::Reloading,
    outbox::{self, Ways},
    state::ServerState,
    system,
};
use countersign_engine::id::EnvironmentId;
use std::{sync::Arc, time::Duration};
use tokio::time::MissedTickBehavior;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

/// How often each looks after its work.
const OBSERVATIONS_EVERY: Duration = Duration::from_millis(500);
const LAST_USED_EVERY: Duration = Duration::from_secs(10);
const HEARTBEAT_EVERY: Duration = Duration::from_secs(2);
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Whoever polls is answered by the clock; callbacks leave, and long polls end, when it is noted.
const LAPSE_EVERY: Duration = Duration::from_secs(1);
const COUNT_EVERY: Duration = Duration::from_secs(15);
const JUDGE_EVERY: Duration = Duration::from_secs(5);
/// Callers do not wait for this: a token request makes the key that it lacks.
const KEYS_EVERY: Duration = Duration::from_secs(10);
const CERTIFICATES_EVERY: Duration = Duration::from_secs(30);

/// What workers work on.
pub struct Work {
    /// The running server.
    pub state: Arc<ServerState>,
    /// The feed of the cache before the store.
    pub feed: Arc<dyn Feed>,
    /// Certificates that may change.
    pub certificates: Vec<Arc<Reloading>>,
    /// How long audit lines are kept.
    pub audit_retention: Duration,
}

/// Workers at work.
pub struct Workers {
    stop: CancellationToken,
    tasks: TaskTracker,
    observations: Arc<observations::Writer>,
}

impl Workers {
    /// Start them all; `ways` are by what things leave.
    pub fn start(work: Work, ways: Ways) -> Self {
        let workers = Self {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            observations: Arc::new(observations::Writer::new(Arc::clone(&work.state))),
        };
        outbox::start(&work.state, ways, &workers.tasks, &workers.stop);
        let work = Arc::new(work);
        let feed = feed::Reader::new(Arc::clone(&work.feed), Arc::clone(&work.state));
        workers.every(
            countersign_engine::bounds::FEED_EVERY,
            feed,
            |feed| async move {
                feed.read().await;
            },
        );
        workers.every(
            OBSERVATIONS_EVERY,
            Arc::clone(&workers.observations),
            |writer| async move { writer.write().await },
        );
        workers.every(
            LAST_USED_EVERY,
            Arc::clone(&workers.observations),
            |writer| async move { writer.write_last_used().await },
        );
        workers.every(HEARTBEAT_EVERY, Arc::clone(&work), |work| async move {
            sweeps::heartbeat(&work.state).await;
        });
        workers.every(SWEEP_EVERY, Arc::clone(&work), |work| async move {
            sweeps::sweep(&work.state, work.audit_retention).await;
        });
        workers.every(LAPSE_EVERY, Arc::clone(&work), |work| async move {
            lapse::lapse(&work.state).await;
        });
        workers.every(COUNT_EVERY, Arc::clone(&work), |work| async move {
            counts::count(&work.state).await;
        });
        let judge = judge::Judge::new(Arc::clone(&work.state));
        workers.every(JUDGE_EVERY, judge, |judge| async move {
            judge.judge().await;
        });
        let stop = workers.stop.clone();
        workers.every(KEYS_EVERY, Arc::clone(&work), move |work| {
            let stop = stop.clone();
            async move {
                // A key pair takes seconds on a small machine: the drain does not wait for one. What is
                // made and not yet committed is forgotten.
                let _ = stop.run_until_cancelled(keep_keys(&work.state)).await;
            }
        });
        workers.every(CERTIFICATES_EVERY, work, |work| async move {
            for certificate in &work.certificates {
                certificate.reload(false);
            }
        });
        workers
    }

    /// Stop, and write what is still in memory.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.observations.write_all().await;
        self.observations.write_last_used().await;
    }

    /// Do `work` now and at each `period`, until the stop; what is under way is finished.
    fn every<T, F>(
        &self,
        period: Duration,
        with: Arc<T>,
        work: impl Fn(Arc<T>) -> F + Send + 'static,
    ) where
        T: Send + Sync + 'static,
        F: Future<Output = ()> + Send,
    {
        let stop = self.stop.clone();
        system::spawn(&self.tasks, async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    _ = ticks.tick() => work(Arc::clone(&with)).await,
                }
            }
        });
    }
}

/// Make the signing keys that are lacking, and let go of those that are over.
pub async fn keep_keys(state: &ServerState) {
    let context = state.context(EnvironmentId::installation(), None, "keys");
    if let Err(fault) = state.engine.keep_keys(&context).await {
        warn!(%fault, "cannot keep the signing keys");
    }
}
