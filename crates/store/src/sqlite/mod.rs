//! SQLite: one writer thread that puts waiting work under one fsync, readers of their own, a thread that
//! checkpoints.
//!
//! Whoever commits hands finished statements to the writer and waits for its answer. If the waiting future
//! is dropped, the commit still happens or does not, as a whole; nobody learns which but the feed.

mod checkpoint;
mod counters;
mod errors;
mod lists;
mod migrations;
mod reader;
mod settings;
mod statements;
mod steps;
mod threads;
mod writer;

#[cfg(test)]
mod tests;

pub use counters::Counters;
pub use settings::Settings;

use crate::{page::rows_max, tables};
use countersign_engine::{
    commit::{Commit, CommitError},
    denied::Fault,
    model::audit::AuditEvent,
    ports::{Cursor, FeedCursor, FeedPage, Housekeeping, Kept, Page, Pending, Query, Store},
    row::{Key, Stored},
};
use lists::Place;
use reader::Readers;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use writer::Writer;

/// The name of the file when a folder is given.
pub const FILE_NAME: &str = "countersign.sqlite";

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file holds something else.
    #[error("the file is a SQLite database, but not one of Countersign's")]
    NotOurs,
    /// A newer release has been here.
    #[error(
        "the store has schema version {found}, and this binary knows versions up to {known}: \
         start the release that wrote it, or a later one"
    )]
    Newer {
        /// The file's.
        found: u32,
        /// The last that this binary knows.
        known: u32,
    },
    /// The schema was made by other statements than this binary's.
    #[error(
        "schema version {version} of the store was made by other statements than this binary's"
    )]
    Edited {
        /// Which version.
        version: u32,
    },
    /// The file system.
    #[error("the store's file cannot be used: {0}")]
    Io(#[from] std::io::Error),
    /// SQLite.
    #[error("SQLite cannot open the store: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// A store in one file. Dropping it finishes all waiting work, checkpoints and joins its threads.
#[derive(Debug)]
pub struct SqliteStore {
    // Dropped in this order: readers let go of the log before the writer empties it.
    readers: Readers,
    feed: Readers,
    writer: Writer,
    counters: Arc<Counters>,
    looked_at_max: u32,
    /// Where the next looks for lost credentials and for lost last uses begin.
    orphans_from: Mutex<Place>,
    lost_uses_from: Mutex<Place>,
}

/// Open the store in this file, or in this folder's [`FILE_NAME`]; make it if there is none.
///
/// # Errors
/// [`OpenError`]; the file is then as it was, or holds an empty schema.
pub fn open(path: &Path, settings: &Settings) -> Result<SqliteStore, OpenError> {
    let path = if path.is_dir() {
        path.join(FILE_NAME)
    } else {
        PathBuf::from(path)
    };
    settings::make_file(&path)?;
    let mut connection = settings::connect_writer(&path, settings)?;
    migrations::run(&mut connection, &migrations::all())?;
    let counters = Arc::new(Counters::default());
    let writer = Writer::start(&path, connection, settings, &counters)?;
    Ok(SqliteStore {
        readers: Readers::start("store-reader", settings.readers, &path, settings, &counters)?,
        // The feed has a reader of its own: if it waited behind loads, a flood of loads would make the
        // cache stale, and a stale cache makes more loads.
        feed: Readers::start("store-feed", 1, &path, settings, &counters)?,
        writer,
        counters,
        looked_at_max: settings.looked_at_max,
        orphans_from: Mutex::default(),
        lost_uses_from: Mutex::default(),
    })
}

impl SqliteStore {
    /// What the engine counts.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    async fn sweep_orphans(&self, limit: u32) -> Result<Kept, Fault> {
        // Looking for them must not hold the writer; each one is looked at again when it is removed.
        let orphans = self
            .look(
                statements::LOOK_FOR_ORPHANS,
                &self.orphans_from,
                limit.into(),
            )
            .await?;
        let removed = self.writer.keep(steps::remove_orphans(orphans)).await?;
        let left = u64::from(limit).saturating_sub(removed);
        let lost = self
            .look(statements::LOOK_FOR_LOST_USES, &self.lost_uses_from, left)
            .await?;
        let forgotten = self.writer.keep(steps::remove_lost_uses(lost)).await?;
        Ok(Kept::Rows(removed + forgotten))
    }

    /// One stretch of a table that may be large: sweep after sweep all of it is looked at.
    async fn look(
        &self,
        sql: &'static str,
        from: &Mutex<Place>,
        limit: u64,
    ) -> Result<Vec<Place>, Fault> {
        let begin = from.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rows = self.looked_at_max;
        let look = move |connection: &_| lists::look(connection, sql, begin, rows, limit);
        let looked = self.readers.read(look).await?;
        *from.lock().unwrap_or_else(PoisonError::into_inner) = looked.next;
        Ok(looked.found)
    }
}

