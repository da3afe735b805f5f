//! Scopes (RFC 6749 section 3.3).

use crate::bounds::{SCOPE_BYTES_MAX, SCOPES_BYTES_MAX, SCOPES_MAX};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{collections::BTreeSet, fmt, sync::Arc};

/// A set of scopes: case-sensitive words, printed with single spaces between them, in sorted order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Scopes(BTreeSet<Arc<str>>);

/// A text that is not a list of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotScopes {
    /// More bytes, or more words, than we take.
    #[error("at most {SCOPES_MAX} scopes of {SCOPE_BYTES_MAX} bytes each")]
    TooMany,
    /// RFC 6749 section 3.3 allows %x21 / %x23-5B / %x5D-7E.
    #[error("a scope has printable ASCII without space, quote and backslash")]
    Character,
}

impl Scopes {
    /// Read a space-delimited list. An empty text is the empty set.
    ///
    /// # Errors
    /// [`NotScopes`], before any work that grows with the text.
    pub fn parse(text: &str) -> Result<Self, NotScopes> {
        if text.len() > SCOPES_BYTES_MAX {
            return Err(NotScopes::TooMany);
        }
        Self::collect(text.split(' ').filter(|word| !word.is_empty()))
    }

    /// From words, each checked.
    ///
    /// # Errors
    /// [`NotScopes`].
    pub fn collect<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, NotScopes> {
        let mut set = BTreeSet::new();
        for word in words {
            let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            if word.is_empty() || !word.bytes().all(allowed) {
                return Err(NotScopes::Character);
            }
            if word.len() > SCOPE_BYTES_MAX || set.len() >= SCOPES_MAX {
                return Err(NotScopes::TooMany);
            }
            set.insert(word.into());
        }
        Ok(Self(set))
    }

    /// Whether every scope of `needed` is in this set.
    pub fn contain(&self, needed: &Self) -> bool {
        needed.0.is_subset(&self.0)
    }

    /// The scopes that are in both.
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes in sorted order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|word| &**word)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, word) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = <Vec<String>>::deserialize(deserializer)?;
        Self::collect(words.iter().map(String::as_str)).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_words_and_prints_them_sorted() {
        assert_eq!(
            Scopes::parse("write read  read").unwrap().to_string(),
            "read write"
        );
        assert!(Scopes::parse("").unwrap().is_empty());
    }

    #[test]
    fn refuses_what_rfc_6749_does_not_allow() {
        for (text, why) in [
            ("re\"ad", NotScopes::Character),
            ("re\\ad", NotScopes::Character),
            ("r\tw", NotScopes::Character),
            ("d\u{e9}j\u{e0}", NotScopes::Character),
        ] {
            assert_eq!(Scopes::parse(text), Err(why), "{text}");
        }
        assert_eq!(
            Scopes::parse(&"w ".repeat(100_000)),
            Err(NotScopes::TooMany)
        );
        assert_eq!(
            Scopes::parse(&"w".repeat(SCOPE_BYTES_MAX + 1)),
            Err(NotScopes::TooMany)
        );
    }

    #[test]
    fn case_matters() {
        let have = Scopes::parse("Read").unwrap();
        assert!(!have.contain(&Scopes::parse("read").unwrap()));
    }
}
