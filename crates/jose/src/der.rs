//! The little DER that is needed to take RSA numbers and documents out of what the library wrote,
//! and to see whether a document ends where it says. All validation of keys is the library's.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;

/// Takes one element of type `tag` off the front: (its content, what follows it).
fn element(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = input.split_first()?;
    if found != tag {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    if first < 0x80 {
        return rest.split_at_checked(usize::from(first));
    }
    // Definite long form, at most four bytes of length (X.690 section 8.1.3.5).
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return None;
    }
    let (digits, rest) = rest.split_at_checked(count)?;
    let len = digits
        .iter()
        .fold(0usize, |len, &digit| (len << 8) | usize::from(digit));
    rest.split_at_checked(len)
}

/// Whether `document` is one SEQUENCE with nothing behind it.
pub(crate) fn is_one_sequence(document: &[u8]) -> bool {
    element(SEQUENCE, document).is_some_and(|(_, rest)| rest.is_empty())
}

/// (modulus, exponent) of an `RSAPublicKey` (RFC 8017 appendix A.1.1), without leading zeros.
pub(crate) fn rsa_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (content, after) = element(SEQUENCE, der)?;
    let (modulus, rest) = element(INTEGER, content)?;
    let (exponent, rest) = element(INTEGER, rest)?;
    let unsigned = |integer: &'_ [u8]| match integer {
        [0, magnitude @ ..] => magnitude.len(),
        magnitude => magnitude.len(),
    };
    if !after.is_empty() || !rest.is_empty() {
        return None;
    }
    let modulus = modulus.get(modulus.len() - unsigned(modulus)..)?;
    let exponent = exponent.get(exponent.len() - unsigned(exponent)..)?;
    Some((modulus, exponent))
}

/// The key inside a PKCS#8 document (RFC 5208 section 5): for RSA an `RSAPrivateKey` (RFC 8017 appendix A.1.2). None
/// when it is no such document; what is inside is not looked at.
pub fn pkcs8_private_key(document: &[u8]) -> Option<&[u8]> {
    let (content, _) = element(SEQUENCE, document)?;
    let (_version, rest) = element(INTEGER, content)?;
    let (_algorithm, rest) = element(SEQUENCE, rest)?;
    let (private_key, _) = element(OCTET_STRING, rest)?;
    Some(private_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsa_public_key_gives_its_two_numbers() {
        let der = [0x30, 9, 2, 2, 0, 0xc1, 2, 3, 1, 0, 1];
        assert_eq!(rsa_public_key(&der), Some((&[0xc1][..], &[1u8, 0, 1][..])));
    }

    #[test]
    fn documents_that_lie_about_their_length_are_refused() {
        for der in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x85, 0, 0, 0, 0, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0, 0],
            &[0x31, 0],
        ] {
            assert!(!is_one_sequence(der), "{der:02x?}");
            assert_eq!(rsa_public_key(der), None, "{der:02x?}");
        }
        assert!(is_one_sequence(&[0x30, 0]));
        assert!(is_one_sequence(&[0x30, 0x81, 1, 5]));
    }
}
