//! The command line about approvals: who may give them, on what, and what remains of them.

use crate::{
    cli::{data, run},
    harness::Server,
};
use serde_json::json;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/apply.toml");

#[tokio::test(flavor = "multi_thread")]
async fn an_approver_lives_from_its_addition_to_its_removal() {
    let server = Server::start().await;
    let data = data(&server);
    assert_eq!(run(&data, &format!("apply {EXAMPLE}"), "").code, 0);
    let add = "approver add sandbox acme ada --name Ada --group finance --group board --json";
    let added = run(&data, add, "").json();
    assert_eq!(added["groups"], json!(["finance", "board"]));
    assert_eq!(added["device"], json!(null));
    let twice = run(&data, add, "");
    assert_eq!(twice.code, 1, "{}", twice.out);

    let set = "approver set sandbox acme ada --no-groups --json";
    assert_eq!(run(&data, set, "").json()["groups"], json!([]));
    let nothing = run(&data, "approver set sandbox acme ada", "");
    assert_eq!(nothing.code, 2, "{}", nothing.err);

    let link = run(&data, "approver link sandbox acme ada --json", "").json();
    let nonce = link["nonce"].as_str().unwrap();
    assert!(nonce.len() == 9 && nonce.bytes().all(|b| b.is_ascii_digit()));
    let in_threes = link["nonce_formatted"].as_str().unwrap();
    assert_eq!(in_threes.replace(' ', ""), nonce);
    assert_eq!(in_threes.len(), 11);
    assert_eq!(link["link"], json!(null), "there is no phone page");
    let told = run(&data, "approver link sandbox acme ada", "");
    assert!(told.out.contains("type into the phone"), "{}", told.out);

    assert_eq!(run(&data, "approver remove sandbox acme ada", "").code, 0);
    let gone = run(&data, "approver show sandbox acme ada", "");
    assert_eq!(gone.code, 1);
    assert!(gone.err.contains("no approver `ada`"), "{}", gone.err);
    let list = run(&data, "approver list sandbox acme", "");
    assert_eq!(list.out, "There is no approver.\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_demands_approval_is_shown_as_it_was_added() {
    let server = Server::start().await;
    let data = data(&server);
    assert_eq!(run(&data, &format!("apply {EXAMPLE}"), "").code, 0);
    let shown = run(&data, "guard show sandbox payouts --json", "").json();
    let group = json!({ "organization": "acme", "group": "finance", "needed": 2 });
    assert_eq!(shown["approval"], "required");
    assert_eq!(shown["approvers"], group);
    assert_eq!(shown["body"], "checked_by_api");
    assert_eq!(shown["sentence"], "Pay {query.amount} to {query.to}");

    let add = "guard add sandbox own --path /own --accept session --approval --body none --sentence See-{path}";
    let added = run(&data, add, "");
    assert_eq!(added.code, 0, "{}", added.err);
    let shown = run(&data, "guard show sandbox own --json", "").json();
    assert_eq!(shown["approvers"], "subject");

    let half = "guard add sandbox half --path /half --accept session --approval --body none";
    assert_eq!(run(&data, half, "").code, 2);
    let typo = "[[guard]]\nname = 'g'\npaths = ['/']\naccept = ['session']\napproval = 'required'\nbody = 'none'\n\
                sentence = 'Pay'\napprovers = { group = 'finance', neded = 2 }\n";
    let refused = run(&data, "guard set sandbox -", typo);
    assert_eq!(refused.code, 1, "a misspelt number was taken for one");
    let unread = "[[guard]]\nname = 'g'\npaths = ['/']\naccept = ['session']\napproval = 'required'\nbody = 'none'\n\
                  sentence = 'Pay {cookie}'\n";
    let refused = run(&data, "guard set sandbox -", unread);
    assert_eq!(refused.code, 1, "only what is bound is shown");
    assert!(
        refused.err.contains("guards[0].sentence"),
        "{}",
        refused.err
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_provider_is_told_its_secret_with_its_first_callback() {
    let server = Server::start().await;
    let data = data(&server);
    assert_eq!(run(&data, &format!("apply {EXAMPLE}"), "").code, 0);
    let create = "client create sandbox --organization acme --name Bank --kind service_provider --spelling ubiqu --json";
    let made = run(&data, create, "").json();
    let client = made["id"].as_str().unwrap();
    assert_eq!(made["provider"]["has_callback_secret"], false, "{made}");
    let set = format!(
        "client callbacks sandbox {client} --callback-url https://bank.example/hook --json"
    );
    let first = run(&data, &set, "").json();
    assert!(first["secret"].is_string(), "{first}");
    assert_eq!(
        first["provider"]["callback_url"],
        "https://bank.example/hook"
    );
    let again = run(&data, &set, "").json();
    assert!(again["secret"].is_null(), "told once: {again}");
    let none = run(
        &data,
        &format!("client callbacks sandbox {client} --json"),
        "",
    )
    .json();
    assert_eq!(none["provider"]["callback_url"], json!(null));
    assert_eq!(none["provider"]["has_callback_secret"], false, "{none}");
    let anew = run(&data, &set, "").json();
    assert!(anew["secret"].is_string(), "it could be replaced: {anew}");
    assert_ne!(anew["secret"], first["secret"]);
    let other = run(&data, "client callbacks sandbox reporting", "");
    assert_eq!(other.code, 1, "no service provider");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_needs_something_to_believe_it_by_and_no_server() {
    let server = Server::start().await;
    let data = data(&server);
    assert_eq!(run(&data, &format!("apply {EXAMPLE}"), "").code, 0);
    assert_eq!(
        run(&data, "device list sandbox", "").out,
        "There is no device.\n"
    );
    let list = run(&data, "approval list sandbox --organization acme", "");
    assert_eq!(list.out, "There is no approval.\n", "{}", list.err);
    assert_eq!(run(&data, "device show sandbox nobody", "").code, 1);
    assert_eq!(run(&data, "approval show sandbox nothing", "").code, 1);
    // Made by a worker, or by whoever asks for the first.
    let keys = loop {
        let keys = run(&data, "approval keys sandbox", "");
        if keys.code == 0 {
            break keys.out;
        }
        assert!(keys.err.contains("there is no key"), "{}", keys.err);
    };
    let path = server.folder.path().join("receipt-keys.json");
    std::fs::write(&path, &keys).unwrap();
    let nowhere = server.folder.path().join("nowhere");
    server.stop().await;

    let keys = path.display();
    let verify = |anchor: &str| run(&nowhere, &format!("approval verify - {anchor}"), "a.b.c");
    for anchor in [
        format!("--keys {keys}"),
        "--thumbprint NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".to_owned(),
    ] {
        let refused = verify(&anchor);
        assert_eq!(refused.code, 1, "{anchor}: {}", refused.err);
    }
    for anchor in ["--json".to_owned(), format!("--keys {keys} --thumbprint x")] {
        assert_eq!(verify(&anchor).code, 2, "{anchor}");
    }
    assert_eq!(verify("--keys /dev/null").code, 1);
}
