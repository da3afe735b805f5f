//! One after the other: calls that would change the same row wait for each other here, so that only other nodes'
//! commits make them load and decide again.

use crate::{bounds::LANE_WAITING_MAX, denied::Fault, digest::Digest};
use async_lock::{Mutex, MutexGuardArc};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex as Table, MutexGuard, PoisonError},
};

/// The rows that calls of this node are changing now.
#[derive(Default)]
pub(crate) struct Lanes(Table<HashMap<Digest, Lane>>);

/// Those who wait for one row, and the one who has it.
#[derive(Default)]
struct Lane {
    inside: usize,
    turn: Arc<Mutex<()>>,
}

/// Whoever holds it is alone with its row on this node.
pub(crate) struct Turn<'a> {
    /// First given back, then the place: the next one's turn comes before the lane may go.
    _turn: MutexGuardArc<()>,
    _place: Place<'a>,
}

/// A place in a lane; left again also by a call that gives up waiting.
struct Place<'a> {
    lanes: &'a Lanes,
    key: Digest,
}

impl Lanes {
    /// Wait for the turn of `key`.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] when too many wait already.
    pub async fn turn(&self, key: Digest) -> Result<Turn<'_>, Fault> {
        let (turn, place) = self.enter(key)?;
        Ok(Turn {
            _turn: turn.lock_arc().await,
            _place: place,
        })
    }

    fn enter(&self, key: Digest) -> Result<(Arc<Mutex<()>>, Place<'_>), Fault> {
        let mut table = self.table();
        let lane = table.entry(key).or_default();
        if lane.inside > LANE_WAITING_MAX {
            return Err(Fault::unavailable("too many calls wait for one row"));
        }
        lane.inside += 1;
        Ok((Arc::clone(&lane.turn), Place { lanes: self, key }))
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Digest, Lane>> {
        // Nothing panics while it is held, and counts stay right if something did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut table = self.lanes.table();
        if let Some(lane) = table.get_mut(&self.key) {
            lane.inside -= 1;
            if lane.inside == 0 {
                table.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn key(name: &str) -> Digest {
        Digest::of(name, &[])
    }

    #[test]
    fn the_second_waits_for_the_first_and_other_rows_do_not() {
        let lanes = Lanes::default();
        let mut first = pin!(lanes.turn(key("a")));
        let Poll::Ready(Ok(turn)) = poll(first.as_mut()) else {
            panic!("alone and not let in")
        };
        let mut second = pin!(lanes.turn(key("a")));
        assert!(poll(second.as_mut()).is_pending());
        let mut other = pin!(lanes.turn(key("b")));
        assert!(poll(other.as_mut()).is_ready());
        drop(turn);
        assert!(matches!(poll(second.as_mut()), Poll::Ready(Ok(_))));
    }

    #[test]
    fn those_who_give_up_leave_nothing_behind() {
        let lanes = Lanes::default();
        {
            let mut first = pin!(lanes.turn(key("a")));
            let _turn = poll(first.as_mut());
            let mut second = pin!(lanes.turn(key("a")));
            assert!(poll(second.as_mut()).is_pending());
        }
        assert!(lanes.table().is_empty());
    }

    #[test]
    fn the_lane_is_bounded() {
        let lanes = Lanes::default();
        let mut waiting: Vec<_> = (0..=LANE_WAITING_MAX)
            .map(|_| Box::pin(lanes.turn(key("a"))))
            .collect();
        let turns: Vec<_> = waiting.iter_mut().map(|turn| poll(turn.as_mut())).collect();
        assert_eq!(turns.iter().filter(|turn| turn.is_ready()).count(), 1);
        let mut late = pin!(lanes.turn(key("a")));
        let refused = poll(late.as_mut());
        assert!(matches!(refused, Poll::Ready(Err(Fault::Unavailable(_)))));
    }
}
