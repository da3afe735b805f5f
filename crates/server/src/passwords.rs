//! Passwords: Argon2id on threads of its own behind all others, one hash a core, and a short queue before them. A flood
//! of logins waits or is turned away; it takes neither memory nor the time of other requests.

use crate::pool::{Load, Pool};
use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};
use countersign_engine::{
    denied::Fault,
    model::subject,
    ports::{Admitted, Entropy, PasswordHasher, Pending, Verified},
    secret::Secret,
};
use std::{cell::RefCell, sync::Arc};
use tokio::sync::Semaphore;
use zeroize::Zeroize;

/// Memory of one hash, in KiB: what OWASP's cheat sheet names for two passes.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over it.
const PASSES: u32 = 2;
const SALT_BYTES: usize = 16;
/// Logins that wait for a core. At some 30 ms each, the last of them waits about a second.
const WAITING_PER_CORE: usize = 32;

/// Argon2id with the parameters above.
pub struct Argon2Hasher {
    pool: Pool,
    /// Of those who are compared, who wait for it, and who are still being looked up.
    places: Arc<Semaphore>,
    entropy: Arc<dyn Entropy>,
    /// What is compared where there is no hash, so that it takes as long.
    decoy: subject::PasswordHash,
}

impl Argon2Hasher {
    /// With so many cores.
    ///
    /// # Errors
    /// [`Fault`] when there are no threads or no randomness.
    pub fn new(entropy: Arc<dyn Entropy>, cores: usize) -> Result<Self, Fault> {
        Ok(Self {
            pool: Pool::behind("password", cores, cores * WAITING_PER_CORE, forget)?,
            places: Arc::new(Semaphore::new(cores * (WAITING_PER_CORE + 1))),
            decoy: nobodys(&*entropy)?,
            entropy,
        })
    }

    /// How much waits, for the metrics.
    pub fn load(&self) -> Load {
        self.pool.load()
    }
}

impl PasswordHasher for Argon2Hasher {
    fn admit(&self) -> Option<Admitted> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Box::new(place))
    }

    fn hash<'a>(
        &'a self,
        password: &'a Secret<String>,
    ) -> Pending<'a, Result<subject::PasswordHash, Fault>> {
        Box::pin(async move {
            let salt = salt(&*self.entropy)?;
            let password = copy(password);
            let job = move || hash(password.expose().as_bytes(), &salt);
            self.pool.run(job).await?
        })
    }

    fn verify<'a>(
        &'a self,
        password: &'a Secret<String>,
        hash: Option<&'a subject::PasswordHash>,
    ) -> Pending<'a, Result<Verified, Fault>> {
        Box::pin(async move {
            let is_known = hash.is_some();
            let hash = hash.unwrap_or(&self.decoy).clone();
            let password = copy(password);
            let job = move || verify(password.expose().as_bytes(), &hash.0);
            let verified = self.pool.run(job).await??;
            Ok(Verified {
                matches: verified.matches && is_known,
                is_outdated: verified.is_outdated && is_known,
            })
        })
    }
}

fn copy(password: &Secret<String>) -> Secret<String> {
    Secret::new(password.expose().clone())
}

fn salt(entropy: &dyn Entropy) -> Result<[u8; SALT_BYTES], Fault> {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt)?;
    Ok(salt)
}

/// A hash of no password: comparing with it costs what comparing with a real one does, and making it nothing.
fn nobodys(entropy: &dyn Entropy) -> Result<subject::PasswordHash, Fault> {
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    entropy.fill(&mut output)?;
    phc(
        &salt(entropy)?,
        Output::new(&output).map_err(Fault::internal)?,
    )
}

fn argon2() -> Result<Argon2<'static>, Fault> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(Fault::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

thread_local! {
    /// What this thread's hashes fill, one after the other: memory that each took anew would stay a while with the
    /// allocator after it, and a flood take that of several hashes a core.
    static BLOCKS: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// Give the memory of this thread's hashes back, with what the last one left in it.
fn forget() {
    let mut blocks = BLOCKS.take();
    blocks.iter_mut().for_each(Zeroize::zeroize);
}

/// So many bytes of Argon2.
fn computed(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    bytes: usize,
) -> Result<Output, argon2::Error> {
    let mut room = [0; Output::MAX_LENGTH];
    let output = room.get_mut(..bytes).ok_or(argon2::Error::OutputTooLong)?;
    BLOCKS.with_borrow_mut(|blocks| {
        let count = argon2.params().block_count();
        if blocks.len() != count {
            *blocks = Vec::new();
            blocks.resize(count, Block::default());
        }
        argon2.hash_password_into_with_memory(password, salt, output, blocks)
    })?;
    Output::new(output).map_err(|_| argon2::Error::OutputTooLong)
}

fn hash(password: &[u8], salt: &[u8]) -> Result<subject::PasswordHash, Fault> {
    let output = computed(&argon2()?, password, salt, Params::DEFAULT_OUTPUT_LEN);
    let output = output
        .map_err(|error| Fault::internal(format_args!("a password cannot be hashed: {error}")))?;
    phc(salt, output)
}

/// The hash as it is kept.
fn phc(salt: &[u8], output: Output) -> Result<subject::PasswordHash, Fault> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2()?.params()).map_err(Fault::internal)?,
        salt: Some(Salt::new(salt).map_err(Fault::internal)?),
        hash: Some(output),
    };
    Ok(subject::PasswordHash(hash.to_string()))
}

