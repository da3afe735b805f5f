//! Our opaque credentials: how they are made, recognised and looked up.
//!
//! `<brand>_<kind>_<mode>_` + base62 of 24 bytes (20 random, 4 of a keyed tag) + 6 base62 characters of CRC-32
//! over everything before. The checksum is for secret scanners and typing errors; the tag lets a forgery be
//! refused without asking the store; neither is what a secret is believed by: only its digest is.

use crate::{
    denied::Fault, digest::Digest, id::EnvironmentId, model::environment::Mode, ports::Entropy,
    secret::Secret,
};
use aws_lc_rs::hmac;

/// What credentials begin with unless their environment has its own brand; operators' always do.
pub const BRAND: &str = "cs";

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_BYTES: usize = 20;
const BODY_BYTES: usize = 24;
/// `ceil(24 * 8 / log2(62))`.
const BODY_CHARS: usize = 33;
/// `ceil(32 / log2(62))`.
const CHECK_CHARS: usize = 6;

/// The look-up key of a secret: SHA-256 over a label, the environment and the whole secret.
/// There is no key to lose or rotate, and no slow hash, because the secrets have 160 random bits.
pub fn lookup(environment: &EnvironmentId, secret: &str) -> Digest {
    Digest::of(
        "countersign/secret",
        &[environment.as_str().as_bytes(), secret.as_bytes()],
    )
}

/// What a credential of our form carries in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind<'a> {
    /// `cs`, or the environment's own brand.
    pub brand: &'a str,
    /// `key`, `pub`, `sec`, `opr`.
    pub word: &'a str,
    /// Of which kind of environment.
    pub mode: Mode,
}

/// Make a new credential of our form.
///
/// # Errors
/// [`Fault`] when there is no randomness.
pub fn mint(
    kind: Kind<'_>,
    environment: &EnvironmentId,
    tag_key: Option<&hmac::Key>,
    entropy: &dyn Entropy,
) -> Result<Secret<String>, Fault> {
    let mut body = [0; BODY_BYTES];
    entropy.fill(&mut body)?;
    let prefix = format!("{}_{}_{}_", kind.brand, kind.word, kind.mode.word());
    if let (Some(key), Some((random, tag))) = (tag_key, body.split_at_mut_checked(RANDOM_BYTES)) {
        tag.copy_from_slice(&tag_of(key, &prefix, environment, random));
    }
    let mut text = prefix;
    text.push_str(&base62(&body));
    let check = crc32fast::hash(text.as_bytes());
    text.push_str(&base62_u32(check));
    Ok(Secret::new(text))
}

fn tag_of(key: &hmac::Key, prefix: &str, environment: &EnvironmentId, random: &[u8]) -> [u8; 4] {
    let mut context = hmac::Context::with_key(key);
    for part in [prefix.as_bytes(), environment.as_str().as_bytes(), random] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let tag = context.sign();
    let mut short = [0; 4];
    short.copy_from_slice(tag.as_ref().get(..4).unwrap_or(&[0; 4]));
    short
}

/// Whether `text` begins like a credential of this brand, whatever follows.
pub fn looks_like_ours(text: &str, brand: &str) -> bool {
    let words = ["key", "pub", "sec", "ses", "acc", "ref", "opr"];
    text.strip_prefix(brand)
        .and_then(|rest| rest.strip_prefix('_'))
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(word, _)| words.contains(&word))
}

/// What can be told of a shown text without asking the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glance {
    /// Not of our form: it may still be a credential in a vendor's spelling.
    Foreign,
    /// Of our form, but its checksum or tag is wrong: we never made it.
    Forged,
    /// Worth looking up.
    Plausible,
}

/// Look at a shown text. With no tag keys, only the checksum is looked at.
pub fn glance(
    text: &str,
    brand: &str,
    environment: &EnvironmentId,
    tag_keys: &[hmac::Key],
) -> Glance {
    if !looks_like_ours(text, brand) {
        return Glance::Foreign;
    }
    match open_body(text) {
        None => Glance::Forged,
        Some(_) if tag_keys.is_empty() => Glance::Plausible,
        Some((prefix, body)) => {
            let (random, tag) = body.split_at(RANDOM_BYTES);
            let made = |key| crate::secret::equal(&tag_of(key, prefix, environment, random), tag);
            if tag_keys.iter().any(made) {
                Glance::Plausible
            } else {
                Glance::Forged
            }
        }
    }
}

/// The prefix and the 24 bytes, if the checksum fits.
fn open_body(text: &str) -> Option<(&str, [u8; BODY_BYTES])> {
    let (checked, check) = text.split_at_checked(text.len().checked_sub(CHECK_CHARS)?)?;
    let (prefix, body) = checked.split_at_checked(checked.len().checked_sub(BODY_CHARS)?)?;
    (base62_u32(crc32fast::hash(checked.as_bytes())) == check).then_some(())?;
    Some((prefix, unbase62(body)?))
}

