//! What only the engine itself can see: its statements, its schema, its faults.

use super::{statements::keyed, *};
use crate::{
    conformance::{samples::*, told_since},
    tables::Noun,
};
use countersign_engine::{commit::Change, denied::Fault};
use rusqlite::Connection;
use std::sync::atomic::Ordering::Relaxed;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.build().unwrap().block_on(future)
}

fn migrated() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrations::run(&mut connection, &migrations::all()).unwrap();
    connection
}

#[test]
fn every_statement_prepares_on_an_empty_store() {
    let connection = migrated();
    let all = statements::all();
    assert!(all.len() > 90, "{} statements are listed", all.len());
    for sql in all {
        connection
            .prepare(sql)
            .map_err(|error| format!("{sql}: {error}"))
            .unwrap();
    }
}

/// The steps of SQLite's plan for a statement.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut plan = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    plan.raw_query()
        .mapped(|row| row.get(3))
        .collect::<Result<_, _>>()
        .unwrap()
}

fn is_count(sql: &str) -> bool {
    sql.contains("count(*)")
}

/// Whatever scans or sorts gets slower with every row: look-ups, pages, and what a worker does every few seconds.
#[test]
fn nothing_but_a_count_scans_or_sorts() {
    let connection = migrated();
    let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    // Another test counts the steps of what is due.
    let planned = |sql: &&str| {
        verbs.iter().any(|verb| sql.starts_with(verb))
            && !is_count(sql)
            && *sql != statements::DUE_PLACES
    };
    let mut seen = 0;
    for sql in statements::all().into_iter().filter(planned) {
        for step in plan(&connection, sql) {
            let whole = [
                "SCAN sqlite_sequence",
                "SCAN CONSTANT ROW",
                "SCAN (subquery",
            ];
            let of_one = whole.iter().any(|small| step.starts_with(small));
            // The oldest rows of the feed, up to a limit.
            let inner = ["SCAN feed", "SCAN (subquery-1)"].contains(&step.as_str());
            let oldest = sql == statements::SWEEP_FEED && inner;
            assert!(
                !step.starts_with("SCAN") || of_one || oldest,
                "{sql}\n{step}"
            );
            assert!(!step.contains("USE TEMP B-TREE"), "{sql}\n{step}");
            seen += 1;
        }
    }
    assert!(seen > 80, "{seen} steps are planned");
}

/// A count goes over an index, never over the rows themselves, and to its bound; the ledgers that are kept for a
/// year are measured by two look-ups as soon as they are longer.
#[test]
fn a_count_is_bounded() {
    let connection = migrated();
    // These are given their bound by whoever counts.
    let of_callers = [
        statements::COUNT_SUBJECTS,
        statements::COUNT_WAITING_OF_ORGANIZATION,
        statements::COUNT_WAITING_OF_PROVIDER,
    ];
    let counts: Vec<&str> = statements::all()
        .into_iter()
        .filter(|sql| is_count(sql) && !of_callers.contains(sql))
        .collect();
    assert_eq!(
        counts.len(),
        tables::Noun::ALL.len() + tables::LEDGERS.len() + statements::COUNT_DELIVERIES.len()
    );
    let limit = format!("LIMIT {})", statements::COUNTED_MAX);
    let span = format!(">= {} THEN (SELECT max(number)", statements::COUNTED_MAX);
    for sql in counts {
        assert!(sql.ends_with(&limit) || sql.contains(&span), "{sql}");
        for step in plan(&connection, sql) {
            let table = step.strip_prefix("SCAN ").unwrap_or_default();
            let large = ["credential", "revocation", "idempotency", "spent", "audit"];
            let is_large = large
                .iter()
                .any(|name| table.split(' ').next() == Some(name));
            assert!(
                !is_large || step.contains("COVERING INDEX"),
                "{sql}\n{step}"
            );
        }
    }
}

#[test]
fn an_organizations_subjects_are_counted_by_their_index() {
    let steps = plan(&migrated(), statements::COUNT_SUBJECTS);
    let of_subjects = |step: &&String| step.contains("subject ");
    let searched: Vec<_> = steps.iter().filter(of_subjects).collect();
    let [step] = searched[..] else {
        panic!("{steps:?}")
    };
    let by_index = "SEARCH subject USING COVERING INDEX";
    assert!(step.starts_with(by_index), "{step}");
}