fn verify(password: &[u8], hash: &str) -> Result<Verified, Fault> {
    let parsed = PasswordHash::new(hash).map_err(|error| unreadable(&error))?;
    let params = Params::try_from(&parsed).map_err(|error| unreadable(&error))?;
    let is_outdated = params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES;
    let algorithm = Algorithm::try_from(parsed.algorithm.as_str());
    let algorithm = algorithm.map_err(|error| unreadable(&error))?;
    let version = parsed.version.map_or(Ok(Version::V0x13), Version::try_from);
    let version = version.map_err(|error| unreadable(&error))?;
    let (Some(salt), Some(expected)) = (parsed.salt, parsed.hash) else {
        return Err(Fault::internal("a password's hash lacks salt or hash"));
    };
    let made_as = Argon2::new(algorithm, version, params);
    let output = computed(&made_as, password, &salt, expected.as_bytes().len());
    let output = output.map_err(|error| unreadable(&error))?;
    Ok(Verified {
        // In constant time.
        matches: output == expected,
        is_outdated,
    })
}

fn unreadable(error: &dyn std::error::Error) -> Fault {
    Fault::internal(format_args!("a password's hash cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn the_right_password_matches_and_nothing_else() {
        let hasher = Argon2Hasher::new(Arc::new(SystemEntropy), 1).unwrap();
        let made = hasher.hash(&secret("correct horse")).await.unwrap();
        assert!(
            made.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            made.0
        );
        for (password, hash, expected) in [
            ("correct horse", Some(&made), true),
            ("correct horse ", Some(&made), false),
            ("", Some(&made), false),
            ("correct horse", None, false),
        ] {
            let verified = hasher.verify(&secret(password), hash).await.unwrap();
            assert_eq!(verified.matches, expected, "{password:?}");
            assert!(!verified.is_outdated);
        }
    }

    #[test]
    fn a_burst_of_logins_was_looked_up_before_it_was_turned_away() {
        let hasher = Argon2Hasher::new(Arc::new(SystemEntropy), 2).unwrap();
        let mut admitted: Vec<_> = std::iter::from_fn(|| hasher.admit()).collect();
        assert_eq!(admitted.len(), 2 * (WAITING_PER_CORE + 1));
        drop(admitted.pop());
        assert!(hasher.admit().is_some());
    }

    #[test]
    fn nobodys_hash_costs_as_much_as_anybodys() {
        let parts = |hash: &subject::PasswordHash| {
            let hash = PasswordHash::new(&hash.0).unwrap();
            let lengths = (hash.salt.unwrap().len(), hash.hash.unwrap().as_ref().len());
            (hash.algorithm, hash.version, hash.params, lengths)
        };
        let real = hash(b"correct horse", &[7; SALT_BYTES]).unwrap();
        let decoy = nobodys(&SystemEntropy).unwrap();
        assert_eq!(parts(&decoy), parts(&real));
        assert_eq!(decoy.0.len(), real.0.len());
    }

    #[test]
    fn what_an_earlier_hash_left_changes_nothing() {
        use argon2::{PasswordHasher as _, PasswordVerifier as _};
        let anew = argon2().unwrap();
        for password in ["correct horse", "another", "correct horse"] {
            let made = hash(password.as_bytes(), &[7; SALT_BYTES]).unwrap();
            let theirs = anew.hash_password_with_salt(password.as_bytes(), &[7; SALT_BYTES]);
            assert_eq!(made.0, theirs.unwrap().to_string());
            anew.verify_password(password.as_bytes(), made.0.as_str())
                .unwrap();
            assert!(verify(password.as_bytes(), &made.0).unwrap().matches);
            assert!(!verify(b"wrong", &made.0).unwrap().matches);
        }
        forget();
        assert_eq!(BLOCKS.with_borrow(Vec::capacity), 0);
    }

    #[tokio::test]
    async fn a_weaker_hash_is_told_to_be_renewed() {
        use argon2::PasswordHasher as _;
        let weak = Params::new(8 * 1024, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, weak);
        let made = weak.hash_password_with_salt(b"correct horse", &[7; 16]);
        let made = subject::PasswordHash(made.unwrap().to_string());
        let hasher = Argon2Hasher::new(Arc::new(SystemEntropy), 1).unwrap();
        let verified = hasher
            .verify(&secret("correct horse"), Some(&made))
            .await
            .unwrap();
        assert!(verified.matches && verified.is_outdated);
    }
}
