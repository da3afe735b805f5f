//! Pages: what is in them, their order, and that they stay whole while rows come and go.

use super::{audit_lines, every_page, insert, people, remove, samples::*, write};
use countersign_engine::{
    bounds::PAGE_ROWS_MAX,
    commit::Change,
    ports::{Cursor, Housekeeping, Kept, Query, Store},
    row::{Row, Stored},
};
use std::sync::Arc;

cases! {
    lists_are_sorted_by_id_and_cut_into_pages
    lists_name_only_what_was_asked_for
    sessions_are_listed_by_digest_and_subject
    the_subjects_of_an_organization_are_counted_up_to_a_limit
    a_credential_is_found_by_its_id
    a_page_has_at_least_one_row_and_at_most_the_bound
    pages_skip_and_repeat_nothing_while_rows_come_and_go
    audit_lines_come_newest_first_and_narrowed
    audit_lines_of_one_moment_keep_their_order
    observations_are_listed_among_the_others
    a_cursor_that_no_page_gave_ends_the_list
    versions_and_not_before_are_listed_too
}

fn ids(rows: &[Arc<Stored>]) -> Vec<String> {
    let id = |row: &Arc<Stored>| match &row.row {
        Row::Environment(row) => row.id.to_string(),
        Row::Organization(row) => row.id.to_string(),
        Row::Operator(row) => row.id.to_string(),
        Row::Client(row) => row.id.to_string(),
        Row::Credential(row) => row.id.to_string(),
        Row::KeySet(row) => row.name.clone(),
        Row::Subject(row) => row.id.to_string(),
        Row::Session(row) => row.hint.clone(),
        Row::Subscription(row) => row.id.to_string(),
        Row::Audit(row) => row.action.clone(),
        other => panic!("a list gave {other:?}"),
    };
    rows.iter().map(id).collect()
}

async fn lists_are_sorted_by_id_and_cut_into_pages(store: &dyn Store) {
    // In no order, and apart in case, so that a collation would show.
    let names = ["b", "Z", "a.1", "a", "_", "10", "9", "a-1"];
    let mut sorted = names.map(str::to_owned);
    sorted.sort();
    insert(store, names.map(environment)).await;
    insert(store, names.map(organization)).await;
    insert(store, names.map(operator)).await;
    insert(store, names.map(|name| client("sandbox", "org", name))).await;
    insert(store, names.map(|name| key_set("sandbox", name))).await;
    let subjects = names.map(|name| people::subject("sandbox", "org", name));
    insert(store, subjects).await;
    let subscriptions = names.map(|name| people::subscription("sandbox", "org", name));
    insert(store, subscriptions).await;
    let holder = || held_by_client("org", "a");
    insert(
        store,
        names.map(|name| credential("sandbox", name, name, holder())),
    )
    .await;
    for query in [
        Query::Environments,
        Query::Organizations,
        Query::Operators,
        Query::Clients(sandbox(), None),
        Query::Clients(sandbox(), Some(organization_id("org"))),
        Query::KeySets(sandbox()),
        Query::Credentials(sandbox(), None),
        Query::Credentials(sandbox(), Some(holder())),
        Query::Subjects(sandbox(), organization_id("org")),
        Query::Subscriptions(sandbox(), organization_id("org")),
    ] {
        for limit in [1, 2, 3, 7, 8, 9] {
            let rows = every_page(store, &query, limit).await;
            assert_eq!(ids(&rows), sorted, "{query:?} by {limit}");
        }
        let page = store.list(&query, None, 8).await.unwrap();
        assert_eq!(page.next, None, "{query:?}: a full last page has no next");
    }
}

/// Rows of every noun, and others that lists must tell apart.
async fn several_owners(store: &dyn Store) {
    insert(store, every_noun()).await;
    insert(
        store,
        [
            client("sandbox", "org_b", "client_b"),
            client("production", "org_a", "client_p"),
            key_set("production", "standard"),
            credential(
                "sandbox",
                "s3",
                "cred_3",
                held_by_client("org_a", "client_b"),
            ),
            credential(
                "sandbox",
                "s4",
                "cred_4",
                held_by_client("org_b", "client_a"),
            ),
            credential(
                "production",
                "s5",
                "cred_5",
                held_by_client("org_a", "client_a"),
            ),
            credential("*", "s6", "cred_6", held_by_operator("bob")),
            people::subject("sandbox", "org_b", "s2"),
            people::subject("production", "org_a", "s3"),
            people::subscription("sandbox", "org_b", "wh_2"),
            people::subscription("production", "org_a", "wh_3"),
        ],
    )
    .await;
}

