//! Key pairs of assets: what a row keeps of them. Whoever has the row has no private key.

use crate::{pem, sealed::Sealed};
use serde::{Deserialize, Serialize};

/// A key pair whose private half the keystore holds (an asset's).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldKey {
    /// The public half: a `SubjectPublicKeyInfo` in DER (RFC 5280 section 4.1).
    #[serde(with = "crate::octets")]
    pub public: Vec<u8>,
    /// Where the private half is.
    pub private: HeldPrivate,
}

/// Where a private half is. A row says so itself, so that keys made under another configuration are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldPrivate {
    /// Here, a PKCS#8 document sealed under the environment's data key.
    Sealed(Sealed),
    /// In the PKCS#11 token, which never gives it away.
    Token {
        /// The object's `CKA_ID`, in lower-case hexadecimal.
        id: String,
    },
}

impl HeldKey {
    /// The public half as PEM `PUBLIC KEY` (RFC 7468 section 13), without a line break at its end.
    pub fn public_pem(&self) -> String {
        pem::public_key(&self.public)
    }
}

/// A form of RSAES-OAEP (RFC 8017 section 7.1.2), by its hash and the hash of its mask, without a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oaep {
    /// SHA-1 for both, which is the RFC's default.
    Sha1,
    /// SHA-256 for both.
    Sha256,
    /// SHA-256, and SHA-1 for the mask: what libraries make that only had their hash set.
    Sha256Mgf1Sha1,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_where_the_private_half_is() {
        for (private, text) in [
            (
                HeldPrivate::Sealed(Sealed(vec![1, 2, 3])),
                r#"{"public":"BAUG","private":{"sealed":"AQID"}}"#,
            ),
            (
                HeldPrivate::Token { id: "0a0b".into() },
                r#"{"public":"BAUG","private":{"token":{"id":"0a0b"}}}"#,
            ),
        ] {
            let key = HeldKey {
                public: vec![4, 5, 6],
                private,
            };
            assert_eq!(serde_json::to_string(&key).unwrap(), text);
            assert_eq!(serde_json::from_str::<HeldKey>(text).unwrap(), key);
        }
        let text = r#"{"public":"not base64","private":{"sealed":"AQID"}}"#;
        assert!(serde_json::from_str::<HeldKey>(text).is_err());
    }

    #[test]
    fn the_public_half_is_printed_in_lines_of_64_without_a_line_break_at_the_end() {
        let key = |bytes| HeldKey {
            public: vec![7; bytes],
            private: HeldPrivate::Token { id: String::new() },
        };
        let line = "BwcH".repeat(16);
        assert_eq!(
            key(49).public_pem(),
            format!("-----BEGIN PUBLIC KEY-----\n{line}\nBw==\n-----END PUBLIC KEY-----")
        );
        assert_eq!(
            key(48).public_pem(),
            format!("-----BEGIN PUBLIC KEY-----\n{line}\n-----END PUBLIC KEY-----")
        );
    }

    #[test]
    fn a_form_has_one_spelling() {
        let spelled = [Oaep::Sha1, Oaep::Sha256, Oaep::Sha256Mgf1Sha1]
            .map(|form| serde_json::to_string(&form).unwrap());
        assert_eq!(
            spelled,
            [r#""sha1""#, r#""sha256""#, r#""sha256_mgf1_sha1""#]
        );
    }
}
