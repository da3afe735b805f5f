//! What signing and verifying keys share: sizes and errors.

/// The signature is not one of this key over this message. Deliberately says no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// Signing failed; the fault is ours (the library, or a header that names another algorithm).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The cryptographic library refused.
    #[error("the cryptographic library could not sign")]
    Library,
    /// The signer's header is not a JSON object whose `alg` is the key's.
    #[error("the header's alg is not the key's algorithm")]
    HeaderAlgorithm,
}

/// Why something is not a key for an algorithm. Never holds key material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key is of another kind than the algorithm needs (RSA, P-256, Ed25519, secret).
    #[error("the key is of another kind than the algorithm needs")]
    WrongKind,
    /// Not a well-formed key in canonical encoding, or inconsistent (a point off its curve).
    #[error("not a well-formed key")]
    Malformed,
    /// RSA modulus outside 2048 to 8192 bits.
    #[error("the RSA modulus must have 2048 to 8192 bits")]
    RsaModulus,
    /// RSA public exponent other than 65537.
    #[error("the RSA public exponent must be 65537")]
    RsaExponent,
    /// An Ed25519 point of small order: signatures would verify that nobody made.
    #[error("the public key is a point of small order")]
    SmallOrder,
    /// HMAC secret shorter than the hash.
    #[error("the secret must be at least as long as the hash")]
    SecretTooShort,
    /// What was given as an HMAC secret is a PEM document.
    #[error("a PEM document is not a secret")]
    SecretIsPem,
    /// The JWK's own `alg`, `use` or `key_ops` forbids verifying with this algorithm.
    #[error("the JWK says that it is for another use")]
    OtherUse,
    /// The cryptographic library failed to generate or to encode.
    #[error("the cryptographic library failed")]
    Library,
}

/// Size of a generated RSA modulus in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RsaBits {
    /// 2048 bits.
    B2048,
    /// 3072 bits.
    B3072,
    /// 4096 bits.
    B4096,
}

impl RsaBits {
    /// The number of bits.
    #[must_use]
    pub const fn bits(self) -> u16 {
        match self {
            Self::B2048 => 2048,
            Self::B3072 => 3072,
            Self::B4096 => 4096,
        }
    }
}
