//! Private halves in a token: Debian's SoftHSM 2.

use super::{
    conformance::{Backend, judge},
    software::{keystore, place},
    token::{CONF, LABEL, MODULE, PIN, Token, private_keys},
};
use crate::{binary::Process, harness};
use countersign::{
    config::{self, Backend as Makes},
    keystore::{SoftwareKeystore, TokenKeystore},
    system::SystemEntropy,
};
use countersign_engine::{
    denied::Fault,
    model::held_key::{HeldKey, HeldPrivate, Oaep},
    ports::{KeyPlace, Keystore},
};
use cryptoki::{
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeInfo, AttributeType, ObjectClass},
};
use std::{collections::BTreeSet, sync::Arc};

const ROW: &str = "asset/0";
const DIGEST: [u8; 32] = [7; 32];

fn software(token: &Token) -> Arc<SoftwareKeystore> {
    Arc::new(keystore(token.folder()))
}

fn open(token: &Token, makes: Makes) -> TokenKeystore {
    let entropy = Arc::new(SystemEntropy);
    TokenKeystore::open(software(token), makes, &token.config(), &[], entropy).unwrap()
}

/// The place of every step: its data key is kept in the folder.
fn at(token: &Token, keystore: &dyn Keystore) -> KeyPlace {
    let path = token.folder().join("data-key");
    let mut at = place(keystore, "sandbox");
    match std::fs::read(&path) {
        Ok(text) => at.data_key = serde_json::from_slice(&text).unwrap(),
        Err(_) => std::fs::write(&path, serde_json::to_vec(&at.data_key).unwrap()).unwrap(),
    }
    at
}

fn id(key: &HeldKey) -> String {
    match &key.private {
        HeldPrivate::Token { id } => id.clone(),
        HeldPrivate::Sealed(_) => panic!("{key:?} is not in the token"),
    }
}

fn spares(token: &Token) -> BTreeSet<String> {
    called(token, b" spare")
}

/// The names of the pairs whose label ends so.
fn called(token: &Token, end: &[u8]) -> BTreeSet<String> {
    let session = token.session();
    let label = private_keys(&session, None).into_iter().filter_map(|key| {
        let asked = [AttributeType::Label, AttributeType::Id];
        // One that is being made is found before it has all of its attributes.
        let told = session.get_attributes(key, &asked).ok()?;
        let [Attribute::Label(label), Attribute::Id(id)] = &told[..] else {
            panic!("{told:?}");
        };
        label
            .ends_with(end)
            .then(|| data_encoding::HEXLOWER.encode(id))
    });
    label.collect()
}

#[test]
fn a_token_does_what_every_keystore_does() {
    let test = "keystore::softhsm::a_token_does_what_every_keystore_does";
    Token::in_processes(test, &["all"], |token, _| async move {
        let keystore = open(&token, Makes::Pkcs11);
        let backend = Backend {
            at: at(&token, &keystore),
            keystore: &keystore,
            has_sha256: false,
        };
        judge(&backend).await;
    });
}

#[test]
fn after_a_restart_keys_are_found_and_what_was_made_ahead_is_used() {
    let test = "keystore::softhsm::after_a_restart_keys_are_found_and_what_was_made_ahead_is_used";
    Token::in_processes(test, &["before", "after"], |token, step| async move {
        let keystore = open(&token, Makes::Pkcs11);
        let at = at(&token, &keystore);
        let rows = token.folder().join("rows");
        if step == "before" {
            let keys = keystore.take_pairs(&at, ROW, 3).await.unwrap();
            std::fs::write(&rows, serde_json::to_vec(&keys).unwrap()).unwrap();
            while spares(&token).len() < 8 {
                tokio::task::yield_now().await;
            }
            return;
        }
        let keys: Vec<HeldKey> = serde_json::from_slice(&std::fs::read(&rows).unwrap()).unwrap();
        for key in &keys {
            keystore.sign_digest(&at, ROW, key, &DIGEST).await.unwrap();
        }
        let left = spares(&token);
        assert!(left.len() >= 8, "{left:?}");
        let taken = keystore.take_pairs(&at, ROW, left.len()).await.unwrap();
        assert_eq!(taken.iter().map(id).collect::<BTreeSet<_>>(), left);
        let again = open(&token, Makes::Pkcs11);
        let more = again.take_pairs(&at, ROW, 1).await.unwrap();
        assert!(!left.contains(&id(&more[0])), "it is an asset's now");
    });
}

