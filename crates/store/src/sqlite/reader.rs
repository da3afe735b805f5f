//! Threads that read, each with a connection of its own, fed by one bounded queue.

use super::{
    OpenError,
    counters::Counters,
    errors, settings,
    settings::Settings,
    statements::{self, keyed},
    threads,
};
use crate::tables::{Noun, decode_body, key_fields};
use countersign_engine::{
    denied::Fault,
    row::{Key, Row, Stored},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row as Found, params_from_iter, types::Value};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Some reading threads. Dropping them finishes what waits and joins them.
#[derive(Debug)]
pub(super) struct Readers {
    queue: Option<mpsc::SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl Readers {
    pub(super) fn start(
        name: &'static str,
        number: usize,
        path: &Path,
        settings: &Settings,
        counters: &Arc<Counters>,
    ) -> Result<Self, OpenError> {
        let (queue, waiting) = mpsc::sync_channel::<Job>(settings.reads_waiting_max);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut readers = Self {
            queue: Some(queue),
            threads: Vec::new(),
            counters: Arc::clone(counters),
        };
        for _ in 0..number.max(1) {
            let connection = settings::connect_reader(path, settings)?;
            let waiting = Arc::clone(&waiting);
            let thread = threads::start(name, move || work(&connection, &waiting))?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Run `read` on a reader's connection.
    pub(super) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> impl Future<Output = Result<T, Fault>> + Send + 'static {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody waits any more: under overload this is what frees the queue.
            if !reply.is_closed() {
                // The asker may leave meanwhile; a read that nobody takes is nothing lost.
                drop(reply.send(read(connection)));
            }
        });
        let sent = self.send(job);
        async move {
            sent?;
            answer
                .await
                .unwrap_or_else(|_| Err(Fault::unavailable("the store is closed")))
        }
    }

    fn send(&self, job: Job) -> Result<(), Fault> {
        let closed = || Fault::unavailable("the store is closed");
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.try_send(job).map_err(|error| match error {
            mpsc::TrySendError::Full(_) => {
                Counters::add(&self.counters.refused_busy, 1);
                Fault::unavailable("busy: too many reads are waiting")
            }
            mpsc::TrySendError::Disconnected(_) => closed(),
        })
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader of the store had panicked");
            }
        }
    }
}

fn work(connection: &Connection, waiting: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        // One idle reader waits inside the lock, the others for the lock: either way, asleep.
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        match next {
            Ok(job) => job(connection),
            Err(mpsc::RecvError) => return,
        }
    }
}

/// Run `read` on one snapshot.
pub(super) fn snapshot<T>(
    connection: &Connection,
    read: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    run(connection, statements::BEGIN_READ)?;
    let result = read();
    // A read transaction has nothing to lose, so its end cannot change the result; but it must end.
    let ended =
        run(connection, statements::COMMIT).or_else(|_| run(connection, statements::ROLLBACK));
    result.and_then(|found| ended.map(|()| found))
}

fn run(connection: &Connection, sql: &'static str) -> Result<(), Fault> {
    let done = connection
        .prepare_cached(sql)
        .and_then(|mut sql| sql.execute([]));
    done.map(|_| ()).map_err(|error| errors::fault(&error))
}

/// The rows of these keys, from one snapshot.
pub(super) fn load(
    connection: &Connection,
    keys: &[Key],
) -> Result<Vec<Option<Arc<Stored>>>, Fault> {
    let all = || keys.iter().map(|key| load_one(connection, key)).collect();
    if keys.len() == 1 {
        all()
    } else {
        snapshot(connection, all)
    }
}

fn load_one(connection: &Connection, key: &Key) -> Result<Option<Arc<Stored>>, Fault> {
    let values = key_fields(key).into_iter().map(Value::from);
    let Some(noun) = Noun::of(key) else {
        return match key {
            Key::LastUsed(environment, credential) => {
                let note = |found: &Found<'_>| Ok((found.get(0)?, found.get(1)?));
                let sql = statements::LOAD_LAST_USED;
                let found: Option<(i64, i64)> = one(connection, sql, values, note)?;
                Ok(found.map(|(version, at)| {
                    let at = Timestamp::from_micros(at);
                    let row = Row::LastUsed(environment.clone(), credential.clone(), at);
                    stored(version, 0, row)
                }))
            }
            _ => Ok(None),
        };
    };
    let found: Option<(i64, i64, String)> = one(connection, &keyed(noun).load, values, |found| {
        Ok((found.get(0)?, found.get(1)?, found.get(2)?))
    })?;
    found
        .map(|(version, not_before, body)| {
            Ok(stored(version, not_before, decode_body(noun, &body)?))
        })
        .transpose()
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    values: impl Iterator<Item = Value>,
    read: impl FnOnce(&Found<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, Fault> {
    let found = connection
        .prepare_cached(sql)
        .and_then(|mut sql| sql.query_row(params_from_iter(values), read).optional());
    found.map_err(|error| errors::fault(&error))
}

/// A row with what its columns say of it.
pub(super) fn stored(version: i64, not_before: i64, row: Row) -> Arc<Stored> {
    Arc::new(Stored {
        // The schema checks that versions are at least 1.
        version: version.unsigned_abs(),
        not_before: Timestamp::from_micros(not_before),
        row,
    })
}
