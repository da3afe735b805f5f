//! Both ways against an implementation that we did not write.

use countersign_jose::{Algorithm, Compact, Limits, Signer, VerifyingKey};
use data_encoding::BASE64;
use jsonwebtoken as theirs;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::key;

fn their_algorithm(algorithm: Algorithm) -> theirs::Algorithm {
    algorithm.name().parse().unwrap()
}

fn their_encoding_key(algorithm: Algorithm) -> theirs::EncodingKey {
    let secret = key(algorithm).to_secret_bytes().unwrap();
    if algorithm.is_symmetric() {
        return theirs::EncodingKey::from_secret(&secret);
    }
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        BASE64.encode(&secret)
    );
    match algorithm {
        Algorithm::Es256 => theirs::EncodingKey::from_ec_pem(pem.as_bytes()),
        Algorithm::EdDsa => theirs::EncodingKey::from_ed_pem(pem.as_bytes()),
        _ => theirs::EncodingKey::from_rsa_pem(pem.as_bytes()),
    }
    .unwrap()
}

/// From the published forms where there are any: first the JWK, then the PEM.
fn their_decoding_keys(algorithm: Algorithm) -> Vec<theirs::DecodingKey> {
    let ours = key(algorithm).verifying_key().unwrap();
    let Some(jwk) = ours.to_jwk() else {
        let secret = key(algorithm).to_secret_bytes().unwrap();
        return vec![theirs::DecodingKey::from_secret(&secret)];
    };
    let jwk: theirs::jwk::Jwk = serde_json::from_value(json!(jwk)).unwrap();
    let pem = ours.to_pem().unwrap();
    let from_pem = match algorithm {
        Algorithm::Es256 => theirs::DecodingKey::from_ec_pem(pem.as_bytes()),
        Algorithm::EdDsa => theirs::DecodingKey::from_ed_pem(pem.as_bytes()),
        _ => theirs::DecodingKey::from_rsa_pem(pem.as_bytes()),
    };
    vec![
        theirs::DecodingKey::from_jwk(&jwk).unwrap(),
        from_pem.unwrap(),
    ]
}

fn their_claims(token: &str, algorithm: Algorithm) -> Vec<Map<String, Value>> {
    let mut validation = theirs::Validation::new(their_algorithm(algorithm));
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    their_decoding_keys(algorithm)
        .iter()
        .map(|key| {
            theirs::decode::<Map<String, Value>>(token, key, &validation)
                .unwrap()
                .claims
        })
        .collect()
}

fn our_claims(token: &str, key: &VerifyingKey) -> Map<String, Value> {
    Compact::parse(token, &Limits::default())
        .unwrap()
        .verify(key)
        .unwrap()
        .into_map()
}

fn exchange(algorithm: Algorithm, claims: &Map<String, Value>) {
    let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
    let signer = Signer::new(key(algorithm).clone(), &header);
    let ours = signer.sign(&serde_json::to_vec(claims).unwrap()).unwrap();
    for read in their_claims(&ours, algorithm) {
        assert_eq!(&read, claims, "{algorithm}, ours read by theirs");
    }
    let theirs = theirs::encode(
        &theirs::Header::new(their_algorithm(algorithm)),
        claims,
        &their_encoding_key(algorithm),
    )
    .unwrap();
    let key = key(algorithm).verifying_key().unwrap();
    assert_eq!(&our_claims(&theirs, &key), claims, "{algorithm}, theirs");
}

#[test]
fn every_algorithm_is_understood_both_ways() {
    let claims =
        json!({"iss": "a", "exp": 4_102_444_800_u64, "n": [1, {"b": null}], "ü": "\u{1f600}"});
    for algorithm in Algorithm::ALL {
        exchange(algorithm, claims.as_object().unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_claims_are_understood_both_ways(
        claims in proptest::collection::btree_map("[^\0]{0,12}", "[^\0]{0,24}", 0..8),
        index in 0..Algorithm::ALL.len(),
    ) {
        // The registered names have types of their own there.
        let claims: Map<String, Value> = claims
            .into_iter()
            .map(|(name, value)| (format!("x{name}"), Value::from(value)))
            .collect();
        exchange(Algorithm::ALL[index], &claims);
    }
}