#[test]
fn a_long_ledger_is_measured_and_not_counted() {
    let connection = migrated();
    let insert = "INSERT INTO audit (number, at, environment, body) VALUES (?1, 0, 'e', '')";
    let count = || -> i64 {
        let sql = &statements::COUNT_LEDGERS[2];
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(), 0);
    for number in [5, 6, 9] {
        connection.execute(insert, [number]).unwrap();
    }
    assert_eq!(count(), 3, "short: counted");
    connection.execute(insert, [2_000_004]).unwrap();
    assert_eq!(
        count(),
        2_000_000,
        "long: from the first number to the last"
    );
}

/// Every sweep read every credential there was.
#[test]
fn a_sweep_looks_at_one_stretch_and_the_next_at_the_one_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        looked_at_max: 3,
        ..Settings::default()
    };
    let store = open(folder.path(), &settings).unwrap();
    let kept = |n: u32| {
        credential(
            "sandbox",
            &format!("k{n}"),
            &format!("cred_b{n}"),
            held_by_operator("alice"),
        )
    };
    let lost = |n: u32| {
        credential(
            "sandbox",
            &format!("l{n}"),
            &format!("cred_c{n}"),
            held_by_operator("gone"),
        )
    };
    let mut rows = vec![operator("alice")];
    rows.extend((0..4).map(kept));
    rows.extend((0..5).map(lost));
    let sweep = |limit| match block_on(store.keep(Housekeeping::SweepOrphans { limit })).unwrap() {
        Kept::Rows(rows) => rows,
        Kept::Counts(counts) => panic!("{counts:?}"),
    };
    block_on(store.commit(commit(rows.into_iter().map(Change::Insert).collect()))).unwrap();
    // b0 b1 b2; b3 c0 c1, of which the limit lets one go; b3 c1 c2, likewise; b3 c2 c3; c4, and from the beginning.
    assert_eq!([10, 1, 1, 10, 10].map(sweep), [0, 1, 1, 2, 1]);
    let again = lost(9);
    block_on(store.commit(commit(vec![Change::Insert(again.clone())]))).unwrap();
    assert_eq!([10, 10, 10].map(sweep), [0, 1, 0]);
    assert_eq!(block_on(store.load(&[again.key()])).unwrap(), [None]);
    for n in 0..4 {
        assert!(block_on(store.load(&[kept(n).key()])).unwrap()[0].is_some());
    }
}

#[test]
fn the_first_migration_is_the_one_that_shipped() {
    let first = &migrations::all()[0];
    let checksum = serde_json::to_string(&first.checksum()).unwrap();
    // If this fails, a table has changed that stores out there already have: add a migration instead.
    assert_eq!(
        checksum,
        "\"8d2b0b8c84ac71fbfaef0e030d15632da569b761e69f21dcb2660bd73b4c7cff\""
    );
}

/// What one receiver holds up must cost the others nothing: neither many subjects that wait, nor many events of
/// one subject, make the question what is due any dearer, nor the notes of attempts.
#[test]
fn what_waits_at_one_destination_costs_nothing_at_others() {
    let asked = [
        (0, "none"),
        (20_000, "many subjects"),
        (20_000, "one subject"),
    ]
    .map(|(rows, of)| {
        let connection = migrated();
        fill(&connection, rows, of == "one subject");
        let due = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            let mut sql = connection.prepare(sql).unwrap();
            let places: Vec<String> = sql
                .query_map(values, |row| row.get(0))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            (
                places.len(),
                sql.get_status(rusqlite::StatementStatus::VmStep),
            )
        };
        let (places, steps) = due(statements::DUE_PLACES, &[&10, &200, &"[]"]);
        assert_eq!(places, if rows == 0 { 1 } else { 2 }, "{of}");
        let (first, more) = due(
            &statements::LIST_DUE_AT.replace("SELECT due_at", "SELECT id"),
            &[&"big", &10, &4],
        );
        assert!(first <= 4);
        let settled: i32 = [statements::LANE_BACK, statements::LANE_FRONT]
            .map(|sql| {
                let mut sql = connection.prepare(sql).unwrap();
                let id = format!("id{:08}", rows.max(1) - 1);
                sql.execute(rusqlite::params!["sandbox", id, crate::tables::BEHIND])
                    .unwrap();
                sql.get_status(rusqlite::StatementStatus::VmStep)
            })
            .iter()
            .sum();
        (of, steps + more + settled)
    });
    for (of, steps) in asked {
        assert!(steps < 1_000, "{of}: {steps} steps of SQLite's machine");
    }
}

