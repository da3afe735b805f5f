//! What must hold for any token.

use countersign_jose::{
    Algorithm, Compact, Limits, Malformed, Part, base64url_decode, base64url_encode, strict_json,
};
use proptest::prelude::*;

use crate::support::{key, signed};

const CLAIMS: &[u8] = br#"{"iss":"a","exp":4102444800}"#;

fn accepted(token: &str, algorithm: Algorithm) -> bool {
    let key = key(algorithm).verifying_key().unwrap();
    Compact::parse(token, &Limits::default()).is_ok_and(|parsed| parsed.verify(&key).is_ok())
}

#[test]
fn no_flipped_bit_of_a_token_is_accepted() {
    for algorithm in Algorithm::ALL {
        let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
        let token = signed(key(algorithm), header.as_bytes(), CLAIMS);
        assert!(accepted(&token, algorithm));
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut bytes = token.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                if let Ok(flipped) = String::from_utf8(bytes) {
                    assert!(!accepted(&flipped, algorithm), "{algorithm} {at} {bit}");
                }
            }
        }
    }
}

#[test]
fn slack_bits_behind_any_part_are_refused() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let key = key(Algorithm::Hs256);
    let mut tried = 0;
    // Three lengths of claims and the HMAC's 32 bytes give every remainder.
    for claims in [&b"{\"a\":1}"[..], b"{\"a\":12}", b"{\"a\":123}"] {
        let token = signed(key, br#"{"alg":"HS256"} "#, claims);
        let parts: Vec<&str> = token.split('.').collect();
        for (index, part) in parts.iter().enumerate() {
            let slack = match part.len() % 4 {
                2 => 4,
                3 => 2,
                _ => continue,
            };
            let last = *part.as_bytes().last().unwrap();
            let value = ALPHABET.iter().position(|&c| c == last).unwrap();
            for other in 1..(1 << slack) {
                let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
                parts[index].pop();
                parts[index].push(char::from(ALPHABET[value | other]));
                let spelled = parts.join(".");
                let part = [Part::Header, Part::Payload, Part::Signature][index];
                assert_eq!(
                    Compact::parse(&spelled, &Limits::default()).unwrap_err(),
                    Malformed::Base64(part)
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn two_tokens_with_one_signing_input_can_differ_in_an_ecdsa_signature() {
    let header = br#"{"alg":"ES256"}"#;
    let (one, two) = (
        signed(key(Algorithm::Es256), header, CLAIMS),
        signed(key(Algorithm::Es256), header, CLAIMS),
    );
    assert_ne!(one, two);
    let input = |token| {
        Compact::parse(token, &Limits::default())
            .unwrap()
            .signing_input()
    };
    assert_eq!(input(&one), input(&two));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        let _ = Compact::parse(&text, &Limits::default());
    }

    #[test]
    fn no_parts_make_the_parser_panic(
        header in proptest::collection::vec(any::<u8>(), 0..60),
        payload in proptest::collection::vec(any::<u8>(), 0..60),
        signature in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let token = format!(
            "{}.{}.{}",
            base64url_encode(&header),
            base64url_encode(&payload),
            base64url_encode(&signature)
        );
        if let Ok(parsed) = Compact::parse(&token, &Limits::default()) {
            let _ = parsed.unverified_claim_str("iss");
        }
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
            let header = format!(r#"{{"alg":"{algorithm}"}}"#);
            let token = format!(
                "{}.{}.{}",
                base64url_encode(header.as_bytes()),
                base64url_encode(&payload),
                base64url_encode(&signature)
            );
            prop_assert!(!accepted(&token, algorithm));
        }
    }

    #[test]
    fn a_token_of_another_key_is_refused(payload in "[a-z]{1,30}") {
        let other = countersign_jose::SigningKey::generate(
            Algorithm::EdDsa,
            countersign_jose::RsaBits::B2048,
        ).unwrap();
        let claims = format!(r#"{{"iss":"{payload}"}}"#);
        let token = signed(&other, br#"{"alg":"EdDSA"}"#, claims.as_bytes());
        prop_assert!(!accepted(&token, Algorithm::EdDsa));
    }

    #[test]
    fn bytes_have_one_spelling(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let text = base64url_encode(&bytes);
        prop_assert_eq!(base64url_decode(&text).unwrap(), bytes);
    }

    #[test]
    fn what_decodes_encodes_to_the_same_text(text in "[A-Za-z0-9_-]{0,12}") {
        if let Ok(bytes) = base64url_decode(&text) {
            prop_assert_eq!(base64url_encode(&bytes), text);
        }
    }

    #[test]
    fn strict_json_agrees_with_serde_json_where_it_reads(text in "[\\[\\]{}\":,0-9a-f.e \\\\u-]{0,40}") {
        if let Ok(value) = strict_json::parse(text.as_bytes(), &Limits::default()) {
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }
    }
}
