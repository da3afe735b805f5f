//! What can go wrong with a token: at the start, with what to do, and later.

use countersign_engine::denied::Fault;
use cryptoki::error::{Error, RvError};
use std::{io, path::PathBuf};

/// Why the token cannot be used. The start ends with it.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The module is not there, or is no PKCS#11 module.
    #[error(
        "keystore.pkcs11.module: cannot load {path}: {source}; name the shared library of the token's maker (SoftHSM on Debian: /usr/lib/softhsm/libsofthsm2.so)"
    )]
    Load {
        /// Which module.
        path: PathBuf,
        /// Why.
        source: Error,
    },
    /// The module does not start.
    #[error(
        "keystore.pkcs11.module: {path} does not start: {source}; see its own configuration (SoftHSM: the file that SOFTHSM2_CONF names, and the folder that this names)"
    )]
    Initialize {
        /// Which module.
        path: PathBuf,
        /// Why.
        source: Error,
    },
    /// Another module is in use.
    #[error("keystore.pkcs11.module: this process uses {path} already, and uses one module only")]
    OtherModule {
        /// Which one is in use.
        path: PathBuf,
    },
    /// The module has no such token.
    #[error(
        "keystore.pkcs11.token: there is no token `{label}` (there are: {found}); name one of them, or initialize it (SoftHSM: softhsm2-util --init-token --free --label {label})"
    )]
    NoToken {
        /// What was looked for.
        label: String,
        /// What is there.
        found: String,
    },
    /// Two tokens have the label.
    #[error("keystore.pkcs11.token: there are {count} tokens `{label}`; give each its own label")]
    Ambiguous {
        /// What was looked for.
        label: String,
        /// How many there are.
        count: usize,
    },
    /// The token lacks what is needed.
    #[error(
        "keystore.pkcs11.token: `{label}` has no {mechanism}, which assets' keys need; use another token"
    )]
    Lacks {
        /// Which token.
        label: String,
        /// What it lacks.
        mechanism: &'static str,
    },
    /// There is no PIN.
    #[error("keystore.pkcs11.pin_file: expected a file with the user's PIN, or {variable}")]
    NoPin {
        /// The variable that may carry it.
        variable: &'static str,
    },
    /// The PIN cannot be read.
    #[error("keystore.pkcs11.pin_file: cannot read {path}: {source}")]
    PinUnreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read the PIN.
    #[error(
        "keystore.pkcs11.pin_file: {path} can be read by others (mode {mode:03o}); run: chmod 600 {path}"
    )]
    PinExposed {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The token does not take the PIN.
    #[error(
        "keystore.pkcs11.pin_file: the token `{label}` does not take the PIN in {place}: {source}; correct it before you start again, for a token locks itself after a few wrong ones"
    )]
    Pin {
        /// Which token.
        label: String,
        /// Where the PIN is from.
        place: String,
        /// Why.
        source: Error,
    },
    /// Something else.
    #[error("keystore.pkcs11: the token `{label}` cannot be used: {source}")]
    Unusable {
        /// Which token.
        label: String,
        /// Why.
        source: Error,
    },
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why an operation in the token did not come to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The module said so.
    Module(Error),
    /// Nothing private is seen, since nobody is logged in any more.
    LoggedOut,
    /// The session could not be opened.
    Closed(TokenError),
    /// Ours.
    Fault(Fault),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl Trouble {
    /// Whether a new session may help: the old one, its login or its device is gone.
    pub(super) fn is_stale(&self) -> bool {
        match self {
            Self::LoggedOut => true,
            Self::Module(Error::Pkcs11(value, _)) => matches!(
                value,
                RvError::SessionHandleInvalid
                    | RvError::SessionClosed
                    | RvError::UserNotLoggedIn
                    | RvError::DeviceRemoved
                    | RvError::DeviceError
                    | RvError::TokenNotPresent
                    | RvError::SlotIdInvalid
                    | RvError::ObjectHandleInvalid
                    | RvError::KeyHandleInvalid
                    | RvError::OperationActive
            ),
            Self::Module(_) | Self::Closed(_) | Self::Fault(_) => false,
        }
    }
}

impl From<Trouble> for Fault {
    /// Whatever a token says, a caller may try again later: it is a device that can be mended.
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Module(error) => Self::unavailable(format!("the PKCS#11 token: {error}")),
            Trouble::LoggedOut => Self::unavailable("the PKCS#11 token has logged us out"),
            Trouble::Closed(error) => Self::unavailable(error),
            Trouble::Fault(fault) => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cryptoki::context::Function;

    #[test]
    fn only_what_a_new_session_can_mend_is_tried_again() {
        let of = |value| Trouble::from(Error::Pkcs11(value, Function::Sign));
        for value in [
            RvError::SessionHandleInvalid,
            RvError::UserNotLoggedIn,
            RvError::DeviceRemoved,
            RvError::TokenNotPresent,
        ] {
            assert!(of(value).is_stale(), "{value:?}");
        }
        assert!(Trouble::LoggedOut.is_stale());
        for value in [
            RvError::PinIncorrect,
            RvError::PinLocked,
            RvError::EncryptedDataInvalid,
            RvError::GeneralError,
            RvError::KeyFunctionNotPermitted,
        ] {
            assert!(!of(value).is_stale(), "{value:?}");
        }
        assert!(!Trouble::Fault(Fault::internal("x")).is_stale());
    }
}
