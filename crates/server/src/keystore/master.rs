//! The master key: from the environment, or from a file that only its owner can read.

use aws_lc_rs::hmac;
use countersign_engine::{denied::Fault, ports::Entropy};
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The variable that carries the key instead of the file.
pub(crate) const VARIABLE: &str = "COUNTERSIGN_MASTER_KEY";
/// The file's name in the data folder.
const FILE: &str = "master.key";

/// 32 bytes under which data keys are sealed. Nothing secret is derived from them.
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// Others can read the file.
    #[error("{path} can be read by others (mode {mode:03o}); run: chmod 600 {path}")]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file or the variable does not hold a key.
    #[error("{place} does not hold a master key: expected 32 bytes in base64")]
    Malformed {
        /// Which file or variable.
        place: String,
    },
    /// The file cannot be read or made.
    #[error("cannot use {path}: {source}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is data, and the key that opens it is not there.
    #[error("{path} is missing, and there is data that it opens: restore it, or set {VARIABLE}")]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// There is no entropy.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl MasterKey {
    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &*self.0
    }

    /// What tells installations apart: eight bytes of an HMAC, in hexadecimal, which say nothing of the key.
    pub(super) fn tag(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.bytes());
        let tag = hmac::sign(&key, b"countersign installation v1");
        data_encoding::HEXLOWER.encode(tag.as_ref().get(..8).unwrap_or_default())
    }

    /// The key in `COUNTERSIGN_MASTER_KEY`, if that is set, else the one in the data folder, which is made
    /// there unless `has_data`.
    ///
    /// # Errors
    /// [`MasterKeyError`], with what to do.
    pub fn load(
        folder: &Path,
        variables: &[(String, String)],
        has_data: bool,
        entropy: &dyn Entropy,
    ) -> Result<Self, MasterKeyError> {
        let set = variables.iter().find(|(name, _)| name == VARIABLE);
        if let Some((_, text)) = set {
            return parse(text.as_bytes(), VARIABLE);
        }
        let path = folder.join(FILE);
        match File::open(&path) {
            Ok(file) => read(file, &path),
            Err(error) if error.kind() == ErrorKind::NotFound && has_data => {
                Err(MasterKeyError::Missing { path })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => make(&path, entropy),
            Err(source) => Err(MasterKeyError::Unusable { path, source }),
        }
    }
}

fn read(mut file: File, path: &Path) -> Result<MasterKey, MasterKeyError> {
    let unusable = |source| MasterKeyError::Unusable {
        path: path.to_owned(),
        source,
    };
    // Of the open file, not of the path: that may be another one by now.
    let mode = file.metadata().map_err(unusable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(MasterKeyError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = Zeroizing::new(Vec::new());
    file.read_to_end(&mut text).map_err(unusable)?;
    parse(&text, &path.display().to_string())
}

fn parse(text: &[u8], place: &str) -> Result<MasterKey, MasterKeyError> {
    let malformed = || MasterKeyError::Malformed {
        place: place.to_owned(),
    };
    let decoded = data_encoding::BASE64.decode(text.trim_ascii());
    let decoded = Zeroizing::new(decoded.map_err(|_| malformed())?);
    let mut key = Zeroizing::new([0; 32]);
    if decoded.len() != key.len() {
        return Err(malformed());
    }
    key.copy_from_slice(&decoded);
    Ok(MasterKey(key))
}

fn make(path: &Path, entropy: &dyn Entropy) -> Result<MasterKey, MasterKeyError> {
    let unusable = |source| MasterKeyError::Unusable {
        path: path.to_owned(),
        source,
    };
    let mut key = Zeroizing::new([0; 32]);
    entropy.fill(&mut *key)?;
    let mut text = Zeroizing::new(data_encoding::BASE64.encode(&*key));
    text.push('\n');
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(unusable)?;
    file.write_all(text.as_bytes()).map_err(unusable)?;
    file.sync_all().map_err(unusable)?;
    // The name too must outlive a power loss: everything sealed later depends on it.
    if let Some(folder) = path.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(unusable)?;
    }
    Ok(MasterKey(key))
}
