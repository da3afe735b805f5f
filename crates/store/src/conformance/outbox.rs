//! What waits to leave: of each lane one at a time, of each destination a few, and nobody waits for another's.

use super::{conflict, every_page, insert, people::*, remove, replace, row, samples::*, write};
use countersign_engine::{
    commit::Change,
    id::DeliveryId,
    model::webhook::Delivery,
    ports::{Attempted, Housekeeping, Kept, Query, Store},
    row::{Key, Row, Stored},
    time::Timestamp,
};
use std::sync::Arc;

cases! {
    of_each_lane_only_the_oldest_that_waits_is_due
    what_arrived_or_was_given_up_lets_the_next_of_its_lane_go
    what_is_tried_again_later_holds_up_its_lane_and_no_other
    of_each_destination_at_most_so_many_are_due_and_the_longest_due_come_first
    destinations_that_are_busy_are_left_out
    environments_and_destinations_have_lanes_of_their_own
    what_came_of_an_old_version_changes_nothing
    what_is_replayed_takes_its_old_place_again
    what_an_operator_discards_lets_the_next_go
    a_commit_names_its_change_also_among_deliveries
    what_waits_and_what_was_given_up_are_listed_apart
    what_waits_and_what_was_given_up_are_counted_apart
    of_one_lane_everything_is_listed
    only_what_was_given_up_is_swept
    what_was_given_up_at_one_destination_is_swept_a_few_at_a_time
}

fn due(now: Timestamp, per_destination: u32) -> Query {
    Query::DueDeliveries {
        now,
        per_destination,
        busy: vec![],
    }
}

fn ids(rows: &[Arc<Stored>]) -> Vec<&str> {
    rows.iter()
        .map(|row| row.delivery().unwrap().id.as_str())
        .collect()
}

async fn assert_due(store: &dyn Store, seconds: i64, wanted: &[&str]) {
    let page = store.list(&due(at(seconds), 100), None, 100).await.unwrap();
    assert_eq!(page.next, None, "never more than one page");
    assert_eq!(ids(&page.rows), wanted);
}

fn key(id: &str) -> Key {
    Key::Delivery(sandbox(), DeliveryId::parse(id).unwrap())
}

fn came(id: &str, if_version: u64, next: Option<Delivery>) -> Attempted {
    Attempted {
        key: key(id),
        if_version,
        next: next.map(Box::new),
    }
}

async fn deliver(store: &dyn Store, attempts: Vec<Attempted>) -> u64 {
    match store.keep(Housekeeping::Delivered(attempts)).await.unwrap() {
        Kept::Rows(rows) => rows,
        Kept::Counts(_) => panic!("rows were asked for"),
    }
}

async fn of_each_lane_only_the_oldest_that_waits_is_due(store: &dyn Store) {
    insert(
        store,
        [
            delivery_row("b", "1", "s1", Some(at(0))),
            delivery_row("c", "1", "s1", Some(at(-5))),
            delivery_row("a", "1", "s1", Some(at(1))),
            delivery_row("d", "1", "s2", Some(at(2))),
            delivery_row("0", "1", "s2", None),
        ],
    )
    .await;
    assert_due(store, 0, &[]).await;
    assert_due(store, 1, &["a"]).await;
    assert_due(store, 2, &["a", "d"]).await;
}

async fn what_arrived_or_was_given_up_lets_the_next_of_its_lane_go(store: &dyn Store) {
    insert(
        store,
        ["a", "b", "c"].map(|id| delivery_row(id, "1", "s1", Some(at(0)))),
    )
    .await;
    assert_due(store, 0, &["a"]).await;
    assert_eq!(deliver(store, vec![came("a", 1, None)]).await, 1);
    assert_eq!(row(store, &key("a")).await, None);
    assert_due(store, 0, &["b"]).await;
    let given_up = delivery("b", "1", "s1", None);
    assert_eq!(
        deliver(store, vec![came("b", 1, Some(given_up.clone()))]).await,
        1
    );
    let stored = row(store, &key("b")).await.unwrap();
    assert_eq!((stored.version, stored.delivery()), (2, Some(&given_up)));
    assert_due(store, 0, &["c"]).await;
}

async fn what_is_tried_again_later_holds_up_its_lane_and_no_other(store: &dyn Store) {
    insert(
        store,
        [
            delivery_row("a", "1", "s1", Some(at(0))),
            delivery_row("b", "1", "s1", Some(at(0))),
            delivery_row("c", "1", "s2", Some(at(0))),
        ],
    )
    .await;
    let later = delivery("a", "1", "s1", Some(at(30)));
    assert_eq!(deliver(store, vec![came("a", 1, Some(later))]).await, 1);
    assert_due(store, 29, &["c"]).await;
    assert_due(store, 30, &["c", "a"]).await;
}