#[test]
fn pairs_that_cannot_be_handed_out_do_not_stay_in_the_token() {
    let test = "keystore::softhsm::pairs_that_cannot_be_handed_out_do_not_stay_in_the_token";
    Token::in_processes(test, &["all"], |token, _| async move {
        let keystore = open(&token, Makes::Pkcs11);
        let at = at(&token, &keystore);
        let first = loop {
            if let Some(first) = spares(&token).pop_first() {
                break first;
            }
            tokio::task::yield_now().await;
        };
        while spares(&token).len() < 8 {
            tokio::task::yield_now().await;
        }
        let spares = spares(&token);
        // Behind the server's back those go that have to be called an asset's after the first.
        let lost: Vec<_> = spares.iter().filter(|id| **id != first).collect();
        let session = token.session();
        for id in &lost {
            let id = data_encoding::HEXLOWER.decode(id.as_bytes()).unwrap();
            let class = Attribute::Class(ObjectClass::PRIVATE_KEY);
            let found = session.find_objects(&[class, Attribute::Id(id)]).unwrap();
            session.destroy_object(found[0]).unwrap();
        }
        let taken = keystore.take_pairs(&at, ROW, 8).await;
        let Err(Fault::Internal(detail)) = taken else {
            panic!("{} pairs", taken.unwrap().len());
        };
        assert!(lost.iter().any(|id| detail.contains(*id)), "{detail}");
        assert_eq!(called(&token, b" asset"), BTreeSet::new());
        assert_eq!(keystore.take_pairs(&at, ROW, 3).await.unwrap().len(), 3);
    });
}

#[test]
fn no_private_key_can_be_read_out_of_the_token_and_none_is_in_the_row() {
    let test =
        "keystore::softhsm::no_private_key_can_be_read_out_of_the_token_and_none_is_in_the_row";
    Token::in_processes(test, &["all"], |token, _| async move {
        let keystore = open(&token, Makes::Pkcs11);
        let at = at(&token, &keystore);
        let key = keystore.take_pairs(&at, ROW, 1).await.unwrap().remove(0);
        let row = serde_json::to_value(&key).unwrap();
        let public = data_encoding::BASE64.encode(&key.public);
        let expected =
            serde_json::json!({ "public": public, "private": { "token": { "id": id(&key) } } });
        assert_eq!(row, expected);
        assert_eq!(id(&key).len(), 32);

        let session = token.session();
        let private = private_keys(&session, None);
        assert!(!private.is_empty());
        for private in private {
            let secrets = [
                AttributeType::PrivateExponent,
                AttributeType::Prime1,
                AttributeType::Prime2,
                AttributeType::Exponent1,
                AttributeType::Exponent2,
                AttributeType::Coefficient,
            ];
            let told = session.get_attribute_info(private, &secrets).unwrap();
            let is_kept = |told: &AttributeInfo| matches!(told, AttributeInfo::Sensitive);
            assert!(told.iter().all(is_kept), "{told:?}");
            let told = session.get_attribute_info(private, &[AttributeType::Value]);
            assert!(
                !matches!(told.as_deref(), Ok([AttributeInfo::Available(_)])),
                "{told:?}"
            );
            let flags = [
                AttributeType::Sensitive,
                AttributeType::AlwaysSensitive,
                AttributeType::Extractable,
                AttributeType::NeverExtractable,
                AttributeType::Token,
                AttributeType::Private,
            ];
            let told = session.get_attributes(private, &flags).unwrap();
            let expected = [
                Attribute::Sensitive(true),
                Attribute::AlwaysSensitive(true),
                Attribute::Extractable(false),
                Attribute::NeverExtractable(true),
                Attribute::Token(true),
                Attribute::Private(true),
            ];
            assert_eq!(told, expected);
            for weaker in [Attribute::Sensitive(false), Attribute::Extractable(true)] {
                let changed = session.update_attributes(private, &[weaker]);
                assert!(changed.is_err(), "it cannot be made readable");
            }
            let wrapping = [
                Attribute::Class(ObjectClass::SECRET_KEY),
                Attribute::Token(false),
                Attribute::Wrap(true),
                Attribute::ValueLen(32.into()),
            ];
            let wrapping = session.generate_key(&Mechanism::AesKeyGen, &wrapping);
            let wrapped = session.wrap_key(&Mechanism::AesKeyWrapPad, wrapping.unwrap(), private);
            assert!(
                matches!(wrapped, Err(Error::Pkcs11(RvError::KeyUnextractable, _))),
                "{wrapped:?}"
            );
        }
        let template = [Attribute::Class(ObjectClass::PUBLIC_KEY)];
        let public = session.find_objects(&template).unwrap();
        assert!(public.is_empty(), "public halves are in rows");
    });
}

