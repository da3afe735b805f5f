//! What is kept encrypted.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Ciphertext of AES-256-GCM: 12 bytes of nonce, the ciphertext, 16 bytes of tag.
///
/// The additional data binds it to its row, so that one row's ciphertext cannot stand in another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sealed(pub Vec<u8>);

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        data_encoding::BASE64
            .decode(text.as_bytes())
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}
