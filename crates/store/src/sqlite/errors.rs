//! What an error of SQLite means to a caller.

use countersign_engine::denied::Fault;
use rusqlite::{Error, ErrorCode};

/// Why one piece of work of a group did not happen.
#[derive(Debug)]
pub(super) enum Failed {
    /// Change number so and so did not touch exactly one row: only this work is taken back.
    Conflict(usize),
    /// This work is wrong in itself (it cannot be encoded, a check refused it): only it is taken back.
    Refused(Fault),
    /// The transaction cannot be trusted any more: the whole group is taken back.
    Broken(Error),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Refused(Fault::internal(error)),
            _ => Self::Broken(error),
        }
    }
}

/// Whether the error says that a key or unique projection is taken.
pub(super) fn is_taken(error: &Error) -> bool {
    use rusqlite::ffi::{
        SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID, SQLITE_CONSTRAINT_UNIQUE,
    };
    matches!(
        error.sqlite_error().map(|error| error.extended_code),
        Some(SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_ROWID | SQLITE_CONSTRAINT_UNIQUE)
    )
}

/// Whether the disk, or the size that we may take, is full.
///
/// SQLite says so for a full disk only. A quota or a limit on file sizes is a failed write to it, and no worse:
/// the kernel did not take the bytes, and said so. It is a failed fsync after which nobody can say what is there.
pub(super) fn is_full(error: &Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || extended == Some(rusqlite::ffi::SQLITE_IOERR_WRITE)
}

/// Whether another connection holds what we need.
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// The fault that callers see. What may pass is worth another try: 503.
pub(super) fn fault(error: &Error) -> Fault {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
            | ErrorCode::CannotOpen,
        ) => Fault::unavailable(format_args!("SQLite: {error}")),
        _ => Fault::internal(format_args!("SQLite: {error}")),
    }
}
