//! Each form of change: applied, refused, and refused as a whole.

use super::{
    audit_lines, conflict, insert, present, remove, replace, row, samples::*, told_since, write,
};
use countersign_engine::{
    commit::{Change, CommitError},
    denied::Fault,
    ports::Store,
    row::{Key, Row},
    time::Timestamp,
};

cases! {
    every_noun_comes_back_as_it_was_written
    what_is_not_there_loads_as_nothing
    keys_load_in_their_order_with_repeats
    an_insert_is_refused_when_the_key_is_taken
    an_insert_is_refused_when_the_credential_id_is_taken
    a_credential_id_is_free_in_another_environment
    a_replace_counts_versions_and_is_refused_on_another
    a_replace_is_refused_when_it_takes_anothers_credential_id
    a_replace_may_move_a_credential_to_another_id
    a_remove_is_refused_on_another_version_and_frees_the_key
    a_require_holds_the_version_and_changes_nothing
    a_raise_never_lowers_and_survives_a_replace
    a_raise_of_what_is_not_there_is_refused
    what_is_spent_is_spent_once
    a_spend_is_apart_in_each_environment
    a_conflict_names_its_change_and_nothing_of_the_commit_stands
    changes_of_one_commit_see_each_other
    a_commit_that_makes_no_sense_is_a_fault
    a_commit_without_changes_still_leaves_its_audit_line
    what_a_stranger_may_repeat_leaves_no_audit_line_and_nothing_else_may
}

async fn every_noun_comes_back_as_it_was_written(store: &dyn Store) {
    insert(store, every_noun()).await;
    for written in every_noun() {
        let stored = row(store, &written.key()).await.expect("it was written");
        assert_eq!((stored.version, stored.not_before), (1, Timestamp::EPOCH));
        assert_eq!(stored.row, written);
    }
}

async fn what_is_not_there_loads_as_nothing(store: &dyn Store) {
    for never_written in every_noun() {
        assert_eq!(row(store, &never_written.key()).await, None);
    }
    let ledgers = [
        Key::Spent(sandbox(), digest("jti")),
        Key::LastUsed(sandbox(), credential_id("cred_1")),
    ];
    assert_eq!(store.load(&ledgers).await.unwrap(), [None, None]);
    assert_eq!(store.load(&[]).await.unwrap(), []);
}

async fn keys_load_in_their_order_with_repeats(store: &dyn Store) {
    insert(store, [organization("org_a"), organization("org_b")]).await;
    let keys =
        ["org_b", "org_none", "org_a", "org_b"].map(|id| Key::Organization(organization_id(id)));
    let rows = store.load(&keys).await.unwrap();
    let found: Vec<Option<Row>> = rows
        .iter()
        .map(|row| row.as_ref().map(|row| row.row.clone()))
        .collect();
    let [a, b] = ["org_a", "org_b"].map(organization);
    assert_eq!(found, [Some(b.clone()), None, Some(a), Some(b)]);
}

async fn an_insert_is_refused_when_the_key_is_taken(store: &dyn Store) {
    insert(store, every_noun()).await;
    for again in every_noun() {
        let key = again.key();
        assert_eq!(
            write(store, vec![Change::Insert(again)]).await,
            conflict(0),
            "{key:?}"
        );
    }
}

async fn an_insert_is_refused_when_the_credential_id_is_taken(store: &dyn Store) {
    let holder = || held_by_client("org_a", "client_a");
    insert(store, [credential("sandbox", "s1", "cred_1", holder())]).await;
    let other = credential("sandbox", "s2", "cred_1", holder());
    assert_eq!(
        write(store, vec![Change::Insert(other.clone())]).await,
        conflict(0)
    );
    assert_eq!(row(store, &other.key()).await, None);
}

async fn a_credential_id_is_free_in_another_environment(store: &dyn Store) {
    let holder = || held_by_client("org_a", "client_a");
    insert(store, [credential("sandbox", "s1", "cred_1", holder())]).await;
    insert(store, [credential("production", "s1", "cred_1", holder())]).await;
}

async fn a_replace_counts_versions_and_is_refused_on_another(store: &dyn Store) {
    for first in every_noun() {
        let key = first.key();
        assert_eq!(
            write(store, vec![replace(first.clone(), 1)]).await,
            conflict(0),
            "{key:?}"
        );
        insert(store, [first.clone()]).await;
        for version in 1..4 {
            for wrong in [0, version - 1, version + 1, u64::MAX] {
                let refused = write(store, vec![replace(first.clone(), wrong)]).await;
                assert_eq!(refused, conflict(0), "{key:?} {wrong}");
            }
            write(store, vec![replace(first.clone(), version)])
                .await
                .unwrap();
            assert_eq!(row(store, &key).await.unwrap().version, version + 1);
        }
    }
}