#[test]
fn whoever_is_logged_out_logs_in_again() {
    let test = "keystore::softhsm::whoever_is_logged_out_logs_in_again";
    Token::in_processes(test, &["all"], |token, _| async move {
        let keystore = open(&token, Makes::Pkcs11);
        let at = at(&token, &keystore);
        let key = keystore.take_pairs(&at, ROW, 1).await.unwrap().remove(0);
        let signature = keystore.sign_digest(&at, ROW, &key, &DIGEST).await.unwrap();
        let log_out = || token.session().logout().unwrap();
        log_out();
        let again = keystore.sign_digest(&at, ROW, &key, &DIGEST).await;
        assert_eq!(again, Ok(signature));
        log_out();
        let refused = keystore
            .decrypt(&at, ROW, &key, Oaep::Sha1, &[1; 256])
            .await;
        assert!(matches!(refused, Ok(Err(_))), "{refused:?}");
        log_out();
        assert_eq!(keystore.take_pairs(&at, ROW, 3).await.unwrap().len(), 3);
        log_out();
        keystore.forget(std::slice::from_ref(&key)).await.unwrap();
        let gone = keystore.sign_digest(&at, ROW, &key, &DIGEST).await;
        let Err(Fault::Internal(detail)) = gone else {
            panic!("{gone:?}");
        };
        assert!(detail.contains(&id(&key)), "{detail}");
    });
}

#[test]
fn keys_stay_good_where_they_are_when_the_configuration_changes() {
    let test = "keystore::softhsm::keys_stay_good_where_they_are_when_the_configuration_changes";
    Token::in_processes(test, &["all"], |token, _| async move {
        let before = software(&token);
        let at = at(&token, &*before);
        let sealed = before.take_pairs(&at, ROW, 1).await.unwrap().remove(0);
        let signed = before.sign_digest(&at, ROW, &sealed, &DIGEST).await;

        let tokens = open(&token, Makes::Pkcs11);
        assert_eq!(tokens.sign_digest(&at, ROW, &sealed, &DIGEST).await, signed);
        let in_token = tokens.take_pairs(&at, ROW, 1).await.unwrap().remove(0);
        let signed = tokens.sign_digest(&at, ROW, &in_token, &DIGEST).await;
        drop(tokens);

        let back = open(&token, Makes::Software);
        assert_eq!(back.sign_digest(&at, ROW, &in_token, &DIGEST).await, signed);
        let new = back.take_pairs(&at, ROW, 1).await.unwrap().remove(0);
        assert!(matches!(new.private, HeldPrivate::Sealed(_)), "{new:?}");
        let form = Oaep::Sha256Mgf1Sha1;
        for key in [&sealed, &in_token] {
            let refused = back.decrypt(&at, ROW, key, form, &[]).await.unwrap();
            assert!(refused.is_err());
        }
    });
}

