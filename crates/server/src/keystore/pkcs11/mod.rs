//! Assets' private keys in a PKCS#11 token. Everything else stays with the software keystore, around which this is.

mod objects;
mod pin;
mod sessions;
mod trouble;

pub use sessions::find;
pub use trouble::TokenError;

use super::{SoftwareKeystore, ready::Ready};
use crate::{
    config::{Backend, Pkcs11},
    pool::Pool,
};
use countersign_engine::{
    denied::Fault,
    id::EnvironmentId,
    model::{
        held_key::{HeldKey, HeldPrivate, Oaep},
        signing::SigningKey,
    },
    ports::{Decrypted, Entropy, KeyPlace, Keystore, NewKey, NotDecrypted, Pending},
    sealed::Sealed,
    secret::Secret,
};
use countersign_jose::Algorithm;
use cryptoki::session::Session;
use data_encoding::HEXLOWER;
use objects::TokenPair;
use sessions::Sessions;
use std::{sync::Arc, time::Duration};
use tracing::warn;
use trouble::Trouble;

/// Threads, each with a session: a token in a network is waited for, and few tokens do more at once.
const THREADS: usize = 4;
/// Operations that wait: at 10 ms each the last of them is done within a second.
const WAITING_MAX: usize = 256;
/// How long an operation is waited for, its turn included. An answer to a request uses a key twice at most and has 30 s
/// unless configured otherwise: whoever typed in the right PIN must get the try back before that ends.
const OPERATION_MAX: Duration = Duration::from_secs(10);
/// Bytes of a `CKA_ID`: random, and so nobody else's in a token that is shared.
const ID_BYTES: usize = 16;

/// The keystore with a token.
pub struct TokenKeystore {
    software: Arc<SoftwareKeystore>,
    /// Where new pairs are made.
    backend: Backend,
    sessions: Arc<Sessions>,
    threads: Pool,
    pairs: Ready<TokenPair>,
    labels: Labels,
}

/// What objects of this installation are called. Two installations may share a token, and must not take each other's
/// pairs.
struct Labels {
    /// Made ahead, and nobody's yet.
    spare: String,
    /// An asset's.
    taken: String,
}

