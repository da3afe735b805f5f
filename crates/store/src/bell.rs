//! The bell: wakes whoever waits for a row to change, on this node.
//!
//! It rings for a row when the cache has dropped it: after this node's own commits, and when the feed tells of
//! another's. Nothing is kept of rows that nobody watches.

use countersign_engine::row::Key;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch::{self, Receiver, Sender};

/// Who is woken by which row.
#[derive(Debug, Default)]
pub struct Bell(Mutex<Rung>);

#[derive(Debug, Default)]
struct Rung {
    /// How often it has rung, for any row.
    times: u64,
    watched: HashMap<Key, Watched>,
}

#[derive(Debug)]
struct Watched {
    sender: Sender<()>,
    watches: usize,
}

/// What wakes when a row changes. No ring since it was made, or since it was last heard, is lost.
#[derive(Debug)]
pub struct Watch {
    bell: Arc<Bell>,
    key: Key,
    heard: Receiver<()>,
}

impl Bell {
    /// How often it has rung so far, to be noted before the row is read that will be watched.
    pub fn times(&self) -> u64 {
        self.hold().times
    }

    /// Watch a row that was read after `noted` was: if the bell has rung since, for whatever row, so does this.
    pub fn watch(self: &Arc<Self>, key: &Key, noted: u64) -> Watch {
        let mut rung = self.hold();
        let watched = rung.watched.entry(key.clone());
        let watched = watched.or_insert_with(|| Watched {
            sender: watch::channel(()).0,
            watches: 0,
        });
        watched.watches += 1;
        let mut heard = watched.sender.subscribe();
        if rung.times != noted {
            heard.mark_changed();
        }
        Watch {
            bell: Arc::clone(self),
            key: key.clone(),
            heard,
        }
    }

    /// How many rows are watched.
    pub fn watched(&self) -> usize {
        self.hold().watched.len()
    }

    /// These rows have changed.
    pub(crate) fn ring(&self, keys: &[Key]) {
        let mut rung = self.hold();
        rung.times += 1;
        if rung.watched.is_empty() {
            return;
        }
        for watched in keys.iter().filter_map(|key| rung.watched.get(key)) {
            watched.sender.send_replace(());
        }
    }

    /// Any row may have changed.
    pub(crate) fn ring_all(&self) {
        let mut rung = self.hold();
        rung.times += 1;
        for watched in rung.watched.values() {
            watched.sender.send_replace(());
        }
    }

    fn hold(&self) -> MutexGuard<'_, Rung> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Wait until the row has changed.
    pub async fn rung(&mut self) {
        // The sender stays as long as this does.
        drop(self.heard.changed().await);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut rung = self.bell.hold();
        let Some(watched) = rung.watched.get_mut(&self.key) else {
            return;
        };
        watched.watches = watched.watches.saturating_sub(1);
        if watched.watches == 0 {
            rung.watched.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::id::EnvironmentId;
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    fn key(name: &str) -> Key {
        Key::Environment(EnvironmentId::parse(name).unwrap())
    }

    fn has_rung(watch: &mut Watch) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        pin!(watch.rung()).poll(&mut nobody).is_ready()
    }

    #[test]
    fn it_rings_for_the_row_that_is_watched_and_no_other() {
        let bell = Arc::new(Bell::default());
        let mut watch = bell.watch(&key("a"), bell.times());
        assert!(!has_rung(&mut watch));
        bell.ring(&[key("b")]);
        assert!(!has_rung(&mut watch));
        bell.ring(&[key("b"), key("a")]);
        assert!(has_rung(&mut watch));
        assert!(!has_rung(&mut watch), "once for each change");
        bell.ring_all();
        assert!(has_rung(&mut watch));
    }

    #[test]
    fn a_ring_between_reading_and_watching_is_not_lost() {
        let bell = Arc::new(Bell::default());
        let noted = bell.times();
        bell.ring(&[key("a")]);
        assert!(has_rung(&mut bell.watch(&key("a"), noted)));
        let mut watch = bell.watch(&key("a"), bell.times());
        bell.ring(&[key("a")]);
        assert!(has_rung(&mut watch), "rung before anybody listened");
    }

    #[test]
    fn nothing_is_kept_of_rows_that_nobody_watches() {
        let bell = Arc::new(Bell::default());
        let first = bell.watch(&key("a"), bell.times());
        let mut second = bell.watch(&key("a"), bell.times());
        drop(first);
        assert_eq!(bell.watched(), 1);
        bell.ring(&[key("a")]);
        assert!(has_rung(&mut second), "the other one still listens");
        drop(second);
        assert_eq!(bell.watched(), 0);
    }
}