async fn lists_name_only_what_was_asked_for(store: &dyn Store) {
    several_owners(store).await;
    let none: [&str; 0] = [];
    let by_holder =
        |environment: &str, holder| Query::Credentials(environment_id(environment), Some(holder));
    for (query, wanted) in [
        (
            Query::Clients(sandbox(), None),
            &["client_a", "client_b"][..],
        ),
        (
            Query::Clients(sandbox(), Some(organization_id("org_b"))),
            &["client_b"],
        ),
        (
            Query::Clients(environment_id("production"), Some(organization_id("org_b"))),
            &none,
        ),
        (
            Query::Credentials(sandbox(), None),
            &["cred_1", "cred_3", "cred_4"],
        ),
        (
            by_holder("sandbox", held_by_client("org_a", "client_a")),
            &["cred_1"],
        ),
        (by_holder("sandbox", held_by_operator("alice")), &none),
        (by_holder("*", held_by_operator("alice")), &["cred_2"]),
        (
            Query::Credentials(environment_id("*"), None),
            &["cred_2", "cred_6"],
        ),
        (Query::KeySets(environment_id("production")), &["standard"]),
        (Query::KeySets(environment_id("other")), &none),
        (
            Query::Subjects(sandbox(), organization_id("org_a")),
            &["s1"],
        ),
        (Query::Subjects(sandbox(), organization_id("org_c")), &none),
        (
            Query::Subscriptions(sandbox(), organization_id("org_a")),
            &["wh_1"],
        ),
        (
            Query::Subscriptions(environment_id("production"), organization_id("org_b")),
            &none,
        ),
    ] {
        assert_eq!(
            ids(&every_page(store, &query, 1).await),
            wanted,
            "{query:?}"
        );
    }
}

async fn sessions_are_listed_by_digest_and_subject(store: &dyn Store) {
    let words: Vec<String> = (0..20).map(|n| format!("ses{n}")).collect();
    let subject_of = |word: &str| if word.len() == 4 { "s1" } else { "s2" };
    let sessions = words.iter().map(|word| {
        let mut row = people::session(word, subject_of(word), at(60));
        if let Row::Session(session) = &mut row {
            session.hint = word.clone();
        }
        row
    });
    insert(store, sessions).await;
    for subject in ["s1", "s2", "s3"] {
        let mut wanted: Vec<_> = words
            .iter()
            .filter(|word| subject_of(word) == subject)
            .collect();
        wanted.sort_by_key(|word| *digest(word).as_bytes());
        let query = Query::Sessions(sandbox(), people::subject_id(subject));
        for limit in [1, 3, 10, 11] {
            let rows = every_page(store, &query, limit).await;
            assert_eq!(ids(&rows).iter().collect::<Vec<_>>(), wanted, "by {limit}");
        }
    }
}

async fn a_credential_is_found_by_its_id(store: &dyn Store) {
    let wanted = credential("sandbox", "s1", "cred_1", held_by_operator("alice"));
    insert(
        store,
        [
            wanted.clone(),
            credential("sandbox", "s2", "cred_2", held_by_operator("alice")),
            credential("production", "s1", "cred_1", held_by_operator("alice")),
        ],
    )
    .await;
    let by_id = |id| Query::CredentialById(sandbox(), credential_id(id));
    let page = store.list(&by_id("cred_1"), None, 10).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (1, None));
    assert_eq!(page.rows[0].row, wanted);
    assert_eq!(every_page(store, &by_id("cred_3"), 10).await, []);
}

async fn a_page_has_at_least_one_row_and_at_most_the_bound(store: &dyn Store) {
    let names: Vec<String> = (0..PAGE_ROWS_MAX + 5)
        .map(|n| format!("org_{n:04}"))
        .collect();
    insert(store, names.iter().map(|name| organization(name))).await;
    let page = store
        .list(&Query::Organizations, None, u32::MAX)
        .await
        .unwrap();
    assert_eq!(page.rows.len(), PAGE_ROWS_MAX as usize);
    assert!(page.next.is_some());
    let page = store.list(&Query::Organizations, None, 0).await.unwrap();
    assert_eq!(ids(&page.rows), names[..1]);
}

async fn pages_skip_and_repeat_nothing_while_rows_come_and_go(store: &dyn Store) {
    insert(store, ["b", "d", "f", "h"].map(organization)).await;
    let query = Query::Organizations;
    let first = store.list(&query, None, 2).await.unwrap();
    assert_eq!(ids(&first.rows), ["b", "d"]);
    insert(store, ["a", "c", "e", "z"].map(organization)).await;
    write(
        store,
        vec![remove(&organization("d"), 1), remove(&organization("f"), 1)],
    )
    .await
    .unwrap();
    let second = store.list(&query, first.next.as_ref(), 2).await.unwrap();
    assert_eq!(ids(&second.rows), ["e", "h"]);
    let third = store.list(&query, second.next.as_ref(), 2).await.unwrap();
    assert_eq!((ids(&third.rows), third.next), (vec!["z".to_owned()], None));
}

