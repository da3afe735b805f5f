//! Keys: what is let in, what is not, and that nothing secret gets out.

use aws_lc_rs::rsa;
use aws_lc_rs::signature::KeyPair;
use countersign_jose::{
    Algorithm, Jwk, KeyError, RsaBits, SignError, Signer, SigningKey, VerifyingKey,
    base64url_decode, base64url_encode,
};

use crate::rfc::{RFC7638_MODULUS, rsa_jwk};
use crate::support::key;

fn public(algorithm: Algorithm) -> VerifyingKey {
    key(algorithm).verifying_key().unwrap()
}

#[test]
fn every_key_survives_being_stored() {
    for algorithm in Algorithm::ALL {
        let stored = key(algorithm).to_secret_bytes().unwrap();
        let restored = SigningKey::restore(algorithm, &stored).unwrap();
        assert_eq!(restored.algorithm(), algorithm);
        let signature = restored.sign(b"message").unwrap();
        assert_eq!(public(algorithm).verify(b"message", &signature), Ok(()));
        assert!(public(algorithm).verify(b"massage", &signature).is_err());
    }
}

#[test]
fn every_public_key_survives_each_of_its_forms() {
    for algorithm in Algorithm::ALL.into_iter().filter(|a| !a.is_symmetric()) {
        let key = public(algorithm);
        let jwk = key.to_jwk().unwrap();
        let json = serde_json::to_string(&jwk).unwrap();
        let forms = [
            VerifyingKey::from_jwk(algorithm, &serde_json::from_str(&json).unwrap()),
            VerifyingKey::from_spki_der(algorithm, &key.to_spki_der().unwrap()),
            VerifyingKey::from_pem(algorithm, &key.to_pem().unwrap()),
            VerifyingKey::from_pem(
                algorithm,
                &format!(
                    "\u{feff} \r\n{}",
                    key.to_pem().unwrap().replace('\n', "\r\n")
                ),
            ),
        ];
        let signature = crate::support::key(algorithm).sign(b"message").unwrap();
        for form in forms {
            let form = form.unwrap();
            assert_eq!(form.to_jwk(), Some(jwk.clone()));
            assert_eq!(form.verify(b"message", &signature), Ok(()));
        }
    }
}

#[test]
fn an_rsa_key_can_be_handed_over_in_pkcs1() {
    let pem = key(Algorithm::Rs512).to_pkcs1_pem().unwrap();
    let body: String = pem
        .strip_prefix("-----BEGIN RSA PRIVATE KEY-----\n")
        .unwrap()
        .strip_suffix("-----END RSA PRIVATE KEY-----\n")
        .unwrap()
        .split('\n')
        .collect();
    let document = data_encoding::BASE64.decode(body.as_bytes()).unwrap();
    let pair = rsa::KeyPair::from_der(&document).unwrap();
    let ours = public(Algorithm::Rs512).to_spki_der().unwrap();
    let inner = rsa::PublicKey::from_der(&ours).unwrap();
    assert_eq!(pair.public_key().as_ref(), inner.as_ref());
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs512] {
        assert_eq!(
            key(algorithm).to_pkcs1_pem().unwrap_err(),
            KeyError::WrongKind
        );
    }
}

#[test]
fn secrets_are_never_published() {
    for algorithm in Algorithm::ALL.into_iter().filter(|a| a.is_symmetric()) {
        assert_eq!(public(algorithm).to_jwk(), None);
        assert_eq!(public(algorithm).to_spki_der(), None);
        assert_eq!(public(algorithm).to_pem(), None);
    }
    for algorithm in Algorithm::ALL {
        let secret = key(algorithm).clone();
        let text = format!("{:?}", Signer::new(secret.clone(), "{}"));
        assert!(text.len() < 150, "{text}");
        assert_eq!(
            format!("{secret:?}"),
            format!("SigningKey {{ algorithm: {algorithm:?}, .. }}")
        );
    }
}