async fn a_replace_is_refused_when_it_takes_anothers_credential_id(store: &dyn Store) {
    let holder = || held_by_client("org_a", "client_a");
    let first = credential("sandbox", "s1", "cred_1", holder());
    let second = credential("sandbox", "s2", "cred_2", holder());
    insert(store, [first, second.clone()]).await;
    let stolen = credential("sandbox", "s2", "cred_1", holder());
    assert_eq!(write(store, vec![replace(stolen, 1)]).await, conflict(0));
    assert_eq!(row(store, &second.key()).await.unwrap().row, second);
}

async fn a_replace_may_move_a_credential_to_another_id(store: &dyn Store) {
    let holder = || held_by_client("org_a", "client_a");
    insert(store, [credential("sandbox", "s1", "cred_1", holder())]).await;
    let moved = credential("sandbox", "s1", "cred_9", holder());
    write(store, vec![replace(moved, 1)]).await.unwrap();
    insert(store, [credential("sandbox", "s2", "cred_1", holder())]).await;
    let taken = credential("sandbox", "s3", "cred_9", holder());
    assert_eq!(write(store, vec![Change::Insert(taken)]).await, conflict(0));
}

async fn a_remove_is_refused_on_another_version_and_frees_the_key(store: &dyn Store) {
    for noun in every_noun() {
        let key = noun.key();
        assert_eq!(
            write(store, vec![remove(&noun, 1)]).await,
            conflict(0),
            "{key:?}"
        );
        insert(store, [noun.clone()]).await;
        write(store, vec![replace(noun.clone(), 1)]).await.unwrap();
        assert_eq!(
            write(store, vec![remove(&noun, 1)]).await,
            conflict(0),
            "{key:?}"
        );
        write(store, vec![remove(&noun, 2)]).await.unwrap();
        assert_eq!(row(store, &key).await, None);
        insert(store, [noun.clone()]).await;
        assert_eq!(row(store, &key).await.unwrap().version, 1, "{key:?}");
    }
}

async fn a_require_holds_the_version_and_changes_nothing(store: &dyn Store) {
    let org = organization("org_a");
    let require = |if_version| Change::Require {
        key: organization("org_a").key(),
        if_version,
    };
    assert_eq!(write(store, vec![require(1)]).await, conflict(0));
    insert(store, [org.clone()]).await;
    let before = present(store).await;
    for wrong in [0, 2, u64::MAX] {
        assert_eq!(write(store, vec![require(wrong)]).await, conflict(0));
    }
    write(store, vec![require(1), require(1)]).await.unwrap();
    assert_eq!(row(store, &org.key()).await.unwrap().version, 1);
    assert_eq!(told_since(store, &before).await.0, []);
}

async fn a_raise_never_lowers_and_survives_a_replace(store: &dyn Store) {
    let nouns = [
        environment("sandbox"),
        organization("org_a"),
        client("sandbox", "org_a", "client_a"),
    ];
    insert(store, nouns.clone()).await;
    for noun in nouns {
        let key = noun.key();
        let raise = |seconds| {
            vec![Change::Raise {
                key: noun.key(),
                not_before: at(seconds),
            }]
        };
        for (raised_to, stands) in [(10, 10), (5, 10), (10, 10), (20, 20)] {
            write(store, raise(raised_to)).await.unwrap();
            assert_eq!(
                row(store, &key).await.unwrap().not_before,
                at(stands),
                "{key:?}"
            );
        }
        assert_eq!(row(store, &key).await.unwrap().version, 5);
        assert_eq!(
            write(store, vec![replace(noun.clone(), 4)]).await,
            conflict(0)
        );
        write(store, vec![replace(noun.clone(), 5)]).await.unwrap();
        let stored = row(store, &key).await.unwrap();
        assert_eq!((stored.version, stored.not_before), (6, at(20)));
        // Whoever makes it anew makes another thing.
        write(store, vec![remove(&noun, 6), Change::Insert(noun.clone())])
            .await
            .unwrap();
        assert_eq!(row(store, &key).await.unwrap().not_before, Timestamp::EPOCH);
    }
}

async fn a_raise_of_what_is_not_there_is_refused(store: &dyn Store) {
    for noun in [
        environment("sandbox"),
        organization("org_a"),
        client("sandbox", "org_a", "c"),
    ] {
        let raise = Change::Raise {
            key: noun.key(),
            not_before: NOW,
        };
        assert_eq!(write(store, vec![raise]).await, conflict(0));
    }
}

async fn what_is_spent_is_spent_once(store: &dyn Store) {
    let spend = |ends| vec![Change::Spend(one_time("jti", ends))];
    write(store, spend(at(60))).await.unwrap();
    assert_eq!(write(store, spend(at(60))).await, conflict(0));
    assert_eq!(write(store, spend(at(90))).await, conflict(0));
    let twice = vec![
        Change::Spend(one_time("other", NOW)),
        Change::Spend(one_time("other", NOW)),
    ];
    assert_eq!(write(store, twice).await, conflict(1));
    write(store, vec![Change::Spend(one_time("other", NOW))])
        .await
        .unwrap();
}

