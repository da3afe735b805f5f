//! Keys that verify.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::{hmac, rsa};

use crate::algorithm::Algorithm;
use crate::base64url::base64url_decode;
use crate::der;
use crate::jwk::Jwk;
use crate::key::{BadSignature, KeyError};
use crate::pem;
use crate::public_key::{
    self, ED25519_POINT_BYTES, P256_COORDINATE_BYTES, P256_POINT_BYTES, PublicKey, UNCOMPRESSED,
};
use crate::secret;

/// A public key or an HMAC secret, parsed once, with its one algorithm. Cloning is cheap.
///
/// `Debug` shows the algorithm only.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Public(Arc<PublicKey>),
    Secret(Arc<hmac::Key>),
}

impl VerifyingKey {
    /// Reads a public JWK (RFC 7517). The algorithm is the caller's; a JWK with no `alg` of its
    /// own is not thereby open to any.
    ///
    /// # Errors
    /// A missing, non-canonical or invalid member, another kind of key, an HMAC algorithm, or an
    /// `alg`, `use` or `key_ops` that says otherwise.
    pub fn from_jwk(algorithm: Algorithm, jwk: &Jwk) -> Result<Self, KeyError> {
        if !jwk.may_verify(algorithm) {
            return Err(KeyError::OtherUse);
        }
        let member = |member: &Option<String>| {
            let text = member.as_deref().ok_or(KeyError::Malformed)?;
            base64url_decode(text).map_err(|_| KeyError::Malformed)
        };
        let public = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", None) => {
                public_key::from_rsa_numbers(algorithm, &member(&jwk.n)?, &member(&jwk.e)?)?
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (member(&jwk.x)?, member(&jwk.y)?);
                // Fixed lengths, or a short x could borrow a byte of y (RFC 7518 section 6.2.1.2).
                if x.len() != P256_COORDINATE_BYTES || y.len() != P256_COORDINATE_BYTES {
                    return Err(KeyError::Malformed);
                }
                let point = [&[UNCOMPRESSED], &x[..], &y[..]].concat();
                public_key::from_p256_point(algorithm, &point)?
            }
            ("OKP", Some("Ed25519")) => {
                public_key::from_ed25519_point(algorithm, &member(&jwk.x)?)?
            }
            _ => return Err(KeyError::WrongKind),
        };
        Ok(Self::from_public(algorithm, public))
    }

    /// Reads a `SubjectPublicKeyInfo` (RFC 5280 section 4.1) in canonical DER.
    ///
    /// # Errors
    /// Another kind of key, another encoding of it (bytes behind it, a compressed point, explicit
    /// curve parameters), an RSA key outside policy, or an HMAC algorithm.
    pub fn from_spki_der(algorithm: Algorithm, spki: &[u8]) -> Result<Self, KeyError> {
        if algorithm.is_symmetric() {
            return Err(KeyError::WrongKind);
        }
        if !der::is_one_sequence(spki) {
            return Err(KeyError::Malformed);
        }
        let public = if algorithm.is_rsa() {
            let key = rsa::PublicKey::from_der(spki).map_err(|_| KeyError::Malformed)?;
            public_key::from_rsa_public_key(algorithm, key.as_ref())?
        } else if algorithm == Algorithm::Es256 {
            let point = spki
                .last_chunk::<P256_POINT_BYTES>()
                .ok_or(KeyError::Malformed)?;
            public_key::from_p256_point(algorithm, point)?
        } else {
            let point = spki
                .last_chunk::<ED25519_POINT_BYTES>()
                .ok_or(KeyError::Malformed)?;
            public_key::from_ed25519_point(algorithm, point)?
        };
        // The parts above were taken from where canonical DER has them; that it is canonical is
        // shown by encoding them again.
        let key = Self::from_public(algorithm, public);
        match key.to_spki_der() {
            Some(canonical) if canonical == spki => Ok(key),
            _ => Err(KeyError::Malformed),
        }
    }

    /// Reads one PEM block `PUBLIC KEY` (RFC 7468 section 13). A byte order mark, white space
    /// around the block and CRLF are forgiven: the result is a key of the right kind or an error.
    ///
    /// # Errors
    /// Another label (certificates and private keys too), or as [`from_spki_der`](Self::from_spki_der).
    pub fn from_pem(algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        let spki = pem::block("PUBLIC KEY", text).ok_or(KeyError::Malformed)?;
        Self::from_spki_der(algorithm, &spki)
    }

    /// Takes an HMAC secret, under the rules of [`SigningKey::from_secret`](crate::SigningKey::from_secret).
    ///
    /// # Errors
    /// Too short, a PEM document, or not an HMAC algorithm.
    pub fn from_secret(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            algorithm,
            material: Material::Secret(Arc::new(secret::hmac_key(algorithm, bytes)?)),
        })
    }

    /// The only algorithm that the key verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Verifies a raw signature; an HMAC is compared in constant time and in full length.
    ///
    /// # Errors
    /// [`BadSignature`], whatever is wrong.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match &self.material {
            Material::Public(public) => public.key.verify_sig(message, signature),
            Material::Secret(key) => hmac::verify(key, message, signature),
        }
        .map_err(|_| BadSignature)
    }

    /// The JWK to publish, with `use` and `alg` and without `kid`. `None` for secrets: those are
    /// never published.
    #[must_use]
    pub fn to_jwk(&self) -> Option<Jwk> {
        match &self.material {
            Material::Public(public) => Some(public.jwk.clone()),
            Material::Secret(_) => None,
        }
    }

    /// The canonical `SubjectPublicKeyInfo` in DER. `None` for secrets.
    #[must_use]
    pub fn to_spki_der(&self) -> Option<Vec<u8>> {
        match &self.material {
            Material::Public(public) => {
                let spki: PublicKeyX509Der<'_> = public.key.as_der().ok()?;
                Some(spki.as_ref().to_vec())
            }
            Material::Secret(_) => None,
        }
    }

    /// The key as PEM, 64 characters a line, ending in a line break. `None` for secrets.
    #[must_use]
    pub fn to_pem(&self) -> Option<String> {
        let text = pem::encode("PUBLIC KEY", &self.to_spki_der()?);
        Some(text.as_str().to_owned())
    }

    pub(crate) fn from_public(algorithm: Algorithm, public: PublicKey) -> Self {
        Self {
            algorithm,
            material: Material::Public(Arc::new(public)),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
