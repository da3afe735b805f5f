//! The schema and its versions. A migration only ever adds (expand, then contract a release later), so the
//! binary before this one can still read what this one writes.

use super::{OpenError, statements};
use crate::tables::Noun;
use countersign_engine::digest::Digest;
use rusqlite::{Connection, OptionalExtension};

/// Marks the file as ours (`file(1)` and we look at it): "CSgn".
const APPLICATION_ID: i32 = 0x4353_676e;

/// One step of the schema.
pub(super) struct Migration {
    /// Its number; the schema's version when it was the last.
    pub version: u32,
    /// What it runs, in one transaction with the note that it ran.
    pub statements: Vec<String>,
}

impl Migration {
    /// Of the statements. A migration that has shipped is never edited.
    pub(super) fn checksum(&self) -> Digest {
        let parts: Vec<&[u8]> = self.statements.iter().map(String::as_bytes).collect();
        Digest::of("countersign sqlite migration", &parts)
    }
}

/// Every migration, in order. Tables that come later get a migration of their own.
pub(super) fn all() -> Vec<Migration> {
    let ledgers = statements::CREATE_LEDGERS
        .iter()
        .map(|sql| (*sql).to_owned());
    let first = tables(&[
        Noun::Environment,
        Noun::Organization,
        Noun::Operator,
        Noun::Name,
        Noun::Client,
        Noun::Credential,
        Noun::Guards,
        Noun::KeySet,
        Noun::Revocation,
        Noun::Idempotency,
    ]);
    // People, and what leaves for the world.
    let second = tables(&[
        Noun::Subject,
        Noun::Session,
        Noun::SessionWindow,
        Noun::Ticket,
        Noun::Attempts,
        Noun::Subscription,
        Noun::Delivery,
    ]);
    // Devices, and what their owners approve.
    let third = tables(&[
        Noun::Device,
        Noun::Asset,
        Noun::Identification,
        Noun::Approval,
        Noun::Approvers,
    ]);
    vec![
        Migration {
            version: 1,
            statements: first.into_iter().chain(ledgers).collect(),
        },
        Migration {
            version: 2,
            statements: second,
        },
        Migration {
            version: 3,
            statements: third,
        },
    ]
}

fn tables(nouns: &[Noun]) -> Vec<String> {
    let made = nouns.iter().map(|noun| statements::create(noun.table()));
    made.flatten().collect()
}

/// Bring the file to this binary's schema.
///
/// # Errors
/// When the file is not ours, is newer than this binary, or was made by other statements than ours.
pub(super) fn run(connection: &mut Connection, migrations: &[Migration]) -> Result<(), OpenError> {
    claim(connection)?;
    let known = migrations.last().map_or(0, |migration| migration.version);
    let found: u32 = connection.query_row(
        "SELECT coalesce(max(version), 0) FROM schema_version",
        [],
        |row| row.get(0),
    )?;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    migrations
        .iter()
        .try_for_each(|migration| step(connection, migration))
}

/// Take an empty file for ours, or see that it is.
fn claim(connection: &mut Connection) -> Result<(), OpenError> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let id: i32 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let objects: u32 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != APPLICATION_ID && (id != 0 || objects > 0) {
        return Err(OpenError::NotOurs);
    }
    transaction.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_version \
         (version INTEGER PRIMARY KEY, checksum BLOB NOT NULL) STRICT",
    )?;
    transaction.commit()?;
    Ok(())
}

fn step(connection: &mut Connection, migration: &Migration) -> Result<(), OpenError> {
    let version = migration.version;
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let ran: Option<Vec<u8>> = transaction
        .query_row(
            "SELECT checksum FROM schema_version WHERE version = ?1",
            [version],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(checksum) = ran {
        return if checksum == migration.checksum().as_bytes() {
            Ok(())
        } else {
            Err(OpenError::Edited { version })
        };
    }
    for sql in &migration.statements {
        transaction.execute_batch(sql)?;
    }
    transaction.execute(
        "INSERT INTO schema_version (version, checksum) VALUES (?1, ?2)",
        rusqlite::params![version, migration.checksum().as_bytes()],
    )?;
    transaction.commit()?;
    Ok(())
}
