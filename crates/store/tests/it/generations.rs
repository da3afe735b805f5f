//! The protocol of the cache's generations, in every order that two or three threads can run it in.
//!
//! `src/generations.rs` is included as it is, with loom's types in the place of the standard ones. Loom
//! then runs each model once per possible order. Nothing special is needed to run it:
//! `cargo test -p countersign-store --test it generations`.

mod sync {
    pub use loom::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    };
    pub use std::sync::PoisonError;
}

#[path = "../../src/generations.rs"]
#[allow(dead_code, reason = "the model uses a part of it")]
mod protocol;

use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};
use protocol::Generations;

/// A store of one row and a cache of it; a row is its version.
struct World {
    store: AtomicU64,
    cached: Mutex<Option<u64>>,
    generations: Generations,
}

impl World {
    fn new(cached: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            store: AtomicU64::new(1),
            cached: Mutex::new(cached),
            generations: Generations::new(1),
        })
    }

    /// Read through: note, read, keep.
    fn load_through(&self) -> u64 {
        let noted = self.generations.now(0).unwrap();
        let row = self.store.load(Ordering::SeqCst);
        self.generations.insert(0, noted, || {
            *self.cached.lock().unwrap() = Some(row);
        });
        row
    }

    fn load(&self) -> u64 {
        let cached = *self.cached.lock().unwrap();
        cached.unwrap_or_else(|| self.load_through())
    }

    /// Change the row, invalidate; after this the change is acknowledged.
    fn commit(&self, version: u64) {
        self.store.store(version, Ordering::SeqCst);
        self.generations.invalidate(0, || {
            *self.cached.lock().unwrap() = None;
        });
    }
}

#[test]
fn after_a_commit_no_load_that_was_under_way_has_left_the_old_row() {
    loom::model(|| {
        let world = World::new(None);
        let other = Arc::clone(&world);
        let loads = thread::spawn(move || other.load());
        world.commit(2);
        assert_eq!(world.load(), 2, "acknowledged, and not seen");
        loads.join().unwrap();
        assert_eq!(world.load(), 2, "the old row was left behind");
    });
}

#[test]
fn a_fact_whose_generation_stands_was_not_made_from_the_old_row() {
    loom::model(|| {
        let world = World::new(Some(1));
        let other = Arc::clone(&world);
        let makes_a_fact = thread::spawn(move || {
            let noted = other.generations.now(0).unwrap();
            (noted, other.load())
        });
        world.commit(2);
        let (noted, row) = makes_a_fact.join().unwrap();
        let believed = world.generations.now(0) == Some(noted);
        assert!(
            !believed || row == 2,
            "a fact of the old row would be believed"
        );
    });
}

#[test]
fn two_commits_and_a_load_leave_the_last_row() {
    loom::model(|| {
        let world = World::new(Some(1));
        let (one, two) = (Arc::clone(&world), Arc::clone(&world));
        let commits = thread::spawn(move || one.commit(2));
        let loads = thread::spawn(move || two.load());
        commits.join().unwrap();
        world.commit(3);
        assert_eq!(world.load(), 3);
        loads.join().unwrap();
        assert_eq!(world.load(), 3);
    });
}

/// The model would notice: without the generation, an old row is left behind in some order.
#[test]
#[should_panic(expected = "the old row was left behind")]
fn the_model_finds_a_load_that_does_not_look_at_the_generation() {
    loom::model(|| {
        let world = World::new(None);
        let other = Arc::clone(&world);
        let loads = thread::spawn(move || {
            let row = other.store.load(Ordering::SeqCst);
            *other.cached.lock().unwrap() = Some(row);
        });
        world.commit(2);
        loads.join().unwrap();
        assert_eq!(world.load(), 2, "the old row was left behind");
    });
}

/// The same for an invalidation that raises first and removes afterwards.
#[test]
#[should_panic(expected = "a fact of the old row would be believed")]
fn the_model_finds_an_invalidation_that_raises_before_it_removes() {
    loom::model(|| {
        let world = World::new(Some(1));
        let other = Arc::clone(&world);
        let makes_a_fact = thread::spawn(move || {
            let noted = other.generations.now(0).unwrap();
            (noted, other.load())
        });
        world.store.store(2, Ordering::SeqCst);
        world.generations.invalidate(0, || {});
        *world.cached.lock().unwrap() = None;
        let (noted, row) = makes_a_fact.join().unwrap();
        let believed = world.generations.now(0) == Some(noted);
        assert!(
            !believed || row == 2,
            "a fact of the old row would be believed"
        );
    });
}
