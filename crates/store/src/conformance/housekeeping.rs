//! Housekeeping: it removes what has ended, within its limits, and nothing else.

use super::{audit_lines, conflict, insert, people, remove, replace, row, samples::*, write};
use countersign_engine::{
    commit::Change,
    ports::{Housekeeping, Kept, Store},
    row::{Key, Row},
    time::Timestamp,
};

cases! {
    what_has_ended_is_swept_and_what_lives_is_kept
    what_people_leave_behind_is_swept_when_it_has_ended
    a_lapsed_credential_is_swept_when_its_row_says_so
    an_erased_subject_is_swept_when_its_row_says_so
    a_sweep_keeps_to_its_limit_and_begins_with_the_oldest
    what_was_spent_can_be_swept_and_only_then_spent_again
    credentials_go_with_their_holder
    last_uses_never_go_back_and_go_with_their_credential
    old_audit_lines_are_swept_oldest_first
    old_feed_rows_are_swept
    every_table_is_counted_by_its_name
}

fn expired(limit: u32) -> Housekeeping {
    Housekeeping::SweepExpired { now: NOW, limit }
}

async fn kept(store: &dyn Store, work: Housekeeping) -> u64 {
    match store.keep(work).await.unwrap() {
        Kept::Rows(rows) => rows,
        Kept::Counts(_) => panic!("rows were asked for"),
    }
}

async fn counts(store: &dyn Store) -> Vec<(&'static str, u64)> {
    match store.keep(Housekeeping::CountRows).await.unwrap() {
        Kept::Counts(counts) => counts,
        Kept::Rows(_) => panic!("counts were asked for"),
    }
}

async fn count(store: &dyn Store, table: &str) -> u64 {
    let counts = counts(store).await;
    counts
        .iter()
        .find(|(name, _)| *name == table)
        .expect("a table of this name")
        .1
}

async fn what_has_ended_is_swept_and_what_lives_is_kept(store: &dyn Store) {
    insert(
        store,
        [
            revocation("ended", at(-1)),
            revocation("ends now", NOW),
            revocation("lives", at(1)),
            idempotency("ended", at(-1)),
            idempotency("lives", at(1)),
            // It has not lapsed for long.
            credential(
                "sandbox",
                "s",
                "cred_1",
                held_by_client("org_a", "client_a"),
            ),
        ],
    )
    .await;
    assert_eq!(kept(store, expired(100)).await, 2);
    assert_eq!(row(store, &revocation("ended", NOW).key()).await, None);
    assert_eq!(row(store, &idempotency("ended", NOW).key()).await, None);
    for lives in [
        revocation("ends now", NOW),
        revocation("lives", NOW),
        idempotency("lives", NOW),
    ] {
        assert!(row(store, &lives.key()).await.is_some());
    }
    assert_eq!(count(store, "credential").await, 1);
    assert_eq!(kept(store, expired(100)).await, 0);
}

async fn what_people_leave_behind_is_swept_when_it_has_ended(store: &dyn Store) {
    let rows = |ends| {
        let word = format!("{ends:?}");
        [
            people::session(&word, "s1", ends),
            people::session_window(if ends < NOW { "s1" } else { "s2" }, ends),
            people::ticket(&word, ends),
            people::attempts(&word, ends),
        ]
    };
    insert(store, rows(at(-1))).await;
    insert(store, rows(at(1))).await;
    insert(store, [people::subject("sandbox", "org_a", "s1")]).await;
    insert(store, [people::subscription("sandbox", "org_a", "wh_1")]).await;
    assert_eq!(kept(store, expired(100)).await, 4);
    for ended in rows(at(-1)) {
        assert_eq!(row(store, &ended.key()).await, None);
    }
    for lives in rows(at(1)) {
        assert!(row(store, &lives.key()).await.is_some());
    }
    assert_eq!(count(store, "subject").await, 1);
    assert_eq!(count(store, "subscription").await, 1);
}

