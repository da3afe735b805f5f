//! Key pairs whose private half the keystore holds.

use crate::{pem, sealed::Sealed};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A key pair whose private half the keystore holds (an asset's).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldKey {
    /// SubjectPublicKeyInfo, DER.
    #[serde(serialize_with = "encode", deserialize_with = "decode")]
    pub public: Vec<u8>,
    /// Where the private half is.
    pub private: HeldPrivate,
}

/// Where a private half is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldPrivate {
    /// Here, sealed.
    Sealed(Sealed),
    /// In a PKCS#11 token, as an object that it does not give away.
    Token {
        /// `CKA_ID` in lower-case hexadecimal.
        id: String,
    },
}

impl HeldKey {
    /// The public half as PEM `PUBLIC KEY` (RFC 7468 section 13), without a line break at its end.
    pub fn public_pem(&self) -> String {
        pem::public_key(&self.public)
    }
}

fn encode<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&data_encoding::BASE64.encode(bytes))
}

fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    data_encoding::BASE64
        .decode(text.as_bytes())
        .map_err(serde::de::Error::custom)
}
