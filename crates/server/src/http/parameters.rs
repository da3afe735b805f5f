//! The `{name}` segments of a path, decoded strictly.

use std::borrow::Cow;

/// `text` without its percent-encoding (RFC 3986 section 2.1); none where that is broken or not UTF-8.
pub(super) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_is_strict() {
        assert_eq!(decode("plain").unwrap(), "plain");
        assert_eq!(decode("a%2Fb%c3%bc+").unwrap(), "a/b\u{fc}+");
        for text in ["%", "%4", "%zz", "%+4", "%ff", "%c3"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