/// Big-endian base62, always 33 digits.
fn base62(bytes: &[u8; BODY_BYTES]) -> String {
    let mut number = *bytes;
    let mut digits = [0; BODY_CHARS];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0u32;
        for byte in &mut number {
            let value = rest << 8 | u32::from(*byte);
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        *digit = letter(rest);
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

fn unbase62(text: &str) -> Option<[u8; BODY_BYTES]> {
    let mut number = [0u8; BODY_BYTES];
    for letter in text.bytes() {
        let mut carry = ALPHABET.iter().position(|&known| known == letter)? as u32;
        for byte in number.iter_mut().rev() {
            let value = u32::from(*byte) * 62 + carry;
            *byte = (value & 0xff) as u8;
            carry = value >> 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

fn base62_u32(number: u32) -> String {
    let mut digits = [0; CHECK_CHARS];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = letter(rest % 62);
        rest /= 62;
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

fn letter(place: u32) -> u8 {
    ALPHABET.get(place as usize).copied().unwrap_or(b'0')
}

/// `length` random letters and digits.
///
/// # Errors
/// [`Fault`] when there is no randomness.
pub fn random_text(length: usize, entropy: &dyn Entropy) -> Result<String, Fault> {
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 32];
    while text.len() < length {
        entropy.fill(&mut bytes)?;
        // 248 is the largest multiple of 62 below 256: what is above would make some letters likelier.
        let fair = bytes.iter().filter(|&&byte| byte < 248);
        text.extend(
            fair.take(length - text.len())
                .map(|&byte| char::from(letter(u32::from(byte) % 62))),
        );
    }
    Ok(text)
}

/// 32 lower-case hexadecimal digits of 16 random bytes, as Ubiqu spells identifiers and API keys.
///
/// # Errors
/// [`Fault`] when there is no randomness.
pub fn hex_id(entropy: &dyn Entropy) -> Result<String, Fault> {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CountingEntropy;
    use proptest::prelude::*;

    fn key(byte: u8) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32])
    }

    fn place() -> EnvironmentId {
        EnvironmentId::parse("sandbox").unwrap()
    }

    fn minted(tag: u8) -> String {
        let kind = Kind {
            brand: "cs",
            word: "ses",
            mode: Mode::Production,
        };
        mint(kind, &place(), Some(&key(tag)), &CountingEntropy::default())
            .unwrap()
            .expose()
            .clone()
    }

    #[test]
    fn a_session_has_51_characters_as_bitcanuck_draws_it() {
        assert_eq!(minted(1).len(), 51);
    }

    #[test]
    fn forgeries_are_told_without_the_store() {
        let ours = minted(1);
        let other_environment = EnvironmentId::parse("production").unwrap();
        let mut typo = ours.clone();
        typo.replace_range(20..21, if &ours[20..21] == "x" { "y" } else { "x" });
        let cases: [(&str, &str, &EnvironmentId, &[hmac::Key], Glance); 7] = [
            ("ours", &ours, &place(), &[key(1)], Glance::Plausible),
            (
                "ours under a retired key",
                &ours,
                &place(),
                &[key(2), key(1)],
                Glance::Plausible,
            ),
            (
                "with the filter off",
                &ours,
                &place(),
                &[],
                Glance::Plausible,
            ),
            (
                "under another key",
                &ours,
                &place(),
                &[key(2)],
                Glance::Forged,
            ),
            (
                "of another environment",
                &ours,
                &other_environment,
                &[key(1)],
                Glance::Forged,
            ),
            ("with a typing error", &typo, &place(), &[], Glance::Forged),
            (
                "a vendor's",
                "ABCDEF0123456789ABCDEF0123456789",
                &place(),
                &[key(1)],
                Glance::Foreign,
            ),
        ];
        for (what, text, environment, keys, expected) in cases {
            assert_eq!(glance(text, "cs", environment, keys), expected, "{what}");
        }
    }

    #[test]
    fn a_secret_is_looked_up_within_its_environment_only() {
        let other = EnvironmentId::parse("production").unwrap();
        assert_ne!(lookup(&place(), "same"), lookup(&other, "same"));
    }

    proptest! {
        #[test]
        fn base62_is_read_back(bytes: [u8; 24]) {
            prop_assert_eq!(unbase62(&base62(&bytes)), Some(bytes));
        }

        #[test]
        fn any_text_can_be_glanced_at(text in "\\PC{0,80}") {
            glance(&format!("cs_key_{text}"), "cs", &place(), &[key(1)]);
        }
    }
}
