//! Opening the store, and the cache before it.

use crate::workers::Feed;
use anyhow::bail;
use countersign_engine::{
    denied::Fault,
    ports::{Clock, Pending, Store},
};
use countersign_store::{CachedStore, Opened};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where rows are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// In memory: lost at the end.
    Memory,
    /// In this file.
    Sqlite(PathBuf),
}

impl StoreUrl {
    /// `memory:` or `sqlite:PATH`, relative to `folder`.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str, folder: &Path) -> anyhow::Result<Self> {
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() && !path.starts_with("//") => {
                Ok(Self::Sqlite(folder.join(path)))
            }
            _ => bail!("data.store: expected sqlite:PATH or memory:, not {text:?}"),
        }
    }

    /// Whether rows are there already, which a new master key would not open.
    pub fn has_data(&self) -> bool {
        match self {
            Self::Memory => false,
            Self::Sqlite(path) => path.exists(),
        }
    }
}

/// Open the store that `url` means, and read its feed once: from here on the cache may be believed.
///
/// # Errors
/// When it does not open, or cannot be read.
pub(super) async fn open(url: &StoreUrl, clock: Arc<dyn Clock>) -> anyhow::Result<Opened> {
    let text = match url {
        StoreUrl::Memory => "memory:".to_owned(),
        StoreUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
    };
    let opened = countersign_store::open(&text, clock)?;
    opened.store.poll_feed().await?;
    Ok(opened)
}

impl Feed for CachedStore<dyn Store> {
    fn read(&self) -> Pending<'_, Result<(), Fault>> {
        Box::pin(self.poll_feed())
    }
}
