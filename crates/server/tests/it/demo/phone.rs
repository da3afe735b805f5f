//! The demo's own phone, and what it countersigns.

use super::process::Demo;

#[test]
fn the_demos_phone_is_known_to_its_provider_by_the_asset_of_the_facts() {
    let demo = Demo::shared();
    let said = demo.sh(demo.fact("/commands/ubiqu-identified"));
    let asset = &said.json()["result"]["asset_uuid"];
    assert_eq!(asset, demo.fact("/ubiqu/asset_uuid"), "{said:?}");
}

#[test]
fn a_phone_that_approves_everything_leaves_scripts_nothing_to_do() {
    let demo = Demo::start(&["--auto-approve"]);
    for (name, status, piece) in [
        ("ubiqu-authenticate", 200, "Verified OK"),
        ("payout", 201, r#""paid""#),
        ("lockdown", 200, r#""locked""#),
    ] {
        let command = demo.fact(&format!("/commands/{name}"));
        assert!(!command.contains("phone approve"), "{command}");
        let said = demo.sh(command);
        assert_eq!(said.status, status, "{name}: {said:?}");
        assert!(said.body.contains(piece), "{name}: {said:?}");
    }
}

/// The sample API is its own proxy. What others ask of this demo meanwhile has the approvals of its own.
#[test]
fn an_approval_pays_no_other_body_and_a_lockdown_has_none() {
    let demo = Demo::shared();
    let command = another(demo.fact("/commands/payout"), "amount=12.50", "amount=7");
    let (asked, passes) = command.rsplit_once("curl -s -i").unwrap();
    let other = format!("{asked}BODY='another'\ncurl -s -i{passes}");
    let said = demo.sh(&other);
    assert_eq!(said.status, 403, "{said:?}");
    assert_eq!(said.json()["type"], "urn:sample-api:problem:body-differs");

    let command = another(demo.fact("/commands/lockdown"), "site=1002", "site=1001");
    let said = demo.sh(&format!("{command} -d unseen"));
    assert_eq!(said.status, 200, "the body is dropped: {said:?}");
}

fn another(command: &str, what: &str, other: &str) -> String {
    assert!(command.contains(what), "{command}");
    command.replace(what, other)
}
