//! Private halves in rows, sealed.

use super::conformance::{Backend, judge};
use countersign::{
    keystore::{MasterKey, SoftwareKeystore},
    system::SystemEntropy,
};
use countersign_engine::{
    denied::Fault,
    id::EnvironmentId,
    model::held_key::{HeldKey, HeldPrivate, Oaep},
    ports::{KeyPlace, Keystore},
};
use std::sync::Arc;

pub fn keystore(folder: &std::path::Path) -> SoftwareKeystore {
    let master = MasterKey::load(folder, &[], false, &SystemEntropy).unwrap();
    SoftwareKeystore::new(&master, Arc::new(SystemEntropy), 2).unwrap()
}

pub fn place(keystore: &dyn Keystore, name: &str) -> KeyPlace {
    let environment = EnvironmentId::parse(name).unwrap();
    let data_key = keystore.new_data_key(&environment).unwrap();
    KeyPlace {
        environment,
        data_key,
    }
}

#[tokio::test]
async fn software_does_what_every_keystore_does() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = keystore(folder.path());
    let backend = Backend {
        at: place(&keystore, "sandbox"),
        keystore: &keystore,
        has_sha256: true,
    };
    judge(&backend).await;
}

#[tokio::test]
async fn a_sealed_pair_is_good_in_its_own_row_only_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = keystore(folder.path());
    let at = place(&first, "sandbox");
    let key = first.take_pairs(&at, "asset/1", 1).await.unwrap().remove(0);
    let signature = first.sign_digest(&at, "asset/1", &key, &[7; 32]).await;
    let again = keystore(folder.path());
    assert_eq!(
        again.sign_digest(&at, "asset/1", &key, &[7; 32]).await,
        signature
    );
    assert!(
        again
            .sign_digest(&at, "asset/2", &key, &[7; 32])
            .await
            .is_err(),
        "another row"
    );
    let other = place(&again, "production");
    let elsewhere = again
        .decrypt(&other, "asset/1", &key, Oaep::Sha1, &[])
        .await;
    assert!(elsewhere.is_err(), "another environment");
}

#[tokio::test]
async fn a_row_with_a_sealed_pair_holds_no_private_key() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = keystore(folder.path());
    let at = place(&keystore, "sandbox");
    let key = keystore
        .take_pairs(&at, "asset/1", 1)
        .await
        .unwrap()
        .remove(0);
    let HeldPrivate::Sealed(sealed) = &key.private else {
        panic!("{key:?}");
    };
    let opened = keystore.open(&at, "asset/1", sealed).unwrap();
    let modulus = &key.public[33..33 + 256];
    let holds = |bytes: &[u8]| bytes.windows(32).any(|part| part == &modulus[..32]);
    assert!(holds(opened.expose()), "it is this pair's");
    assert!(!holds(&sealed.0), "and cannot be read as it stands");
}

#[tokio::test]
async fn a_key_in_a_token_is_a_fault_that_names_what_is_not_configured() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = keystore(folder.path());
    let at = place(&keystore, "sandbox");
    let key = HeldKey {
        public: vec![],
        private: HeldPrivate::Token {
            id: "00112233445566778899aabbccddeeff".into(),
        },
    };
    let faults = [
        keystore
            .sign_digest(&at, "asset/1", &key, &[7; 32])
            .await
            .err(),
        keystore
            .decrypt(&at, "asset/1", &key, Oaep::Sha1, &[])
            .await
            .err(),
        keystore.forget(std::slice::from_ref(&key)).await.err(),
    ];
    for fault in faults {
        let Some(Fault::Unavailable(detail)) = fault else {
            panic!("{fault:?}");
        };
        assert!(detail.contains("keystore.backend"), "{detail}");
    }
}
