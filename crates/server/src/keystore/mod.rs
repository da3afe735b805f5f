//! Private keys in software: sealed at rest, parsed once, used on threads of their own.
//!
//! The master key seals one data key for each environment; a data key seals private keys and secrets. What
//! is sealed is bound to its environment and to the row it belongs to, so it opens nowhere else.

mod held;
mod master;
mod pkcs11;
mod ready;
mod sealing;

pub use crate::pool::Load;
pub use master::{MasterKey, MasterKeyError};
pub use pkcs11::{TokenError, TokenKeystore, find};

use crate::pool::Pool;
use countersign_engine::{
    denied::Fault,
    id::{EnvironmentId, KeyId},
    model::{
        held_key::{HeldKey, HeldPrivate, Oaep},
        signing::SigningKey,
    },
    ports::{Decrypted, Entropy, KeyPlace, Keystore, NewKey, Pending},
    sealed::Sealed,
    secret::Secret,
};
use countersign_jose::{Algorithm, RsaBits, SigningKey as PrivateKey};
use held::Pair;
use ready::Ready;
use sealing::SealingKey;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, PoisonError, RwLock},
};

/// Keys kept parsed; each environment has a few.
const CACHED_KEYS_MAX: usize = 1024;
/// Signatures that wait, for each core: at 1 ms each a full queue is a second's work.
const SIGNATURES_WAITING_PER_CORE_MAX: usize = 256;
/// Key pairs that wait to be made: each takes up to seconds.
const GENERATIONS_WAITING_MAX: usize = 64;

/// The keystore in software.
pub struct SoftwareKeystore {
    master: SealingKey,
    entropy: Arc<dyn Entropy>,
    data_keys: Cache<EnvironmentId, SealingKey>,
    private_keys: Cache<(EnvironmentId, KeyId), PrivateKey>,
    signing: Pool,
    /// Apart from signing, so that a rotation never makes a token wait.
    generating: Pool,
    /// Assets' pairs, which come in threes and while a person waits.
    pairs: Ready<Pair>,
    tag: String,
}

impl SoftwareKeystore {
    /// A keystore under `master`, with as many signing threads as `cores`.
    ///
    /// # Errors
    /// When the machine has no more threads.
    pub fn new(master: &MasterKey, entropy: Arc<dyn Entropy>, cores: usize) -> Result<Self, Fault> {
        let waiting = cores.saturating_mul(SIGNATURES_WAITING_PER_CORE_MAX);
        Ok(Self {
            master: SealingKey::new(master.bytes())?,
            entropy,
            data_keys: Cache::default(),
            private_keys: Cache::default(),
            signing: Pool::new("sign", cores, waiting)?,
            generating: Pool::new("generate", cores.div_ceil(2), GENERATIONS_WAITING_MAX)?,
            pairs: Ready::new("pairs", held::make),
            tag: master.tag(),
        })
    }

    /// How many signatures wait, now and at most so far.
    pub fn load(&self) -> Load {
        self.signing.load()
    }

    /// Whether the master key is the one that sealed this data key.
    ///
    /// # Errors
    /// [`Fault`] when it is not.
    pub fn check(&self, at: &KeyPlace) -> Result<(), Fault> {
        self.data_key(at).map(drop)
    }

    /// What tells this installation from others where they meet. No secret.
    fn tag(&self) -> &str {
        &self.tag
    }

    fn data_key(&self, at: &KeyPlace) -> Result<Arc<SealingKey>, Fault> {
        self.data_keys.cached(&at.environment, &at.data_key, || {
            let context = [DATA_KEY_LABEL, at.environment.as_str()];
            let bytes = self.master.open(&context, &at.data_key)?;
            SealingKey::new(bytes.expose())
        })
    }

    fn private_key(&self, at: &KeyPlace, key: &SigningKey) -> Result<Arc<PrivateKey>, Fault> {
        let name = (at.environment.clone(), key.id.clone());
        self.private_keys.cached(&name, &key.private, || {
            let bytes = self.open(at, key.id.as_str(), &key.private)?;
            PrivateKey::restore(key.algorithm, bytes.expose()).map_err(Fault::internal)
        })
    }

    fn finish(&self, at: &KeyPlace, private: &PrivateKey) -> Result<NewKey, Fault> {
        let public = private.verifying_key().map_err(Fault::internal)?.to_jwk();
        let name = match &public {
            Some(public) => public.thumbprint(),
            None => self.random_name()?,
        };
        let bytes = private.to_secret_bytes().map_err(Fault::internal)?;
        Ok(NewKey {
            private: self.seal(at, &name, &bytes)?,
            public: public.map(|public| public.with_kid(name.as_str())),
            id: KeyId::parse(&name).map_err(Fault::internal)?,
        })
    }

    fn held_private(
        &self,
        at: &KeyPlace,
        bound_to: &str,
        key: &HeldKey,
    ) -> Result<Secret<Vec<u8>>, Fault> {
        match &key.private {
            HeldPrivate::Sealed(sealed) => self.open(at, bound_to, sealed),
            HeldPrivate::Token { id } => Err(Fault::unavailable(format!(
                "the private key {id} is in a PKCS#11 token, and none is configured (keystore.backend)"
            ))),
        }
    }

    fn random_name(&self) -> Result<String, Fault> {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes)?;
        Ok(data_encoding::HEXLOWER.encode(&bytes))
    }
}

const DATA_KEY_LABEL: &str = "countersign data key v1";
const SEAL_LABEL: &str = "countersign seal v1";

