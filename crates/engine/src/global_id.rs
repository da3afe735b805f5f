//! Global identifiers: a UUID under a prefix that says what it names (Quiltt's `global_id-v1`).
//!
//! `<prefix>_` + `1` + base62 of the UUID as one big-endian number, alphabet `0-9A-Za-z`, without padding.

use crate::{denied::Fault, digest::Digest, id::SubjectId, ports::Entropy};
use uuid::{Builder, Uuid};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const VERSION: char = '1';

/// The global identifier of `uuid`.
pub fn encode(prefix: &str, uuid: Uuid) -> String {
    let (mut rest, mut digits) = (uuid.as_u128(), Vec::new());
    loop {
        let place = (rest % 62) as usize;
        digits.push(ALPHABET.get(place).copied().unwrap_or(b'0'));
        rest /= 62;
        if rest == 0 {
            break;
        }
    }
    let digits = digits.iter().rev().map(|&digit| char::from(digit));
    format!("{prefix}_{VERSION}{}", digits.collect::<String>())
}

/// The UUID that `text` names under `prefix`, if it is one in its only spelling.
pub fn decode(prefix: &str, text: &str) -> Option<Uuid> {
    let digits = text
        .strip_prefix(prefix)?
        .strip_prefix('_')?
        .strip_prefix(VERSION)?;
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    digits
        .bytes()
        .try_fold(0u128, |number, digit| {
            let place = ALPHABET.iter().position(|&known| known == digit)?;
            number.checked_mul(62)?.checked_add(place as u128)
        })
        .map(Uuid::from_u128)
}

/// A new random UUID (RFC 9562 section 5.4).
///
/// # Errors
/// [`Fault`] when there is no randomness.
pub fn random(entropy: &dyn Entropy) -> Result<Uuid, Fault> {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes)?;
    Ok(Builder::from_random_bytes(bytes).into_uuid())
}

/// The UUID that always stands for `name` as a `label` (RFC 9562 section 5.8): for vendors who print UUIDs where
/// our identifiers are names.
pub fn standing_for(label: &str, names: &[&str]) -> Uuid {
    let parts: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    let digest = Digest::of(label, &parts);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.as_bytes().first_chunk::<16>().unwrap_or(&[0; 16]));
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The global identifier of a subject (a profile, in Quiltt's words), and the UUID behind it.
///
/// # Errors
/// [`Fault`] when its identifier is no UUID: none is made without.
pub fn of_subject(id: &SubjectId) -> Result<(String, Uuid), Fault> {
    let uuid = Uuid::try_parse(id.as_str())
        .map_err(|_| Fault::internal("a subject's identifier is no UUID"))?;
    Ok((encode("p", uuid), uuid))
}

/// The global identifier of an environment.
pub fn of_environment(name: &str) -> String {
    encode("env", standing_for("environment", &[name]))
}

/// The UUID that stands for a client of an environment, the same in every token (Keycloak's service account).
pub fn of_client(environment: &str, client: &str) -> Uuid {
    standing_for("client", &[environment, client])
}

/// The user name that Keycloak gives to a client's service account.
pub fn service_account(client: &str) -> String {
    format!("service-account-{client}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vendors_published_pairs_agree() {
        for (id, uuid) in [
            (
                "p_171dFj1jSknZiR3VZOHKcol",
                "e6dd0bda-7384-4d88-866b-2e5aa1b2c693",
            ),
            (
                "p_12VnSaRRxyP12Sl9rLZg8n1",
                "52909e05-e1cb-4e45-b273-2b7b5d1f9bff",
            ),
            (
                "p_111sXqFUjvlL5jQZ8gsf9KI",
                "21da60c9-a6a8-453b-bb0d-54fc4ba57866",
            ),
            (
                "p_15PGCp4JWVzjkN5hjCO1vm0",
                "b1abea01-98c1-45e9-9e70-d73d3a35e33c",
            ),
            (
                "p_1hyoxpVVFib1HngGwKAzIr",
                "174ec567-2492-4498-a706-504a79437235",
            ),
        ] {
            let uuid = Uuid::parse_str(uuid).unwrap();
            assert_eq!(encode("p", uuid), id);
            assert_eq!(decode("p", id), Some(uuid));
        }
    }

    #[test]
    fn other_spellings_are_none() {
        for text in [
            "",
            "p_",
            "p_1",
            "p_2abc",
            "x_1abc",
            "p_10abc",
            "p_1ab-c",
            "p_1zzzzzzzzzzzzzzzzzzzzzzz",
        ] {
            assert_eq!(decode("p", text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_uuid_comes_back(number: u128) {
            let uuid = Uuid::from_u128(number);
            prop_assert_eq!(decode("evt", &encode("evt", uuid)), Some(uuid));
        }
    }
}
