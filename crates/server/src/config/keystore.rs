//! Where assets' private keys are.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Bytes of a token's label (PKCS #11 3.1 section 3.2, `CK_TOKEN_INFO`).
const TOKEN_LABEL_BYTES_MAX: usize = 32;

/// Assets' private keys. Everything else that is secret stays sealed under the master key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keystore {
    /// Where new pairs are made.
    pub backend: Backend,
    /// The token. Keys that are in it are used there, also when new ones are made in software.
    pub pkcs11: Option<Pkcs11>,
}

/// Where new pairs of assets are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// Here, sealed under the master key.
    #[default]
    Software,
    /// In the token, which never gives them away.
    Pkcs11,
}

/// A PKCS#11 token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11 {
    /// The module: a shared library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// A file with the user's PIN.
    pub pin_file: Option<PathBuf>,
}

impl Keystore {
    /// The first member that is wrong beside the others, and what was expected.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        let Some(pkcs11) = &self.pkcs11 else {
            return (self.backend == Backend::Pkcs11).then_some((
                "keystore.pkcs11",
                "expected module and token beside keystore.backend = \"pkcs11\"",
            ));
        };
        if pkcs11.module.as_os_str().is_empty() {
            return Some(("keystore.pkcs11.module", "expected a path"));
        }
        let has_label = (1..=TOKEN_LABEL_BYTES_MAX).contains(&pkcs11.token.len());
        (!has_label).then_some(("keystore.pkcs11.token", "expected 1 to 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(module: &str, token: &str) -> Keystore {
        Keystore {
            backend: Backend::Pkcs11,
            pkcs11: Some(Pkcs11 {
                module: module.into(),
                token: token.into(),
                pin_file: None,
            }),
        }
    }

    #[test]
    fn a_token_is_named_whole() {
        assert_eq!(Keystore::default().wrong(), None);
        assert_eq!(configured("/m.so", "assets").wrong(), None);
        let software = Keystore {
            backend: Backend::Software,
            ..configured("/m.so", "assets")
        };
        assert_eq!(software.wrong(), None, "a token that is left");
        for (keystore, member) in [
            (
                Keystore {
                    backend: Backend::Pkcs11,
                    pkcs11: None,
                },
                "keystore.pkcs11",
            ),
            (configured("", "assets"), "keystore.pkcs11.module"),
            (configured("/m.so", ""), "keystore.pkcs11.token"),
            (
                configured("/m.so", &"x".repeat(33)),
                "keystore.pkcs11.token",
            ),
        ] {
            assert_eq!(keystore.wrong().map(|(member, _)| member), Some(member));
        }
    }
}
