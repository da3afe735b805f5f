//! Keys that verify. Every way in ends in one of four constructors, by kind of key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{PublicKeyComponents, RsaParameters};
use aws_lc_rs::signature::{self, ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use aws_lc_rs::{hmac, rsa};
use data_encoding::BASE64;

use crate::algorithm::Algorithm;
use crate::base64url::{base64url_decode, base64url_encode};
use crate::der;
use crate::jwk::Jwk;
use crate::key::{BadSignature, KeyError};
use crate::pem;

const RSA_MODULUS_BITS_MIN: usize = 2048;
/// Verifying costs the square of the length: what a stranger's key may cost us.
const RSA_MODULUS_BITS_MAX: usize = 8192;
/// 65537, the only exponent: small ones have a history, large ones cost time.
const RSA_EXPONENT: &[u8] = &[1, 0, 1];
/// A P-256 point: 0x04, x, y (SEC 1 section 2.3.3).
const P256_POINT_BYTES: usize = 65;
const P256_COORDINATE_BYTES: usize = 32;
const UNCOMPRESSED: u8 = 0x04;
const ED25519_POINT_BYTES: usize = 32;

/// A public key or an HMAC secret, parsed once, with its one algorithm. Cloning is cheap.
///
/// `Debug` shows the algorithm only.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    material: Arc<Material>,
}