/// So many deliveries at one destination, those behind another as a commit leaves them, and one at another.
fn fill(connection: &Connection, rows: u32, is_one_lane: bool) {
    let mut sql = connection.prepare(&keyed(Noun::Delivery).insert).unwrap();
    let mut insert = |id: String, place: &str, lane: String, due_at: i64| {
        sql.execute(rusqlite::params![
            "sandbox",
            id,
            place,
            lane,
            due_at,
            0,
            r#"{"due_at":1}"#
        ])
        .unwrap();
    };
    connection.execute_batch("BEGIN").unwrap();
    for n in 0..rows {
        let lane = if is_one_lane { 0 } else { n };
        let due_at = if is_one_lane && n > 0 {
            crate::tables::BEHIND
        } else {
            1
        };
        insert(format!("id{n:08}"), "big", format!("s{lane}"), due_at);
    }
    insert("other".into(), "other", "s".into(), 2);
    connection.execute_batch("COMMIT").unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_both_versions_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    drop(open(&path, &Settings::default()).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection
        .execute("INSERT INTO schema_version VALUES (7, x'00')", [])
        .unwrap();
    drop(connection);
    let error = open(folder.path(), &Settings::default()).unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { found: 7, known: 3 }),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.contains("version 7") && text.contains("up to 3"),
        "{text}"
    );
}

#[test]
fn a_schema_of_other_statements_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    drop(open(&path, &Settings::default()).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection
        .execute("UPDATE schema_version SET checksum = x'00'", [])
        .unwrap();
    drop(connection);
    let error = open(&path, &Settings::default()).unwrap_err();
    assert!(matches!(error, OpenError::Edited { version: 1 }), "{error}");
}

#[test]
fn a_migration_that_fails_leaves_the_version_before_it() {
    let mut connection = migrated();
    let mut all = migrations::all();
    all.push(migrations::Migration {
        version: 4,
        statements: vec![
            "CREATE TABLE later (id INTEGER) STRICT".into(),
            "NOT SQL".into(),
        ],
    });
    assert!(matches!(
        migrations::run(&mut connection, &all),
        Err(OpenError::Sqlite(_))
    ));
    let later = connection.prepare("SELECT id FROM later");
    assert!(later.is_err());
    drop(later);
    all[3].statements.pop();
    migrations::run(&mut connection, &all).unwrap();
    migrations::run(&mut connection, &all).unwrap();
    connection.prepare("SELECT id FROM later").unwrap();
}

#[test]
fn the_file_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.sqlite");
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE photographs (id INTEGER)")
        .unwrap();
    drop(other);
    let error = open(&path, &Settings::default()).unwrap_err();
    assert!(matches!(error, OpenError::NotOurs), "{error}");
    let text = folder.path().join("text");
    std::fs::write(&text, "x".repeat(5000)).unwrap();
    assert!(matches!(
        open(&text, &Settings::default()),
        Err(OpenError::Sqlite(_))
    ));
    assert_eq!(std::fs::read(&text).unwrap(), "x".repeat(5000).into_bytes());
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &Settings::default()).unwrap();
    block_on(store.observe(vec![event("a", NOW)])).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &Settings::default()).unwrap();
    let changes = every_noun().into_iter().map(Change::Insert).collect();
    block_on(store.commit(commit(changes))).unwrap();
    let cursor = block_on(store.feed(None)).unwrap().next;
    drop(store);
    // The log was moved into the file on the way out.
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let store = open(folder.path(), &Settings::default()).unwrap();
    for noun in every_noun() {
        let rows = block_on(store.load(&[noun.key()])).unwrap();
        assert_eq!(rows[0].as_ref().unwrap().row, noun);
    }
    assert_eq!(block_on(store.feed(None)).unwrap().next, cursor);
}

#[test]
fn dropping_the_store_writes_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &Settings::default()).unwrap();
    let names: Vec<String> = (0..300).map(|n| format!("org_{n:03}")).collect();
    block_on(async {
        for name in &names {
            let change = Change::Insert(organization(name));
            let mut waiting = store.commit(commit(vec![change]));
            // Polled once: it waits with the writer. Then whoever asked goes away.
            std::future::poll_fn(|context| {
                drop(waiting.as_mut().poll(context));
                std::task::Poll::Ready(())
            })
            .await;
        }
    });
    drop(store);
    let store = open(folder.path(), &Settings::default()).unwrap();
    let counts = block_on(store.keep(Housekeeping::CountRows)).unwrap();
    let Kept::Counts(counts) = counts else {
        panic!("{counts:?}")
    };
    assert!(
        counts.contains(&("organization", 300)) && counts.contains(&("audit", 300)),
        "{counts:?}"
    );
}

