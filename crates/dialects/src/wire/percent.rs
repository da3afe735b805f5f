//! Percent-encoding as forms use it, read strictly.

/// Why a text cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotText {
    /// A `%` without two hexadecimal digits.
    Percent,
    /// The bytes are not UTF-8.
    Utf8,
    /// It holds U+0000, which stores and logs would cut at.
    Nul,
}

impl NotText {
    /// What was expected instead.
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Percent => "percent-encoding with two hexadecimal digits",
            Self::Utf8 => "UTF-8",
            Self::Nul => "text without U+0000",
        }
    }
}

/// Decode one name or value of `application/x-www-form-urlencoded` (RFC 6749 appendix B): `+` is a space.
///
/// # Errors
/// [`NotText`]: nothing is replaced or skipped.
pub fn decode_form(bytes: &[u8]) -> Result<String, NotText> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex_pair(rest.next(), rest.next()).ok_or(NotText::Percent)?,
            other => other,
        });
    }
    if decoded.contains(&0) {
        return Err(NotText::Nul);
    }
    String::from_utf8(decoded).map_err(|_| NotText::Utf8)
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_forms_encode() {
        for (encoded, plain) in [
            ("", ""),
            ("a+b", "a b"),
            ("a%2Bb", "a+b"),
            ("%3A%25%26%3d", ":%&="),
            ("d%C3%A9j%c3%a0", "d\u{e9}j\u{e0}"),
            ("d\u{e9}", "d\u{e9}"),
        ] {
            assert_eq!(
                decode_form(encoded.as_bytes()),
                Ok(plain.into()),
                "{encoded}"
            );
        }
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        for (encoded, why) in [
            (&b"%"[..], NotText::Percent),
            (b"%2", NotText::Percent),
            (b"%zz", NotText::Percent),
            (b"%+1", NotText::Percent),
            (b"100%", NotText::Percent),
            (b"%00", NotText::Nul),
            (b"a\0b", NotText::Nul),
            (b"%C3", NotText::Utf8),
            (b"\xff", NotText::Utf8),
            (b"%C0%80", NotText::Utf8),
            (b"%ED%A0%80", NotText::Utf8),
        ] {
            assert_eq!(decode_form(encoded), Err(why), "{encoded:?}");
        }
    }
}
