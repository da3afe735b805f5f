//! AES-256-GCM with the place in its additional data.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use countersign_engine::{denied::Fault, ports::Entropy, sealed::Sealed, secret::Secret};
use zeroize::Zeroizing;

/// A key that seals.
pub(super) struct SealingKey(LessSafeKey);

impl SealingKey {
    /// A key of 32 bytes.
    pub(super) fn new(bytes: &[u8]) -> Result<Self, Fault> {
        let key = UnboundKey::new(&AES_256_GCM, bytes)
            .map_err(|_| Fault::internal("a sealing key has 32 bytes"))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seal `plain` so that it opens with the same `context` only.
    ///
    /// Nonces are random: at 2^32 seals under one key two would be equal with a chance of 2^-32, and an
    /// environment seals a few a day.
    pub(super) fn seal(
        &self,
        context: &[&str],
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Sealed, Fault> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut text = Zeroizing::new(plain.to_vec());
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(additional(context)),
                &mut text,
            )
            .map_err(|_| Fault::internal("cannot seal"))?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + text.len() + tag.as_ref().len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&text);
        sealed.extend_from_slice(tag.as_ref());
        Ok(Sealed(sealed))
    }

    /// Open what [`SealingKey::seal`] made with the same key and `context`.
    pub(super) fn open(&self, context: &[&str], sealed: &Sealed) -> Result<Secret<Vec<u8>>, Fault> {
        let fault = || Fault::internal("sealed under another key or for another place, or altered");
        let (nonce, text) = sealed.0.split_at_checked(NONCE_LEN).ok_or_else(fault)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| fault())?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self
            .0
            .open_in_place(nonce, Aad::from(additional(context)), &mut text)
            .map_err(|_| fault())?
            .len();
        text.truncate(length);
        Ok(Secret::new(std::mem::take(&mut *text)))
    }
}

/// The parts of the context, each after its length, so that no two lists make the same bytes.
fn additional(context: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in context {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}
