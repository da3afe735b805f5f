//! The module of the process, and sessions that are logged in.

use super::{
    pin::Pin,
    trouble::{TokenError, Trouble},
};
use crate::config::Pkcs11;
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11 as Module},
    error::{Error, RvError},
    mechanism::MechanismType,
    session::{Session, UserType},
    slot::Slot,
};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// What assets' keys need.
const MECHANISMS: [(MechanismType, &str); 3] = [
    (
        MechanismType::RSA_PKCS_KEY_PAIR_GEN,
        "CKM_RSA_PKCS_KEY_PAIR_GEN",
    ),
    (MechanismType::RSA_PKCS, "CKM_RSA_PKCS"),
    (MechanismType::RSA_PKCS_OAEP, "CKM_RSA_PKCS_OAEP"),
];

/// The one module of the process. A module is initialized once: SoftHSM does not survive a second time. It is
/// never finalized, which would take it away from whoever is still at work.
static MODULE: Mutex<Option<(PathBuf, Module)>> = Mutex::new(None);

fn module(path: &Path) -> Result<Module, TokenError> {
    let mut known = MODULE.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some((of, module)) if of == path => return Ok(module.clone()),
        Some((of, _)) => return Err(TokenError::OtherModule { path: of.clone() }),
        None => {}
    }
    let module = Module::new(path).map_err(|source| TokenError::Load {
        path: path.to_owned(),
        source,
    })?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(source) => {
            return Err(TokenError::Initialize {
                path: path.to_owned(),
                source,
            });
        }
    }
    *known = Some((path.to_owned(), module.clone()));
    Ok(module)
}

/// Whether the module has the token, and the token what is needed. Nobody logs in.
///
/// # Errors
/// [`TokenError`], with what to do.
pub fn find(config: &Pkcs11) -> Result<(), TokenError> {
    let module = module(&config.module)?;
    let slot = slot(&module, &config.token)?;
    check_mechanisms(&module, slot, &config.token)
}

/// A token, and the sessions with it that nobody uses now. There are never more than threads that ask.
pub(super) struct Sessions {
    module: Module,
    label: String,
    pin: Pin,
    free: Mutex<Vec<Session>>,
    /// What the token said of the PIN, when it did not take it.
    refused: Mutex<Option<RvError>>,
}

impl Sessions {
    /// Find the token and log in.
    pub(super) fn open(config: &Pkcs11, pin: Pin) -> Result<Self, TokenError> {
        find(config)?;
        let sessions = Self {
            module: module(&config.module)?,
            label: config.token.clone(),
            pin,
            free: Mutex::default(),
            refused: Mutex::default(),
        };
        let first = sessions.log_in()?;
        sessions.put_back(first);
        Ok(sessions)
    }

    /// Do something in a session of one's own. When the session, the login or the device turns out to be gone, once
    /// more in a new one.
    pub(super) fn with<T>(
        &self,
        work: impl Fn(&Session) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let free = self.lock().pop();
        let session = match free {
            Some(session) => session,
            None => self.log_in().map_err(Trouble::Closed)?,
        };
        let trouble = match work(&session) {
            Err(trouble) if trouble.is_stale() => trouble,
            done => {
                self.put_back(session);
                return done;
            }
        };
        tracing::warn!(?trouble, "logging in to the PKCS#11 token again");
        drop(session);
        // What one session has lost, the others have lost as well.
        self.lock().clear();
        let session = self.log_in().map_err(Trouble::Closed)?;
        let done = work(&session);
        self.put_back(session);
        done
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        // Nothing is done under the lock but moving sessions.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_back(&self, session: Session) {
        self.lock().push(session);
    }

    /// A new session. The login is the process's: whoever comes second has it already.
    fn log_in(&self) -> Result<Session, TokenError> {
        // One at a time, and never again after a refusal: each try brings the token nearer to locking itself.
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = *refused {
            return Err(self.pin_error(value));
        }
        // Looked for each time: a token that was taken out comes back in another slot.
        let slot = slot(&self.module, &self.label)?;
        let session = self.module.open_rw_session(slot);
        let session = session.map_err(|source| unusable(&self.label, source))?;
        match session.login(UserType::User, Some(&self.pin.pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(Error::Pkcs11(value, _)) if is_about_the_pin(value) => {
                *refused = Some(value);
                Err(self.pin_error(value))
            }
            Err(source) => Err(unusable(&self.label, source)),
        }
    }

    fn pin_error(&self, value: RvError) -> TokenError {
        TokenError::Pin {
            label: self.label.clone(),
            place: self.pin.place.clone(),
            source: Error::Pkcs11(value, Function::Login),
        }
    }
}

fn unusable(label: &str, source: Error) -> TokenError {
    TokenError::Unusable {
        label: label.to_owned(),
        source,
    }
}

fn slot(module: &Module, label: &str) -> Result<Slot, TokenError> {
    let unusable = |source| unusable(label, source);
    let mut found = Vec::new();
    for slot in module
        .get_slots_with_initialized_token()
        .map_err(unusable)?
    {
        let token = module.get_token_info(slot).map_err(unusable)?;
        found.push((token.label().to_owned(), slot));
    }
    let is_ours = |(known, _): &&(String, Slot)| known == label;
    let ours: Vec<Slot> = found
        .iter()
        .filter(is_ours)
        .map(|(_, slot)| *slot)
        .collect();
    match ours.as_slice() {
        [slot] => Ok(*slot),
        [] => Err(TokenError::NoToken {
            label: label.to_owned(),
            found: listed(found.into_iter().map(|(label, _)| label)),
        }),
        several => Err(TokenError::Ambiguous {
            label: label.to_owned(),
            count: several.len(),
        }),
    }
}

fn check_mechanisms(module: &Module, slot: Slot, label: &str) -> Result<(), TokenError> {
    let has = module.get_mechanism_list(slot);
    let has = has.map_err(|source| unusable(label, source))?;
    match MECHANISMS.iter().find(|(kind, _)| !has.contains(kind)) {
        None => Ok(()),
        Some((_, mechanism)) => Err(TokenError::Lacks {
            label: label.to_owned(),
            mechanism,
        }),
    }
}

fn is_about_the_pin(value: RvError) -> bool {
    matches!(
        value,
        RvError::PinIncorrect
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::PinExpired
            | RvError::PinLocked
            | RvError::UserPinNotInitialized
    )
}

fn listed(labels: impl Iterator<Item = String>) -> String {
    let labels: Vec<String> = labels.map(|label| format!("`{label}`")).collect();
    match labels.as_slice() {
        [] => "none".to_owned(),
        some => some.join(", "),
    }
}