async fn a_spend_is_apart_in_each_environment(store: &dyn Store) {
    let mut elsewhere = one_time("jti", NOW);
    elsewhere.environment = environment_id("production");
    write(
        store,
        vec![
            Change::Spend(one_time("jti", NOW)),
            Change::Spend(elsewhere),
        ],
    )
    .await
    .unwrap();
}

async fn a_conflict_names_its_change_and_nothing_of_the_commit_stands(store: &dyn Store) {
    let [kept, raised, gone] = ["org_kept", "org_raised", "org_gone"].map(organization);
    insert(store, [kept.clone(), raised.clone(), gone.clone()]).await;
    let (lines, before) = (audit_lines(store).await, present(store).await);
    let good = || {
        vec![
            Change::Insert(credential(
                "sandbox",
                "s",
                "cred_1",
                held_by_operator("alice"),
            )),
            replace(kept.clone(), 1),
            remove(&gone, 1),
            Change::Spend(one_time("jti", NOW)),
            Change::Raise {
                key: raised.key(),
                not_before: NOW,
            },
            Change::Require {
                key: raised.key(),
                if_version: 2,
            },
        ]
    };
    for place in 0..=good().len() {
        let mut changes = good();
        changes.insert(place, remove(&organization("org_none"), 1));
        assert_eq!(write(store, changes).await, conflict(place));
        for untouched in [&kept, &raised, &gone] {
            let stored = row(store, &untouched.key()).await.unwrap();
            assert_eq!((stored.version, stored.not_before), (1, Timestamp::EPOCH));
        }
        assert_eq!(
            row(store, &Key::Credential(sandbox(), digest("s"))).await,
            None
        );
        assert_eq!(audit_lines(store).await, lines);
        assert_eq!(told_since(store, &before).await.0, []);
    }
    write(store, good()).await.unwrap();
    assert_eq!(audit_lines(store).await.len(), lines.len() + 1);
}

async fn changes_of_one_commit_see_each_other(store: &dyn Store) {
    let org = organization("org_a");
    let all = vec![
        Change::Insert(org.clone()),
        replace(org.clone(), 1),
        Change::Raise {
            key: org.key(),
            not_before: at(3),
        },
        Change::Require {
            key: org.key(),
            if_version: 3,
        },
        remove(&org, 3),
        Change::Insert(org.clone()),
        Change::Require {
            key: org.key(),
            if_version: 1,
        },
    ];
    write(store, all).await.unwrap();
    let stored = row(store, &org.key()).await.unwrap();
    assert_eq!((stored.version, stored.not_before), (1, Timestamp::EPOCH));
}

async fn a_commit_that_makes_no_sense_is_a_fault(store: &dyn Store) {
    insert(store, every_noun()).await;
    let last_use = Row::LastUsed(sandbox(), credential_id("cred_1"), NOW);
    let spent = Key::Spent(sandbox(), digest("jti"));
    for senseless in [
        Change::Insert(Row::Audit(event("x", NOW))),
        Change::Insert(last_use.clone()),
        replace(last_use.clone(), 1),
        remove(&last_use, 1),
        Change::Remove {
            key: spent.clone(),
            if_version: 1,
        },
        Change::Require {
            key: spent.clone(),
            if_version: 1,
        },
        Change::Raise {
            key: operator("alice").key(),
            not_before: NOW,
        },
        Change::Raise {
            key: spent,
            not_before: NOW,
        },
    ] {
        let text = format!("{senseless:?}");
        let answer = write(store, vec![senseless]).await;
        assert!(
            matches!(answer, Err(CommitError::Fault(Fault::Internal(_)))),
            "{text}: {answer:?}"
        );
    }
    let endless = (0..2000)
        .map(|n| Change::Spend(one_time(&n.to_string(), NOW)))
        .collect();
    let answer = write(store, endless).await;
    assert!(
        matches!(answer, Err(CommitError::Fault(Fault::Internal(_)))),
        "{answer:?}"
    );
}

async fn a_commit_without_changes_still_leaves_its_audit_line(store: &dyn Store) {
    write(store, vec![]).await.unwrap();
    assert_eq!(audit_lines(store).await.len(), 1);
}

async fn what_a_stranger_may_repeat_leaves_no_audit_line_and_nothing_else_may(store: &dyn Store) {
    let untold = |row: Row| {
        let mut commit = commit(vec![Change::Insert(row)]);
        commit.audit.count = 0;
        store.commit(commit)
    };
    for row in every_noun() {
        let may = matches!(row, Row::Attempts(_) | Row::Ticket(_) | Row::Delivery(_));
        let (key, answer) = (row.key(), untold(row).await);
        let is_refused = matches!(answer, Err(CommitError::Fault(Fault::Internal(_))));
        assert_eq!((answer.is_ok(), is_refused), (may, !may), "{key:?}");
    }
    assert_eq!(audit_lines(store).await, []);
}