/// A size that the file may not pass stands in for a disk that is full: SQLite answers both alike.
#[test]
fn a_full_disk_refuses_the_whole_group_and_the_writer_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        pages_max: Some(120),
        ..Settings::default()
    };
    let store = open(folder.path(), &settings).unwrap();
    block_on(async {
        let mut written = 0;
        let fault = loop {
            let change = Change::Insert(organization(&format!("org_{written}")));
            match store.commit(commit(vec![change])).await {
                Ok(()) => written += 1,
                Err(error) => break error,
            }
            assert!(written < 10_000, "it never became full");
        };
        assert!(
            matches!(fault, CommitError::Fault(Fault::Unavailable(_))),
            "{fault}"
        );
        assert_eq!(store.counters().groups_failed.load(Relaxed), 1);
        // Reading goes on; nothing of the refused commit is there.
        let refused = organization(&format!("org_{written}")).key();
        assert_eq!(store.load(&[refused]).await.unwrap(), [None]);
        // Sweeping makes room, without a restart.
        let sweep = |limit| Housekeeping::SweepAudit {
            before: at(1),
            limit,
        };
        assert_eq!(
            store.keep(sweep(100_000)).await.unwrap(),
            Kept::Rows(written)
        );
        let change = Change::Insert(organization("org_again"));
        store.commit(commit(vec![change])).await.unwrap();
    });
}

#[test]
fn a_log_past_its_bound_refuses_writes_until_it_can_be_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let settings = Settings {
        wal_checkpoint_bytes: 1 << 16,
        wal_writer_bytes: 1 << 17,
        wal_bytes_max: 1 << 18,
        busy_timeout: std::time::Duration::from_millis(1),
        ..Settings::default()
    };
    let store = open(&path, &settings).unwrap();
    // A reader that stays, as a long backup does, keeps the log from being emptied.
    let reader = Connection::open(&path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM audit")
        .unwrap();
    let write = async |n: u32| store.observe(vec![event(&format!("n{n}"), NOW)]).await;
    block_on(async {
        let mut written = 0;
        let fault = loop {
            match write(written).await {
                Ok(()) => written += 1,
                Err(fault) => break fault,
            }
            assert!(written < 10_000, "it never reached its bound");
        };
        assert!(matches!(fault, Fault::Unavailable(_)), "{fault}");
        assert!(store.counters().refused_wal.load(Relaxed) >= 1);
        reader.execute_batch("COMMIT").unwrap();
        // The writer looks at each write whether the log can be emptied by now.
        let mut tries = 0;
        while let Err(fault) = write(written).await {
            tries += 1;
            assert!(tries < 1_000, "{fault}");
        }
        assert!(store.counters().wal_bytes.load(Relaxed) < settings.wal_bytes_max);
        let lines = crate::conformance::audit_lines(&store).await;
        assert_eq!(lines.len() as u32, written + 1);
    });
}

#[test]
fn a_full_queue_is_busy_and_not_an_endless_wait() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        writes_waiting_max: 1,
        group_max: 1,
        ..Settings::default()
    };
    let store = open(folder.path(), &settings).unwrap();
    let names: Vec<String> = (0..200).map(|n| format!("org_{n}")).collect();
    let commits = names.iter().map(|name| {
        store.commit(commit(vec![Change::Insert(organization(name))]))
            as crate::conformance::Doing<'_, _>
    });
    let answers = block_on(crate::conformance::together(commits.collect()));
    let busy = answers
        .iter()
        .filter(|answer| matches!(answer, Err(CommitError::Fault(Fault::Unavailable(_)))))
        .count();
    let written = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(busy + written, names.len());
    assert!(busy > 0 && written > 0);
    assert_eq!(store.counters().refused_busy.load(Relaxed), busy as u64);
    // Refused means not written.
    let told = block_on(told_since(&store, &FeedCursor(0))).0;
    assert_eq!(told.len(), written);
}

#[test]
fn many_commits_share_one_fsync() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &Settings::default()).unwrap();
    let names: Vec<String> = (0..400).map(|n| format!("org_{n}")).collect();
    let commits = names.iter().map(|name| {
        store.commit(commit(vec![Change::Insert(organization(name))]))
            as crate::conformance::Doing<'_, _>
    });
    block_on(crate::conformance::together(commits.collect()))
        .into_iter()
        .for_each(|answer: Result<(), CommitError>| answer.unwrap());
    let counters = store.counters();
    assert_eq!(counters.grouped.load(Relaxed), 400);
    assert!(counters.groups.load(Relaxed) < 400);
    assert!(counters.group_max.load(Relaxed) > 1);
}
