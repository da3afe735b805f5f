//! How the engine is set up: its bounds, and what every connection is told.

use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::{fs, io, path::Path, time::Duration};

/// The engine's bounds. The defaults are what the server uses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Threads that read, each with a connection of its own.
    pub readers: usize,
    /// Work that waits for the writer; what comes when it is full is answered 503.
    pub writes_waiting_max: usize,
    /// Work that waits for a reader.
    pub reads_waiting_max: usize,
    /// Pieces of work under one fsync.
    pub group_max: usize,
    /// Bytes of write-ahead log from which the checkpoint thread is woken.
    pub wal_checkpoint_bytes: u64,
    /// Bytes of write-ahead log from which the writer itself checkpoints before it goes on.
    pub wal_writer_bytes: u64,
    /// Bytes of write-ahead log past which writes are answered 503.
    pub wal_bytes_max: u64,
    /// How long a lock of another process (a backup, a shell) is waited for.
    pub busy_timeout: Duration,
    /// Rows that one sweep looks at for a holder that is gone: some tens of milliseconds of a reader.
    pub looked_at_max: u32,
    /// Pages of 4 KiB that the file may have; none: what the disk holds.
    pub pages_max: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readers: 2,
            writes_waiting_max: 4096,
            reads_waiting_max: 4096,
            group_max: 256,
            wal_checkpoint_bytes: 4 << 20,
            wal_writer_bytes: 64 << 20,
            wal_bytes_max: 256 << 20,
            busy_timeout: Duration::from_secs(2),
            looked_at_max: 5_000,
            pages_max: None,
        }
    }
}

/// Bytes that a page takes in the write-ahead log: the page and the frame's header.
pub(super) const WAL_FRAME_BYTES: u64 = 4096 + 24;

/// Statements kept prepared per connection: more than there are.
const STATEMENTS_MAX: usize = 256;

/// Make the file, readable by its owner only: it holds digests of secrets and sealed keys. SQLite gives its
/// side files the same mode.
pub(super) fn make_file(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(file) => {
            file.sync_all()?;
            // The name must be as durable as what will be written under it.
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// A connection of the writer or the checkpoint thread.
pub(super) fn connect_writer(path: &Path, settings: &Settings) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(settings.busy_timeout)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(rusqlite::Error::ToSqlConversionFailure(
            format!("the file system allows no write-ahead log (journal mode {mode})").into(),
        ));
    }
    tell(&connection)?;
    if let Some(pages) = settings.pages_max {
        let _: u32 =
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| {
                row.get(0)
            })?;
    }
    Ok(connection)
}

/// A connection of a reader. It cannot write.
pub(super) fn connect_reader(path: &Path, settings: &Settings) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(settings.busy_timeout)?;
    tell(&connection)?;
    Ok(connection)
}

fn tell(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // FULL: a commit is on the disk before it is acknowledged. No automatic checkpoints: they would run
    // inside somebody's commit; the checkpoint thread does them.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;",
    )?;
    let _: i64 = connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |row| row.get(0))?;
    Ok(())
}
