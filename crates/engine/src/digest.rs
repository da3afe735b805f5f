//! SHA-256 under a label: how secrets and tokens are looked up without being kept.

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are hashed in one call: label, lengths and parts of all that a decision looks up, but for the
/// longest tokens.
const AT_ONCE_BYTES_MAX: usize = 1024;

/// Plain SHA-256, where somebody else computes the same: a `Content-Digest`, a record's digest.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut made = [0; 32];
    made.copy_from_slice(digest(&SHA256, bytes).as_ref());
    made
}

/// 32 bytes of SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// SHA-256 over `label` and `parts`, each preceded by its length, so that no two lists of parts
    /// make the same input.
    pub fn of(label: &str, parts: &[&[u8]]) -> Self {
        // Every decision passes here, and a context lives on the heap: what is short is laid out first.
        let mut room = [0; AT_ONCE_BYTES_MAX];
        let made = match lay_out(&mut room, label, parts) {
            Some(input) => digest(&SHA256, input),
            None => {
                let mut context = Context::new(&SHA256);
                for part in input(label, parts) {
                    context.update(&length(part));
                    context.update(part);
                }
                context.finish()
            }
        };
        let mut bytes = [0; 32];
        bytes.copy_from_slice(made.as_ref());
        Self(bytes)
    }

    /// A digest read back from a store.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn input<'a>(label: &'a str, parts: &'a [&'a [u8]]) -> impl Iterator<Item = &'a [u8]> {
    std::iter::once(label.as_bytes()).chain(parts.iter().copied())
}

const fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_be_bytes()
}

/// The whole input in `room`, if it fits.
fn lay_out<'a>(room: &'a mut [u8], label: &str, parts: &[&[u8]]) -> Option<&'a [u8]> {
    let mut used = 0;
    for part in input(label, parts) {
        for bytes in [&length(part)[..], part] {
            let end = used + bytes.len();
            room.get_mut(used..end)?.copy_from_slice(bytes);
            used = end;
        }
    }
    room.get(..used)
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A prefix is enough to tell rows apart and too short to search a leaked secret by.
        write!(
            f,
            "Digest({}..)",
            data_encoding::HEXLOWER.encode(self.0.get(..4).unwrap_or(&[]))
        )
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = data_encoding::HEXLOWER
            .decode(text.as_bytes())
            .map_err(serde::de::Error::custom)?;
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| serde::de::Error::custom("a digest has 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the documentation says it, and nothing else: stored rows are found by these bytes.
    fn said(label: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut all = Vec::new();
        for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
            all.extend((part.len() as u64).to_be_bytes());
            all.extend(part);
        }
        digest(&SHA256, &all).as_ref().try_into().unwrap()
    }

    #[test]
    fn a_digest_is_the_same_however_long_its_input_is() {
        let long = vec![b'x'; 3 * AT_ONCE_BYTES_MAX];
        // Around the length that just fits: 3 lengths of 8 bytes, and 5 bytes of label and environment.
        let fits = AT_ONCE_BYTES_MAX - 3 * 8 - 5;
        for bytes in [0, 1, 64, fits - 1, fits, fits + 1, 2 * fits, long.len()] {
            let parts = [b"env".as_slice(), &long[..bytes]];
            assert_eq!(Digest::of("it", &parts).0, said("it", &parts), "{bytes}");
        }
    }

    #[test]
    fn no_two_lists_of_parts_make_the_same_input() {
        assert_ne!(
            Digest::of("l", &[b"ab", b"c"]),
            Digest::of("l", &[b"a", b"bc"])
        );
        assert_ne!(Digest::of("l", &[b"ab"]), Digest::of("l", &[b"ab", b""]));
        assert_ne!(Digest::of("la", &[b"b"]), Digest::of("l", &[b"ab"]));
    }
}