#[test]
fn a_key_serves_only_algorithms_of_its_kind() {
    let kind = |algorithm: Algorithm| match algorithm {
        Algorithm::Es256 => 1,
        Algorithm::EdDsa => 2,
        other if other.is_symmetric() => 3,
        _ => 0,
    };
    for made in Algorithm::ALL.into_iter().filter(|a| !a.is_symmetric()) {
        let document = key(made).to_secret_bytes().unwrap();
        let spki = public(made).to_spki_der().unwrap();
        let jwk = Jwk {
            alg: None,
            ..public(made).to_jwk().unwrap()
        };
        for asked in Algorithm::ALL {
            let same = kind(made) == kind(asked);
            assert_eq!(SigningKey::from_pkcs8(asked, &document).is_ok(), same);
            assert_eq!(VerifyingKey::from_spki_der(asked, &spki).is_ok(), same);
            assert_eq!(VerifyingKey::from_jwk(asked, &jwk).is_ok(), same);
            assert_eq!(
                VerifyingKey::from_jwk(asked, &public(made).to_jwk().unwrap()).is_ok(),
                made == asked,
                "a JWK's own alg binds"
            );
        }
    }
    let secret = [7; 64];
    for asked in Algorithm::ALL.into_iter().filter(|a| !a.is_symmetric()) {
        assert_eq!(
            VerifyingKey::from_secret(asked, &secret).unwrap_err(),
            KeyError::WrongKind
        );
    }
}

#[test]
fn rsa_numbers_outside_policy_are_refused() {
    let good = base64url_decode(RFC7638_MODULUS).unwrap();
    let jwk = |n: &[u8], e: &[u8]| Jwk {
        n: Some(base64url_encode(n)),
        e: Some(base64url_encode(e)),
        ..rsa_jwk("")
    };
    let mut short = good.clone();
    short[0] = 0x7f;
    let mut even = good.clone();
    *even.last_mut().unwrap() &= 0xfe;
    let padded = [&[0], &good[..]].concat();
    let f4: &[u8] = &[1, 0, 1];
    for (name, n, e, reason) in [
        ("1024 bits", &good[128..], f4, KeyError::RsaModulus),
        ("2047 bits", &short, f4, KeyError::RsaModulus),
        ("8200 bits", &[0xff; 1025], f4, KeyError::RsaModulus),
        ("even", &even, f4, KeyError::Malformed),
        ("leading zero", &padded, f4, KeyError::Malformed),
        ("no modulus", &[], f4, KeyError::Malformed),
        ("e = 1", &good, &[1], KeyError::RsaExponent),
        ("e = 3", &good, &[3], KeyError::RsaExponent),
        ("e padded", &good, &[0, 1, 0, 1], KeyError::RsaExponent),
        (
            "e of 33 bits",
            &good,
            &[1, 0, 0, 0, 1],
            KeyError::RsaExponent,
        ),
        ("no e", &good, &[], KeyError::RsaExponent),
    ] {
        assert_eq!(
            VerifyingKey::from_jwk(Algorithm::Rs256, &jwk(n, e)).unwrap_err(),
            reason,
            "{name}"
        );
    }
    assert!(VerifyingKey::from_jwk(Algorithm::Rs256, &jwk(&good, f4)).is_ok());
}

#[test]
fn rsa_of_every_size_we_generate_signs_and_verifies() {
    for bits in [RsaBits::B2048, RsaBits::B3072, RsaBits::B4096] {
        let key = SigningKey::generate(Algorithm::Rs384, bits).unwrap();
        let signature = key.sign(b"m").unwrap();
        assert_eq!(signature.len() * 8, usize::from(bits.bits()));
        assert_eq!(
            key.verifying_key().unwrap().verify(b"m", &signature),
            Ok(())
        );
    }
}