enum Material {
    Public { key: ParsedPublicKey, jwk: Jwk },
    Secret(hmac::Key),
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
        match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", None) => from_rsa_numbers(algorithm, &member(&jwk.n)?, &member(&jwk.e)?),
            ("EC", Some("P-256")) => {
                let (x, y) = (member(&jwk.x)?, member(&jwk.y)?);
                // Fixed lengths, or a short x could borrow a byte of y (RFC 7518 section 6.2.1.2).
                if x.len() != P256_COORDINATE_BYTES || y.len() != P256_COORDINATE_BYTES {
                    return Err(KeyError::Malformed);
                }
                from_p256_point(algorithm, &[&[UNCOMPRESSED], &x[..], &y[..]].concat())
            }
            ("OKP", Some("Ed25519")) => from_ed25519_point(algorithm, &member(&jwk.x)?),
            _ => Err(KeyError::WrongKind),
        }
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
        let key = if algorithm.is_rsa() {
            let key = rsa::PublicKey::from_der(spki).map_err(|_| KeyError::Malformed)?;
            from_rsa_public_key(algorithm, key.as_ref())?
        } else if algorithm == Algorithm::Es256 {
            let point = spki
                .last_chunk::<P256_POINT_BYTES>()
                .ok_or(KeyError::Malformed)?;
            from_p256_point(algorithm, point)?
        } else {
            let point = spki
                .last_chunk::<ED25519_POINT_BYTES>()
                .ok_or(KeyError::Malformed)?;
            from_ed25519_point(algorithm, point)?
        };
        // The parts above were taken from where canonical DER has them; that it is canonical is
        // shown by encoding them again.
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
        let key = hmac_key(algorithm, bytes)?;
        Ok(Self::new(algorithm, Material::Secret(key)))
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
        match &*self.material {
            Material::Public { key, .. } => key.verify_sig(message, signature),
            Material::Secret(key) => hmac::verify(key, message, signature),
        }
        .map_err(|_| BadSignature)
    }

    /// The JWK to publish, with `use` and `alg` and without `kid`. `None` for secrets: those are
    /// never published.
    #[must_use]
    pub fn to_jwk(&self) -> Option<Jwk> {
        match &*self.material {
            Material::Public { jwk, .. } => Some(jwk.clone()),
            Material::Secret(_) => None,
        }
    }

    /// The canonical `SubjectPublicKeyInfo` in DER. `None` for secrets.
    #[must_use]
    pub fn to_spki_der(&self) -> Option<Vec<u8>> {
        match &*self.material {
            Material::Public { key, .. } => {
                let spki: PublicKeyX509Der<'_> = key.as_der().ok()?;
                Some(spki.as_ref().to_vec())
            }
            Material::Secret(_) => None,
        }
    }

    /// The key as PEM, 64 characters a line, ending in a line break. `None` for secrets.
    #[must_use]
    pub fn to_pem(&self) -> Option<String> {
        let encoded = BASE64.encode(&self.to_spki_der()?);
        let mut out = String::from("-----BEGIN PUBLIC KEY-----\n");
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
            out.push_str(line);
            out.push('\n');
            rest = after;
        }
        out.push_str("-----END PUBLIC KEY-----\n");
        Some(out)
    }

    fn new(algorithm: Algorithm, material: Material) -> Self {
        Self {
            algorithm,
            material: Arc::new(material),
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

/// Checks an `RSAPublicKey` in DER against the policy; gives (modulus, exponent).
pub(crate) fn rsa_policy(public_key: &[u8]) -> Result<(&[u8], &[u8]), KeyError> {
    let (modulus, exponent) = der::rsa_public_key(public_key).ok_or(KeyError::Malformed)?;
    rsa_numbers_policy(modulus, exponent)?;
    Ok((modulus, exponent))
}

fn rsa_numbers_policy(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyError> {
    // No leading zero octets (RFC 7518 section 6.3.1.1), and an even modulus is no product of primes.
    let (Some(&first), Some(&last)) = (modulus.first(), modulus.last()) else {
        return Err(KeyError::Malformed);
    };
    if first == 0 || last % 2 == 0 {
        return Err(KeyError::Malformed);
    }
    if exponent != RSA_EXPONENT {
        return Err(KeyError::RsaExponent);
    }
    let unused_bits = first.leading_zeros() as usize;
    let bits = (modulus.len() * 8).saturating_sub(unused_bits);
    if !(RSA_MODULUS_BITS_MIN..=RSA_MODULUS_BITS_MAX).contains(&bits) {
        return Err(KeyError::RsaModulus);
    }
    Ok(())
}

/// From an `RSAPublicKey` in DER (RFC 8017 appendix A.1.1).
pub(crate) fn from_rsa_public_key(
    algorithm: Algorithm,
    public_key: &[u8],
) -> Result<VerifyingKey, KeyError> {
    let (modulus, exponent) = rsa_policy(public_key)?;
    from_rsa_numbers(algorithm, modulus, exponent)
}

fn from_rsa_numbers(
    algorithm: Algorithm,
    modulus: &[u8],
    exponent: &[u8],
) -> Result<VerifyingKey, KeyError> {
    let parameters = rsa_parameters(algorithm).ok_or(KeyError::WrongKind)?;
    rsa_numbers_policy(modulus, exponent)?;
    let unchecked = PublicKeyComponents {
        n: modulus,
        e: exponent,
    }
    .to_parsed_public_key(parameters)
    .map_err(|_| KeyError::Malformed)?;
    // Components are assembled without the library's own checks of the key; parsing has them.
    let key =
        ParsedPublicKey::new(parameters, unchecked.as_ref()).map_err(|_| KeyError::Malformed)?;
    let jwk = Jwk {
        n: Some(base64url_encode(modulus)),
        e: Some(base64url_encode(exponent)),
        ..Jwk::for_signatures("RSA", algorithm)
    };
    Ok(VerifyingKey::new(algorithm, Material::Public { key, jwk }))
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        _ => None,
    }
}

/// From an uncompressed point; the library checks that it is on the curve.
pub(crate) fn from_p256_point(
    algorithm: Algorithm,
    point: &[u8],
) -> Result<VerifyingKey, KeyError> {
    if algorithm != Algorithm::Es256 {
        return Err(KeyError::WrongKind);
    }
    let coordinates = match point {
        [UNCOMPRESSED, coordinates @ ..] if point.len() == P256_POINT_BYTES => coordinates,
        _ => return Err(KeyError::Malformed),
    };
    let key =
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| KeyError::Malformed)?;
    let (x, y) = coordinates
        .split_at_checked(P256_COORDINATE_BYTES)
        .ok_or(KeyError::Malformed)?;
    let jwk = Jwk {
        crv: Some("P-256".to_owned()),
        x: Some(base64url_encode(x)),
        y: Some(base64url_encode(y)),
        ..Jwk::for_signatures("EC", algorithm)
    };
    Ok(VerifyingKey::new(algorithm, Material::Public { key, jwk }))
}

/// From the 32 bytes of RFC 8032 section 5.1.5.
pub(crate) fn from_ed25519_point(
    algorithm: Algorithm,
    point: &[u8],
) -> Result<VerifyingKey, KeyError> {
    if algorithm != Algorithm::EdDsa {
        return Err(KeyError::WrongKind);
    }
    let point: &[u8; ED25519_POINT_BYTES] = point.try_into().map_err(|_| KeyError::Malformed)?;
    if has_small_order(point) {
        return Err(KeyError::SmallOrder);
    }
    let key = ParsedPublicKey::new(&ED25519, point).map_err(|_| KeyError::Malformed)?;
    let jwk = Jwk {
        crv: Some("Ed25519".to_owned()),
        x: Some(base64url_encode(point)),
        ..Jwk::for_signatures("OKP", algorithm)
    };
    Ok(VerifyingKey::new(algorithm, Material::Public { key, jwk }))
}

/// Whether a point has order 1, 2, 4 or 8, also where y is spelled above the prime. With such a
/// key anyone can make signatures that verify for a large share of messages.
fn has_small_order(point: &[u8; ED25519_POINT_BYTES]) -> bool {
    // The y of two points of order 8, the other two being its negation.
    const ORDER_8: [u8; ED25519_POINT_BYTES] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ];
    const ORDER_8_NEGATED: [u8; ED25519_POINT_BYTES] = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ];
    let mut y = *point;
    let [.., last] = &mut y;
    *last &= 0x7f; // the top bit is the sign of x
    // 0 and 1, then the prime less one, the prime, and the prime plus one (2^255 - 19 is 0xed,
    // 0xff .., 0x7f).
    match y {
        [0 | 1, middle @ .., 0] if middle.iter().all(|&byte| byte == 0) => true,
        [0xec..=0xee, middle @ .., 0x7f] if middle.iter().all(|&byte| byte == 0xff) => true,
        _ => y == ORDER_8 || y == ORDER_8_NEGATED,
    }
}

/// Checks and parses an HMAC secret.
pub(crate) fn hmac_key(algorithm: Algorithm, bytes: &[u8]) -> Result<hmac::Key, KeyError> {
    let (hash, min) = match (algorithm, algorithm.secret_bytes_min()) {
        (Algorithm::Hs256, Some(min)) => (hmac::HMAC_SHA256, min),
        (Algorithm::Hs384, Some(min)) => (hmac::HMAC_SHA384, min),
        (Algorithm::Hs512, Some(min)) => (hmac::HMAC_SHA512, min),
        _ => return Err(KeyError::WrongKind),
    };
    if bytes.len() < min {
        return Err(KeyError::SecretTooShort);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if text.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(KeyError::SecretIsPem);
    }
    Ok(hmac::Key::new(hash, bytes))
}
