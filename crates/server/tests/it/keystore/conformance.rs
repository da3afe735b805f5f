//! What every backend does, whatever keeps the private halves.

use super::openssl;
use aws_lc_rs::{
    digest::{SHA256, digest},
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey,
    },
    signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use countersign_engine::{
    denied::Fault,
    model::held_key::{HeldKey, Oaep},
    ports::{KeyPlace, Keystore, NotDecrypted},
};
use std::collections::HashSet;

/// What is judged, and what it says of itself.
pub struct Backend<'a> {
    pub keystore: &'a dyn Keystore,
    pub at: KeyPlace,
    /// Without SHA-256 it refuses that form; every backend refuses the mixed one.
    pub has_sha256: bool,
}

const ROW: &str = "asset/0";

impl Backend<'_> {
    async fn take(&self, count: usize) -> Vec<HeldKey> {
        let taken = self.keystore.take_pairs(&self.at, ROW, count).await;
        taken.unwrap()
    }

    async fn one(&self) -> HeldKey {
        self.take(1).await.remove(0)
    }

    async fn sign(&self, key: &HeldKey, data: &[u8]) -> Result<Vec<u8>, Fault> {
        let fingerprint = digest(&SHA256, data);
        let fingerprint = fingerprint.as_ref().try_into().unwrap();
        self.keystore
            .sign_digest(&self.at, ROW, key, fingerprint)
            .await
    }

    async fn decrypt(
        &self,
        key: &HeldKey,
        form: Oaep,
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, NotDecrypted> {
        let decrypted = self
            .keystore
            .decrypt(&self.at, ROW, key, form, ciphertext)
            .await;
        decrypted.unwrap().map(|plain| plain.expose().clone())
    }

    fn forms(&self) -> Vec<Oaep> {
        match self.has_sha256 {
            true => vec![Oaep::Sha1, Oaep::Sha256],
            false => vec![Oaep::Sha1],
        }
    }
}

/// The whole suite.
pub async fn judge(backend: &Backend<'_>) {
    a_signature_is_one_over_the_data_whose_digest_was_signed(backend).await;
    what_others_encrypt_is_decrypted(backend).await;
    whatever_is_wrong_with_a_ciphertext_is_one_error(backend).await;
    a_form_that_the_backend_lacks_is_refused_for_any_ciphertext(backend).await;
    nine_pairs_wanted_at_once_are_nine_and_the_stock_fills_again(backend).await;
    a_row_that_was_written_and_read_is_the_same_key(backend).await;
    forgetting_twice_is_no_fault(backend).await;
}

fn aws_lc_verifies(key: &HeldKey, data: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.public)
        .verify(data, signature)
        .is_ok()
}

fn aws_lc_encrypted(key: &HeldKey, form: Oaep, plain: &[u8], label: Option<&[u8]>) -> Vec<u8> {
    let algorithm = match form {
        Oaep::Sha1 => &OAEP_SHA1_MGF1SHA1,
        Oaep::Sha256 => &OAEP_SHA256_MGF1SHA256,
        Oaep::Sha256Mgf1Sha1 => panic!("aws-lc-rs has no mixed form"),
    };
    let public = PublicEncryptingKey::from_der(&key.public).unwrap();
    let public = OaepPublicEncryptingKey::new(public).unwrap();
    let mut room = vec![0; public.ciphertext_size()];
    let ciphertext = public.encrypt(algorithm, plain, &mut room, label).unwrap();
    ciphertext.to_vec()
}

/// What `openssl pkeyutl` calls a form.
fn options(form: Oaep) -> [&'static str; 3] {
    let (hash, mask) = match form {
        Oaep::Sha1 => ("rsa_oaep_md:sha1", "rsa_mgf1_md:sha1"),
        Oaep::Sha256 => ("rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"),
        Oaep::Sha256Mgf1Sha1 => ("rsa_oaep_md:sha256", "rsa_mgf1_md:sha1"),
    };
    ["rsa_padding_mode:oaep", hash, mask]
}

/// Bytes that OAEP leaves of a modulus of 256 (RFC 8017 section 7.1.1).
fn plain_bytes_max(form: Oaep) -> usize {
    match form {
        Oaep::Sha1 => 256 - 2 * 20 - 2,
        Oaep::Sha256 | Oaep::Sha256Mgf1Sha1 => 256 - 2 * 32 - 2,
    }
}

async fn a_signature_is_one_over_the_data_whose_digest_was_signed(backend: &Backend<'_>) {
    let keys = backend.take(2).await;
    for data in [&b""[..], b"pay 10 to Bob", &[0xff; 5000]] {
        let signature = backend.sign(&keys[0], data).await.unwrap();
        assert_eq!(signature.len(), 256);
        assert_eq!(
            signature,
            backend.sign(&keys[0], data).await.unwrap(),
            "PKCS #1 v1.5 has no salt"
        );
        assert!(aws_lc_verifies(&keys[0], data, &signature));
        assert!(openssl::verifies(&keys[0].public_pem(), data, &signature));

        assert!(!aws_lc_verifies(&keys[1], data, &signature));
        assert!(!openssl::verifies(&keys[1].public_pem(), data, &signature));
        let hashed_again = digest(&SHA256, data);
        let is_over_the_digest = aws_lc_verifies(&keys[0], hashed_again.as_ref(), &signature);
        assert!(!is_over_the_digest, "hashed once, not twice");
    }
}

