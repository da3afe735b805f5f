//! Configuration that is right by itself, and wrong where it is used.

use crate::harness;
use countersign::serve::Operators;

#[tokio::test]
async fn a_store_that_does_not_exist_says_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    for store in ["mysql://x", "", "sqlite:", "memory"] {
        let mut config = harness::config(&folder);
        config.data.store = store.into();
        let error = countersign::serve::start(config, &[]).await.err().unwrap();
        assert!(
            error
                .to_string()
                .contains("expected sqlite:PATH or memory:"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_master_key_that_others_can_read_stops_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let running = countersign::serve::start(harness::config(&folder), &[])
        .await
        .unwrap();
    running.shutdown().await;
    let key = folder.path().join("data/master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = countersign::serve::start(harness::config(&folder), &[])
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    use countersign_engine::model::environment::Mode;
    let server =
        harness::Server::start_with(|config| config.data.store = "sqlite:rows.db".into()).await;
    server
        .environment("sandbox", Mode::Sandbox, &["api.example"])
        .await;
    let token = server.operator_token();
    let folder = server.folder;
    assert!(server.running.shutdown().await);
    assert!(folder.path().join("data/rows.db").exists());

    let mut config = harness::config(&folder);
    config.data.store = "sqlite:rows.db".into();
    let running = countersign::serve::start(config.clone(), &[])
        .await
        .unwrap();
    let server = harness::Server { running, folder };
    assert_eq!(server.operator_token(), token, "the first operator stays");
    let answer = harness::get(server.public(), "api.example", "/nothing").await;
    assert_eq!(answer.status, 404, "the environment is known");
    let folder = server.folder;
    assert!(server.running.shutdown().await);

    std::fs::remove_file(folder.path().join("data/master.key")).unwrap();
    let error = countersign::serve::start(config.clone(), &[])
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("restore it"), "{error}");
    let other = data_encoding::BASE64.encode(&[7; 32]);
    let variables = [("COUNTERSIGN_MASTER_KEY".to_owned(), other)];
    let error = countersign::serve::start(config, &variables)
        .await
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("does not open the data key of environment sandbox"),
        "{error:#}"
    );
}

#[test]
fn a_folder_can_be_made_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = harness::config(&folder);
    config.data.store = "sqlite:rows.db".into();
    let init = |reset| countersign::serve::init(&config, &[], reset).unwrap();
    assert_eq!(init(false), Operators::First);
    let operator = folder.path().join("data/operator.json");
    let first = std::fs::read(&operator).unwrap();
    assert_eq!(init(false), Operators::Kept);
    assert_eq!(std::fs::read(&operator).unwrap(), first);
    assert_eq!(init(true), Operators::Recovered);
    assert_ne!(std::fs::read(&operator).unwrap(), first);
}