async fn audit_lines_come_newest_first_and_narrowed(store: &dyn Store) {
    let line = |action: &str, seconds, environment: &str, organization: Option<&str>| {
        let mut event = event(action, at(seconds));
        event.environment = environment_id(environment);
        event.organization = organization.map(organization_id);
        event
    };
    let lines = vec![
        line("c", 3, "sandbox", Some("org_a")),
        line("a", 1, "sandbox", None),
        line("d", 4, "production", Some("org_a")),
        line("b", 2, "sandbox", Some("org_b")),
        line("e", 5, "*", None),
    ];
    store.observe(lines).await.unwrap();
    let narrowed =
        |environment: Option<&str>, organization: Option<&str>, since: Option<i64>| Query::Audit {
            environment: environment.map(environment_id),
            organization: organization.map(organization_id),
            since: since.map(at),
        };
    for (query, wanted) in [
        (narrowed(None, None, None), &["e", "d", "c", "b", "a"][..]),
        (narrowed(Some("sandbox"), None, None), &["c", "b", "a"]),
        (narrowed(None, Some("org_a"), None), &["d", "c"]),
        (narrowed(Some("sandbox"), Some("org_a"), None), &["c"]),
        (narrowed(Some("*"), None, None), &["e"]),
        (narrowed(None, None, Some(3)), &["e", "d", "c"]),
        (narrowed(Some("sandbox"), None, Some(2)), &["c", "b"]),
        (narrowed(None, Some("org_a"), Some(4)), &["d"]),
        (narrowed(Some("sandbox"), Some("org_a"), Some(4)), &[]),
    ] {
        for limit in [1, 2, 5, 9] {
            assert_eq!(
                ids(&every_page(store, &query, limit).await),
                wanted,
                "{query:?} by {limit}"
            );
        }
    }
}

async fn audit_lines_of_one_moment_keep_their_order(store: &dyn Store) {
    let names: Vec<String> = (0..25).map(|n| format!("n{n:02}")).collect();
    store
        .observe(names.iter().map(|name| event(name, NOW)).collect())
        .await
        .unwrap();
    let query = Query::Audit {
        environment: None,
        organization: None,
        since: None,
    };
    let listed = ids(&every_page(store, &query, 4).await);
    let newest_first: Vec<String> = names.into_iter().rev().collect();
    assert_eq!(listed, newest_first);
}

async fn observations_are_listed_among_the_others(store: &dyn Store) {
    write(store, vec![Change::Spend(one_time("jti", NOW))])
        .await
        .unwrap();
    let mut folded = event("decision.deny", at(-1));
    folded.count = 40;
    folded.peer = None;
    store.observe(vec![]).await.unwrap();
    store.observe(vec![folded.clone()]).await.unwrap();
    let lines = audit_lines(store).await;
    assert_eq!(ids(&lines), ["sample.commit", "decision.deny"]);
    assert_eq!(lines[1].audit(), Some(&folded));
}

async fn a_cursor_that_no_page_gave_ends_the_list(store: &dyn Store) {
    store.observe(vec![event("a", NOW)]).await.unwrap();
    let query = Query::Audit {
        environment: None,
        organization: None,
        since: None,
    };
    for text in [
        "",
        ".",
        "1",
        "x.y",
        "1.99999999999999999999",
        "\u{0}",
        "9'.1",
    ] {
        let page = store
            .list(&query, Some(&Cursor(text.into())), 5)
            .await
            .unwrap();
        assert_eq!((page.rows, page.next), (vec![], None), "{text:?}");
    }
}

async fn versions_and_not_before_are_listed_too(store: &dyn Store) {
    insert(store, [client("sandbox", "org", "client_a")]).await;
    let key = client("sandbox", "org", "client_a").key();
    write(
        store,
        vec![Change::Raise {
            key,
            not_before: at(9),
        }],
    )
    .await
    .unwrap();
    let rows = every_page(store, &Query::Clients(sandbox(), None), 5).await;
    assert_eq!((rows[0].version, rows[0].not_before), (2, at(9)));
}

async fn the_subjects_of_an_organization_are_counted_up_to_a_limit(store: &dyn Store) {
    let subjects = ["a", "b", "c"].map(|name| people::subject("sandbox", "org_a", name));
    insert(store, subjects).await;
    insert(store, [people::subject("sandbox", "org_b", "d")]).await;
    insert(store, [people::subject("production", "org_a", "a")]).await;
    for (organization, limit, wanted) in [
        ("org_a", 10, 3),
        ("org_a", 2, 2),
        ("org_b", 10, 1),
        ("org_c", 10, 0),
    ] {
        let work = Housekeeping::CountSubjects {
            environment: sandbox(),
            organization: organization_id(organization),
            limit,
        };
        let counted = store.keep(work).await.unwrap();
        assert_eq!(counted, Kept::Rows(wanted), "{organization} up to {limit}");
    }
}
