//! Assets' RSA keys in software: made, signed with and decrypted with, as the port says.

use aws_lc_rs::{
    digest::{Digest, SHA256},
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{
        KeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm,
        OaepPrivateDecryptingKey, PrivateDecryptingKey,
    },
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use countersign_engine::{
    denied::Fault,
    model::held_key::Oaep,
    ports::{Decrypted, NotDecrypted},
    secret::Secret,
};
use zeroize::Zeroizing;

/// A pair that is nobody's yet, and so is sealed under no key.
pub(super) struct Pair {
    /// `SubjectPublicKeyInfo`, DER.
    pub(super) public: Vec<u8>,
    /// PKCS#8, DER.
    pub(super) private: Zeroizing<Vec<u8>>,
}

/// Make a pair. Takes some hundred milliseconds.
pub(super) fn make() -> Result<Pair, Fault> {
    let fault = |_| Fault::internal("cannot make an RSA key pair");
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(fault)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(fault)?;
    let private: Pkcs8V1Der<'_> = pair.as_der().map_err(fault)?;
    Ok(Pair {
        public: public.as_ref().to_vec(),
        private: Zeroizing::new(private.as_ref().to_vec()),
    })
}

/// See [`countersign_engine::ports::Keystore::sign_digest`]. The key is parsed each time: an asset is used a few
/// times a day, and what is not kept cannot leak.
pub(super) fn sign_digest(pkcs8: &[u8], digest: &[u8; 32]) -> Result<Vec<u8>, Fault> {
    let pair = KeyPair::from_pkcs8(pkcs8).map_err(Fault::internal)?;
    let digest = Digest::import_less_safe(digest, &SHA256).map_err(Fault::internal)?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature)
        .map_err(|_| Fault::internal("cannot sign with an asset's key"))?;
    Ok(signature)
}

/// The library's name of a form, if it has it.
pub(super) fn algorithm(form: Oaep) -> Result<&'static OaepAlgorithm, NotDecrypted> {
    match form {
        Oaep::Sha1 => Ok(&OAEP_SHA1_MGF1SHA1),
        Oaep::Sha256 => Ok(&OAEP_SHA256_MGF1SHA256),
        // The library sets one hash for both.
        Oaep::Sha256Mgf1Sha1 => Err(NotDecrypted::UnsupportedForm),
    }
}

/// See [`countersign_engine::ports::Keystore::decrypt`].
pub(super) fn decrypt(
    pkcs8: &[u8],
    algorithm: &'static OaepAlgorithm,
    ciphertext: &[u8],
) -> Result<Decrypted, Fault> {
    let private = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(Fault::internal)?;
    let private = OaepPrivateDecryptingKey::new(private).map_err(Fault::internal)?;
    let mut room = Zeroizing::new(vec![0; private.min_output_size()]);
    Ok(private
        .decrypt(algorithm, ciphertext, &mut room, None)
        .map(|plain| Secret::new(plain.to_vec()))
        // One error for all: the length, a number that is too large, and what is inside.
        .map_err(|_| NotDecrypted::Ciphertext))
}