#[test]
fn points_that_are_no_keys_are_refused() {
    let good = public(Algorithm::Es256).to_jwk().unwrap();
    let with = |x: &str, y: &str| Jwk {
        x: Some(x.to_owned()),
        y: Some(y.to_owned()),
        ..good.clone()
    };
    let (x, y) = (good.x.clone().unwrap(), good.y.clone().unwrap());
    let zero = base64url_encode(&[0; 32]);
    let cut = base64url_encode(&base64url_decode(&x).unwrap()[..31]);
    let long = base64url_encode(&[&base64url_decode(&y).unwrap()[..], &[0]].concat());
    for (name, jwk) in [
        ("off the curve", with(&y, &x)),
        ("at zero", with(&zero, &zero)),
        ("borrowed byte", with(&cut, &long)),
        (
            "no y",
            Jwk {
                y: None,
                ..good.clone()
            },
        ),
        ("padded", with(&format!("{x}="), &y)),
        ("beyond the field", with(&base64url_encode(&[0xff; 32]), &y)),
    ] {
        assert_eq!(
            VerifyingKey::from_jwk(Algorithm::Es256, &jwk).unwrap_err(),
            KeyError::Malformed,
            "{name}"
        );
    }
    for crv in ["P-384", "secp256k1", "p-256", ""] {
        let jwk = Jwk {
            crv: Some(crv.to_owned()),
            ..good.clone()
        };
        assert_eq!(
            VerifyingKey::from_jwk(Algorithm::Es256, &jwk).unwrap_err(),
            KeyError::WrongKind
        );
    }
}

#[test]
fn ed25519_points_of_small_order_are_refused() {
    let small = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for point in small {
        let mut point = data_encoding::HEXLOWER.decode(point.as_bytes()).unwrap();
        for sign in [0, 0x80] {
            point[31] = (point[31] & 0x7f) | sign;
            let jwk = Jwk {
                kty: "OKP".to_owned(),
                crv: Some("Ed25519".to_owned()),
                x: Some(base64url_encode(&point)),
                ..Jwk::default()
            };
            assert_eq!(
                VerifyingKey::from_jwk(Algorithm::EdDsa, &jwk).unwrap_err(),
                KeyError::SmallOrder
            );
        }
    }
}

#[test]
fn only_the_canonical_document_of_a_key_is_read() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let spki = public(algorithm).to_spki_der().unwrap();
        let trailing = [&spki[..], &[0]].concat();
        let cut = &spki[..spki.len() - 1];
        let not_a_key: [&[u8]; 4] = [&trailing, cut, &[], b"\x30\x00"];
        for document in not_a_key {
            assert_eq!(
                VerifyingKey::from_spki_der(algorithm, document).unwrap_err(),
                KeyError::Malformed
            );
        }
        let private = key(algorithm).to_secret_bytes().unwrap();
        assert!(VerifyingKey::from_spki_der(algorithm, &private).is_err());
        let trailing = [&private[..], &[0]].concat();
        assert_eq!(
            SigningKey::from_pkcs8(algorithm, &trailing).unwrap_err(),
            KeyError::Malformed
        );
    }
    // A compressed point, and RSA's inner document without its wrapping.
    let spki = public(Algorithm::Es256).to_spki_der().unwrap();
    let mut compressed = vec![0x30, 0x39];
    compressed.extend_from_slice(&spki[2..23]);
    compressed.extend_from_slice(&[0x03, 0x22, 0x00, 0x02 | (spki[spki.len() - 1] & 1)]);
    compressed.extend_from_slice(&spki[27..59]);
    assert_eq!(
        VerifyingKey::from_spki_der(Algorithm::Es256, &compressed).unwrap_err(),
        KeyError::Malformed
    );
    let spki = public(Algorithm::Rs256).to_spki_der().unwrap();
    let inner = rsa::PublicKey::from_der(&spki).unwrap();
    assert_eq!(
        VerifyingKey::from_spki_der(Algorithm::Rs256, inner.as_ref()).unwrap_err(),
        KeyError::Malformed
    );
}

