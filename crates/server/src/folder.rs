//! The data folder: one process at a time, and nobody else's to read.

use crate::trouble::Trouble;
use anyhow::{Context as _, bail};
use countersign_engine::secret::Secret;
use serde::{Deserialize, Serialize};
use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tracing::warn;
use zeroize::Zeroizing;

/// Says where the admin API is, with a token for it: what the command line reads.
pub const OPERATOR_FILE: &str = "operator.json";
const LOCK_FILE: &str = "lock";

/// An open data folder. The lock ends with the process, however that ends.
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// What `operator.json` holds.
#[derive(Serialize, Deserialize)]
struct OperatorFile {
    admin: String,
    token: String,
}

impl DataFolder {
    /// Open `path`, made for the owner only if it is not there, and lock it.
    ///
    /// # Errors
    /// When it cannot be made, or another process has it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.with_context(|| format!("cannot make the data folder {shown}"))?;
        let mode = std::fs::metadata(path)
            .with_context(|| format!("cannot look at the data folder {shown}"))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            warn!("the data folder {shown} is open to others; run: chmod 700 {shown}");
        }
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK_FILE))
            .with_context(|| format!("cannot open the lock in {shown}"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => bail!(Trouble {
                what: format!("another server uses the data folder {shown}"),
                place: path.join(LOCK_FILE).display().to_string(),
                advice: "use the server that runs (`countersign status`) or stop it; or name another folder with --data"
                    .into(),
            }),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock the data folder {shown}"))
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Write down where the admin API is and a new operator's token.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_operator(&self, admin: &str, token: &Secret<String>) -> anyhow::Result<()> {
        self.write(&OperatorFile {
            admin: admin.to_owned(),
            token: token.expose().clone(),
        })
    }

    /// Write down where the admin API is now, if a token is there already. Whether one is.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn update_operator(&self, admin: &str) -> anyhow::Result<bool> {
        let path = self.path.join(OPERATOR_FILE);
        let text = match std::fs::read(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let mut operator: OperatorFile = serde_json::from_slice(&text).with_context(|| {
            let shown = path.display();
            format!("{shown} is damaged; `countersign init --reset-operator` writes it anew")
        })?;
        if operator.admin != admin {
            admin.clone_into(&mut operator.admin);
            self.write(&operator)?;
        }
        Ok(true)
    }

    /// Under another name first, so that a reader sees the old file or the new one.
    fn write(&self, operator: &OperatorFile) -> anyhow::Result<()> {
        let path = self.path.join(OPERATOR_FILE);
        let new = self.path.join(format!("{OPERATOR_FILE}.new"));
        let text = Zeroizing::new(serde_json::to_vec_pretty(operator)?);
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(&text)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            File::open(&self.path)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_the_owners_and_one_process_has_it() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a").join("data");
        let folder = DataFolder::open(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let second = DataFolder::open(&path).err().unwrap().to_string();
        assert!(second.contains("another server"), "{second}");
        drop(folder);
        DataFolder::open(&path).unwrap();
    }

    #[test]
    fn the_operators_file_is_the_owners_and_keeps_its_token() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(parent.path()).unwrap();
        assert!(!folder.update_operator("http://127.0.0.1:1").unwrap());
        let path = parent.path().join(OPERATOR_FILE);
        assert!(!path.exists());
        let token = Secret::new("cs_opr_live_x".to_owned());
        folder.write_operator("http://127.0.0.1:1", &token).unwrap();
        assert!(folder.update_operator("http://127.0.0.1:2").unwrap());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("http://127.0.0.1:2") && text.contains("cs_opr_live_x"),
            "{text}"
        );
    }
}
