//! Private keys as text, for the one time that they are told.

use crate::secret::Secret;
use data_encoding::BASE64;

/// Characters of a line (RFC 7468 section 2).
const LINE: usize = 64;

/// The RSA key of a PKCS#8 document as PKCS#1 writes it (RFC 8017 appendix A.1.2), in PEM; none when it is no
/// such document.
pub(crate) fn rsa_private_key(pkcs8: &[u8]) -> Option<Secret<String>> {
    let key = countersign_jose::rsa_private_key(pkcs8)?;
    let text = Secret::new(BASE64.encode(key));
    // Reserved whole, so that no part of it is left behind where it was before it grew.
    let mut pem = String::with_capacity(text.expose().len() * 2 + 128);
    pem.push_str("-----BEGIN RSA PRIVATE KEY-----\n");
    let mut rest = text.expose().as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END RSA PRIVATE KEY-----\n");
    Some(Secret::new(pem))
}
