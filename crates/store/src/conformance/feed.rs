//! The feed: every touched key, once told never lost, and nothing of what did not happen.

use super::{conflict, insert, present, remove, replace, samples::*, told_since, write};
use countersign_engine::{
    commit::Change,
    ports::{Housekeeping, Store},
    row::Key,
};

cases! {
    the_feed_begins_at_the_present
    the_feed_names_every_touched_key_in_order
    the_feed_does_not_name_what_no_cache_holds
    a_long_feed_comes_in_pages
    a_swept_feed_goes_on_where_it_was
}

async fn the_feed_begins_at_the_present(store: &dyn Store) {
    let empty = present(store).await;
    insert(store, [organization("org_a")]).await;
    let later = present(store).await;
    assert_ne!(empty, later);
    assert_eq!(told_since(store, &later).await, (vec![], later.clone()));
    assert_eq!(
        told_since(store, &empty).await,
        (vec![organization("org_a").key()], later)
    );
}

async fn the_feed_names_every_touched_key_in_order(store: &dyn Store) {
    let start = present(store).await;
    let orgs = ["org_a", "org_b"].map(organization);
    let [a, b] = orgs.clone().map(|org| org.key());
    insert(store, orgs.clone()).await;
    write(store, vec![replace(orgs[1].clone(), 1)])
        .await
        .unwrap();
    assert_eq!(
        write(
            store,
            vec![replace(orgs[0].clone(), 1), replace(orgs[1].clone(), 1)]
        )
        .await,
        conflict(1)
    );
    write(
        store,
        vec![
            Change::Raise {
                key: a.clone(),
                not_before: NOW,
            },
            remove(&orgs[1], 2),
        ],
    )
    .await
    .unwrap();
    let told = told_since(store, &start).await.0;
    assert_eq!(told, [a.clone(), b.clone(), b.clone(), a, b]);
    let host = name("*.example", "sandbox");
    let before = present(store).await;
    insert(store, [host.clone()]).await;
    assert_eq!(told_since(store, &before).await.0, [host.key()]);
}

async fn the_feed_does_not_name_what_no_cache_holds(store: &dyn Store) {
    let start = present(store).await;
    let changes = vec![
        Change::Spend(one_time("jti", NOW)),
        Change::Insert(idempotency("key", NOW)),
    ];
    write(store, changes).await.unwrap();
    store
        .observe(vec![event("decision.deny", NOW)])
        .await
        .unwrap();
    assert_eq!(told_since(store, &start).await, (vec![], start));
}

async fn a_long_feed_comes_in_pages(store: &dyn Store) {
    let start = present(store).await;
    let names: Vec<String> = (0..1203).map(|n| format!("org_{n}")).collect();
    let commits = names.iter().map(|name| {
        let change = Change::Insert(organization(name));
        super::waiting(store, commit(vec![change]))
    });
    for answer in super::together(commits.collect()).await {
        answer.unwrap();
    }
    let page = store.feed(Some(&start)).await.unwrap();
    assert!(page.more && page.touched.len() < names.len());
    let mut told = told_since(store, &start).await.0;
    let mut wanted: Vec<Key> = names.iter().map(|name| organization(name).key()).collect();
    told.sort();
    wanted.sort();
    assert_eq!(told, wanted);
}

async fn a_swept_feed_goes_on_where_it_was(store: &dyn Store) {
    insert(store, ["org_a", "org_b"].map(organization)).await;
    let before = present(store).await;
    let sweep = Housekeeping::SweepFeed {
        before: at(1),
        limit: 100,
    };
    store.keep(sweep).await.unwrap();
    assert_eq!(present(store).await, before);
    insert(store, [organization("org_c")]).await;
    assert_eq!(
        told_since(store, &before).await.0,
        [organization("org_c").key()]
    );
}