#[test]
fn what_is_wrong_with_a_token_stops_the_start_and_says_what_to_do() {
    let test = "keystore::softhsm::what_is_wrong_with_a_token_stops_the_start_and_says_what_to_do";
    Token::in_processes(test, &["all"], |token, _| async move {
        let folder = tempfile::tempdir().unwrap();
        let wrong_pin = folder.path().join("wrong-pin");
        std::fs::copy(token.folder().join("pin"), &wrong_pin).unwrap();
        std::fs::write(&wrong_pin, "161803").unwrap();
        let right = token.config();
        let with = |change: &dyn Fn(&mut config::Pkcs11)| {
            let mut token = right.clone();
            change(&mut token);
            token
        };
        let no_module = folder.path().join("none.so");
        // No module has started yet, so that each may be tried.
        let cases = [
            (
                with(&|token| token.module.clone_from(&no_module)),
                vec![
                    "keystore.pkcs11.module",
                    no_module.to_str().unwrap(),
                    "/usr/lib/softhsm/libsofthsm2.so",
                ],
            ),
            (
                with(&|token| token.module = "libm.so.6".into()),
                vec!["keystore.pkcs11.module", "C_GetFunctionList"],
            ),
            (
                with(&|token| token.pin_file = None),
                vec!["keystore.pkcs11.pin_file", "COUNTERSIGN_PKCS11_PIN"],
            ),
            (
                with(&|token| token.token = "elsewhere".to_owned()),
                vec![
                    "keystore.pkcs11.token",
                    "no token `elsewhere` (there are: `assets`)",
                    "softhsm2-util --init-token",
                ],
            ),
            (
                with(&|token| token.pin_file = Some(wrong_pin.clone())),
                vec![
                    "keystore.pkcs11.pin_file",
                    "`assets` does not take the PIN",
                    wrong_pin.to_str().unwrap(),
                    "locks itself",
                ],
            ),
            (
                with(&|token| token.module = "libm.so.6".into()),
                vec!["keystore.pkcs11.module", "uses one module only"],
            ),
        ];
        for (token, expected) in cases {
            let mut config = harness::config(&folder);
            config.keystore.backend = Makes::Pkcs11;
            config.keystore.pkcs11 = Some(token);
            let error = countersign::serve::start(config, &[]).await.err().unwrap();
            let said = format!("{error:#}");
            for part in expected {
                assert!(said.contains(part), "`{part}` is not in: {said}");
            }
            assert!(!said.contains("161803"), "{said}");
        }
        let mut config = harness::config(&folder);
        config.keystore.backend = Makes::Pkcs11;
        config.keystore.pkcs11 = Some(right.clone());
        let pin = [("COUNTERSIGN_PKCS11_PIN".to_owned(), "161803".to_owned())];
        let error = countersign::serve::start(config.clone(), &pin).await.err();
        let said = format!("{:#}", error.unwrap());
        assert!(said.contains("the PIN in COUNTERSIGN_PKCS11_PIN"), "{said}");
        let pin = [("COUNTERSIGN_PKCS11_PIN".to_owned(), PIN.to_owned())];
        let running = countersign::serve::start(config, &pin).await.unwrap();
        assert!(running.shutdown().await);
    });
}

#[test]
fn a_server_with_a_token_starts_and_ends_as_one_without() {
    let folder = tempfile::tempdir().unwrap();
    let token = Token::new(folder.path());
    let conf = token.conf();
    let pin_file = token.folder().join("pin");
    let settings = |conf| {
        let pin_file = pin_file.to_str().unwrap();
        [
            (CONF, conf),
            ("COUNTERSIGN__KEYSTORE__BACKEND", "pkcs11"),
            ("COUNTERSIGN__KEYSTORE__PKCS11__MODULE", MODULE),
            ("COUNTERSIGN__KEYSTORE__PKCS11__TOKEN", LABEL),
            ("COUNTERSIGN__KEYSTORE__PKCS11__PIN_FILE", pin_file),
        ]
    };
    let mut process = Process::serve_among(&folder, &settings(conf.to_str().unwrap()));
    process.public();
    let doctor = Process::run_among(&folder, &settings(conf.to_str().unwrap()), &["doctor"]);
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(told.contains("the token `assets` is there"), "{told}");
    process.signal("TERM");
    assert!(process.ended().success());

    let mut process = Process::serve_among(&folder, &settings("/nowhere/softhsm2.conf"));
    assert!(!process.ended().success());
    let said: Vec<String> = process.lines.iter().collect();
    let is_told = |line: &String| line.contains("SOFTHSM2_CONF");
    assert!(said.iter().any(is_told), "{said:?}");
}
