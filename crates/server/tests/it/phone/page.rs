//! The page at `/phone`, in Debian's Chromium. What it looks like is left in a folder, and judged by `axe-core` in light
//! and dark, at 360 and 1280 pixels.

use super::{API, GATEWAY, Stage, TARGET, site::Site};
use crate::{interop::program, keystore::openssl, proxies::phone::sha256};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use std::{fs, path::Path, sync::OnceLock};

/// What a service provider wants signed.
const DATA: &[u8] = b"log in at noon";

/// What the script saw. It is run once for all tests of this file.
fn told() -> &'static Value {
    static TOLD: OnceLock<Value> = OnceLock::new();
    TOLD.get_or_init(|| {
        let stage = Stage::new();
        // A name that no browser takes for this machine: what comes from there in plain text is not secure.
        let insecure = json!({
            "id": "insecure", "mode": "sandbox", "issuer": "https://auth.insecure.test",
            "hosts": ["phone.test"], "phone_url": "https://phone.test",
        });
        stage.countersign.make("environments", &insecure);
        let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("phone");
        fs::create_dir_all(&shots).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let facts = folder.path().join("facts.json");
        let (admin, operator) = stage.countersign.operators();
        let text = json!({
            "devices": format!("http://{admin}/admin/v1/environments/sandbox/devices"),
            "operator": operator,
            "chromium": "/usr/bin/chromium",
            "url": format!("{}/phone", stage.url()),
            "insecure": format!("http://phone.test:{}/phone", stage.countersign.public.port()),
            "gateway": format!("http://{}/", stage.countersign.gateway(GATEWAY)),
            "host": API,
            "target": TARGET,
            "key": stage.key,
            "public": stage.url(),
            "site_key": Site::new(&stage, "bank").key,
            "fingerprint": HEXLOWER.encode(&sha256(DATA)),
            "nonce": stage.nonce(),
            "shots": shots,
        });
        fs::write(&facts, text.to_string()).unwrap();
        program::node_at("tests/browser/phone.mjs", &facts)
    })
}

#[test]
fn a_person_sets_the_page_up_and_is_told_what_is_wrong_with_it() {
    let told = told();
    assert_eq!(told["setup"]["differs"], "The two PINs differ.", "{told}");
    assert_eq!(
        told["setup"]["weak"], "6 to 12 digits, not a run such as 123456.",
        "{told}"
    );
    assert_eq!(told["setup"]["focused"], "Requests", "{told}");
    assert_eq!(told["setup"]["exportable"], false, "{told}");
    assert_eq!(told["setup"]["survives_reload"], true, "{told}");
}

#[test]
fn a_pin_was_forgotten_whose_enrolment_had_no_answer() {
    let told = told();
    let pins = json!(["402311", "736152", "736152"]);
    assert_eq!(told["lost"]["pins"], pins, "{told}");
    assert_eq!(told["lost"]["keys"], json!([0, 0, 2]), "a new key: {told}");
}

#[test]
fn a_request_that_was_open_made_room_for_the_list() {
    let told = told();
    assert_eq!(told["open"]["typed"], "4023", "{told}");
    assert_eq!(told["open"]["outcome"], "Approved", "{told}");
}

#[test]
fn a_code_links_the_page_and_one_from_a_link_is_asked_about_first() {
    let told = told();
    assert_eq!(
        told["code"]["wrong"], "There is no such code. It may be over: ask for a new one.",
        "{told}"
    );
    assert_eq!(told["code"]["asked_first"], true, "{told}");
    assert_eq!(told["code"]["fragment_gone"], true, "{told}");
    assert_eq!(
        told["code"]["linked"], "This phone answers for you as an approver from now on.",
        "{told}"
    );
    assert_eq!(told["code"]["device"], "Approver ada of acme", "{told}");
}

#[test]
fn the_page_shows_what_is_asked_and_what_it_approves_passes() {
    let told = told();
    let shown = &told["approved"];
    assert_eq!(shown["arrived_by_itself"], true, "{told}");
    assert_eq!(
        shown["title"], "Pay 1250.00 to Northern Waterworks",
        "{told}"
    );
    assert_eq!(shown["asked_by"], "Asked by Payroll robot, Acme Logistics");
    assert_eq!(
        shown["parameters"],
        json!([["to", "Northern Waterworks"], ["amount", "1250.00"]]),
        "{told}"
    );
    assert_eq!(shown["code"], shown["code_of_asker"], "{told}");
    assert_eq!(shown["wrong_pin"], "Wrong PIN. 4 tries are left.", "{told}");
    assert_eq!(shown["pin_emptied"], true, "{told}");
    assert_eq!(shown["outcome"], "Approved", "{told}");
    assert_eq!(shown["passed"], json!([200, 403]), "once: {told}");
}

#[test]
fn what_the_page_approves_for_a_service_provider_is_verified_by_openssl() {
    let told = told();
    let signed = &told["identified"];
    assert_eq!(signed["is_same_code"], true, "{told}");
    assert_eq!(signed["verified"], true, "{told}");
    let signature = signed["signature"].as_str().unwrap();
    let signature = HEXLOWER.decode(signature.as_bytes()).unwrap();
    let key = signed["key"].as_str().unwrap();
    assert!(openssl::verifies(key, DATA, &signature), "{told}");
}

#[test]
fn the_page_rejects_after_a_second_question() {
    let told = told();
    assert_eq!(told["rejected"]["outcome"], "Rejected", "{told}");
    assert_eq!(
        told["rejected"]["refused"], "urn:countersign:problem:approval-rejected",
        "{told}"
    );
}

#[test]
fn the_page_works_by_keyboard_alone() {
    let told = told();
    assert_eq!(told["keyboard"]["outcome"], "Approved", "{told}");
}

#[test]
fn five_wrong_pins_lock_the_page_and_it_says_so() {
    let told = told();
    assert_eq!(told["locked"]["title"], "This phone is locked", "{told}");
    assert_eq!(told["locked"]["after_reload"], true, "{told}");
    assert_eq!(told["locked"]["unlocked"], "Requests", "{told}");
}

#[test]
fn without_a_network_the_page_says_that_it_is_offline_and_comes_back() {
    let told = told();
    assert_eq!(told["offline"]["status"], "Offline", "{told}");
    let note = told["offline"]["note"].as_str().unwrap();
    assert!(note.starts_with("You are offline."), "{told}");
    assert_eq!(told["offline"]["back"], "Connected", "{told}");
}

#[test]
fn a_page_in_plain_text_says_that_it_cannot_be_a_phone() {
    let told = told();
    assert_eq!(
        told["insecure"]["title"], "This page needs a secure connection",
        "{told}"
    );
}

#[test]
fn no_look_of_the_page_keeps_anybody_out() {
    let told = told();
    assert!(told["looks"].as_u64().unwrap() >= 40, "{told}");
    assert_eq!(told["violations"], json!([]), "serious and critical ones");
    assert_eq!(told["overflows"], json!([]), "nothing is cut off");
    assert_eq!(told["small_targets"], json!([]), "everything can be hit");
    assert_eq!(told["errors"], json!([]), "of scripts and of the policy");
}