impl TokenKeystore {
    /// The token that `config` names, around `software`. What was made ahead in an earlier run is used first.
    ///
    /// # Errors
    /// [`TokenError`], with what to do.
    pub fn open(
        software: Arc<SoftwareKeystore>,
        backend: Backend,
        config: &Pkcs11,
        variables: &[(String, String)],
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, TokenError> {
        let pin = pin::read(config, variables)?;
        let sessions = Arc::new(Sessions::open(config, pin)?);
        let labels = Labels {
            spare: format!("countersign {} spare", software.tag()),
            taken: format!("countersign {} asset", software.tag()),
        };
        let spare = labels.spare.clone();
        let left = sessions.with(|session| objects::labelled(session, &spare));
        let pairs = Ready::new("token-pairs", {
            let sessions = Arc::clone(&sessions);
            move || make(&sessions, &*entropy, &spare)
        });
        pairs.stock(left.map_err(Fault::from)?);
        if backend == Backend::Pkcs11 {
            // Before anybody asks: tokens take up to seconds for a pair, and keep what was made.
            pairs.start()?;
        }
        Ok(Self {
            software,
            backend,
            sessions,
            threads: Pool::new("token", THREADS, WAITING_MAX)?,
            pairs,
            labels,
        })
    }

    /// Do something in the token, on one of its threads.
    async fn run<T: Send + 'static>(
        &self,
        work: impl Fn(&Session) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Fault> {
        let sessions = Arc::clone(&self.sessions);
        let work = move || sessions.with(work);
        let done = self.threads.run_within(OPERATION_MAX, work).await?;
        done.map_err(Fault::from)
    }

    async fn take(&self, count: usize) -> Result<Vec<HeldKey>, Fault> {
        let pairs = self.pairs.take(count).await?;
        let ids: Vec<Vec<u8>> = pairs.iter().map(|pair| pair.id.clone()).collect();
        let label = self.labels.taken.clone();
        // Before anybody has them: a pair that is still called spare would be handed out again after a restart.
        let named = ids.clone();
        let relabelled = self.run(move |session| {
            let mut ids = named.iter();
            ids.try_for_each(|id| objects::relabel(session, id, &label))
        });
        if let Err(fault) = relabelled.await {
            // Some may be called an asset's by now, and no row will ever name them.
            if let Err(fault) = self.forget_in_token(ids).await {
                warn!(%fault, "pairs that no row names may have stayed in the PKCS#11 token");
            }
            return Err(fault);
        }
        let held = |pair: TokenPair| HeldKey {
            public: pair.public,
            private: HeldPrivate::Token {
                id: HEXLOWER.encode(&pair.id),
            },
        };
        Ok(pairs.into_iter().map(held).collect())
    }

    async fn forget_in_token(&self, ids: Vec<Vec<u8>>) -> Result<(), Fault> {
        self.run(move |session| ids.iter().try_for_each(|id| objects::destroy(session, id)))
            .await
    }
}

fn make(sessions: &Sessions, entropy: &dyn Entropy, label: &str) -> Result<TokenPair, Fault> {
    let made = sessions.with(|session| {
        // Another for each try: the first may have made its pair before its session was lost, and of two pairs of one
        // name none is found.
        let mut id = [0; ID_BYTES];
        entropy.fill(&mut id).map_err(Trouble::Fault)?;
        objects::make(session, &id, label)
    });
    made.map_err(Fault::from)
}

/// The name of a private half in the token; none when it is not there but in its row.
fn in_token(key: &HeldKey) -> Result<Option<Vec<u8>>, Fault> {
    match &key.private {
        HeldPrivate::Sealed(_) => Ok(None),
        HeldPrivate::Token { id } => HEXLOWER
            .decode(id.as_bytes())
            .map(Some)
            .map_err(|_| Fault::internal(format!("`{id}` is no CKA_ID"))),
    }
}

impl Keystore for TokenKeystore {
    fn sign<'a>(
        &'a self,
        at: &'a KeyPlace,
        key: &'a SigningKey,
        message: &'a [u8],
    ) -> Pending<'a, Result<Vec<u8>, Fault>> {
        self.software.sign(at, key, message)
    }

    fn generate<'a>(
        &'a self,
        at: &'a KeyPlace,
        algorithm: Algorithm,
        rsa_bits: u32,
    ) -> Pending<'a, Result<NewKey, Fault>> {
        self.software.generate(at, algorithm, rsa_bits)
    }

    fn new_data_key(&self, environment: &EnvironmentId) -> Result<Sealed, Fault> {
        self.software.new_data_key(environment)
    }

    fn seal(&self, at: &KeyPlace, bound_to: &str, plain: &[u8]) -> Result<Sealed, Fault> {
        self.software.seal(at, bound_to, plain)
    }

    fn open(
        &self,
        at: &KeyPlace,
        bound_to: &str,
        sealed: &Sealed,
    ) -> Result<Secret<Vec<u8>>, Fault> {
        self.software.open(at, bound_to, sealed)
    }

    fn take_pairs<'a>(
        &'a self,
        at: &'a KeyPlace,
        bound_to: &'a str,
        count: usize,
    ) -> Pending<'a, Result<Vec<HeldKey>, Fault>> {
        match self.backend {
            Backend::Software => self.software.take_pairs(at, bound_to, count),
            Backend::Pkcs11 => Box::pin(self.take(count)),
        }
    }

    fn sign_digest<'a>(
        &'a self,
        at: &'a KeyPlace,
        bound_to: &'a str,
        key: &'a HeldKey,
        digest: &'a [u8; 32],
    ) -> Pending<'a, Result<Vec<u8>, Fault>> {
        Box::pin(async move {
            let Some(id) = in_token(key)? else {
                return self.software.sign_digest(at, bound_to, key, digest).await;
            };
            let digest = *digest;
            self.run(move |session| objects::sign(session, &id, &digest))
                .await
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
            let Some(id) = in_token(key)? else {
                let software = &self.software;
                return software.decrypt(at, bound_to, key, form, ciphertext).await;
            };
            if form != Oaep::Sha1 {
                // Some tokens have SHA-256 and SoftHSM has not: what a key can do must not change with its maker.
                return Ok(Err(NotDecrypted::UnsupportedForm));
            }
            let public = key.public.clone();
            let pair = TokenPair { id, public };
            let ciphertext = ciphertext.to_vec();
            self.run(move |session| objects::decrypt(session, &pair, &ciphertext))
                .await
        })
    }

    fn forget<'a>(&'a self, keys: &'a [HeldKey]) -> Pending<'a, Result<(), Fault>> {
        Box::pin(async move {
            let ids: Result<Vec<_>, Fault> = keys.iter().map(in_token).collect();
            let ids: Vec<Vec<u8>> = ids?.into_iter().flatten().collect();
            match ids.is_empty() {
                true => Ok(()),
                false => self.forget_in_token(ids).await,
            }
        })
    }
}
