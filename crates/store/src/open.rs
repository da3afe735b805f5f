//! The one place where an engine is chosen.

use crate::{
    CachedStore,
    memory::MemoryStore,
    sqlite::{self, Counters, OpenError, Settings},
};
use countersign_engine::ports::{Clock, Store};
use std::{path::Path, sync::Arc};

/// A store, ready for use.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The store with its cache: the engine's `Store` and its `Freshness`.
    pub store: Arc<CachedStore<dyn Store>>,
    /// What the SQLite engine counts; none for memory.
    pub counters: Option<Arc<Counters>>,
}

/// Why a URL opens no store.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// Another scheme.
    #[error("the store's URL {url:?} must be `memory:`, `sqlite:PATH` or `sqlite:///PATH`")]
    Scheme {
        /// What was given.
        url: String,
    },
    /// The file.
    #[error("the store at {path:?} does not open: {error}")]
    Sqlite {
        /// Which.
        path: String,
        /// Why.
        error: OpenError,
    },
}

/// Open the store that `url` names: `memory:`, or `sqlite:` and the path of a file or folder.
///
/// Dropping the last clone of what comes back writes out what waits and closes the file; the server drops
/// it after its drain, outside the runtime's threads, because that waits for the disk.
///
/// # Errors
/// [`NotOpened`].
pub fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Opened, NotOpened> {
    if url == "memory:" {
        return Ok(Opened {
            store: Arc::new(CachedStore::new(Arc::new(MemoryStore::new()), clock)),
            counters: None,
        });
    }
    let scheme = || NotOpened::Scheme { url: url.into() };
    let rest = url.strip_prefix("sqlite:").ok_or_else(scheme)?;
    let path = match rest.strip_prefix("//") {
        // A URL with an authority: only the empty one means this machine.
        Some(path) if path.starts_with('/') => path,
        Some(_) => return Err(scheme()),
        None => rest,
    };
    if path.is_empty() || path.contains(['?', '#', '\0']) {
        return Err(scheme());
    }
    let store =
        sqlite::open(Path::new(path), &Settings::default()).map_err(|error| NotOpened::Sqlite {
            path: path.into(),
            error,
        })?;
    let counters = Some(Arc::clone(store.counters()));
    Ok(Opened {
        store: Arc::new(CachedStore::new(Arc::new(store), clock)),
        counters,
    })
}