async fn a_lapsed_credential_is_swept_when_its_row_says_so(store: &dyn Store) {
    let lapses = credential("sandbox", "s1", "cred_1", held_by_operator("alice"));
    let mut stays = credential("sandbox", "s2", "cred_2", held_by_operator("alice"));
    if let Row::Credential(credential) = &mut stays {
        credential.expires_at = None;
    }
    let sweep_at = lapses.sweep_at().expect("it expires");
    insert(store, [lapses.clone(), stays.clone()]).await;
    let sweep = |micros| Housekeeping::SweepExpired {
        now: Timestamp::from_micros(sweep_at.micros() + micros),
        limit: 10,
    };
    assert_eq!(kept(store, sweep(0)).await, 0);
    assert_eq!(kept(store, sweep(1)).await, 1);
    assert_eq!(row(store, &lapses.key()).await, None);
    assert!(row(store, &stays.key()).await.is_some());
    // Its id is free again, and a replaced credential ends when its new content says so.
    if let Row::Credential(credential) = &mut stays {
        credential.revoked_at = Some(NOW);
    }
    write(
        store,
        vec![replace(stays.clone(), 1), Change::Insert(lapses)],
    )
    .await
    .unwrap();
    assert_eq!(kept(store, sweep(0)).await, 1);
    assert_eq!(row(store, &stays.key()).await, None);
}

async fn an_erased_subject_is_swept_when_its_row_says_so(store: &dyn Store) {
    let stays = people::subject("sandbox", "org_a", "stays");
    let mut goes = people::subject("sandbox", "org_a", "goes");
    insert(store, [stays.clone(), goes.clone()]).await;
    let far = Housekeeping::SweepExpired {
        now: Timestamp::from_seconds(4_000_000_000),
        limit: 10,
    };
    assert_eq!(kept(store, far.clone()).await, 0);
    if let Row::Subject(subject) = &mut goes {
        subject.closing_at = Some(NOW);
    }
    write(store, vec![replace(goes.clone(), 1)]).await.unwrap();
    let sweep_at = goes.sweep_at().expect("it is being erased");
    let sweep = |micros| Housekeeping::SweepExpired {
        now: Timestamp::from_micros(sweep_at.micros() + micros),
        limit: 10,
    };
    assert_eq!(kept(store, sweep(0)).await, 0);
    assert_eq!(kept(store, sweep(1)).await, 1);
    assert_eq!(row(store, &goes.key()).await, None);
    assert!(row(store, &stays.key()).await.is_some());
}

async fn a_sweep_keeps_to_its_limit_and_begins_with_the_oldest(store: &dyn Store) {
    insert(store, (1..=5).map(|n| revocation(&format!("r{n}"), at(-n)))).await;
    insert(
        store,
        (1..=3).map(|n| idempotency(&format!("i{n}"), at(-n))),
    )
    .await;
    let spend = |n: i64| Change::Spend(one_time(&format!("s{n}"), at(-n)));
    write(store, (1..=3).map(spend).collect()).await.unwrap();
    assert_eq!(kept(store, expired(0)).await, 0);
    assert_eq!(kept(store, expired(2)).await, 2);
    let mut left = Vec::new();
    for n in 1..=5 {
        if row(store, &revocation(&format!("r{n}"), NOW).key())
            .await
            .is_some()
        {
            left.push(n);
        }
    }
    assert_eq!(left, [1, 2, 3]);
    assert_eq!(kept(store, expired(5)).await, 5);
    let tables = ["revocation", "idempotency", "spent"];
    let mut rows = Vec::new();
    for table in tables {
        rows.push(count(store, table).await);
    }
    assert_eq!(rows, [0, 1, 3]);
    assert_eq!(kept(store, expired(100)).await, 4);
}

async fn what_was_spent_can_be_swept_and_only_then_spent_again(store: &dyn Store) {
    let spend = || vec![Change::Spend(one_time("jti", at(-1)))];
    write(store, spend()).await.unwrap();
    assert_eq!(write(store, spend()).await, conflict(0));
    assert_eq!(kept(store, expired(10)).await, 1);
    write(store, spend()).await.unwrap();
}

async fn credentials_go_with_their_holder(store: &dyn Store) {
    let (app, alice) = (client("sandbox", "org_a", "client_a"), operator("alice"));
    insert(store, [app.clone(), alice.clone()]).await;
    let of_app = credential(
        "sandbox",
        "s1",
        "cred_1",
        held_by_client("org_a", "client_a"),
    );
    let of_alice = credential("*", "s2", "cred_2", held_by_operator("alice"));
    let lost = ["s3", "s4", "s5"].map(|s| {
        credential(
            "sandbox",
            s,
            &format!("cred_{s}"),
            held_by_client("org_a", "gone"),
        )
    });
    insert(store, [of_app.clone(), of_alice.clone()]).await;
    insert(store, lost).await;
    let orphans = |limit| Housekeeping::SweepOrphans { limit };
    assert_eq!(kept(store, orphans(2)).await, 2);
    assert_eq!(count(store, "credential").await, 3);
    assert_eq!(kept(store, orphans(10)).await, 1);
    assert_eq!(kept(store, orphans(10)).await, 0);
    write(store, vec![remove(&app, 1)]).await.unwrap();
    assert_eq!(kept(store, orphans(10)).await, 1);
    assert_eq!(row(store, &of_app.key()).await, None);
    write(store, vec![remove(&alice, 1)]).await.unwrap();
    assert_eq!(kept(store, orphans(10)).await, 1);
    assert_eq!(row(store, &of_alice.key()).await, None);
    // The id is free again.
    insert(
        store,
        [credential("*", "s9", "cred_2", held_by_operator("alice"))],
    )
    .await;
}