async fn of_each_destination_at_most_so_many_are_due_and_the_longest_due_come_first(
    store: &dyn Store,
) {
    let rows = (0..9).map(|n| {
        let place = if n < 6 { "1" } else { "2" };
        delivery_row(&format!("n{n}"), place, &format!("s{n}"), Some(at(-n)))
    });
    insert(store, rows).await;
    let list = async |per_destination, limit| {
        let page = store.list(&due(NOW, per_destination), None, limit).await;
        let rows = page.unwrap().rows;
        ids(&rows)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(list(2, 100).await, ["n8", "n7", "n5", "n4"]);
    assert_eq!(list(2, 3).await, ["n8", "n7", "n5"]);
    assert_eq!(list(1, 100).await, ["n8", "n5"]);
}

async fn destinations_that_are_busy_are_left_out(store: &dyn Store) {
    let rows = ["1", "2", "3"].map(|place| delivery_row(place, place, "s1", Some(NOW)));
    insert(store, rows).await;
    let mail = delivery_row("4", "", "s1", Some(NOW));
    insert(store, [mail.clone()]).await;
    let place = |row: &Row| match row {
        Row::Delivery(row) => row.place(),
        other => panic!("{other:?}"),
    };
    let busy = Query::DueDeliveries {
        now: NOW,
        per_destination: 5,
        busy: vec!["sandbox/webhook:wh_2".into(), place(&mail), "'\"".into()],
    };
    let page = store.list(&busy, None, 100).await.unwrap();
    assert_eq!(ids(&page.rows), ["1", "3"]);
}

async fn environments_and_destinations_have_lanes_of_their_own(store: &dyn Store) {
    let mut elsewhere = delivery("c", "1", "s1", Some(NOW));
    elsewhere.environment = environment_id("production");
    insert(
        store,
        [
            delivery_row("a", "1", "s1", Some(NOW)),
            delivery_row("b", "2", "s1", Some(NOW)),
            Row::Delivery(Box::new(elsewhere)),
            delivery_row("d", "", "s1", Some(NOW)),
            delivery_row("e", "", "s1", Some(NOW)),
        ],
    )
    .await;
    assert_due(store, 0, &["a", "b", "c", "d"]).await;
}

async fn what_came_of_an_old_version_changes_nothing(store: &dyn Store) {
    insert(
        store,
        ["a", "b"].map(|id| delivery_row(id, "1", "s1", Some(NOW))),
    )
    .await;
    let later = || Some(delivery("a", "1", "s1", Some(at(5))));
    for stale in [
        came("a", 0, None),
        came("a", 2, None),
        came("a", 2, later()),
        came("none", 1, None),
        came("none", 1, Some(delivery("none", "1", "s1", None))),
    ] {
        assert_eq!(deliver(store, vec![stale]).await, 0);
    }
    assert_eq!(row(store, &key("a")).await.unwrap().version, 1);
    assert_due(store, 0, &["a"]).await;
    // Of two attempts at one version, one counts.
    assert_eq!(
        deliver(store, vec![came("a", 1, later()), came("a", 1, None)]).await,
        1
    );
    assert_due(store, 4, &[]).await;
    assert_eq!(deliver(store, vec![came("a", 2, None)]).await, 1);
    assert_due(store, 4, &["b"]).await;
}

async fn what_is_replayed_takes_its_old_place_again(store: &dyn Store) {
    insert(
        store,
        [
            delivery_row("a", "1", "s1", None),
            delivery_row("b", "1", "s1", Some(NOW)),
        ],
    )
    .await;
    assert_due(store, 0, &["b"]).await;
    let again = delivery_row("a", "1", "s1", Some(NOW));
    write(store, vec![replace(again, 1)]).await.unwrap();
    assert_due(store, 0, &["a"]).await;
    // What was under way meanwhile has arrived all the same.
    assert_eq!(deliver(store, vec![came("b", 1, None)]).await, 1);
    assert_due(store, 0, &["a"]).await;
}

async fn what_an_operator_discards_lets_the_next_go(store: &dyn Store) {
    let [a, b, c] = ["a", "b", "c"].map(|id| delivery_row(id, "1", "s1", Some(NOW)));
    insert(store, [a.clone(), b.clone(), c]).await;
    assert_eq!(write(store, vec![remove(&a, 2)]).await, conflict(0));
    assert_due(store, 0, &["a"]).await;
    write(store, vec![remove(&b, 1)]).await.unwrap();
    assert_due(store, 0, &["a"]).await;
    write(store, vec![remove(&a, 1)]).await.unwrap();
    assert_due(store, 0, &["c"]).await;
}

async fn a_commit_names_its_change_also_among_deliveries(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|id| delivery_row(id, "1", "s1", Some(NOW)));
    insert(store, [a.clone(), organization("org_a")]).await;
    let refused = vec![
        Change::Insert(b.clone()),
        replace(a.clone(), 1),
        Change::Insert(organization("org_a")),
    ];
    assert_eq!(write(store, refused).await, conflict(2));
    let refused = vec![remove(&a, 1), Change::Insert(b.clone()), remove(&b, 2)];
    assert_eq!(write(store, refused).await, conflict(2));
    assert_eq!(row(store, &b.key()).await, None);
    assert_due(store, 0, &["a"]).await;
}