impl Keystore for SoftwareKeystore {
    fn sign<'a>(
        &'a self,
        at: &'a KeyPlace,
        key: &'a SigningKey,
        message: &'a [u8],
    ) -> Pending<'a, Result<Vec<u8>, Fault>> {
        Box::pin(async move {
            let private = self.private_key(at, key)?;
            if !key.algorithm.is_rsa() {
                // Some ten microseconds: less than handing it over costs.
                return private.sign(message).map_err(Fault::internal);
            }
            let message = message.to_vec();
            let signed = self.signing.run(move || private.sign(&message)).await?;
            signed.map_err(Fault::internal)
        })
    }

    fn generate<'a>(
        &'a self,
        at: &'a KeyPlace,
        algorithm: Algorithm,
        rsa_bits: u32,
    ) -> Pending<'a, Result<NewKey, Fault>> {
        Box::pin(async move {
            let bits = match rsa_bits {
                2048 => RsaBits::B2048,
                3072 => RsaBits::B3072,
                4096 => RsaBits::B4096,
                _ if !algorithm.is_rsa() => RsaBits::B2048,
                other => return Err(Fault::internal(format!("RSA keys of {other} bits"))),
            };
            let make = move || PrivateKey::generate(algorithm, bits);
            let made = if algorithm.is_rsa() {
                self.generating.run(make).await?
            } else {
                make()
            };
            self.finish(at, &made.map_err(Fault::internal)?)
        })
    }

    fn new_data_key(&self, environment: &EnvironmentId) -> Result<Sealed, Fault> {
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        self.entropy.fill(&mut *bytes)?;
        let context = [DATA_KEY_LABEL, environment.as_str()];
        self.master.seal(&context, &*bytes, &*self.entropy)
    }

    fn seal(&self, at: &KeyPlace, bound_to: &str, plain: &[u8]) -> Result<Sealed, Fault> {
        let context = [SEAL_LABEL, at.environment.as_str(), bound_to];
        self.data_key(at)?.seal(&context, plain, &*self.entropy)
    }

    fn open(
        &self,
        at: &KeyPlace,
        bound_to: &str,
        sealed: &Sealed,
    ) -> Result<Secret<Vec<u8>>, Fault> {
        let context = [SEAL_LABEL, at.environment.as_str(), bound_to];
        self.data_key(at)?.open(&context, sealed)
    }

    fn take_pairs<'a>(
        &'a self,
        at: &'a KeyPlace,
        bound_to: &'a str,
        count: usize,
    ) -> Pending<'a, Result<Vec<HeldKey>, Fault>> {
        Box::pin(async move {
            let pairs = self.pairs.take(count).await?;
            let seal = |pair: Pair| {
                Ok(HeldKey {
                    private: HeldPrivate::Sealed(self.seal(at, bound_to, &pair.private)?),
                    public: pair.public,
                })
            };
            pairs.into_iter().map(seal).collect()
        })
    }

    fn sign_digest<'a>(
        &'a self,
        at: &'a KeyPlace,
        bound_to: &'a str,
        key: &'a HeldKey,
        digest: &'a [u8; 32],
    ) -> Pending<'a, Result<Vec<u8>, Fault>> {
        Box::pin(async move {
            let private = self.held_private(at, bound_to, key)?;
            let digest = *digest;
            let sign = move || held::sign_digest(private.expose(), &digest);
            self.signing.run(sign).await?
        })
    }

    fn decrypt<'a>(
        &'a self,
        at: &'a KeyPlace,
        bound_to: &'a str,
        key: &'a HeldKey,
        form: Oaep,
        ciphertext: &'a [u8],
    ) -> Pending<'a, Result<Decrypted, Fault>> {
        Box::pin(async move {
            let private = self.held_private(at, bound_to, key)?;
            let algorithm = match held::algorithm(form) {
                Ok(algorithm) => algorithm,
                Err(refused) => return Ok(Err(refused)),
            };
            let ciphertext = ciphertext.to_vec();
            let decrypt = move || held::decrypt(private.expose(), algorithm, &ciphertext);
            self.signing.run(decrypt).await?
        })
    }

    fn forget<'a>(&'a self, keys: &'a [HeldKey]) -> Pending<'a, Result<(), Fault>> {
        Box::pin(async move {
            let in_token = |key: &&HeldKey| matches!(key.private, HeldPrivate::Token { .. });
            match keys.iter().filter(in_token).count() {
                0 => Ok(()),
                count => Err(Fault::unavailable(format!(
                    "{count} private keys are in a PKCS#11 token, and none is configured (keystore.backend)"
                ))),
            }
        })
    }
}

/// What was opened, beside what it was opened from: a row that has changed is opened again.
struct Cache<K, V>(RwLock<HashMap<K, (Sealed, Arc<V>)>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(RwLock::new(HashMap::new()))
    }
}

impl<K: Eq + Hash + Clone, V> Cache<K, V> {
    fn cached(
        &self,
        name: &K,
        sealed: &Sealed,
        open: impl FnOnce() -> Result<V, Fault>,
    ) -> Result<Arc<V>, Fault> {
        {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((from, opened)) = known.get(name)
                && from == sealed
            {
                return Ok(Arc::clone(opened));
            }
        }
        let opened = Arc::new(open()?);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CACHED_KEYS_MAX {
            // Rare, and costs one opening each: no order of use is worth keeping.
            known.clear();
        }
        known.insert(name.clone(), (sealed.clone(), Arc::clone(&opened)));
        Ok(opened)
    }
}

#[cfg(test)]
mod tests;
