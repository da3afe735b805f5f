//! Signing keys: one row per set, with the next, the current and the retired keys in it.

use crate::{
    id::{EnvironmentId, KeyId},
    sealed::Sealed,
    time::Timestamp,
};
use countersign_jose::{Algorithm, Jwk};
use serde::{Deserialize, Serialize};

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published, so that verifiers know it before it signs.
    Next,
    /// Signs.
    Current,
    /// Signs no more; still published and accepted until it ends.
    Retired,
}

/// One key pair of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// Its name: for asymmetric keys the RFC 7638 thumbprint.
    pub id: KeyId,
    /// The one algorithm it is used with.
    pub algorithm: Algorithm,
    /// Where it is in its life.
    pub state: KeyState,
    /// The public half; none for symmetric keys, which are never published.
    pub public: Option<Jwk>,
    /// The private half, sealed under the environment's data key and bound to this key's name.
    pub private: Sealed,
    /// When it was made.
    pub created_at: Timestamp,
    /// For a retired key: accepted until then.
    pub ends_at: Option<Timestamp>,
}

/// The keys that one or more token profiles sign with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// Where they sign.
    pub environment: EnvironmentId,
    /// What profiles call the set.
    pub name: String,
    /// The algorithm of new keys.
    pub algorithm: Algorithm,
    /// Bits of new RSA keys: 2048, 3072 or 4096.
    pub rsa_bits: u32,
    /// At most one next, exactly one current (once made), and retired ones until they end.
    pub keys: Vec<SigningKey>,
}

impl KeySet {
    /// The key that signs.
    pub fn current(&self) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.state == KeyState::Current)
    }

    /// The keys whose signatures are accepted at `now`.
    pub fn accepted(&self, now: Timestamp) -> impl Iterator<Item = &SigningKey> {
        self.keys
            .iter()
            .filter(move |key| key.ends_at.is_none_or(|end| now < end))
    }
}
