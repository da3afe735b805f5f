//! The one writer: it takes all work that waits, writes it under one fsync, and answers everybody.

use super::{
    OpenError, checkpoint,
    checkpoint::Checkpoints,
    counters::Counters,
    errors::{self, Failed},
    settings::{Settings, WAL_FRAME_BYTES},
    statements,
    steps::{Must, Step, Work},
    threads,
};
use countersign_engine::{commit::CommitError, denied::Fault};
use rusqlite::{Connection, Error, params_from_iter, types::Value};
use std::{
    cell::Cell,
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed, mpsc},
    thread::JoinHandle,
};
use tokio::sync::oneshot;

type Answer = Result<u64, CommitError>;

/// Work that waits, and who waits for it.
struct Waiting {
    steps: Vec<Step>,
    rows_max: Option<u64>,
    reply: oneshot::Sender<Answer>,
}

/// The way to the writer thread. Dropping it finishes what waits, checkpoints and joins the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::SyncSender<Waiting>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl Writer {
    pub(super) fn start(
        path: &Path,
        mut connection: Connection,
        settings: &Settings,
        counters: &Arc<Counters>,
    ) -> Result<Self, OpenError> {
        let level = Arc::clone(counters);
        connection.wal_hook(Some(move |_: &mut _, pages: i32| {
            let pages = u64::from(pages.unsigned_abs());
            level.wal_bytes.store(pages * WAL_FRAME_BYTES, Relaxed);
            Ok(())
        }))?;
        let checkpoints = Checkpoints::start(path, settings, counters)?;
        let (queue, waiting) = mpsc::sync_channel(settings.writes_waiting_max);
        let work = Loop {
            connection,
            settings: settings.clone(),
            counters: Arc::clone(counters),
            checkpoints,
            next_checkpoint_bytes: Cell::new(0),
            checkpoint_asked_at: Cell::new(0),
        };
        let thread = threads::start("store-writer", move || work.run(&waiting))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            counters: Arc::clone(counters),
        })
    }

    /// Have these steps written together; how many rows they touched comes back once that is durable.
    pub(super) async fn write(&self, steps: Vec<Step>, rows_max: Option<u64>) -> Answer {
        let closed = || Fault::unavailable("the store is closed");
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        let work = Waiting {
            steps,
            rows_max,
            reply,
        };
        queue.try_send(work).map_err(|error| match error {
            mpsc::TrySendError::Full(_) => {
                Counters::add(&self.counters.refused_busy, 1);
                Fault::unavailable("busy: too many writes are waiting")
            }
            mpsc::TrySendError::Disconnected(_) => closed(),
        })?;
        answer.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// The same for what cannot conflict.
    pub(super) async fn keep(&self, (steps, rows_max): Work) -> Result<u64, Fault> {
        if steps.is_empty() {
            return Ok(0);
        }
        match self.write(steps, rows_max).await {
            Ok(rows) => Ok(rows),
            Err(CommitError::Fault(fault)) => Err(fault),
            Err(CommitError::Conflict { .. }) => Err(Fault::internal(
                "an append touched no row, or more than one",
            )),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of the store had panicked");
        }
    }
}

struct Loop {
    connection: Connection,
    settings: Settings,
    counters: Arc<Counters>,
    checkpoints: Checkpoints,
    next_checkpoint_bytes: Cell<u64>,
    checkpoint_asked_at: Cell<u64>,
}

impl Loop {
    fn run(self, waiting: &mpsc::Receiver<Waiting>) {
        while let Ok(first) = waiting.recv() {
            let mut group = vec![first];
            while group.len() < self.settings.group_max
                && let Ok(next) = waiting.try_recv()
            {
                group.push(next);
            }
            self.serve(group);
        }
        let Self {
            connection,
            counters,
            checkpoints,
            ..
        } = self;
        drop(checkpoints);
        checkpoint::run(&connection, checkpoint::Mode::Truncate, &counters);
    }

    fn serve(&self, group: Vec<Waiting>) {
        let answers = match self.make_room().map(|()| self.write(&group)) {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => self.give_up(&group, &error),
            Err(fault) => group.iter().map(|_| Err(fault.clone().into())).collect(),
        };
        for (work, answer) in group.into_iter().zip(answers) {
            // Whoever asked may have left; what was written stays written, and the feed tells of it.
            drop(work.reply.send(answer));
        }
        self.ask_for_checkpoint();
    }

    /// Once per stretch of log, not once per group: each checkpoint costs fsyncs of its own.
    fn ask_for_checkpoint(&self) {
        let bytes = self.counters.wal_bytes.load(Relaxed);
        // Less than there was: the log was begun anew.
        let asked_at = self.checkpoint_asked_at.get().min(bytes);
        self.checkpoint_asked_at.set(asked_at);
        if bytes - asked_at >= self.settings.wal_checkpoint_bytes {
            self.checkpoint_asked_at.set(bytes);
            self.checkpoints.wake();
        }
    }

