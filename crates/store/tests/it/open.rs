//! A URL chooses the engine, and says what is wrong with it.

use crate::clock::TestClock;
use countersign_engine::ports::{Housekeeping, Kept, Store};
use countersign_store::open;

#[tokio::test]
async fn memory_and_sqlite_open_by_their_urls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let urls = [
        "memory:".to_owned(),
        format!("sqlite:{path}"),
        format!("sqlite:{path}/one.sqlite"),
        format!("sqlite://{path}/two.sqlite"),
    ];
    for url in urls {
        let opened = open(&url, TestClock::new()).unwrap();
        assert_eq!(opened.counters.is_some(), url.starts_with("sqlite"));
        let counts = opened.store.keep(Housekeeping::CountRows).await.unwrap();
        assert!(matches!(counts, Kept::Counts(tables) if tables.len() == 26));
    }
    for file in ["countersign.sqlite", "one.sqlite", "two.sqlite"] {
        assert!(folder.path().join(file).exists(), "{file}");
    }
}

#[test]
fn any_other_url_is_refused_by_name() {
    for url in [
        "",
        "memory",
        "memory:x",
        "sqlite",
        "sqlite:",
        "sqlite://",
        "sqlite://host/path",
        "sqlite:/a?mode=ro",
        "sqlite:/a#b",
        "postgres://localhost/x",
    ] {
        let error = open(url, TestClock::new()).unwrap_err().to_string();
        assert!(error.contains(&format!("{url:?}")), "{error}");
        assert!(error.contains("`sqlite:PATH`"), "{error}");
    }
}

#[test]
fn a_path_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/none/x.sqlite", folder.path().display());
    let error = open(&url, TestClock::new()).unwrap_err().to_string();
    assert!(
        error.contains("none/x.sqlite") && error.contains("cannot be used"),
        "{error}"
    );
}