impl Store for SqliteStore {
    fn load<'a>(&'a self, keys: &'a [Key]) -> Pending<'a, Result<Vec<Option<Arc<Stored>>>, Fault>> {
        let keys = keys.to_vec();
        Box::pin(
            self.readers
                .read(move |connection| reader::load(connection, &keys)),
        )
    }

    fn list<'a>(
        &'a self,
        query: &'a Query,
        after: Option<&'a Cursor>,
        limit: u32,
    ) -> Pending<'a, Result<Page, Fault>> {
        let (query, after) = (query.clone(), after.cloned());
        Box::pin(self.readers.read(move |connection| {
            lists::list(connection, &query, after.as_ref(), rows_max(limit))
        }))
    }

    fn commit(&self, commit: Commit) -> Pending<'_, Result<(), CommitError>> {
        Box::pin(async move {
            tables::check(&commit)?;
            let steps = steps::of_commit(&commit)?;
            self.writer.write(steps, None).await.map(|_| ())
        })
    }

    fn feed<'a>(&'a self, after: Option<&'a FeedCursor>) -> Pending<'a, Result<FeedPage, Fault>> {
        let after = after.cloned();
        Box::pin(
            self.feed
                .read(move |connection| lists::feed(connection, after.as_ref())),
        )
    }

    fn observe(&self, batch: Vec<AuditEvent>) -> Pending<'_, Result<(), Fault>> {
        Box::pin(async move {
            let steps = batch.iter().map(steps::note).collect::<Result<_, _>>()?;
            self.writer.keep((steps, None)).await.map(|_| ())
        })
    }

    fn keep(&self, work: Housekeeping) -> Pending<'_, Result<Kept, Fault>> {
        Box::pin(async move {
            let work = match work {
                Housekeeping::CountRows => {
                    return self.readers.read(lists::count_rows).await.map(Kept::Counts);
                }
                Housekeeping::CountSubjects {
                    environment,
                    organization,
                    limit,
                } => {
                    let counted = self.readers.read(move |connection| {
                        lists::count_subjects(connection, &environment, &organization, limit)
                    });
                    return counted.await.map(Kept::Rows);
                }
                Housekeeping::CountWaiting {
                    environment,
                    of,
                    now,
                    limit,
                } => {
                    let counted = self.readers.read(move |connection| {
                        lists::count_waiting(connection, &environment, &of, now, limit)
                    });
                    return counted.await.map(Kept::Rows);
                }
                Housekeeping::CountDeliveries => {
                    let counts = self.readers.read(lists::count_deliveries);
                    return counts.await.map(Kept::Counts);
                }
                Housekeeping::SweepOrphans { limit } => return self.sweep_orphans(limit).await,
                Housekeeping::SweepExpired { now, limit } => steps::sweep_expired(now, limit),
                Housekeeping::SweepDead { place, limit } => steps::sweep_dead(&place, limit),
                Housekeeping::SweepAudit { before, limit } => steps::sweep_audit(before, limit),
                Housekeeping::SweepFeed { before, limit } => steps::sweep_feed(before, limit),
                Housekeeping::LastUsed(uses) => steps::note_last_uses(&uses),
                Housekeeping::Delivered(attempts) => steps::delivered(&attempts)?,
            };
            self.writer.keep(work).await.map(Kept::Rows)
        })
    }
}
