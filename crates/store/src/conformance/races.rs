//! Many commits at once: of those that exclude each other, exactly one stands.

use super::{audit_lines, conflict, insert, remove, replace, row, samples::*, together, waiting};
use countersign_engine::{
    commit::{Change, CommitError},
    ports::Store,
    row::Row,
};

cases! {
    of_fifty_spends_one_stands
    of_fifty_inserts_of_one_key_one_stands
    of_fifty_replaces_of_one_version_one_stands
    of_fifty_removes_one_stands
    commits_at_once_keep_a_limit_that_one_row_holds
    what_conflicts_takes_nothing_with_it
}

const MANY: usize = 50;

async fn one_of_many(store: &dyn Store, change: impl Fn(usize) -> Change) {
    let lines = audit_lines(store).await.len();
    let commits = (0..MANY).map(|n| waiting(store, commit(vec![change(n)])));
    let answers = together(commits.collect()).await;
    let stand = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(stand, 1);
    assert!(
        answers
            .into_iter()
            .filter(Result::is_err)
            .all(|answer| answer == conflict(0))
    );
    assert_eq!(audit_lines(store).await.len(), lines + 1);
}

async fn of_fifty_spends_one_stands(store: &dyn Store) {
    one_of_many(store, |_| Change::Spend(one_time("jti", at(60)))).await;
}

async fn of_fifty_inserts_of_one_key_one_stands(store: &dyn Store) {
    one_of_many(store, |_| Change::Insert(organization("org_a"))).await;
}

async fn of_fifty_replaces_of_one_version_one_stands(store: &dyn Store) {
    insert(store, [organization("org_a")]).await;
    one_of_many(store, |_| replace(organization("org_a"), 1)).await;
    let stored = row(store, &organization("org_a").key()).await.unwrap();
    assert_eq!(stored.version, 2);
}

async fn of_fifty_removes_one_stands(store: &dyn Store) {
    insert(store, [organization("org_a")]).await;
    one_of_many(store, |_| remove(&organization("org_a"), 1)).await;
}

/// A counter in one row, raised by load and replace until each has raised it once.
async fn commits_at_once_keep_a_limit_that_one_row_holds(store: &dyn Store) {
    insert(store, [organization("org_a")]).await;
    let key = organization("org_a").key();
    let raise = async || {
        loop {
            let stored = row(store, &key).await.unwrap();
            let Row::Organization(mut org) = stored.row.clone() else {
                panic!("an organization was asked for");
            };
            org.number = org.number.wrapping_add(1);
            let change = replace(Row::Organization(org), stored.version);
            match store.commit(commit(vec![change])).await {
                Ok(()) => return,
                Err(CommitError::Conflict { change: 0 }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    };
    let raises = (0..10).map(|_| Box::pin(raise()) as super::Doing<'_, ()>);
    together(raises.collect()).await;
    let stored = row(store, &key).await.unwrap();
    // The sample begins at the largest number, so that ten more wrap to nine.
    assert_eq!(
        (stored.version, stored.organization().unwrap().number),
        (11, 9)
    );
}

async fn what_conflicts_takes_nothing_with_it(store: &dyn Store) {
    insert(store, [organization("org_taken")]).await;
    let commits = (0..MANY).map(|n| {
        let own = Change::Insert(organization(&format!("org_{n}")));
        let taken = Change::Insert(organization("org_taken"));
        let changes = if n % 2 == 0 {
            vec![own]
        } else {
            vec![own, taken]
        };
        waiting(store, commit(changes))
    });
    let answers = together(commits.collect()).await;
    for (n, answer) in answers.into_iter().enumerate() {
        let there = row(store, &organization(&format!("org_{n}")).key())
            .await
            .is_some();
        let wanted = if n % 2 == 0 {
            (Ok(()), true)
        } else {
            (conflict(1), false)
        };
        assert_eq!((answer, there), wanted, "{n}");
    }
}
