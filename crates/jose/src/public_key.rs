//! Public keys by kind: RSA, P-256, Ed25519. Every form that a key arrives in ends here.

use aws_lc_rs::rsa::{PublicKeyComponents, RsaParameters};
use aws_lc_rs::signature::{self, ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};

use crate::algorithm::Algorithm;
use crate::base64url::base64url_encode;
use crate::der;
use crate::jwk::Jwk;
use crate::key::KeyError;

const RSA_MODULUS_BITS_MIN: usize = 2048;
/// Verifying costs the square of the length: what a stranger's key may cost us.
const RSA_MODULUS_BITS_MAX: usize = 8192;
/// 65537, the only exponent: small ones have a history, large ones cost time.
const RSA_EXPONENT: &[u8] = &[1, 0, 1];
/// A P-256 point: 0x04, x, y (SEC 1 section 2.3.3).
pub(crate) const P256_POINT_BYTES: usize = 65;
pub(crate) const P256_COORDINATE_BYTES: usize = 32;
pub(crate) const UNCOMPRESSED: u8 = 0x04;
pub(crate) const ED25519_POINT_BYTES: usize = 32;

/// A key that the library has parsed, and how it is published.
pub(crate) struct PublicKey {
    pub(crate) key: ParsedPublicKey,
    pub(crate) jwk: Jwk,
}

/// Checks an `RSAPublicKey` in DER against the policy; gives (modulus, exponent).
pub(crate) fn rsa_policy(public_key: &[u8]) -> Result<(&[u8], &[u8]), KeyError> {
    let (modulus, exponent) = der::rsa_public_key(public_key).ok_or(KeyError::Malformed)?;
    rsa_numbers_policy(modulus, exponent)?;
    Ok((modulus, exponent))
}

fn rsa_numbers_policy(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyError> {
    // No leading zero octets (RFC 7518 section 6.3.1.1).
    let first = match modulus.first() {
        None | Some(0) => return Err(KeyError::Malformed),
        Some(first) => first,
    };
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
) -> Result<PublicKey, KeyError> {
    let (modulus, exponent) = rsa_policy(public_key)?;
    from_rsa_numbers(algorithm, modulus, exponent)
}

/// From big-endian numbers.
pub(crate) fn from_rsa_numbers(
    algorithm: Algorithm,
    modulus: &[u8],
    exponent: &[u8],
) -> Result<PublicKey, KeyError> {
    let parameters = rsa_parameters(algorithm).ok_or(KeyError::WrongKind)?;
    rsa_numbers_policy(modulus, exponent)?;
    let unchecked = PublicKeyComponents {
        n: modulus,
        e: exponent,
    }
    .to_parsed_public_key(parameters)
    .map_err(|_| KeyError::Malformed)?;
    // Components are assembled without the library's own checks of the key (that the modulus is
    // odd, for one); parsing has them.
    let key =
        ParsedPublicKey::new(parameters, unchecked.as_ref()).map_err(|_| KeyError::Malformed)?;
    let jwk = Jwk {
        n: Some(base64url_encode(modulus)),
        e: Some(base64url_encode(exponent)),
        ..Jwk::for_signatures("RSA", algorithm)
    };
    Ok(PublicKey { key, jwk })
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
pub(crate) fn from_p256_point(algorithm: Algorithm, point: &[u8]) -> Result<PublicKey, KeyError> {
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
    Ok(PublicKey { key, jwk })
}

/// From the 32 bytes of RFC 8032 section 5.1.5.
pub(crate) fn from_ed25519_point(
    algorithm: Algorithm,
    point: &[u8],
) -> Result<PublicKey, KeyError> {
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
    Ok(PublicKey { key, jwk })
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