    /// Keep the log within its bounds: it grows without end when something (a long backup, a stuck disk)
    /// keeps checkpoints from finishing.
    fn make_room(&self) -> Result<(), Fault> {
        let bytes = self.counters.wal_bytes.load(Relaxed);
        if bytes <= self.settings.wal_writer_bytes {
            self.next_checkpoint_bytes.set(0);
        } else if bytes >= self.next_checkpoint_bytes.get() {
            // A checkpoint that waits for readers in vain is not worth repeating before every group.
            checkpoint::run(&self.connection, checkpoint::Mode::Restart, &self.counters);
            let next = bytes + self.settings.wal_checkpoint_bytes;
            let next = next.min(self.settings.wal_bytes_max);
            self.next_checkpoint_bytes.set(next);
        }
        if self.counters.wal_bytes.load(Relaxed) > self.settings.wal_bytes_max {
            Counters::add(&self.counters.refused_wal, 1);
            return Err(Fault::unavailable(
                "the write-ahead log has reached its bound",
            ));
        }
        Ok(())
    }

    /// Everything under one transaction, each work in its savepoint. An error concerns the whole group.
    fn write(&self, group: &[Waiting]) -> Result<Vec<Answer>, Error> {
        self.execute(statements::BEGIN)?;
        let mut answers = Vec::with_capacity(group.len());
        for work in group {
            self.execute(statements::SAVEPOINT)?;
            let answer = match self.work(work) {
                Ok(rows) => Ok(rows),
                Err(Failed::Broken(error)) => return Err(error),
                Err(failed) => {
                    self.execute(statements::ROLLBACK_TO)?;
                    Err(match failed {
                        Failed::Conflict(change) => CommitError::Conflict { change },
                        Failed::Refused(fault) => fault.into(),
                        Failed::Broken(error) => return Err(error),
                    })
                }
            };
            self.execute(statements::RELEASE)?;
            answers.push(answer);
        }
        if self.connection.is_autocommit() {
            // SQLite took the transaction back by itself: nothing of the group stands.
            return Err(Error::ToSqlConversionFailure(
                "the transaction is gone".into(),
            ));
        }
        self.commit()?;
        self.counters.group(group.len() as u64);
        Ok(answers)
    }

    fn commit(&self) -> Result<(), Error> {
        let Err(error) = self.execute(statements::COMMIT) else {
            return Ok(());
        };
        if errors::is_full(&error) || errors::is_busy(&error) {
            // Nothing was made durable, and taking it back needs no space.
            return Err(error);
        }
        checkpoint::end_process("COMMIT", &error)
    }

    /// Take the group back and tell everybody.
    fn give_up(&self, group: &[Waiting], error: &Error) -> Vec<Answer> {
        Counters::add(&self.counters.groups_failed, 1);
        tracing::error!(%error, works = group.len(), "a group of commits was taken back");
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute(statements::ROLLBACK)
            && !self.connection.is_autocommit()
        {
            // The next group would be written into the remains of this one.
            checkpoint::end_process("ROLLBACK", &error);
        }
        let fault = errors::fault(error);
        group.iter().map(|_| Err(fault.clone().into())).collect()
    }

    fn execute(&self, sql: &'static str) -> Result<(), Error> {
        let mut sql = self.connection.prepare_cached(sql)?;
        sql.execute([]).map(|_| ())
    }

    fn work(&self, work: &Waiting) -> Result<u64, Failed> {
        let mut rows = 0;
        let mut place = 0;
        for step in &work.steps {
            let left = work.rows_max.map(|max| max.saturating_sub(rows));
            let touched = self.step(step, left).map_err(|error| {
                if errors::is_taken(&error) {
                    Failed::Conflict(place)
                } else {
                    error.into()
                }
            })?;
            match step.must {
                Must::Settle => continue,
                Must::TouchOne | Must::Find if touched != 1 => {
                    return Err(Failed::Conflict(place));
                }
                Must::TouchOne | Must::Find | Must::Run => {}
            }
            place += 1;
            rows += touched;
        }
        Ok(rows)
    }

    fn step(&self, step: &Step, left: Option<u64>) -> Result<u64, Error> {
        let mut sql = self.connection.prepare_cached(step.sql)?;
        if step.must == Must::Find {
            return sql
                .exists(params_from_iter(&step.values))
                .map(|found| found.into());
        }
        let left = left.map(|left| Value::Integer(i64::try_from(left).unwrap_or(i64::MAX)));
        let values = step.values.iter().cloned().chain(left);
        sql.execute(params_from_iter(values))
            .map(|rows| rows as u64)
    }
}
