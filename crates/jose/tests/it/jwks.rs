//! Key sets: ours and what partners publish (RFC 7517).

use countersign_jose::{Algorithm, BadJwkSet, Jwk, JwkSet, Limits, VerifyingKey};

use crate::rfc::RFC7638_MODULUS;
use crate::support::key;

fn parse(text: &str) -> Result<JwkSet, BadJwkSet> {
    JwkSet::parse(text.as_bytes(), &Limits::default())
}

#[test]
fn rfc_7517_a1_public_keys() {
    let text = format!(
        r#"{{"keys":[
          {{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}},
          {{"kty":"RSA","n":"{RFC7638_MODULUS}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}]}}"#
    );
    let set = parse(&text).unwrap();
    assert_eq!(set.keys.len(), 2);
    let named: Vec<&Jwk> = set.with_kid("2011-04-29").collect();
    assert!(VerifyingKey::from_jwk(Algorithm::Rs256, named[0]).is_ok());
    assert!(VerifyingKey::from_jwk(Algorithm::Rs512, named[0]).is_err());
    // The first is sound, and for encryption.
    assert!(VerifyingKey::from_jwk(Algorithm::Es256, &set.keys[0]).is_err());
    let for_any = Jwk {
        use_: None,
        ..set.keys[0].clone()
    };
    assert!(VerifyingKey::from_jwk(Algorithm::Es256, &for_any).is_ok());
    // Also as serde reads it.
    assert_eq!(serde_json::from_str::<JwkSet>(&text).unwrap(), set);
}

#[test]
fn a_published_key_has_its_members_in_a_fixed_order() {
    let jwk = key(Algorithm::EdDsa)
        .verifying_key()
        .unwrap()
        .to_jwk()
        .unwrap()
        .with_kid("k1");
    let x = jwk.x.clone().unwrap();
    let set = JwkSet { keys: vec![jwk] };
    assert_eq!(
        serde_json::to_string(&set).unwrap(),
        format!(
            r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"k1","use":"sig","alg":"EdDSA"}}]}}"#
        )
    );
}

#[test]
fn keys_that_we_cannot_read_are_skipped() {
    let set = parse(
        r#"{"keys":[{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"},{"x":"no kty"},17,null,
            {"kty":"RSA","n":5},{"kty":"RSA","kid":null},{"kty":"EC","x5c":["ignored"]}],"more":1}"#,
    )
    .unwrap();
    let types: Vec<&str> = set.keys.iter().map(|jwk| jwk.kty.as_str()).collect();
    assert_eq!(types, ["AKP", "EC"]);
    for jwk in &set.keys {
        for algorithm in Algorithm::ALL {
            assert!(VerifyingKey::from_jwk(algorithm, jwk).is_err());
        }
    }
}

#[test]
fn a_set_that_shows_a_private_member_is_refused() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
        for value in [r#""AQ""#, "null", "[]"] {
            let jwk = format!(r#"{{"kty":"oct","{member}":{value}}}"#);
            assert!(serde_json::from_str::<Jwk>(&jwk).is_err(), "{jwk}");
            let set = format!(r#"{{"keys":[{{"kty":"EC"}},{jwk}]}}"#);
            assert_eq!(parse(&set), Err(BadJwkSet::PrivateKey), "{set}");
            assert!(serde_json::from_str::<JwkSet>(&set).is_err());
        }
    }
}

#[test]
fn documents_that_are_no_key_set_are_refused() {
    for text in ["[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "null"] {
        assert_eq!(parse(text), Err(BadJwkSet::Shape), "{text}");
    }
    for text in [
        "",
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[{"kty":"RSA","kty":"EC"}]}"#,
        r#"{"keys":[]}x"#,
    ] {
        assert!(matches!(parse(text), Err(BadJwkSet::Json(_))), "{text}");
    }
    let many = format!(r#"{{"keys":[{}null]}}"#, "null,".repeat(64));
    assert!(matches!(parse(&many), Err(BadJwkSet::Json(_))));
}

#[test]
fn a_single_key_refuses_duplicates_and_wrong_types() {
    for text in [
        r#"{"kty":"RSA","kty":"RSA"}"#,
        r#"{"kty":"RSA","n":"a","n":"b"}"#,
        r#"{"kty":1}"#,
        r#"{"n":"a"}"#,
        r#"{"kty":"RSA","kid":null}"#,
        r#"{"kty":"RSA","key_ops":"verify"}"#,
        r#"{"kty":"RSA","use":["sig"]}"#,
    ] {
        assert!(serde_json::from_str::<Jwk>(text).is_err(), "{text}");
    }
}

#[test]
fn a_thumbprint_cannot_be_forged_with_quotes() {
    let plain = Jwk {
        kty: "OKP".to_owned(),
        crv: Some("a".to_owned()),
        x: Some("b".to_owned()),
        ..Jwk::default()
    };
    let quoted = Jwk {
        crv: Some("a\",\"kty\":\"OKP\",\"x\":\"b".to_owned()),
        x: None,
        ..plain.clone()
    };
    assert_ne!(plain.thumbprint(), quoted.thumbprint());
    assert_eq!(plain.thumbprint().len(), 43);
}
