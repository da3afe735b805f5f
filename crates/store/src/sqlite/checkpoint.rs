//! Moving the write-ahead log into the file: on a thread of its own, so that no commit waits for it.

use super::{OpenError, counters::Counters, errors, settings, settings::Settings, threads};
use rusqlite::{Connection, Error};
use std::{
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed, mpsc},
    thread::JoinHandle,
};

/// How thorough.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    /// As far as readers let it, waiting for nobody.
    Passive,
    /// Wait for readers, so that the next commit begins the log anew.
    Restart,
    /// The same, and give the log's space back.
    Truncate,
}

/// The checkpoint thread. Dropping it joins it.
#[derive(Debug)]
pub(super) struct Checkpoints {
    wake: Option<mpsc::SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    pub(super) fn start(
        path: &Path,
        settings: &Settings,
        counters: &Arc<Counters>,
    ) -> Result<Self, OpenError> {
        let connection = settings::connect_writer(path, settings)?;
        let (wake, woken) = mpsc::sync_channel(1);
        let counters = Arc::clone(counters);
        let thread = threads::start("store-checkpoint", move || {
            while woken.recv().is_ok() {
                run(&connection, Mode::Passive, &counters);
            }
        })?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// Ask for a checkpoint; one that is already asked for will do.
    pub(super) fn wake(&self) {
        if let Some(wake) = &self.wake {
            match wake.try_send(()) {
                Ok(())
                | Err(mpsc::TrySendError::Full(()) | mpsc::TrySendError::Disconnected(())) => {}
            }
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread of the store had panicked");
        }
    }
}

/// Run a checkpoint. That it could not finish now is no error: the next one will.
pub(super) fn run(connection: &Connection, mode: Mode, counters: &Counters) {
    let sql = match mode {
        Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Mode::Restart => "PRAGMA wal_checkpoint(RESTART)",
        Mode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    Counters::add(&counters.checkpoints, 1);
    match connection.query_row(sql, [], |row| row.get::<_, i64>(0)) {
        Ok(0) if !matches!(mode, Mode::Passive) => counters.wal_bytes.store(0, Relaxed),
        Ok(_) => {}
        Err(error) if errors::is_busy(&error) => {}
        Err(error) if errors::is_full(&error) => {
            tracing::warn!(%error, "the log cannot be moved into the file: the disk is full");
        }
        Err(error) => end_process("checkpoint", &error),
    }
}

/// End the process.
///
/// After a failed fsync nobody can say what is on the disk: the kernel may have dropped the pages that it
/// could not write, and the next fsync then succeeds without them. Going on, or answering "not written",
/// could both be lies. What is certain is the state that the next start reads back from the log, and
/// everything that was acknowledged is in it.
pub(super) fn end_process(doing: &str, error: &Error) -> ! {
    tracing::error!(%error, doing, "the disk cannot be trusted any more; the process ends");
    std::process::abort()
}
