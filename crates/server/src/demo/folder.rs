//! Where a demo keeps its things: a folder of its own that goes with it, or one that the caller names.

use anyhow::Context as _;
use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// The data folder of a demo.
pub enum Folder {
    /// Made for this demo, for the owner only; removed at its end.
    Temporary(TempDir),
    /// The caller's; kept.
    Kept(PathBuf),
}

impl Folder {
    /// The folder that the caller names, else a new one.
    ///
    /// # Errors
    /// When no folder can be made.
    pub fn choose(named: Option<&Path>) -> anyhow::Result<Self> {
        match named {
            Some(path) => Ok(Self::Kept(path.to_owned())),
            None => tempfile::Builder::new()
                .prefix("countersign-demo-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir()
                .map(Self::Temporary)
                .context("cannot make a temporary folder; name one with --data DIR"),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }

    /// Where its mails are written instead of being sent.
    pub fn mails(&self) -> PathBuf {
        self.path().join("mails")
    }

    /// Whether it stays when the demo ends.
    pub const fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// The demo is over: remove what nobody asked to keep.
    ///
    /// # Errors
    /// When the folder cannot be removed; it is named.
    pub fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Kept(_) => Ok(()),
            Self::Temporary(folder) => {
                let path = folder.path().to_owned();
                folder
                    .close()
                    .with_context(|| format!("cannot remove {}", path.display()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_nobody_named_is_private_and_goes_with_the_demo() {
        let folder = Folder::choose(None).unwrap();
        let path = folder.path().to_owned();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(!folder.is_kept());
        std::fs::write(path.join("something"), "x").unwrap();
        folder.close().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_was_named_stays() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::choose(Some(parent.path())).unwrap();
        assert!(folder.is_kept());
        folder.close().unwrap();
        assert!(parent.path().exists());
    }
}
