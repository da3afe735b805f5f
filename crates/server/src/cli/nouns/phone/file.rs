//! The file of a phone: its private key, for its owner's eyes only.

use super::{DeviceKey, Phone, phone_url};
use crate::cli::{failure::Failure, files};
use countersign_jose::{base64url_decode, base64url_encode};
use reqwest::Certificate;
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// What to do where others read what is the phone's owner's alone. Only an operator can remove a device.
pub(super) const REPLACE_PHONE: &str =
    "have the device removed (`countersign device remove`) and enrol anew";

/// What the file holds.
#[derive(Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct PhoneFile {
    /// Where phones answer.
    url: String,
    /// What the phone is called.
    name: String,
    /// Its name: the thumbprint of the key.
    device: String,
    /// PKCS#8, in base64url.
    private_key: String,
}

impl PhoneFile {
    /// What is kept of `phone`, which is called `name`.
    ///
    /// # Errors
    /// When its key cannot be written down.
    pub fn of(phone: &Phone, name: &str) -> Result<Self, Failure> {
        Ok(Self {
            url: phone.url().to_string(),
            name: name.to_owned(),
            device: phone.key().id.clone(),
            private_key: base64url_encode(&phone.key().secret()?),
        })
    }

    /// The phone in the file at `path`.
    ///
    /// # Errors
    /// When there is none, or others may read it.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        if !path.exists() {
            return Err(Failure::usage("there is no phone yet")
                .at(format!("{} does not exist", path.display()))
                .advise("make one with `countersign phone enrol --url URL`, or name its file with --file"));
        }
        let text = files::secret(path, REPLACE_PHONE)?;
        serde_json::from_str(text.expose()).map_err(|error| {
            Failure::refused("this is not the file of a phone")
                .at(format!("{}, line {}", path.display(), error.line()))
                .advise("name the file that `countersign phone enrol` wrote")
        })
    }

    /// The phone, ready to call; `authorities` vouch for where phones answer.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn phone(&self, authorities: Vec<Certificate>) -> Result<Phone, Failure> {
        let damaged = || Failure::refused("the phone's file is damaged: its key cannot be read");
        let document = base64url_decode(&self.private_key).map_err(|_| damaged())?;
        let key = DeviceKey::restore(&Zeroizing::new(document))?;
        if key.id != self.device {
            return Err(damaged());
        }
        Phone::new(phone_url(&self.url)?, key, authorities)
    }
}

/// A file that was made before the phone enrols, so that no key is made that cannot be kept.
pub(super) struct Reserved {
    path: PathBuf,
    file: File,
    is_kept: bool,
}

impl Reserved {
    pub(super) fn make(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => {
                    Failure::usage(format!("{} is there already", path.display()))
                        .advise("name another file with --file, or remove this one if its phone is not needed any more")
                }
                _ => Failure::refused(format!("cannot make {}: {error}", path.display())),
            })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            is_kept: false,
        })
    }

    pub(super) fn keep(mut self, phone: &PhoneFile) -> Result<(), Failure> {
        let path = self.path.display().to_string();
        let failed =
            |error: std::io::Error| Failure::refused(format!("cannot write {path}: {error}"));
        let text = serde_json::to_string_pretty(phone).map_err(|error| failed(error.into()))?;
        let text = Zeroizing::new(text + "\n");
        self.file.write_all(text.as_bytes()).map_err(failed)?;
        self.file.sync_all().map_err(failed)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.is_kept {
            // It is empty, and whoever failed has said why: that it stays is told by the next attempt.
            drop(std::fs::remove_file(&self.path));
        }
    }
}
