//! Random sequences of commits and housekeeping: SQLite must answer like the model at every step, and hold
//! the same at the end.

use countersign_engine::{
    commit::{Change, Commit},
    model::{credential::Holder, webhook::Delivery},
    ports::{Attempted, Housekeeping, Query, Store},
    row::{Key, Row},
};
use countersign_store::{
    conformance::{audit_lines, every_page, people, present, samples::*, told_since},
    memory::MemoryStore,
    sqlite,
};
use proptest::prelude::*;

/// Few rows, so that sequences meet.
fn rows() -> impl Strategy<Value = Row> {
    let ids = prop::sample::select(vec!["a", "b", "c"]);
    let holders = prop_oneof![
        ids.clone().prop_map(|client| held_by_client("org", client)),
        ids.clone().prop_map(held_by_operator),
    ];
    prop_oneof![
        1 => ids.clone().prop_map(environment),
        1 => ids.clone().prop_map(organization),
        1 => ids.clone().prop_map(operator),
        1 => ids.clone().prop_map(|id| name(id, "target")),
        1 => (ids.clone(), ids.clone()).prop_map(|(org, id)| client("sandbox", org, id)),
        4 => (ids.clone(), ids.clone(), holders, -2..2i64).prop_map(credential_row),
        1 => ids.clone().prop_map(guards),
        1 => ids.clone().prop_map(|id| key_set("sandbox", id)),
        1 => (ids.clone(), -2..2i64).prop_map(|(id, ends)| revocation(id, at(ends))),
        1 => (ids.clone(), -2..2i64).prop_map(|(id, ends)| idempotency(id, at(ends))),
        3 => people_rows(),
        6 => deliveries().prop_map(|delivery| Row::Delivery(Box::new(delivery))),
    ]
}

fn people_rows() -> impl Strategy<Value = Row> {
    let ids = || prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        (ids(), ids()).prop_map(|(org, id)| people::subject("sandbox", org, id)),
        (ids(), ids(), -2..2i64).prop_map(|(secret, id, ends)| people::session(
            secret,
            id,
            at(ends)
        )),
        (ids(), -2..2i64).prop_map(|(id, ends)| people::session_window(id, at(ends))),
        (ids(), -2..2i64).prop_map(|(id, ends)| people::ticket(id, at(ends))),
        (ids(), -2..2i64).prop_map(|(id, ends)| people::attempts(id, at(ends))),
        (ids(), ids()).prop_map(|(org, id)| people::subscription("sandbox", org, id)),
    ]
}

/// A delivery keeps its place and lane, so both follow from its name: three lanes at two places.
fn deliveries() -> impl Strategy<Value = Delivery> {
    let ids = prop::sample::select(DELIVERIES.to_vec());
    (ids, prop::option::weighted(0.8, -2..3i64)).prop_map(|(id, due)| {
        let (place, order) = match id.as_bytes()[0] % 3 {
            0 => ("", "s1"),
            1 => ("1", "s1"),
            _ => ("1", "s2"),
        };
        people::delivery(id, place, order, due.map(at))
    })
}

const DELIVERIES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

fn attempts() -> impl Strategy<Value = Attempted> {
    (deliveries(), any::<bool>(), 1..4u64).prop_map(|(next, arrived, if_version)| Attempted {
        key: Key::Delivery(next.environment.clone(), next.id.clone()),
        if_version,
        next: (!arrived).then(|| Box::new(next)),
    })
}

fn credential_row((secret, id, holder, ends): (&str, &str, Holder, i64)) -> Row {
    let mut row = credential("sandbox", secret, id, holder);
    if let Row::Credential(credential) = &mut row {
        // Long lapsed, just about to be swept, or without an end.
        let lapsed_for = countersign_engine::bounds::LAPSED_CREDENTIAL_FOR;
        credential.expires_at = (ends != 0).then(|| at(ends).minus(lapsed_for));
    }
    row
}

fn changes() -> impl Strategy<Value = Change> {
    // Versions that are often right.
    let versions = || 1..4u64;
    prop_oneof![
        4 => rows().prop_map(Change::Insert),
        3 => (rows(), versions()).prop_map(|(row, if_version)| Change::Replace { row, if_version }),
        2 => (rows(), versions()).prop_map(|(row, if_version)| Change::Remove { key: row.key(), if_version }),
        1 => (prop::sample::select(vec!["x", "y"]), -2..2i64)
            .prop_map(|(word, ends)| Change::Spend(one_time(word, at(ends)))),
        1 => (rows(), -3..3i64).prop_map(|(row, to)| Change::Raise { key: row.key(), not_before: at(to) }),
        1 => (rows(), versions()).prop_map(|(row, if_version)| Change::Require { key: row.key(), if_version }),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Change>, i64),
    Observe(i64),
    Keep(Housekeeping),
}