async fn what_waits_and_what_was_given_up_are_listed_apart(store: &dyn Store) {
    let rows = (0..7).map(|n| {
        let due_at = (n % 3 != 0).then(|| at(n));
        // Several of one lane: what waits behind another waits, too.
        delivery_row(&format!("n{n}"), "1", "s1", due_at)
    });
    insert(store, rows).await;
    let mut elsewhere = delivery("x", "1", "s1", None);
    elsewhere.environment = environment_id("production");
    insert(store, [Row::Delivery(Box::new(elsewhere))]).await;
    for (dead, wanted) in [
        (true, &["n0", "n3", "n6"][..]),
        (false, &["n1", "n2", "n4", "n5"]),
    ] {
        let environment = sandbox();
        let query = Query::Deliveries { environment, dead };
        for limit in [1, 2, 9] {
            let rows = every_page(store, &query, limit).await;
            assert_eq!(ids(&rows), wanted, "{dead} by {limit}");
        }
    }
}

async fn what_waits_and_what_was_given_up_are_counted_apart(store: &dyn Store) {
    let counts = || async {
        match store.keep(Housekeeping::CountDeliveries).await.unwrap() {
            Kept::Counts(counts) => counts,
            Kept::Rows(_) => panic!("counts were asked for"),
        }
    };
    assert_eq!(counts().await, [("waiting", 0), ("dead", 0)]);
    insert(
        store,
        [
            delivery_row("a", "1", "s1", Some(at(0))),
            delivery_row("b", "1", "s1", Some(at(0))),
            delivery_row("c", "2", "s1", Some(at(9))),
            delivery_row("d", "2", "s1", None),
        ],
    )
    .await;
    let behind_another = "b waits behind a, and waits as well";
    assert_eq!(
        counts().await,
        [("waiting", 3), ("dead", 1)],
        "{behind_another}"
    );
}

async fn of_one_lane_everything_is_listed(store: &dyn Store) {
    let mut elsewhere = delivery("f", "1", "s1", None);
    elsewhere.environment = environment_id("production");
    insert(
        store,
        [
            delivery_row("c", "1", "s1", Some(at(0))),
            delivery_row("b", "1", "s1", None),
            delivery_row("a", "1", "s1", Some(at(9))),
            delivery_row("g", "1", "s1", Some(at(-1))),
            delivery_row("d", "1", "s2", Some(at(0))),
            delivery_row("e", "2", "s1", Some(at(0))),
            Row::Delivery(Box::new(elsewhere)),
        ],
    )
    .await;
    for (dead, wanted) in [(false, &["a", "c", "g"][..]), (true, &["b"])] {
        let query = Query::Lane {
            place: delivery("a", "1", "s1", None).place(),
            order: "s1".into(),
            dead,
        };
        for limit in [1, 2, 9] {
            let rows = every_page(store, &query, limit).await;
            assert_eq!(ids(&rows), wanted, "{dead} by {limit}");
        }
    }
}

async fn what_was_given_up_at_one_destination_is_swept_a_few_at_a_time(store: &dyn Store) {
    let mut elsewhere = delivery("f", "1", "s1", None);
    elsewhere.environment = environment_id("production");
    insert(
        store,
        [
            delivery_row("a", "1", "s1", None),
            delivery_row("b", "1", "s1", Some(at(0))),
            delivery_row("c", "1", "s2", None),
            delivery_row("d", "2", "s1", None),
            delivery_row("e", "1", "s3", None),
            Row::Delivery(Box::new(elsewhere)),
        ],
    )
    .await;
    let place = delivery("a", "1", "s1", None).place();
    for swept in [2, 1, 0] {
        let place = place.clone();
        let work = Housekeeping::SweepDead { place, limit: 2 };
        assert_eq!(store.keep(work).await.unwrap(), Kept::Rows(swept));
    }
    for (environment, dead, left) in [
        (sandbox(), true, &["d"][..]),
        (sandbox(), false, &["b"]),
        (environment_id("production"), true, &["f"]),
    ] {
        let query = Query::Deliveries { environment, dead };
        assert_eq!(ids(&every_page(store, &query, 9).await), left);
    }
    assert_due(store, 0, &["b"]).await;
}

async fn only_what_was_given_up_is_swept(store: &dyn Store) {
    insert(
        store,
        [
            delivery_row("a", "1", "s1", None),
            delivery_row("b", "1", "s1", Some(NOW)),
            delivery_row("c", "1", "s1", Some(NOW)),
        ],
    )
    .await;
    let sweep = |seconds| Housekeeping::SweepExpired {
        now: at(seconds),
        limit: 10,
    };
    assert_eq!(store.keep(sweep(100)).await.unwrap(), Kept::Rows(0));
    assert_eq!(store.keep(sweep(1_000_000)).await.unwrap(), Kept::Rows(1));
    assert_eq!(row(store, &key("a")).await, None);
    assert_due(store, 0, &["b"]).await;
}
