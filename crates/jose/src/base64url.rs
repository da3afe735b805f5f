//! base64url as JOSE spells it (RFC 7515 section 2): no padding, no line breaks, and the unused
//! bits of the last character are zero, so that every byte string has exactly one spelling.

use data_encoding::BASE64URL_NOPAD;

/// The text is not canonical base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding")]
pub struct BadBase64Url;

/// Encodes without padding.
#[must_use]
pub fn base64url_encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// Decodes the one canonical spelling of a byte string; the empty text is the empty string.
///
/// # Errors
/// Padding, white space, a foreign character, an impossible length, or set bits behind the end.
pub fn base64url_decode(text: &str) -> Result<Vec<u8>, BadBase64Url> {
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| BadBase64Url)
}

/// Appends the encoding to `out`, to build a token in one allocation.
pub(crate) fn base64url_append(bytes: &[u8], out: &mut String) {
    BASE64URL_NOPAD.encode_append(bytes, out);
}

/// Characters that `len` bytes encode to.
pub(crate) fn base64url_len(len: usize) -> usize {
    BASE64URL_NOPAD.encode_len(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7515_appendix_c() {
        assert_eq!(base64url_encode(&[3, 236, 255, 224, 193]), "A-z_4ME");
        assert_eq!(base64url_decode("A-z_4ME"), Ok(vec![3, 236, 255, 224, 193]));
    }

    #[test]
    fn only_one_spelling_is_read() {
        for text in [
            "QQ==", "QQ=", "QR", "Q", "QUJ", "QU JD", "QUJD\n", "+/8", "QUJDR", "é", "Q\u{0}",
        ] {
            assert_eq!(base64url_decode(text), Err(BadBase64Url), "{text:?}");
        }
        assert_eq!(base64url_decode("QQ"), Ok(b"A".to_vec()));
        assert_eq!(base64url_decode(""), Ok(Vec::new()));
    }
}
