//! Keys as text (RFC 7468).

use crate::secret::Secret;
use data_encoding::BASE64;

/// Characters of a line (RFC 7468 section 2).
const LINE: usize = 64;

/// A `SubjectPublicKeyInfo` in PEM, without a line break at its end.
pub(crate) fn public_key(spki: &[u8]) -> String {
    let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
    push_lines(&mut pem, &BASE64.encode(spki));
    pem.push_str("-----END PUBLIC KEY-----");
    pem
}

/// The RSA key of a PKCS#8 document as PKCS#1 writes it (RFC 8017 appendix A.1.2), in PEM; none when it is no
/// such document. For the one time that it is told.
pub(crate) fn rsa_private_key(pkcs8: &[u8]) -> Option<Secret<String>> {
    let key = countersign_jose::rsa_private_key(pkcs8)?;
    let text = Secret::new(BASE64.encode(key));
    // Reserved whole, so that no part of it is left behind where it was before it grew.
    let mut pem = String::with_capacity(text.expose().len() * 2 + 128);
    pem.push_str("-----BEGIN RSA PRIVATE KEY-----\n");
    push_lines(&mut pem, text.expose());
    pem.push_str("-----END RSA PRIVATE KEY-----\n");
    Some(Secret::new(pem))
}

fn push_lines(pem: &mut String, text: &str) {
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
}
