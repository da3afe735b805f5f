//! Keys that sign.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding,
};
use aws_lc_rs::{hmac, rand, rsa};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::der;
use crate::key::{KeyError, RsaBits, SignError};
use crate::verifying_key::VerifyingKey;
use crate::{pem, public_key, secret};

/// A private key or a secret, parsed, with the one algorithm it signs with. Cloning is cheap.
///
/// `Debug` shows the algorithm only.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    material: Arc<Material>,
}

enum Material {
    Rsa(rsa::KeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret {
        // Boxed: its two hash states would make every key pair as large.
        key: Box<hmac::Key>,
        bytes: Zeroizing<Vec<u8>>,
    },
}

impl SigningKey {
    /// Generates a key. `rsa_bits` matters to RSA only; a secret has the hash's length.
    ///
    /// # Errors
    /// [`KeyError::Library`] if the library fails. RSA takes up to seconds: not on a request's path.
    #[expect(
        clippy::disallowed_methods,
        reason = "making keys is this crate's, and its randomness the library's"
    )]
    pub fn generate(algorithm: Algorithm, rsa_bits: RsaBits) -> Result<Self, KeyError> {
        if let Some(len) = algorithm.secret_bytes_min() {
            let mut bytes = Zeroizing::new(vec![0; len]);
            rand::fill(&mut bytes).map_err(|_| KeyError::Library)?;
            return Self::from_secret(algorithm, &bytes);
        }
        let material = if algorithm.is_rsa() {
            let size = match rsa_bits {
                RsaBits::B2048 => rsa::KeySize::Rsa2048,
                RsaBits::B3072 => rsa::KeySize::Rsa3072,
                RsaBits::B4096 => rsa::KeySize::Rsa4096,
            };
            Material::Rsa(rsa::KeyPair::generate(size).map_err(|_| KeyError::Library)?)
        } else if algorithm == Algorithm::Es256 {
            Material::P256(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                    .map_err(|_| KeyError::Library)?,
            )
        } else {
            Material::Ed25519(Ed25519KeyPair::generate().map_err(|_| KeyError::Library)?)
        };
        Ok(Self::new(algorithm, material))
    }

    /// Reads an unencrypted PKCS#8 document (RFC 5208, RFC 5958) in DER.
    ///
    /// # Errors
    /// Another kind of key, bytes behind the document, an RSA key outside policy, or an HMAC
    /// algorithm.
    pub fn from_pkcs8(algorithm: Algorithm, document: &[u8]) -> Result<Self, KeyError> {
        if algorithm.is_symmetric() {
            return Err(KeyError::WrongKind);
        }
        // The library stops reading at the document's end; one key has one document.
        if !der::is_one_sequence(document) {
            return Err(KeyError::Malformed);
        }
        let material = if algorithm.is_rsa() {
            let pair = rsa::KeyPair::from_pkcs8(document).map_err(|_| KeyError::Malformed)?;
            public_key::rsa_policy(pair.public_key().as_ref())?;
            Material::Rsa(pair)
        } else if algorithm == Algorithm::Es256 {
            Material::P256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document)
                    .map_err(|_| KeyError::Malformed)?,
            )
        } else {
            Material::Ed25519(
                Ed25519KeyPair::from_pkcs8(document).map_err(|_| KeyError::Malformed)?,
            )
        };
        Ok(Self::new(algorithm, material))
    }

    /// Takes an HMAC secret: random bytes, at least as many as the hash has (RFC 8725 section 3.5).
    ///
    /// # Errors
    /// Too short, a PEM document (a public key pasted in the wrong field), or not an HMAC algorithm.
    pub fn from_secret(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let key = Box::new(secret::hmac_key(algorithm, bytes)?);
        let bytes = Zeroizing::new(bytes.to_vec());
        Ok(Self::new(algorithm, Material::Secret { key, bytes }))
    }

    /// The secret form to seal and store: a PKCS#8 document (version 1), or the HMAC secret itself.
    /// [`restore`](Self::restore) reads it back.
    ///
    /// # Errors
    /// [`KeyError::Library`] if the library cannot encode the key.
    pub fn to_secret_bytes(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let bytes = match &*self.material {
            Material::Rsa(pair) => {
                let document: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Library)?;
                document.as_ref().to_vec()
            }
            Material::P256(pair) => {
                let document = pair.to_pkcs8v1().map_err(|_| KeyError::Library)?;
                document.as_ref().to_vec()
            }
            Material::Ed25519(pair) => {
                let document = pair.to_pkcs8v1().map_err(|_| KeyError::Library)?;
                document.as_ref().to_vec()
            }
            Material::Secret { bytes, .. } => return Ok(bytes.clone()),
        };
        Ok(Zeroizing::new(bytes))
    }

    /// An RSA private key as PEM `RSA PRIVATE KEY` (RFC 8017 appendix A.1.2), to hand to a partner
    /// whose tools want that form.
    ///
    /// # Errors
    /// [`KeyError::WrongKind`] for any other kind of key, [`KeyError::Library`].
    pub fn to_pkcs1_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        if !self.algorithm.is_rsa() {
            return Err(KeyError::WrongKind);
        }
        let document = self.to_secret_bytes()?;
        let private_key = der::pkcs8_private_key(&document).ok_or(KeyError::Library)?;
        Ok(pem::encode("RSA PRIVATE KEY", private_key))
    }

    /// Reads what [`to_secret_bytes`](Self::to_secret_bytes) wrote.
    ///
    /// # Errors
    /// As [`from_pkcs8`](Self::from_pkcs8) or [`from_secret`](Self::from_secret).
    pub fn restore(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        if algorithm.is_symmetric() {
            Self::from_secret(algorithm, bytes)
        } else {
            Self::from_pkcs8(algorithm, bytes)
        }
    }

    /// The algorithm that the key signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Signs. RSA gives as many bytes as the modulus, ES256 and EdDSA 64, HMAC the hash's length.
    ///
    /// # Errors
    /// [`SignError::Library`].
    #[expect(
        clippy::disallowed_methods,
        reason = "the library demands a source and draws from its own"
    )]
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match &*self.material {
            Material::Rsa(pair) => {
                let encoding = rsa_encoding(self.algorithm).ok_or(SignError::Library)?;
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut out)
                    .map_err(|_| SignError::Library)?;
                Ok(out)
            }
            Material::P256(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignError::Library),
            Material::Ed25519(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignError::Library),
            Material::Secret { key, .. } => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }

    /// The key that verifies what this one signs.
    ///
    /// # Errors
    /// [`KeyError`] if the public half is outside policy, which the constructors exclude.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        let public = match &*self.material {
            Material::Rsa(pair) => {
                public_key::from_rsa_public_key(self.algorithm, pair.public_key().as_ref())?
            }
            Material::P256(pair) => {
                public_key::from_p256_point(self.algorithm, pair.public_key().as_ref())?
            }
            Material::Ed25519(pair) => {
                public_key::from_ed25519_point(self.algorithm, pair.public_key().as_ref())?
            }
            Material::Secret { bytes, .. } => {
                return VerifyingKey::from_secret(self.algorithm, bytes);
            }
        };
        Ok(VerifyingKey::from_public(self.algorithm, public))
    }

    fn new(algorithm: Algorithm, material: Material) -> Self {
        Self {
            algorithm,
            material: Arc::new(material),
        }
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_SHA256),
        _ => None,
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