fn steps() -> impl Strategy<Value = Step> {
    let limits = || 0..6u32;
    let uses = (prop::sample::select(vec!["a", "b", "c"]), -3..3i64);
    let housekeeping = prop_oneof![
        (-3..3i64, limits()).prop_map(|(now, limit)| Housekeeping::SweepExpired {
            now: at(now),
            limit
        }),
        limits().prop_map(|limit| Housekeeping::SweepOrphans { limit }),
        limits().prop_map(|limit| Housekeeping::SweepDead {
            place: "sandbox/mail".into(),
            limit
        }),
        (-3..3i64, limits()).prop_map(|(before, limit)| Housekeeping::SweepAudit {
            before: at(before),
            limit
        }),
        (-3..3i64, limits()).prop_map(|(before, limit)| Housekeeping::SweepFeed {
            before: at(before),
            limit
        }),
        prop::collection::vec(uses, 0..4).prop_map(|uses| {
            let uses = uses
                .into_iter()
                .map(|(id, used)| (sandbox(), credential_id(id), at(used)));
            Housekeeping::LastUsed(uses.collect())
        }),
        Just(Housekeeping::CountRows),
        Just(Housekeeping::CountDeliveries),
        prop::collection::vec(attempts(), 0..4).prop_map(Housekeeping::Delivered),
    ];
    prop_oneof![
        6 => (prop::collection::vec(changes(), 0..4), -3..3i64).prop_map(|(changes, at)| Step::Commit(changes, at)),
        1 => (-3..3i64).prop_map(Step::Observe),
        2 => housekeeping.prop_map(Step::Keep),
    ]
}

fn commit_of(changes: &[Change], seconds: i64) -> Commit {
    commit_at(at(seconds), changes.to_vec())
}

fn keys() -> Vec<Key> {
    let ids = ["a", "b", "c"];
    let of = |id| {
        [
            environment(id).key(),
            organization(id).key(),
            operator(id).key(),
            name(id, "").key(),
            client("sandbox", "org", id).key(),
            Key::Credential(sandbox(), digest(id)),
            guards(id).key(),
            key_set("sandbox", id).key(),
            revocation(id, NOW).key(),
            idempotency(id, NOW).key(),
            people::subject("sandbox", "org", id).key(),
            people::session(id, "s", NOW).key(),
            people::session_window(id, NOW).key(),
            people::ticket(id, NOW).key(),
            people::attempts(id, NOW).key(),
            people::subscription("sandbox", "org", id).key(),
            Key::LastUsed(sandbox(), credential_id(id)),
        ]
    };
    let deliveries = DELIVERIES.map(|id| people::delivery_row(id, "1", "s1", None).key());
    ids.into_iter().flat_map(of).chain(deliveries).collect()
}

fn queries() -> Vec<Query> {
    let mut queries = vec![
        Query::Environments,
        Query::Organizations,
        Query::Operators,
        Query::Clients(sandbox(), None),
        Query::Credentials(sandbox(), None),
        Query::KeySets(sandbox()),
    ];
    for id in ["a", "b", "c"] {
        queries.push(Query::Clients(sandbox(), Some(organization_id(id))));
        queries.push(Query::Credentials(
            sandbox(),
            Some(held_by_client("org", id)),
        ));
        queries.push(Query::Credentials(sandbox(), Some(held_by_operator(id))));
        queries.push(Query::CredentialById(sandbox(), credential_id(id)));
        queries.push(Query::Subjects(sandbox(), organization_id(id)));
        queries.push(Query::Sessions(sandbox(), people::subject_id(id)));
        queries.push(Query::Subscriptions(sandbox(), organization_id(id)));
    }
    for dead in [false, true] {
        let environment = sandbox();
        queries.push(Query::Deliveries { environment, dead });
    }
    for order in ["s1", "s2"] {
        queries.extend([true, false].map(|dead| Query::Lane {
            place: "sandbox/mail".into(),
            order: order.into(),
            dead,
        }));
    }
    for (seconds, per_destination, busy) in [
        (0, 1, vec![]),
        (1, 9, vec![]),
        (9, 9, vec!["sandbox/mail".into()]),
    ] {
        queries.push(Query::DueDeliveries {
            now: at(seconds),
            per_destination,
            busy,
        });
    }
    queries
}

async fn same_content(model: &dyn Store, store: &dyn Store) {
    let keys = keys();
    assert_eq!(model.load(&keys).await, store.load(&keys).await);
    for query in queries() {
        let limit = if matches!(query, Query::DueDeliveries { .. }) {
            9
        } else {
            2
        };
        let wanted = every_page(model, &query, limit).await;
        assert_eq!(wanted, every_page(store, &query, limit).await, "{query:?}");
    }
    assert_eq!(audit_lines(model).await, audit_lines(store).await);
    assert_eq!(
        model.keep(Housekeeping::CountRows).await,
        store.keep(Housekeeping::CountRows).await
    );
    assert_eq!(
        model.keep(Housekeeping::CountDeliveries).await,
        store.keep(Housekeeping::CountDeliveries).await
    );
    let start = countersign_engine::ports::FeedCursor(0);
    assert_eq!(
        told_since(model, &start).await.0,
        told_since(store, &start).await.0
    );
    assert_eq!(present(model).await, present(store).await);
}

async fn agree(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite::open(folder.path(), &sqlite::Settings::default()).unwrap();
    let model = MemoryStore::new();
    for (place, step) in steps.iter().enumerate() {
        let told = format!("step {place}: {step:?}");
        match step {
            Step::Commit(changes, at) => {
                let wanted = model.commit(commit_of(changes, *at)).await;
                assert_eq!(
                    wanted,
                    store.commit(commit_of(changes, *at)).await,
                    "{told}"
                );
            }
            Step::Observe(seconds) => {
                let line = || vec![event("x", at(*seconds))];
                assert_eq!(
                    model.observe(line()).await,
                    store.observe(line()).await,
                    "{told}"
                );
            }
            Step::Keep(work) => {
                let wanted = model.keep(work.clone()).await;
                assert_eq!(wanted, store.keep(work.clone()).await, "{told}");
            }
        }
    }
    same_content(&model, &store).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_agrees_with_the_model(steps in prop::collection::vec(steps(), 1..40)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.build().unwrap().block_on(agree(steps));
    }
}