async fn last_uses_never_go_back_and_go_with_their_credential(store: &dyn Store) {
    let used = credential("sandbox", "s1", "cred_1", held_by_operator("alice"));
    insert(store, [operator("alice"), used.clone()]).await;
    let noted = |id: &str, seconds| (sandbox(), credential_id(id), at(seconds));
    let key = Key::LastUsed(sandbox(), credential_id("cred_1"));
    let note = |uses| Housekeeping::LastUsed(uses);
    assert_eq!(kept(store, note(vec![])).await, 0);
    for (uses, touched, stands, version) in [
        (vec![noted("cred_1", 5)], 1, 5, 1),
        (vec![noted("cred_1", 5), noted("cred_1", 4)], 0, 5, 1),
        (
            vec![
                noted("cred_1", 7),
                noted("cred_none", 7),
                noted("cred_1", 6),
            ],
            1,
            7,
            2,
        ),
    ] {
        assert_eq!(kept(store, note(uses)).await, touched);
        let stored = row(store, &key).await.unwrap();
        assert_eq!(
            stored.row,
            Row::LastUsed(sandbox(), credential_id("cred_1"), at(stands))
        );
        assert_eq!(stored.version, version);
    }
    write(store, vec![remove(&used, 1)]).await.unwrap();
    assert_eq!(
        kept(store, Housekeeping::SweepOrphans { limit: 10 }).await,
        1
    );
    assert_eq!(row(store, &key).await, None);
    assert_eq!(count(store, "last_used").await, 0);
}

async fn old_audit_lines_are_swept_oldest_first(store: &dyn Store) {
    let lines = [3, 1, 4, 2].map(|n| event(&format!("n{n}"), at(n)));
    store.observe(lines.to_vec()).await.unwrap();
    let sweep = |limit| Housekeeping::SweepAudit {
        before: at(4),
        limit,
    };
    assert_eq!(kept(store, sweep(0)).await, 0);
    assert_eq!(kept(store, sweep(2)).await, 2);
    let left = audit_lines(store).await;
    let left: Vec<_> = left
        .iter()
        .map(|line| line.audit().unwrap().action.as_str())
        .collect();
    assert_eq!(left, ["n4", "n3"]);
    assert_eq!(kept(store, sweep(10)).await, 1);
    assert_eq!(audit_lines(store).await.len(), 1);
}

async fn old_feed_rows_are_swept(store: &dyn Store) {
    for n in 0..5 {
        let change = Change::Insert(organization(&format!("org_{n}")));
        store.commit(commit_at(at(n), vec![change])).await.unwrap();
    }
    let sweep = |limit| Housekeeping::SweepFeed {
        before: at(3),
        limit,
    };
    assert_eq!(kept(store, sweep(2)).await, 2);
    assert_eq!(kept(store, sweep(2)).await, 1);
    assert_eq!(kept(store, sweep(2)).await, 0);
    assert_eq!(count(store, "feed").await, 2);
}

async fn every_table_is_counted_by_its_name(store: &dyn Store) {
    insert(store, every_noun()).await;
    write(store, vec![Change::Spend(one_time("jti", NOW))])
        .await
        .unwrap();
    let use_of = (sandbox(), credential_id("cred_1"), NOW);
    assert_eq!(kept(store, Housekeeping::LastUsed(vec![use_of])).await, 1);
    let wanted = [
        ("environment", 1),
        ("organization", 1),
        ("operator", 1),
        ("name", 1),
        ("client", 1),
        ("credential", 2),
        ("guards", 1),
        ("key_set", 1),
        ("revocation", 1),
        ("idempotency", 1),
        ("subject", 1),
        ("session", 1),
        ("session_window", 1),
        ("ticket", 1),
        ("attempts", 1),
        ("subscription", 1),
        ("delivery", 1),
        ("device", 0),
        ("asset", 0),
        ("identification", 0),
        ("approval", 0),
        ("approvers", 0),
        ("spent", 1),
        ("last_used", 1),
        ("audit", 2),
        ("feed", 1),
    ];
    assert_eq!(counts(store).await, wanted);
}
