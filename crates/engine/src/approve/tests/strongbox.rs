//! A keystore with real keys, in the clear, that counts what it is used for.

use crate::{
    denied::Fault,
    id::{EnvironmentId, KeyId},
    model::{
        held_key::{HeldKey, HeldPrivate, Oaep},
        signing::SigningKey,
    },
    ports::{Decrypted, KeyPlace, Keystore, NewKey, NotDecrypted, Pending},
    sealed::Sealed,
    secret::Secret,
};
use aws_lc_rs::{
    digest::{Digest, SHA256},
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use countersign_jose::{Algorithm, RsaBits};
use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

#[derive(Default)]
pub struct Strongbox {
    /// PINs that were compared: each opens the pepper once.
    pub compared: AtomicUsize,
    /// Signatures and decryptions by keys of assets.
    pub used: AtomicUsize,
    /// Whether keys of assets are away.
    pub is_away: AtomicBool,
}

/// Three pairs that are made once, since they are slow to make.
pub fn pairs() -> &'static [HeldKey; 3] {
    static PAIRS: OnceLock<[HeldKey; 3]> = OnceLock::new();
    PAIRS.get_or_init(|| std::array::from_fn(|_| pair()))
}

fn pair() -> HeldKey {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    HeldKey {
        public: public.as_ref().to_vec(),
        private: HeldPrivate::Sealed(Sealed(private.as_ref().to_vec())),
    }
}

fn pkcs8(key: &HeldKey) -> &[u8] {
    match &key.private {
        HeldPrivate::Sealed(sealed) => &sealed.0,
        HeldPrivate::Token { .. } => panic!("there is no token here"),
    }
}

fn label(at: &KeyPlace, bound_to: &str) -> Vec<u8> {
    format!("{}/{bound_to}/", at.environment).into_bytes()
}

impl Strongbox {
    async fn used(&self) -> Result<(), Fault> {
        super::ledger::Turn::default().await;
        if self.is_away.load(SeqCst) {
            return Err(Fault::unavailable("the keystore is away"));
        }
        self.used.fetch_add(1, SeqCst);
        Ok(())
    }
}

impl Keystore for Strongbox {
    fn sign<'a>(
        &'a self,
        _: &'a KeyPlace,
        key: &'a SigningKey,
        message: &'a [u8],
    ) -> Pending<'a, Result<Vec<u8>, Fault>> {
        Box::pin(async move {
            let key = countersign_jose::SigningKey::restore(key.algorithm, &key.private.0);
            Ok(key.unwrap().sign(message).unwrap())
        })
    }

    fn generate<'a>(
        &'a self,
        _: &'a KeyPlace,
        algorithm: Algorithm,
        _: u32,
    ) -> Pending<'a, Result<NewKey, Fault>> {
        Box::pin(async move {
            let key = countersign_jose::SigningKey::generate(algorithm, RsaBits::B2048).unwrap();
            let public = key.verifying_key().unwrap().to_jwk().unwrap();
            Ok(NewKey {
                id: KeyId::parse(&public.thumbprint()).unwrap(),
                public: Some(public),
                private: Sealed(key.to_secret_bytes().unwrap().to_vec()),
            })
        })
    }

    fn new_data_key(&self, _: &EnvironmentId) -> Result<Sealed, Fault> {
        Ok(Sealed::default())
    }

    fn seal(&self, at: &KeyPlace, bound_to: &str, plain: &[u8]) -> Result<Sealed, Fault> {
        Ok(Sealed([&label(at, bound_to), plain].concat()))
    }

    fn open(
        &self,
        at: &KeyPlace,
        bound_to: &str,
        sealed: &Sealed,
    ) -> Result<Secret<Vec<u8>>, Fault> {
        if bound_to.starts_with("pin ") {
            self.compared.fetch_add(1, SeqCst);
        }
        let plain = sealed.0.strip_prefix(label(at, bound_to).as_slice());
        let plain = plain.ok_or_else(|| Fault::internal("sealed for something else"))?;
        Ok(Secret::new(plain.to_vec()))
    }

    fn take_pairs<'a>(
        &'a self,
        _: &'a KeyPlace,
        _: &'a str,
        _: usize,
    ) -> Pending<'a, Result<Vec<HeldKey>, Fault>> {
        Box::pin(async { Ok(pairs().to_vec()) })
    }

    fn sign_digest<'a>(
        &'a self,
        _: &'a KeyPlace,
        _: &'a str,
        key: &'a HeldKey,
        digest: &'a [u8; 32],
    ) -> Pending<'a, Result<Vec<u8>, Fault>> {
        Box::pin(async move {
            self.used().await?;
            let pair = KeyPair::from_pkcs8(pkcs8(key)).unwrap();
            let digest = Digest::import_less_safe(digest, &SHA256).unwrap();
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature)
                .unwrap();
            Ok(signature)
        })
    }

    fn decrypt<'a>(
        &'a self,
        _: &'a KeyPlace,
        _: &'a str,
        key: &'a HeldKey,
        form: Oaep,
        ciphertext: &'a [u8],
    ) -> Pending<'a, Result<Decrypted, Fault>> {
        Box::pin(async move {
            self.used().await?;
            if form != Oaep::Sha1 {
                return Ok(Err(NotDecrypted::UnsupportedForm));
            }
            let private = PrivateDecryptingKey::from_pkcs8(pkcs8(key)).unwrap();
            let private = OaepPrivateDecryptingKey::new(private).unwrap();
            let mut room = vec![0; private.min_output_size()];
            let opened = private.decrypt(&OAEP_SHA1_MGF1SHA1, ciphertext, &mut room, None);
            Ok(opened
                .map(|plain| Secret::new(plain.to_vec()))
                .map_err(|_| NotDecrypted::Ciphertext))
        })
    }

    fn forget<'a>(&'a self, _: &'a [HeldKey]) -> Pending<'a, Result<(), Fault>> {
        Box::pin(async {
            match self.is_away.load(SeqCst) {
                true => Err(Fault::unavailable("the keystore is away")),
                false => Ok(()),
            }
        })
    }
}