async fn what_others_encrypt_is_decrypted(backend: &Backend<'_>) {
    let key = backend.one().await;
    for form in backend.forms() {
        for len in [0, 1, 16, plain_bytes_max(form)] {
            let plain = vec![7; len];
            let theirs = [
                aws_lc_encrypted(&key, form, &plain, None),
                openssl::encrypted(&key.public_pem(), &options(form), &plain),
            ];
            for ciphertext in theirs {
                let decrypted = backend.decrypt(&key, form, &ciphertext).await;
                assert_eq!(decrypted, Ok(plain.clone()), "{form:?}, {len} bytes");
            }
        }
    }
}

async fn whatever_is_wrong_with_a_ciphertext_is_one_error(backend: &Backend<'_>) {
    let keys = backend.take(2).await;
    for form in backend.forms() {
        let good = aws_lc_encrypted(&keys[0], form, b"secret", None);
        let altered = |position: usize| {
            let mut altered = good.clone();
            altered[position] ^= 1;
            altered
        };
        let pkcs1 = ["rsa_padding_mode:pkcs1"];
        let wrong = [
            ("nothing", vec![]),
            ("one byte", vec![1]),
            ("cut", good[..255].to_vec()),
            ("longer", [&good[..], &[0]].concat()),
            ("longer in front", [&[0], &good[..]].concat()),
            ("twice as long", [&good[..], &good[..]].concat()),
            ("larger than the modulus", vec![0xff; 256]),
            ("zero", vec![0; 256]),
            ("one", [&[0; 255][..], &[1]].concat()),
            ("altered in front", altered(0)),
            ("altered in the middle", altered(128)),
            ("altered at the end", altered(255)),
            (
                "for another key",
                aws_lc_encrypted(&keys[1], form, b"x", None),
            ),
            (
                "with a label",
                aws_lc_encrypted(&keys[0], form, b"x", Some(b"label")),
            ),
            (
                "in the older padding",
                openssl::encrypted(&keys[0].public_pem(), &pkcs1, b"x"),
            ),
            (
                "in the mixed form",
                openssl::encrypted(&keys[0].public_pem(), &options(Oaep::Sha256Mgf1Sha1), b"x"),
            ),
        ];
        for (what, ciphertext) in wrong {
            let refused = backend.decrypt(&keys[0], form, &ciphertext).await;
            assert_eq!(
                refused,
                Err(NotDecrypted::Ciphertext),
                "{form:?}, {what} ({} bytes)",
                ciphertext.len()
            );
        }
        let still = backend.decrypt(&keys[0], form, &good).await;
        assert_eq!(still, Ok(b"secret".to_vec()), "{form:?}, afterwards");
    }
}

async fn a_form_that_the_backend_lacks_is_refused_for_any_ciphertext(backend: &Backend<'_>) {
    let key = backend.one().await;
    let lacking: &[Oaep] = match backend.has_sha256 {
        true => &[Oaep::Sha256Mgf1Sha1],
        false => &[Oaep::Sha256, Oaep::Sha256Mgf1Sha1],
    };
    for form in lacking {
        let good = openssl::encrypted(&key.public_pem(), &options(*form), b"secret");
        for ciphertext in [&good[..], &[], &[0xff; 256]] {
            assert_eq!(
                backend.decrypt(&key, *form, ciphertext).await,
                Err(NotDecrypted::UnsupportedForm),
                "{form:?}"
            );
        }
    }
}

async fn nine_pairs_wanted_at_once_are_nine_and_the_stock_fills_again(backend: &Backend<'_>) {
    let mut seen = HashSet::new();
    let mut taken = 0;
    for round in 1..=2 {
        // Each waits for two seconds at most, and on a busy machine nine pairs may take longer than that.
        while taken < 9 * round {
            let take = || backend.keystore.take_pairs(&backend.at, ROW, 3);
            let (a, b, c) = tokio::join!(take(), take(), take());
            for pairs in [a, b, c] {
                match pairs {
                    Ok(pairs) => {
                        assert_eq!(pairs.len(), 3);
                        taken += 3;
                        seen.extend(pairs.into_iter().map(|key| key.public));
                    }
                    Err(fault) => assert!(matches!(fault, Fault::Unavailable(_)), "{fault}"),
                }
            }
        }
    }
    assert_eq!(seen.len(), taken, "no pair is handed out twice");
}

async fn a_row_that_was_written_and_read_is_the_same_key(backend: &Backend<'_>) {
    let key = backend.one().await;
    let text = serde_json::to_string(&key).unwrap();
    let read: HeldKey = serde_json::from_str(&text).unwrap();
    assert_eq!(read, key);
    let signature = backend.sign(&read, b"data").await.unwrap();
    assert!(aws_lc_verifies(&key, b"data", &signature));
}

async fn forgetting_twice_is_no_fault(backend: &Backend<'_>) {
    let keys = backend.take(2).await;
    for _ in 0..2 {
        backend.keystore.forget(&keys[..1]).await.unwrap();
    }
    let signature = backend.sign(&keys[1], b"data").await.unwrap();
    assert!(
        aws_lc_verifies(&keys[1], b"data", &signature),
        "the other one"
    );
}
