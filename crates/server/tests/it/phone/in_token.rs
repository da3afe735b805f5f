//! The whole flow with the private halves in a PKCS#11 token, Debian's SoftHSM 2: the real binary, a phone, and a look
//! into what the store has of it all.

use super::{Stage, TARGET, site::Site};
use crate::{
    cli,
    keystore::token::{CONF, LABEL, MODULE, Token},
    proxies::{countersign::Countersign, phone::Phone},
};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tempfile::TempDir;

const PHONES: &str = "phone.sandbox.test";

#[test]
fn with_keys_in_a_token_everything_works_and_the_store_has_no_private_key() {
    let of_token = TempDir::new().unwrap();
    let token = Token::new(of_token.path());
    let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let settings = [
        (CONF, text(token.conf())),
        ("COUNTERSIGN__KEYSTORE__BACKEND", "pkcs11".to_owned()),
        ("COUNTERSIGN__KEYSTORE__PKCS11__MODULE", MODULE.to_owned()),
        ("COUNTERSIGN__KEYSTORE__PKCS11__TOKEN", LABEL.to_owned()),
        (
            "COUNTERSIGN__KEYSTORE__PKCS11__PIN_FILE",
            text(token.folder().join("pin")),
        ),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let countersign = Countersign::start_in(TempDir::new().unwrap(), settings.into());
    let stage = Stage::of(countersign, &format!("https://{PHONES}"));
    let phone = Phone::enrol(stage.countersign.public, PHONES);

    let (bank, shop) = (Site::new(&stage, "bank"), Site::new(&stage, "shop"));
    let of_bank = bank.identify(&phone);
    assert_eq!(bank.identify(&phone), of_bank, "the same phone again");
    let of_shop = shop.identify(&phone);
    assert_ne!(of_shop, of_bank);
    bank.authenticate(&phone, &of_bank);
    shop.authenticate(&phone, &of_shop);

    phone.type_in(&stage.nonce());
    let (id, _) = stage.ask(TARGET);
    phone.approves("Pay 1250.00 to Northern Waterworks");
    assert_eq!(stage.pay(TARGET, Some(&id)).status, 200);
    a_receipt_is_believed_by_the_keys_alone(&stage, &id);
    the_store_has_only_names_of_keys(&stage, &[&of_bank, &of_shop]);
}

fn a_receipt_is_believed_by_the_keys_alone(stage: &Stage, id: &str) {
    let data = stage.countersign.data();
    let kept = |line: &str, name: &str| {
        let ran = cli::run(&data, line, "");
        assert_eq!(ran.code, 0, "{}", ran.err);
        let file = data.join(name);
        std::fs::write(&file, ran.out).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let keys = kept("approval keys sandbox", "keys.json");
    let receipt = kept(&format!("approval receipt sandbox {id}"), "receipt.jws");
    let verify = format!("approval verify {receipt} --keys {keys}");
    let verified = cli::run(&data, &verify, "");
    assert_eq!(verified.code, 0, "{}", verified.err);
}

/// Every asset's row has three names of objects in the token and nothing sealed. Of other rows only the key sets have
/// private keys, those that sign the environment's tokens, and these are documented to stay.
fn the_store_has_only_names_of_keys(stage: &Stage, assets: &[&str]) {
    let file = stage.countersign.data().join("countersign.db");
    let store = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut names = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for (table, cells) in rows(&store) {
        let of_asset = cells.iter().find_map(|cell| {
            let row: Value = serde_json::from_slice(cell).ok()?;
            row.get("authenticate")?
                .get("private")
                .is_some()
                .then_some(row)
        });
        let Some(asset) = of_asset else {
            let says_private = |cell: &Vec<u8>| {
                let text = String::from_utf8_lossy(cell);
                text.contains("\"private\"")
            };
            let has_none = !cells.iter().any(says_private);
            assert!(has_none || table == "key_set", "{table}");
            continue;
        };
        assert_eq!(table, "asset");
        seen.insert(asset["id"].as_str().unwrap().to_owned());
        for pair in ["sign", "decrypt", "authenticate"] {
            let id = asset[pair]["private"]["token"]["id"].as_str().unwrap();
            let kept = json!({ "token": { "id": id } });
            assert_eq!(asset[pair]["private"], kept, "{asset}");
            assert!(names.insert(id.to_owned()), "each pair is one's own");
        }
    }
    for asset in assets {
        assert!(seen.contains(*asset), "{seen:?}");
    }
    // Those of the two sites, and the one that countersigns.
    assert_eq!((seen.len(), names.len()), (3, 9));
}

/// The cells of every row of every table, as bytes.
fn rows(store: &Connection) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut tables = store
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut found = Vec::new();
    for table in tables.map(Result::unwrap) {
        let mut all = store
            .prepare(&format!("SELECT * FROM \"{table}\""))
            .unwrap();
        let columns = all.column_count();
        let mut rows = all.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cell = |column| match row.get_ref(column).unwrap() {
                rusqlite::types::ValueRef::Text(bytes) | rusqlite::types::ValueRef::Blob(bytes) => {
                    bytes.to_vec()
                }
                _ => Vec::new(),
            };
            found.push((table.clone(), (0..columns).map(cell).collect()));
        }
    }
    found
}