#[test]
fn a_weak_secret_is_refused() {
    for (algorithm, min) in [
        (Algorithm::Hs256, 32),
        (Algorithm::Hs384, 48),
        (Algorithm::Hs512, 64),
    ] {
        let short = vec![7; min - 1];
        assert_eq!(
            SigningKey::from_secret(algorithm, &short).unwrap_err(),
            KeyError::SecretTooShort
        );
        assert_eq!(
            VerifyingKey::from_secret(algorithm, &short).unwrap_err(),
            KeyError::SecretTooShort
        );
        assert!(SigningKey::from_secret(algorithm, &vec![7; min]).is_ok());
    }
}

#[test]
fn a_public_key_never_becomes_a_secret() {
    // CVE-2023-48223, CVE-2026-34950: a prefix before the PEM hid it from a pattern.
    let pem = public(Algorithm::Rs256).to_pem().unwrap();
    for text in [
        pem.clone(),
        format!(" {pem}"),
        format!("\u{feff}{pem}"),
        format!("\r\n\t{}", pem.replace('\n', "\r\n")),
    ] {
        assert_eq!(
            VerifyingKey::from_secret(Algorithm::Hs256, text.as_bytes()).unwrap_err(),
            KeyError::SecretIsPem,
            "{text:?}"
        );
        assert!(VerifyingKey::from_pem(Algorithm::Hs256, &text).is_err());
        assert!(VerifyingKey::from_pem(Algorithm::Rs256, &text).is_ok());
    }
}

#[test]
fn a_jwk_for_another_use_is_refused() {
    let good = public(Algorithm::Rs256).to_jwk().unwrap();
    let text = |text: &str| Some(text.to_owned());
    let ops = |ops: &[&str]| Some(ops.iter().map(|op| (*op).to_owned()).collect());
    for jwk in [
        Jwk {
            use_: text("enc"),
            ..good.clone()
        },
        Jwk {
            use_: text(""),
            ..good.clone()
        },
        Jwk {
            alg: text("RS512"),
            ..good.clone()
        },
        Jwk {
            alg: text("none"),
            ..good.clone()
        },
        Jwk {
            alg: text("HS256"),
            ..good.clone()
        },
        Jwk {
            key_ops: ops(&[]),
            ..good.clone()
        },
        Jwk {
            key_ops: ops(&["encrypt"]),
            ..good.clone()
        },
    ] {
        assert_eq!(
            VerifyingKey::from_jwk(Algorithm::Rs256, &jwk).unwrap_err(),
            KeyError::OtherUse,
            "{jwk:?}"
        );
    }
    let silent = Jwk {
        use_: None,
        alg: None,
        key_ops: ops(&["verify"]),
        ..good
    };
    assert!(VerifyingKey::from_jwk(Algorithm::Rs256, &silent).is_ok());
}

#[test]
fn a_signer_whose_header_names_another_algorithm_does_not_sign() {
    for header in [
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"eddsa"}"#,
        r#"{"alg":"none"}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":"EdDSA","alg":"EdDSA"}"#,
        "",
    ] {
        let signer = Signer::new(key(Algorithm::EdDsa).clone(), header);
        assert_eq!(
            signer.sign(b"{}"),
            Err(SignError::HeaderAlgorithm),
            "{header}"
        );
    }
}

#[test]
fn keys_and_signers_cross_threads() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<SigningKey>();
    shared::<VerifyingKey>();
    shared::<Signer>();
}

#[test]
fn algorithm_names_are_exact() {
    for algorithm in Algorithm::ALL {
        let name = algorithm.name();
        assert_eq!(Algorithm::from_name(name), Some(algorithm));
        assert_eq!(serde_json::to_value(algorithm).unwrap(), name);
        assert_eq!(
            serde_json::from_value::<Algorithm>(name.into()).unwrap(),
            algorithm
        );
        assert_eq!(Algorithm::from_name(&name.to_lowercase()), None);
    }
    for name in ["none", "", "RS1", "PS384", "ES384", "RS256 ", "Ed25519"] {
        assert_eq!(Algorithm::from_name(name), None);
    }
}
