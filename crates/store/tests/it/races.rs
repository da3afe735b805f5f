//! Commits from many threads at once, against a real file.

use countersign_engine::{
    commit::{Change, CommitError},
    ports::Store,
    row::Row,
};
use countersign_store::{
    conformance::{audit_lines, samples::*},
    sqlite,
};
use std::sync::Arc;
use tokio::task::JoinSet;

const MANY: usize = 50;

fn new_store() -> (tempfile::TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite::open(folder.path(), &sqlite::Settings::default()).unwrap();
    (folder, Arc::new(store))
}

async fn stand_of_many(store: &Arc<dyn Store>, change: impl Fn() -> Change) -> usize {
    let mut tasks = JoinSet::new();
    for _ in 0..MANY {
        let (store, change) = (Arc::clone(store), change());
        tasks.spawn(async move { store.commit(commit(vec![change])).await });
    }
    let answers = tasks.join_all().await;
    for answer in &answers {
        assert!(
            matches!(answer, Ok(()) | Err(CommitError::Conflict { change: 0 })),
            "{answer:?}"
        );
    }
    answers.iter().filter(|answer| answer.is_ok()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_tasks_one_spends_and_one_replaces() {
    let (_folder, store) = new_store();
    let change = Change::Insert(organization("org_a"));
    store.commit(commit(vec![change])).await.unwrap();
    let spend = || Change::Spend(one_time("jti", at(60)));
    let replace = || Change::Replace {
        row: organization("org_a"),
        if_version: 1,
    };
    assert_eq!(stand_of_many(&store, spend).await, 1);
    assert_eq!(stand_of_many(&store, replace).await, 1);
    assert_eq!(audit_lines(&*store).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_count_in_one_row_loses_nothing() {
    let (_folder, store) = new_store();
    let row = organization("org_a");
    let key = row.key();
    store
        .commit(commit(vec![Change::Insert(row)]))
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let (store, key) = (Arc::clone(&store), key.clone());
        tasks.spawn(async move {
            loop {
                let rows = store.load(std::slice::from_ref(&key)).await.unwrap();
                let stored = rows[0].clone().unwrap();
                let Row::Organization(mut org) = stored.row.clone() else {
                    panic!("{stored:?}")
                };
                org.number = org.number.wrapping_add(1);
                let row = Row::Organization(org);
                let change = Change::Replace {
                    row,
                    if_version: stored.version,
                };
                match store.commit(commit(vec![change])).await {
                    Ok(()) => return,
                    Err(CommitError::Conflict { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        });
    }
    tasks.join_all().await;
    let rows = store.load(&[key]).await.unwrap();
    assert_eq!(rows[0].as_ref().unwrap().version, 21);
}

/// Two rows are always changed together; a load of both must never see one change without the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_load_is_one_snapshot() {
    let (_folder, store) = new_store();
    let rows = ["org_a", "org_b"].map(organization);
    let keys = rows.clone().map(|row| row.key());
    let inserts = rows.clone().map(Change::Insert).to_vec();
    store.commit(commit(inserts)).await.unwrap();
    let mut tasks = JoinSet::new();
    let writer = Arc::clone(&store);
    tasks.spawn(async move {
        for if_version in 1..=200 {
            let changes = rows.clone().map(|row| Change::Replace { row, if_version });
            writer.commit(commit(changes.to_vec())).await.unwrap();
        }
    });
    for _ in 0..3 {
        let (store, keys) = (Arc::clone(&store), keys.clone());
        tasks.spawn(async move {
            loop {
                let rows = store.load(&keys).await.unwrap();
                let versions: Vec<u64> = rows.iter().flatten().map(|row| row.version).collect();
                assert_eq!(versions[0], versions[1]);
                if versions[0] == 201 {
                    return;
                }
            }
        });
    }
    tasks.join_all().await;
}
