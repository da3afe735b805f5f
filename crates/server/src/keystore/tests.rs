use super::*;
use crate::system::SystemEntropy;
use countersign_engine::{model::signing::KeyState, time::Timestamp};
use std::os::unix::fs::PermissionsExt;

const NOTHING: &[(String, String)] = &[];

fn keystore(folder: &std::path::Path) -> SoftwareKeystore {
    let master = MasterKey::load(folder, NOTHING, false, &SystemEntropy).unwrap();
    SoftwareKeystore::new(&master, Arc::new(SystemEntropy), 2).unwrap()
}

fn place(keystore: &SoftwareKeystore, name: &str) -> KeyPlace {
    let environment = EnvironmentId::parse(name).unwrap();
    let data_key = keystore.new_data_key(&environment).unwrap();
    KeyPlace {
        environment,
        data_key,
    }
}

fn signing_key(new: NewKey, algorithm: Algorithm) -> SigningKey {
    SigningKey {
        id: new.id,
        algorithm,
        state: KeyState::Current,
        public: new.public,
        private: new.private,
        created_at: Timestamp::EPOCH,
        ends_at: None,
    }
}

#[tokio::test]
async fn a_key_signs_also_after_the_keystore_was_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = keystore(folder.path());
    let at = place(&first, "sandbox");
    for algorithm in [Algorithm::Rs384, Algorithm::Es256, Algorithm::EdDsa] {
        let key = signing_key(
            first.generate(&at, algorithm, 2048).await.unwrap(),
            algorithm,
        );
        let public = key.public.clone().unwrap();
        assert_eq!(public.thumbprint(), key.id.as_str());
        assert_eq!(public.kid.as_deref(), Some(key.id.as_str()));
        let verifying = countersign_jose::VerifyingKey::from_jwk(algorithm, &public).unwrap();
        for keystore in [&first, &keystore(folder.path())] {
            let signature = keystore.sign(&at, &key, b"message").await.unwrap();
            verifying.verify(b"message", &signature).unwrap();
        }
    }
}

#[tokio::test]
async fn a_symmetric_key_has_a_random_name_and_nothing_to_publish() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = keystore(folder.path());
    let at = place(&keystore, "sandbox");
    let one = keystore.generate(&at, Algorithm::Hs512, 0).await.unwrap();
    let two = keystore.generate(&at, Algorithm::Hs512, 0).await.unwrap();
    assert!(one.public.is_none());
    assert_ne!(one.id, two.id);
    let key = signing_key(one, Algorithm::Hs512);
    assert_eq!(keystore.sign(&at, &key, b"m").await.unwrap().len(), 64);
}

#[test]
fn what_is_sealed_opens_in_its_own_place_only() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = keystore(folder.path());
    let at = place(&keystore, "sandbox");
    let sealed = keystore.seal(&at, "row", b"secret").unwrap();
    assert_eq!(
        keystore.open(&at, "row", &sealed).unwrap().expose(),
        b"secret"
    );
    assert_ne!(sealed, keystore.seal(&at, "row", b"secret").unwrap());

    assert!(keystore.open(&at, "other", &sealed).is_err(), "another row");
    let other = place(&keystore, "sandbox");
    assert!(
        keystore.open(&other, "row", &sealed).is_err(),
        "another data key"
    );
    let renamed = KeyPlace {
        environment: EnvironmentId::parse("production").unwrap(),
        data_key: at.data_key.clone(),
    };
    assert!(keystore.check(&renamed).is_err(), "another environment");
    for position in 0..sealed.0.len() {
        let mut altered = sealed.clone();
        altered.0[position] ^= 1;
        assert!(keystore.open(&at, "row", &altered).is_err(), "{position}");
    }
    for length in 0..sealed.0.len() {
        let cut = Sealed(sealed.0[..length].to_vec());
        assert!(keystore.open(&at, "row", &cut).is_err(), "{length}");
    }
}

#[test]
fn another_master_key_opens_no_data_key() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = place(&keystore(one.path()), "sandbox");
    assert!(keystore(one.path()).check(&at).is_ok());
    assert!(keystore(two.path()).check(&at).is_err());
}

#[test]
fn a_master_key_file_that_others_can_read_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    drop(keystore(folder.path()));
    let path = folder.path().join("master.key");
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    for mode in [0o640, 0o604, 0o660] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = MasterKey::load(folder.path(), NOTHING, true, &SystemEntropy)
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains(&format!("chmod 600 {}", path.display())),
            "{error}"
        );
    }
}

#[test]
fn a_lost_master_key_is_not_replaced_where_there_is_data() {
    let folder = tempfile::tempdir().unwrap();
    let lost = MasterKey::load(folder.path(), NOTHING, true, &SystemEntropy);
    assert!(matches!(lost, Err(MasterKeyError::Missing { .. })));
    assert!(!folder.path().join("master.key").exists());
}

#[test]
fn the_variable_goes_before_the_file_and_must_hold_32_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let variable = |text: &str| [("COUNTERSIGN_MASTER_KEY".to_owned(), text.to_owned())];
    let text = data_encoding::BASE64.encode(&[7; 32]);
    let key = MasterKey::load(folder.path(), &variable(&text), true, &SystemEntropy).unwrap();
    assert_eq!(key.bytes(), [7; 32]);
    for text in ["", "AAAA", "not base64"] {
        let wrong = MasterKey::load(folder.path(), &variable(text), true, &SystemEntropy);
        let error = wrong.err().unwrap().to_string();
        assert!(error.contains("COUNTERSIGN_MASTER_KEY"), "{error}");
        assert!(error.contains("32 bytes"), "{error}");
    }
}
