//! Receivers that nobody here wrote check what we send.

use super::{Receiver, Says, open_server, subscribe, text, write};
use crate::interop::program;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_webhooks_own_library_and_quiltts_check_take_what_we_send_and_nothing_else() {
    let (server, doors) = open_server().await;
    let receiver = Receiver::start(Says::Status(200)).await;
    let webhook = subscribe(&doors, &receiver.url()).await;
    let other = subscribe(&doors, "https://hooks.example.com/").await;
    write(&server, &webhook, 0..1).await;
    let heard = receiver.hear(1).await.remove(0);
    let names = [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "quiltt-timestamp",
        "quiltt-signature",
    ];
    let headers: serde_json::Map<_, _> = names
        .map(|name| (name.to_owned(), json!(heard.header(name))))
        .into_iter()
        .collect();
    let facts = json!({
        "headers": headers,
        "body": String::from_utf8(heard.body.clone()).unwrap(),
        "secret": text(&webhook["secret"]),
        "other": text(&other["secret"]),
    });
    let file = server.folder.path().join("facts.json");
    std::fs::write(&file, facts.to_string()).unwrap();
    let said = program::python("standard_webhooks", &file);
    for check in ["standard", "quiltt"] {
        let wanted = json!({
            "as_sent": true, "tampered": false, "stale": false, "truncated": false, "other_secret": false,
        });
        assert_eq!(said[check], wanted, "{check}");
    }
    assert_eq!(said["signed_alike"], true, "theirs is ours");
    server.stop().await;
}
